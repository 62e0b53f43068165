"""A power cut's effect on files: what was written since the window began and never fsynced may be gone.

Processes of a soak note the inode of each file that Python code fsyncs. At a power cut, files written since then whose
inode was not noted are emptied or cut in half. Databases are left alone: SQLite and PostgreSQL sync in C, and their own
recovery is what a kill tests. What a lost directory entry would do (a rename that never reached the disk) is not shown.
"""

import os
import random
from pathlib import Path

DATABASES = (".db", ".db-wal", ".db-shm", ".db-journal")


def note_synced_files(log: Path) -> None:
    """From now on, append `device:inode:size` of each file that this process fsyncs to a log."""
    usual = os.fsync

    def noted(file: int) -> None:
        usual(file)
        found = os.fstat(file)
        with log.open("a", encoding="ascii") as lines:  # one short append: whole, also from several processes
            lines.write(f"{found.st_dev}:{found.st_ino}:{found.st_size}\n")

    os.fsync = noted


def lose_unsynced(folder: Path, log: Path, since: float, rng: random.Random) -> list[Path]:
    """Empty or halve the files below a folder that were written after an instant (Unix, s) and never fsynced.

    Returns:
        The files that lost something.
    """
    synced = set(log.read_text(encoding="ascii").split()) if log.exists() else set()
    lost: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.endswith(DATABASES):
            continue
        found = path.stat()
        is_synced = f"{found.st_dev}:{found.st_ino}:{found.st_size}" in synced
        if found.st_mtime < since or is_synced or not found.st_size:
            continue
        os.truncate(path, rng.choice((0, found.st_size // 2)))
        lost.append(path)
    return lost
