"""The number of CPUs that a process may use, by scheduler affinity and control groups."""

import os
from collections.abc import Iterator
from pathlib import Path

CGROUP_ROOT = Path("/sys/fs/cgroup")
CGROUP_MEMBERSHIP = Path("/proc/self/cgroup")


def available_cpus(cgroup_root: Path = CGROUP_ROOT, cgroup_membership: Path = CGROUP_MEMBERSHIP) -> int:
    """CPUs that this process may use: its scheduler affinity, limited by its control groups' quotas; at least 1.

    Control groups of version 2 keep quota and period in `cpu.max`, those of version 1 (AWS Fargate among others) in two
    files of the `cpu` hierarchy.

    Args:
        cgroup_root: Where control groups are mounted.
        cgroup_membership: The file that lists the groups of this process.
    """
    # macOS has no affinity.
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for quota, period in _quotas(cgroup_root, cgroup_membership):
        cpus = min(cpus, quota // period)
    return max(1, cpus)


def _quotas(cgroup_root: Path, cgroup_membership: Path) -> Iterator[tuple[int, int]]:
    """Quota and period, in microseconds, of every control group that limits this process, its parents included."""
    if not cgroup_membership.is_file():
        return
    for line in cgroup_membership.read_text().splitlines():
        # `hierarchy:controllers:path`; version 2 has no controllers here, version 1 one line per hierarchy.
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        hierarchy_root = cgroup_root / controllers
        group = hierarchy_root / path.strip("/")
        for ancestor in (group, *group.parents):
            limit = _limit(ancestor)
            if limit:
                yield limit
            if ancestor == hierarchy_root:
                break


def _limit(group: Path) -> tuple[int, int] | None:
    """Quota and period of one group; None where it sets no limit."""
    version_2 = group / "cpu.max"
    if version_2.is_file():
        quota, period = version_2.read_text().split()
        return None if quota == "max" else (int(quota), int(period))

    version_1 = group / "cpu.cfs_quota_us"
    if version_1.is_file():
        quota = int(version_1.read_text())
        period = int((group / "cpu.cfs_period_us").read_text())
        # -1 stands for no limit.
        return (quota, period) if quota > 0 else None
    return None
