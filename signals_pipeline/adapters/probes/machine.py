"""What this machine provides: memory, and a folder to write to."""

import os
import shutil
from pathlib import Path

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn

# Measured: a run with FinBERT is killed with 384 MB and completes with 512 MB.
MINIMUM_MB = 384
RECOMMENDED_MB = 512

_BYTES_PER_MB = 2**20


def probe_memory(cgroup: Path = Path("/sys/fs/cgroup"), meminfo: Path = Path("/proc/meminfo")) -> ProbeResult:
    """The memory that this process may use, compared with what a run needs.

    Args:
        cgroup: The control group of this process, version 2.
        meminfo: The kernel's file on the machine's memory.
    """
    limit_file = cgroup / "memory.max"
    limit = limit_file.read_text().strip() if limit_file.is_file() else "max"
    if limit == "max":
        megabytes = _machine_megabytes(meminfo)
        owner = "in the machine"
    else:
        megabytes = int(limit) // _BYTES_PER_MB
        owner = "for this container"

    text = f"{megabytes:,} MB {owner}; a run with FinBERT takes up to {RECOMMENDED_MB} MB"
    if megabytes < MINIMUM_MB:
        return fail(text, f"give it {RECOMMENDED_MB} MB or more")
    if megabytes < RECOMMENDED_MB:
        return warn(text, f"give it {RECOMMENDED_MB} MB, or set SENTIMENT_MODEL=compact")
    return ok(text)


def _machine_megabytes(meminfo: Path) -> int:
    # A line such as `MemTotal:       24683452 kB`.
    for line in meminfo.read_text().splitlines():
        name, value = line.split(":", 1)
        if name == "MemTotal":
            return int(value.split()[0]) // 1024
    raise ValueError(f"{meminfo} has no MemTotal")


def probe_folder(path: Path, *, minimum_mb: int = 500) -> ProbeResult:
    """Whether files can be written to a folder, or it can be created, and how much space is left.

    Args:
        path: The folder.
        minimum_mb: Free space in MB below which there is a warning.
    """
    # A folder that does not exist will be created in its nearest existing parent.
    absolute = path.absolute()
    existing = next(parent for parent in (absolute, *absolute.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK, effective_ids=True):
        return fail(f"{path} can't be written", f"make {existing} writable for this user, or set SIGNALS_DATA_DIR")
    free_mb = shutil.disk_usage(existing).free // _BYTES_PER_MB
    if free_mb < minimum_mb:
        return warn(f"{path} has {free_mb:,} MB left", "free some space, or set SIGNALS_DATA_DIR")
    return ok(f"{path} can be written, {free_mb:,} MB left")
