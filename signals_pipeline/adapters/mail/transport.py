"""The interface of every transport: offer a mail to a server, then hand its content over.

The transports are in `files`, `smtp` and `ses`; `core.digest.delivery` decides what their outcomes mean.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

HIDDEN = "[hidden]"
_MAX_ERROR_LENGTH = 300  # one line of an operator's table; servers may send pages


class Conversation(Protocol):
    """A server that is ready for the content. The caller claims the mail before handing it over."""

    def hand_over(self, content: bytes) -> str:
        """Send the content and return the server's identifier of the mail.

        Raises:
            NotSent: the server says that it did not accept the mail.
            Unanswered: no reply came: the server may have accepted it.
        """
        ...


class Transport(Protocol):
    """A way for mail to leave."""

    def offer(self, sender: str, recipient: str) -> AbstractContextManager[Conversation]:
        """Do everything that comes before the content: connect, log in, name sender and recipient.

        Raises:
            NotSent: on entering; the server can't be reached, or refuses. The content has not been sent.
        """
        ...


def error_line(error: object, secrets: Iterable[str] = ()) -> str:
    """A server's or library's message on one line of at most 300 characters, without secrets that it may repeat.

    Args:
        error: The message, or an exception.
        secrets: Texts to hide; empty ones are ignored.
    """
    line = " ".join(str(error).split())
    for secret in secrets:
        if secret:
            line = line.replace(secret, HIDDEN)
    printable = "".join(character for character in line if character.isprintable())
    return printable[:_MAX_ERROR_LENGTH]
