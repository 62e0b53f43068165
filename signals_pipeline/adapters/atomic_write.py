"""Files that appear whole or not at all.

A reader, and a process that is killed halfway, sees the former file or the new one and never a part of it. Whole
folders are staged by `model_export.staging`.
"""

import os
from contextlib import suppress
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in place of a former one, atomically; its folder must exist.

    Raises:
        OSError: the file can't be written; it names this file, the former one is still there and no other is left.
    """
    # The process id keeps two processes that write the same file apart. The temporary file lies in the same folder,
    # because a rename is atomic only within one file system. The leading dot hides it from globs such as `*.parquet`.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        # What was written so far takes up the space that is missing.
        with suppress(OSError):
            temporary.unlink()
        # The system names no file where a disk is full, and the temporary one elsewhere.
        error.filename, error.filename2 = str(path), None
        raise


def write_text(path: Path, content: str) -> None:
    """Write a file as UTF-8 with its line ends as they are, atomically; see `write_bytes`."""
    write_bytes(path, content.encode("utf-8"))
