"""How many CPUs a process really has."""

import os
from collections.abc import Iterator
from pathlib import Path

ROOT, MEMBER = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def available_cpus(groups: Path = ROOT, member: Path = MEMBER) -> int:
    """CPUs that this process may use: its scheduler affinity, cut by the quotas of its control groups; at least 1.

    Control groups of version 2 keep quota and period in `cpu.max`, those of version 1 (AWS Fargate among others) in two
    files of the `cpu` hierarchy.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for quota, period in _quotas(groups, member):
        cpus = min(cpus, quota // period)
    return max(1, cpus)


def _quotas(groups: Path, member: Path) -> Iterator[tuple[int, int]]:
    """Quota and period, in microseconds, of every control group around this process that limits its CPU time."""
    for line in member.read_text().splitlines() if member.is_file() else []:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = groups / controllers
        for group in (root / path.strip("/"), *(root / path.strip("/")).parents):
            found = _limit(group)
            if found:
                yield found
            if group == root:
                break


def _limit(group: Path) -> tuple[int, int] | None:
    """Quota and period of one group; None where it sets no limit."""
    if (group / "cpu.max").is_file():
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else (int(quota), int(period))
    if (group / "cpu.cfs_quota_us").is_file():
        quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return (int(quota), int(period)) if int(quota) > 0 else None
    return None
