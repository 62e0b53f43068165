"""What this machine gives: memory, a folder to write to."""

import os
import shutil
from pathlib import Path

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn

NEEDED_MB, WANTED_MB = 384, 512  # a run with FinBERT dies at the first and completes at the second


def memory(groups: Path = Path("/sys/fs/cgroup"), about: Path = Path("/proc/meminfo")) -> ProbeResult:
    """The memory that this process may use, against what a run takes."""
    limit = groups / "memory.max"
    text = limit.read_text().strip() if limit.is_file() else "max"
    if text == "max":
        lines = dict(line.split(":", 1) for line in about.read_text().splitlines())
        megabytes, said = int(lines["MemTotal"].split()[0]) // 1024, "in the machine"
    else:
        megabytes, said = int(text) // 2**20, "for this container"
    found = f"{megabytes:,} MB {said}; a run with FinBERT takes up to {WANTED_MB} MB"
    if megabytes < NEEDED_MB:
        return fail(found, f"give it {WANTED_MB} MB or more")
    if megabytes < WANTED_MB:
        return warn(found, f"give it {WANTED_MB} MB, or set SENTIMENT_MODEL=compact")
    return ok(found)


def folder(path: Path, *, least_mb: int = 500) -> ProbeResult:
    """Whether files can be written there, or it can be made, and how much room there is."""
    there = next(part for part in (path.absolute(), *path.absolute().parents) if part.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        return fail(f"{path} can't be written", f"make {there} writable for this user, or set SIGNALS_DATA_DIR")
    free = shutil.disk_usage(there).free // 2**20
    if free < least_mb:
        return warn(f"{path} has {free:,} MB left", "make room there, or set SIGNALS_DATA_DIR")
    return ok(f"{path} can be written, {free:,} MB left")
