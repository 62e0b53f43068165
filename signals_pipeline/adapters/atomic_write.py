"""Files that appear whole or not at all, also after a power cut.

A reader, and a process that is killed halfway, sees the former file or the new one and never a part of it. The content
reaches the disk before the rename: otherwise a power cut may leave the new name with no content. Whole folders are
staged by `model_export.staging`.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in place of a former one, atomically and durably; its folder must exist.

    Raises:
        OSError: the file can't be written; it names this file, the former one is still there and no other is left.
    """
    replace_file(path, content)
    sync_folder(path.parent)


def write_text(path: Path, content: str) -> None:
    """Write a file as UTF-8 with its line ends as they are, atomically and durably; see `write_bytes`."""
    write_bytes(path, content.encode("utf-8"))


def replace_file(path: Path, content: bytes) -> None:
    """Write one of several files of a folder atomically; `sync_folder` after the last one makes their names durable.

    Until then a power cut may bring a former file back, whole.

    Raises:
        OSError: as `write_bytes`.
    """
    # The process id keeps two processes that write the same file apart. The temporary file lies in the same folder,
    # because a rename is atomic only within one file system. The leading dot hides it from globs such as `*.parquet`.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        # What was written so far takes up the space that is missing.
        with suppress(OSError):
            temporary.unlink()
        # The system names no file where a disk is full, and the temporary one elsewhere.
        error.filename, error.filename2 = str(path), None
        raise


def sync_folder(folder: Path) -> None:
    """Make the names of a folder's files durable, after they were created or renamed.

    Raises:
        OSError: the disk fails; it names the folder.
    """
    _sync(folder)


def _sync(path: Path) -> None:
    """Write what the system still holds in memory of a file or a folder to the disk, whoever wrote it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems have no such operation on folders; they send each change to the server at once.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            error.filename = str(path)
            raise
    finally:
        os.close(descriptor)
