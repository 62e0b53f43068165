"""Mail to files: each mail becomes an .eml file that any mail program opens; nothing leaves the machine."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from signals_pipeline.core.digest.delivery import NotSent


@dataclass(frozen=True, slots=True)
class FileTransport:
    """Writes mails into a folder.

    Attributes:
        folder: The folder; made where it is missing.
    """

    folder: Path

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Iterator["FileTransport"]:  # noqa: ARG002 - the message names both
        """Make the folder.

        Raises:
            NotSent: it can't be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotSent(
                f"{self.folder}: {error.strerror}; choose another SIGNALS_DATA_DIR", permanent=False
            ) from error
        yield self

    def hand_over(self, content: bytes) -> str:
        """Write the file whole, in place of one of the same Message-ID; its path serves as provider's id.

        Raises:
            NotSent: the folder can't be written.
        """
        path = self.folder / f"{_stem(content)}.eml"
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            raise NotSent(f"{path}: {error.strerror}; make room there", permanent=False) from error
        return str(path)


def _stem(content: bytes) -> str:
    name = str(message_from_bytes(content)["Message-ID"]).strip("<>").partition("@")[0]
    safe = "".join(each for each in name if each.isalnum() or each in ".-")
    return safe or hashlib.sha256(content).hexdigest()[:20]
