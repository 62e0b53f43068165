"""File systems of a few megabytes, which tests fill up."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = 4096


@contextmanager
def small_disk(folder: Path, *, size: str) -> Iterator[Path]:
    """A file system in memory, mounted at this folder; the test is skipped where the process may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a full disk needs the right to mount one: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        # Lazily: connections of the test's process may still have files open there.
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def filled(disk: Path, *, free: int) -> Iterator[None]:
    """Leave so many bytes free on a disk, rounded down to whole blocks, until the end of the block."""
    filler = disk / "filler"
    status = os.statvfs(disk)
    blocks = status.f_bavail - free // _BLOCK
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, blocks * _BLOCK)
    yield
    filler.unlink(missing_ok=True)
