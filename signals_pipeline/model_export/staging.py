"""Folders that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that takes its place when the block ends well, and vanishes when it doesn't.

    A folder that was at `target` stays usable until then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fresh, former = scratch / "new", scratch / "old"
        fresh.mkdir()
        yield fresh
        if target.exists():
            target.rename(former)
        fresh.rename(target)
    finally:
        shutil.rmtree(scratch)
