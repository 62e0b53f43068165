"""Mail to files: each mail becomes an .eml file that any mail program opens; nothing leaves the machine."""

import hashlib
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from signals_pipeline.adapters.atomic_write import write_bytes
from signals_pipeline.core.digest.delivery import NotSent

_MAX_NAME_LENGTH = 100  # characters; file systems allow 255 bytes
# Lower case: some file systems don't distinguish capitals.
_PLAIN_NAME = re.compile(rf"[a-z0-9][a-z0-9.-]{{0,{_MAX_NAME_LENGTH - 1}}}")


@dataclass(frozen=True, slots=True)
class FileTransport:
    """Writes mails into a folder.

    Attributes:
        folder: The folder; created where it is missing.
    """

    folder: Path

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Generator["FileTransport", None, None]:  # noqa: ARG002 - the message names both
        """Create the folder.

        Raises:
            NotSent: it can't be created.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotSent(
                f"{self.folder}: {error.strerror}; choose another SIGNALS_DATA_DIR", permanent=False
            ) from error
        yield self

    def hand_over(self, content: bytes) -> str:
        """Write the file atomically, replacing one with the same Message-ID, and return its path.

        Raises:
            NotSent: the folder can't be written.
        """
        path = self.folder / f"{_file_stem(content)}.eml"
        try:
            write_bytes(path, content)
        except OSError as error:
            message = f"{path}: {error.strerror}; free up space there, or choose another SIGNALS_DATA_DIR"
            raise NotSent(message, permanent=False) from error
        return str(path)


def _file_stem(content: bytes) -> str:
    """A file name from the mail's Message-ID, without characters that could lead out of the folder.

    Two Message-IDs never have one name: one that isn't a short plain name gets a hash.
    """
    message_id = str(message_from_bytes(content)["Message-ID"] or "")
    local_part = message_id.strip("<>").partition("@")[0]
    if _PLAIN_NAME.fullmatch(local_part):
        return local_part
    # A message without a usable Message-ID is named by its content.
    name = hashlib.sha256(message_id.encode(errors="replace") or content).hexdigest()[:20]
    safe = re.sub(r"[^A-Za-z0-9.-]", "", local_part)[:_MAX_NAME_LENGTH].strip(".")
    return f"{safe}.{name}" if safe else name
