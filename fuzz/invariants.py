"""What must hold of every input."""

import re
from collections.abc import Callable

from signals_pipeline.core.errors import SignalsError

_MAX_MESSAGE = 2_000  # characters
_MAX_KIND = 120
# Places and values differ from input to input; what is left says which kind of outcome it is.
_VALUES = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S*/\S*|\d[\d,.]*")


class InvariantError(AssertionError):
    """An input had another outcome than a result or one clear line."""


def outcome_of(attempt: Callable[[], str], *, lines: int = 1) -> str:
    """What an attempt returns, or the kind of the line with which it is refused.

    Args:
        attempt: Reads the input; returns what it found, in few different words.
        lines: Maximum number of lines of a refusal.

    Raises:
        InvariantError: the refusal is not a clear line.
    """
    try:
        return attempt()
    except SignalsError as error:
        message = str(error)
        require_line(message, lines=lines)
        return f"{type(error).__name__}: {kind_of(message)}"


def kind_of(message: str) -> str:
    """The message without places and values, the same for all inputs that are refused alike."""
    return _VALUES.sub("_", message)[:_MAX_KIND]


def require_line(message: str, *, lines: int = 1) -> None:
    """Refuse a message that is not so many lines of text.

    Raises:
        InvariantError: it is empty, has more lines, is endless, or has characters that a terminal does not show.
    """
    found = message.split("\n")
    if not message.strip() or len(found) > lines:
        raise InvariantError(f"a message of {len(found)} lines: {message[:200]!r}")
    if len(message) > _MAX_MESSAGE * lines:
        raise InvariantError(f"a message of {len(message)} characters: {message[:200]!r}")
    hidden = [character for character in message if not character.isprintable() and character != "\n"]
    if hidden:
        raise InvariantError(f"a message with the character {hidden[0]!r}: {message[:200]!r}")


def require(condition: bool, what: str) -> None:
    """Raise InvariantError unless the condition holds."""
    if not condition:
        raise InvariantError(what)
