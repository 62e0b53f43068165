"""How many CPUs a process really has."""

import os
from pathlib import Path


def available_cpus(groups: Path = Path("/sys/fs/cgroup"), member: Path = Path("/proc/self/cgroup")) -> int:
    """CPUs that this process may use: its scheduler affinity, cut by `cpu.max` of its control groups; at least 1."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    lines = member.read_text().splitlines() if member.is_file() else []
    own = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")
    for group in [groups / own, *(groups / own).parents]:
        limit = group / "cpu.max"
        if limit.is_file():
            quota, period = limit.read_text().split()
            cpus = cpus if quota == "max" else min(cpus, int(quota) // int(period))
    return max(1, cpus)
