"""What every transport does: offer a mail to a server, then hand its content over."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

HIDDEN = "[hidden]"
_LONGEST_ERROR = 300


class Conversation(Protocol):
    """One mail's way to a server. Between the two steps the caller claims the mail."""

    def hand_over(self, content: bytes) -> str:
        """Give the content away and return the server's name for it.

        Raises:
            NotSent: the server says that it did not take it.
            Unanswered: no answer came: it may have taken it.
        """
        ...


class Transport(Protocol):
    """A way for mail to leave."""

    def offer(self, sender: str, recipient: str) -> AbstractContextManager[Conversation]:
        """Do everything that comes before the content: connect, log in, name sender and recipient.

        Raises:
            NotSent: on entering; the server was not reached, or refuses. The content was not given away.
        """
        ...


def told(problem: object, secrets: Iterable[str] = ()) -> str:
    """What a server or a library said, on one line, cut, without the secrets that it may repeat."""
    line = " ".join(str(problem).split())
    for secret in secrets:
        line = line.replace(secret, HIDDEN) if secret else line
    return "".join(each for each in line if each.isprintable())[:_LONGEST_ERROR]
