"""A strict reader of mails as they leave, written from the grammars of RFC 5322, 2045 to 2047, 2369, 2919 and 8058.

It shares no code with the standard library's `email`, which accepts and repairs nearly everything: whatever is not as
the grammar wants it fails here.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"'
_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_ENCODED_WORD = re.compile(r"=\?utf-8\?([qb])\?([\x21-\x3e\x40-\x7e]*)\?=")
_MAILBOX = re.compile(rf"(?:(?P<name>(?:{_ATOM}|{_QUOTED})(?: {_ATOM})*) <(?P<named>{_DOT_ATOM}@{_DOMAIN})>)")
_SHAPES = {
    "date": r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
    "message-id": rf"<{_DOT_ATOM}@{_DOT_ATOM}>",
    "content-id": rf"<{_DOT_ATOM}@{_DOT_ATOM}>",
    "list-id": rf"{_ATOM}(?: {_ATOM})* <{_DOT_ATOM}\.{_DOT_ATOM}>",
    "list-unsubscribe": r"<(https?)://[A-Za-z0-9._~:/\[\]@!$&'()*+,;=%-]+>",
    "list-unsubscribe-post": r"List-Unsubscribe=One-Click",
    "auto-submitted": r"auto-generated",
    "mime-version": r"1\.0",
    "content-transfer-encoding": r"7bit|quoted-printable|base64",
    "content-disposition": r'inline; filename="[a-z.]+"',
    "content-type": r'[a-z]+/[a-z]+(?:; [a-z]+="[^"\\]+")*',
}
_ENCODABLE = {"subject", "from", "to"}
"""Headers in which RFC 2047, section 5 allows encoded words."""


@dataclass(frozen=True, slots=True)
class StrictPart:
    """One part of a message: its headers, unfolded, and its content, decoded."""

    headers: dict[str, str]
    content: bytes
    parts: tuple["StrictPart", ...]

    @property
    def media_type(self) -> str:
        """Its type without parameters."""
        return self.headers["content-type"].partition(";")[0]

    def walk(self) -> Iterator["StrictPart"]:
        """The part and those below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


def read_strictly(raw: bytes) -> StrictPart:
    """Read a message; an AssertionError says what no strict reader accepts."""
    assert b"\r" not in raw.replace(b"\r\n", b""), "a bare CR"
    assert b"\n" not in raw.replace(b"\r\n", b""), "a bare LF"
    assert b"\0" not in raw, "NUL"
    assert raw.isascii(), "7bit is all that every server takes"
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998, "a line of more than 998 octets"
    return _part(raw.decode("ascii"), top=True)


def _part(text: str, *, top: bool = False) -> StrictPart:
    head, blank, body = text.partition("\r\n\r\n")
    assert blank, "no empty line after the headers"
    headers = _headers(head)
    if top:
        assert {"from", "to", "subject", "date", "message-id", "mime-version", "content-type"} <= set(headers)
    encoding = headers.get("content-transfer-encoding", "7bit")
    boundary = re.search(r'boundary="([^"]+)"', headers["content-type"])
    if boundary is None:
        return StrictPart(headers, _decoded(body, encoding), ())
    assert encoding == "7bit", "a multipart is not encoded (RFC 2045, 6.4)"
    delimiter = f"--{boundary[1]}"
    assert len(boundary[1]) <= 70
    preamble, *parts, end = re.split(rf"(?:^|\r\n){re.escape(delimiter)}(?=--|\r\n)", body)
    assert preamble == ""
    assert end in {"--", "--\r\n"}
    assert len(parts) >= 1
    return StrictPart(headers, b"", tuple(_part(part.removeprefix("\r\n")) for part in parts))


def _headers(head: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    lines = head.split("\r\n")
    fields: list[str] = []
    for line in lines:
        if line[:1] == " ":
            assert line.strip(), "a folded line of nothing but spaces"
            fields[-1] += line
        else:
            fields.append(line)
        # A line is longer than 78 only where it holds one token that can't be folded.
        assert len(line) <= 78 or len(line.strip().removeprefix(line.partition(": ")[0] + ": ").split()) == 1, line
    for field in fields:
        match = re.fullmatch(r"([!-9;-~]+):(?: ([ -~]+))?", field)
        assert match, f"not a header: {field!r}"
        name, value = match[1].lower(), match[2] or ""
        assert name not in headers, f"{name} twice"
        headers[name] = _value(name, value)
    return headers


def _value(name: str, value: str) -> str:
    if name not in _ENCODABLE:
        assert "=?" not in value, f"an encoded word in {name}"
    if name == "subject":
        return decode_words(value)
    if name in {"from", "to"}:
        if not value.endswith(">"):
            assert re.fullmatch(rf"{_DOT_ATOM}@{_DOMAIN}", value), value
            return value
        match = _MAILBOX.fullmatch(value)
        assert match, f"not a mailbox: {value!r}"
        return f"{display_name(match['name'])} <{match['named']}>"
    shape = _SHAPES.get(name)
    assert shape is not None, f"an unexpected header: {name}"
    assert re.fullmatch(shape, value), f"{name}: {value!r}"
    return value


def display_name(phrase: str) -> str:
    """A phrase without its quotes and encoding."""
    if phrase.startswith('"'):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    return decode_words(phrase, in_phrase=True)


def decode_words(text: str, *, in_phrase: bool = False) -> str:
    """A text with its encoded words decoded; spaces between two of them are none (RFC 2047, 6.2)."""
    result, was_encoded = "", True
    for word in text.split(" "):
        match = _ENCODED_WORD.fullmatch(word)
        if match is None:
            assert "=?" not in word, f"an encoded word in the middle of another word: {word!r}"
            result += f" {word}" if result else word
            was_encoded = False
            continue
        assert len(word) <= 75, word
        if match[1] == "b":
            decoded = base64.b64decode(match[2], validate=True)
        else:
            allowed = r"(?:[A-Za-z0-9!*+/_-]|=[0-9A-F]{2})*" if in_phrase else r"(?:[!-<>-~]|=[0-9A-F]{2})*"
            assert re.fullmatch(allowed, match[2]), word
            decoded = binascii.a2b_qp(match[2].replace("_", " "))
        # Each encoded word decodes by itself (RFC 2047, section 5): no character is cut in two.
        result += ("" if was_encoded else " ") + decoded.decode("utf-8")
        was_encoded = True
    return result


def _decoded(body: str, encoding: str) -> bytes:
    if encoding == "base64":
        lines = body.split("\r\n")
        assert max(map(len, lines)) <= 76
        return base64.b64decode("".join(lines), validate=True)
    if encoding == "7bit":
        return body.encode("ascii")
    for line in body.split("\r\n"):
        assert len(line) <= 76, "quoted-printable of more than 76 characters (RFC 2045, 6.7)"
        assert re.fullmatch(r"(?:[ -<>-~\t]|=[0-9A-F]{2})*=?", line), line
        assert not line.endswith((" ", "\t")), "a space at the end of a line"
    return binascii.a2b_qp(body.encode("ascii")).replace(b"\r\n", b"\n")
