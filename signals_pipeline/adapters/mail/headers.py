"""The headers of a mail as they leave (RFC 5322): ASCII, folded at spaces only, encoded only where encoding is allowed.

The standard library encodes every long word of a header that it does not know, such as the URL of List-Unsubscribe.
RFC 2047, section 5 allows encoded words in texts and display names alone, and no mail program can unsubscribe through
an encoded URL. `message` says which headers a mail has.
"""

import re
from collections.abc import Sequence
from email.header import Header

from signals_pipeline.core.digest.addresses import Mailbox
from signals_pipeline.core.errors import SignalsError

MAX_LINE_LENGTH = 998
"""Characters of a line without its CRLF (RFC 5322, 2.1.1)."""

FOLDED_LINE_LENGTH = 78
"""Characters of a line where it can be folded (RFC 5322, 2.1.1)."""

_MAX_ENCODED_WORD = 75  # characters (RFC 2047, section 2)
# Words of these characters stand in a display name without quotes (RFC 5322, 3.2.3).
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_TOKEN = re.compile(r"[!-~]+")


class HeaderError(SignalsError, ValueError):
    """A header can't be written as RFC 5322 requires; the message is one line."""


def header_lines(name: str, tokens: Sequence[str]) -> str:
    """A header with its CRLFs, folded between tokens where a line would be too long.

    Args:
        name: The header's name.
        tokens: What its value consists of, separated by single spaces; a token is never split.

    Raises:
        HeaderError: a token is not printable ASCII, or too long for a line.
    """
    lines = [f"{name}:"]
    for token in tokens:
        if not _TOKEN.fullmatch(token):
            raise HeaderError(f"{name} can't contain {token[:_MAX_ENCODED_WORD]!r}: only printable ASCII is allowed")
        is_first = lines == [f"{name}:"]
        if is_first or len(lines[-1]) + 1 + len(token) <= FOLDED_LINE_LENGTH:
            lines[-1] += f" {token}"
        else:
            lines.append(f" {token}")
    longest = max(len(line) for line in lines)
    if longest > MAX_LINE_LENGTH:
        raise HeaderError(f"{name} has a line of {longest} characters; {MAX_LINE_LENGTH} are allowed")
    return "".join(f"{line}\r\n" for line in lines)


def text_tokens(text: str) -> list[str]:
    """The tokens of a text on one line, such as a subject, encoded where they have to be."""
    # `=?` would be read as an encoded word that the text does not contain.
    if text.isascii() and "=?" not in text:
        return text.split()
    encoded = Header(text, "utf-8", maxlinelen=_MAX_ENCODED_WORD).encode(splitchars="")
    return encoded.split()


def mailbox_tokens(mailbox: Mailbox) -> list[str]:
    """The tokens of an address with its display name."""
    if not mailbox.name:
        return [mailbox.address]
    return [*_name_tokens(mailbox.name), f"<{mailbox.address}>"]


def _name_tokens(name: str) -> list[str]:
    if _ATOMS.fullmatch(name) or not name.isascii():
        return text_tokens(name)
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{escaped}"'.split(" ")
