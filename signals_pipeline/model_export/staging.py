"""Folders that appear whole or not at all; `adapters.atomic_write` does the same for files."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces `target` when the block succeeds, and is deleted when it fails.

    A folder that was at `target` stays usable until then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # On the same file system as the target, because a rename works only within one.
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        new = scratch / "new"
        new.mkdir()
        yield new
        # The files reach the disk before the folder gets its name, and the name before the former folder goes.
        os.sync()
        # A folder that is not empty can't be replaced by a rename, so the former one moves away first.
        if target.exists():
            target.rename(scratch / "old")
        new.rename(target)
        os.sync()
    finally:
        shutil.rmtree(scratch)
