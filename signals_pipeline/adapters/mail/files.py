"""Mail to files: each mail becomes an .eml file that any mail program opens; nothing leaves the machine."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from signals_pipeline.adapters.atomic_write import write_bytes
from signals_pipeline.core.digest.delivery import NotSent


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
    """A file name from the mail's Message-ID, without characters that could lead out of the folder."""
    message_id = str(message_from_bytes(content)["Message-ID"])
    local_part = message_id.strip("<>").partition("@")[0]
    safe = "".join(character for character in local_part if character.isalnum() or character in ".-")
    # A message without a usable Message-ID is named by its content.
    return safe or hashlib.sha256(content).hexdigest()[:20]
