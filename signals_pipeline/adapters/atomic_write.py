"""Files that appear whole or not at all.

A reader, and a process that is killed halfway, sees the former file or the new one and never a part of it. Whole
folders are staged by `model_export.staging`.
"""

import os
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in place of a former one, atomically; its folder must exist.

    Raises:
        OSError: the file can't be written; the former file is still there.
    """
    # The process id keeps two processes that write the same file apart. The temporary file lies in the same folder,
    # because a rename is atomic only within one file system. The leading dot hides it from globs such as `*.parquet`.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_bytes(content)
    temporary.replace(path)


def write_text(path: Path, content: str) -> None:
    """Write a file as UTF-8 with its line ends as they are, atomically; see `write_bytes`."""
    write_bytes(path, content.encode("utf-8"))
