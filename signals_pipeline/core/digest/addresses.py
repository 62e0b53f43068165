"""Mail addresses as settings accept them: a practical, strict subset of RFC 5321 and RFC 5322.

What is accepted here can be written into a header as it is, and every mail program reads the same address back. Quoted
local parts, comments, address literals and non-ASCII addresses (RFC 6531, which many servers lack) are refused.
`adapters.mail.headers` writes the headers.
"""

import re
from dataclasses import dataclass

from signals_pipeline.core.errors import SignalsError

MAX_LOCAL_PART = 64
"""Characters before the @ (RFC 5321, 4.5.3.1.1)."""

MAX_ADDRESS = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3); the columns of recipients hold more."""

MAX_SENDER_DOMAIN = 200
"""Characters of the sender's domain: Message-IDs contain it beside at most 46 more, and their column holds 255."""

MAX_NAME = 100
"""Characters of a display name: more than any mail program shows."""

# Characters of an atom (RFC 5322, 3.2.3).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
# RFC 1035, 2.3.1 and RFC 1123, 2.1: letters, digits and inner hyphens, at most 63 of them.
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
# The inside of a quoted string: anything but a quote or a backslash, or either of them after a backslash.
_QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
# Characters with a meaning of their own in a header (RFC 5322, 3.2.3) that a name without quotes can't have.
_SPECIALS = '()<>[]:;@\\,"'
# The beginning of an encoded word (RFC 2047): a mail program would decode what follows, and read another text.
_ENCODED_WORD = "=?"


class AddressError(SignalsError, ValueError):
    """A text is not an address that can be mailed to; the message is one line."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name that mail programs show for it.

    Attributes:
        name: The display name, without quotes; empty for none.
        address: The address.
    """

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The part behind the @."""
        return self.address.rpartition("@")[2]


def check_address(text: str) -> str:
    """Return the text if it is an address.

    Raises:
        AddressError: it is none, or one that not every mail server can handle.
    """
    local_part, at, domain = text.rpartition("@")
    if not text.isascii():
        raise AddressError(
            "an address holds ASCII characters only: write an international domain in its xn-- form, and use another"
            " address for a non-ASCII name"
        )
    if not at or not _LOCAL_PART.fullmatch(local_part) or not domain:
        raise AddressError("an address is like ann@example.org, without quotes, spaces and comments")
    if _ENCODED_WORD in text:
        raise AddressError(f"an address can't contain {_ENCODED_WORD}, which mail programs decode (RFC 2047)")
    if len(text) > MAX_ADDRESS:
        raise AddressError(f"an address has more than {MAX_ADDRESS} characters")
    if len(local_part) > MAX_LOCAL_PART:
        raise AddressError(f"an address has more than {MAX_LOCAL_PART} characters before the @")
    for label in domain.split("."):
        if not _LABEL.fullmatch(label):
            raise AddressError(
                "a domain consists of parts of 1 to 63 letters, digits and inner hyphens, separated by single dots"
            )
    return text


def parse_sender(text: str) -> Mailbox:
    """Parse `address`, `Name <address>` or `"Name" <address>`.

    Raises:
        AddressError: the text is none of these; name or address can't stand in a header.
    """
    text = text.strip(" ")
    named = _NAMED.fullmatch(text)
    if named is not None:
        mailbox = Mailbox(_parse_name(named["name"].strip(" ")), check_address(named["address"]))
    elif "<" in text or ">" in text:
        raise AddressError("use signals@example.org or Signals <signals@example.org>")
    else:
        mailbox = Mailbox("", check_address(text))
    if len(mailbox.domain) > MAX_SENDER_DOMAIN:
        raise AddressError(f"the domain has more than {MAX_SENDER_DOMAIN} characters")
    return mailbox


def _parse_name(text: str) -> str:
    """The display name, without its quotes and with single spaces."""
    # isprintable is false for control characters, line separators, direction marks and unpaired surrogates.
    if not text.isprintable():
        raise AddressError("the sender's name contains a control or formatting character")
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        text = re.sub(r"\\(.)", r"\1", quoted[1])
    elif any(character in _SPECIALS for character in text):
        raise AddressError(f'a name with any of {_SPECIALS} stands in quotes: "Signals, Inc." <signals@example.org>')
    if _ENCODED_WORD in text:
        raise AddressError(f"a name can't contain {_ENCODED_WORD}: write it in plain letters, not encoded (RFC 2047)")
    if len(text) > MAX_NAME:
        raise AddressError(f"the sender's name has more than {MAX_NAME} characters")
    return " ".join(text.split())
