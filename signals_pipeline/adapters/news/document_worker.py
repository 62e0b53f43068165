"""The process that parses RSS and Atom documents for `adapters.news.documents`: bytes in, plain items out.

A document comes from anybody: one with 150,000 attributes keeps a parser busy for minutes, and feedparser raises
whatever its handlers run into. So this is a program of its own with limits on CPU time and memory, which its parent can
end. It imports nothing of this project, for a quick start.
"""

import codecs
import io
import json
import os
import re
import resource
import struct
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from html.entities import html5
from typing import IO, Any, cast

# Characters of one answer. Entities that stand for entities may make a small document into a huge one.
MAX_ANSWER = 64_000_000

_LENGTH = struct.Struct(">Q")

# Start and end of an item, with or without a prefix.
_ITEM_START = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?(?:item|entry)(?=[\s>])")
_ITEM_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?(?:item|entry)\s*>")

# Parts of a document whose text is not markup.
_NOT_MARKUP = re.compile(rb"(<!\[CDATA\[.*?\]\]>|<!--.*?-->)", re.DOTALL)
_TAG = re.compile(rb"<(/?)([A-Za-z_][\w:.-]*)[^<>]*?(/?)>")
_AMPERSAND = re.compile(rb"&(?:#(?P<decimal>\d+);|#[xX](?P<hex>[0-9A-Fa-f]+);|(?P<name>[A-Za-z][A-Za-z0-9]*);)?")
_CONTROL_CHARACTERS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_XML_NAMES = frozenset({b"amp", b"lt", b"gt", b"quot", b"apos"})
_REPLACEMENT_CHARACTER = b"&#65533;"

# In this order: the mark of UTF-16 is the beginning of that of UTF-32.
_WIDE_ENCODINGS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_DECLARED_ENCODING = re.compile(r"<\?xml(?P<version>[^>]*?)\s+encoding\s*=\s*[\"'][^\"'>]*[\"']")

# Elements whose text would be wrong, not only missing, if their end were.
_CLOSED_ELEMENTS = (b"title", b"pubDate", b"published", b"updated", b"date")


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a document; a field is empty where the item does not have it.

    Attributes:
        title: Its title.
        link: Its link, absolute where the document's address is known.
        published: When it was published, as written.
        updated: When it was changed, as written.
        summary: Its lead.
        source: Title of the feed that it was taken over from.
    """

    title: str = ""
    link: str = ""
    published: str = ""
    updated: str = ""
    summary: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What could be read of a document.

    Attributes:
        version: The format as feedparser names it; empty where the document is no feed.
        title: The feed's title.
        entries: Its items.
        unread: Items that could not be read.
        problem: What is malformed, one line; empty where nothing is.
        is_cut: The document is malformed and its end is missing.
    """

    version: str
    title: str
    entries: tuple[Entry, ...] = field(default=())
    unread: int = 0
    problem: str = ""
    is_cut: bool = False


def read_document(body: bytes, content_type: str, base_url: str) -> Document:
    """What can be read of a document.

    A malformed document is repaired where its characters are wrong: a bare `&`, an entity or a character that XML does
    not know. Where its tags are wrong, the items are read one by one, so that a broken one costs itself only.

    Args:
        body: The document.
        content_type: As the server declared it.
        base_url: The document's address, for relative links.

    Raises:
        Exception: Whatever feedparser raises for a document in which no item can be told from the next.
    """
    headers = {"content-type": content_type, "content-location": base_url}
    failure: Exception | None = None
    document: Document | None = None
    try:
        document = _parse(body, headers)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - raised below where no item can be read either
        failure = error
    if document is not None and not document.problem:
        return document
    problem = document.problem if document is not None else f"feedparser raised {type(failure).__name__}"

    narrow = _in_utf_8(body)
    if narrow is not body:
        headers["content-type"] = "application/xml; charset=utf-8"
    repaired = _repaired(narrow)
    try:
        document = _parse(repaired, headers)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        failure = error
    else:
        if not document.problem:
            return document

    starts = [match.start() for match in _ITEM_START.finditer(repaired)]
    if starts:
        return _read_items(repaired, starts, headers, problem)
    if document is None:
        raise failure or ValueError(problem)
    # The tolerant parser may have found items nevertheless; nobody can tell how many are missing.
    return replace(document, problem=problem, entries=())


def _read_items(body: bytes, starts: Sequence[int], headers: dict[str, str], problem: str) -> Document:
    """The items of a malformed document: those between two broken ones together, else one by one.

    Raises:
        Exception: What comes before the items can't be read.
    """
    head = body[: starts[0]]
    open_tags = _open_tags(head)
    tail = b"".join(b"</%s>" % name for name in reversed(open_tags))
    empty = _parse(head + tail, headers)

    items: list[bytes] = []
    for start, end in zip(starts, (*starts[1:], len(body)), strict=True):
        item = body[start:end]
        item_end = _ITEM_END.search(item)
        # An item without an end is not read: its title or time may be cut in the middle.
        items.append(item[: item_end.end()] if item_end else b"")

    entries: list[Entry] = []
    unread = 0
    # Groups of items in their order: a group that can't be read as a whole is halved.
    groups: list[list[bytes]] = [items]
    while groups:
        group = groups.pop()
        try:
            found = _parse(head + b"".join(group) + tail, headers)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - counted below
            found = None
        is_whole = found is not None and len(found.entries) == len(group)
        if found is not None and is_whole and not found.problem:
            entries.extend(found.entries)
        elif len(group) > 1:
            middle = len(group) // 2
            groups.extend((group[middle:], group[:middle]))
        elif found is not None and is_whole and _is_closed(group[0]):
            entries.extend(found.entries)
        else:
            unread += 1

    is_cut = bool(open_tags) and b"</" + open_tags[0] not in body[starts[-1] :]
    return Document(empty.version, empty.title, tuple(entries), unread, problem, is_cut)


def _parse(body: bytes, headers: dict[str, str]) -> Document:
    """The document as feedparser reads it: strictly, or by its tolerant parser where it is malformed.

    Raises:
        Exception: Whatever feedparser raises.
    """
    import feedparser

    parsed = cast("Any", feedparser).parse(
        # Not the bytes themselves, which feedparser would take for a path or an address if they look like one.
        io.BytesIO(body),
        response_headers=headers,
        # This is about links in markup, which the normaliser removes; links of items are resolved nevertheless.
        resolve_relative_uris=False,
        sanitize_html=False,
    )
    # feedparser sets "bozo" for anything unusual; an encoding or type other than declared does no harm.
    error = parsed.get("bozo_exception") if parsed.get("bozo") else None
    is_harmless = isinstance(error, (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType))
    problem = "" if error is None or is_harmless else _described(error)
    base_url = headers["content-location"]
    entries = tuple(_entry(entry, base_url) for entry in parsed["entries"])
    return Document(_text(parsed.get("version")), _text(parsed["feed"].get("title")), entries, problem=problem)


def _entry(entry: Any, base_url: str) -> Entry:  # noqa: ANN401 - feedparser has no types
    link = _text(entry.get("link"))
    return Entry(
        title=_text(entry.get("title")),
        # feedparser resolves an empty link to the document's own address.
        link="" if link == base_url else link,
        published=_text(entry.get("published")),
        # Not `get` alone, for which feedparser takes the time of publication instead.
        updated=_text(entry.get("updated")) if "updated" in entry else "",
        summary=_text(entry.get("summary")),
        source=_text(cast("dict[str, object]", entry.get("source") or {}).get("title")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _described(error: object) -> str:
    """An exception as one line; expat's with its line, without the file name that it does not have."""
    message = cast("Any", error).getMessage() if hasattr(error, "getMessage") else str(error)
    line = " ".join(str(message).split())[:200] or type(error).__name__
    if hasattr(error, "getLineNumber"):
        return f"{line}, line {cast('Any', error).getLineNumber()}"
    return line


def _in_utf_8(body: bytes) -> bytes:
    """The document, in UTF-8 and without a declared encoding if it was in UTF-16 or UTF-32."""
    for mark, encoding in _WIDE_ENCODINGS.items():
        if body.startswith(mark):
            text = body.decode(encoding, "replace")
            return _DECLARED_ENCODING.sub(r"<?xml\g<version>", text, count=1).encode()
    return body


def _repaired(body: bytes) -> bytes:
    """The document with its characters made valid XML; its tags stay as they are."""
    # A document may declare entities of its own.
    declares_entities = b"<!ENTITY" in body

    def replaced(match: re.Match[bytes]) -> bytes:
        whole, name = match[0], match["name"]
        if name is not None:
            if name in _XML_NAMES or declares_entities:
                return whole
            characters = html5.get(f"{name.decode('ascii')};")
            return b"&amp;" + whole[1:] if characters is None else _references(characters)
        if match["decimal"] or match["hex"]:
            return whole if _is_xml_character(match) else _REPLACEMENT_CHARACTER
        return b"&amp;"

    parts = _NOT_MARKUP.split(_CONTROL_CHARACTERS.sub(b"", body))
    # `split` with one group: every second part is what the expression matched.
    return b"".join(part if number % 2 else _AMPERSAND.sub(replaced, part) for number, part in enumerate(parts))


def _references(characters: str) -> bytes:
    return "".join(f"&#{ord(character)};" for character in characters).encode("ascii")


def _is_xml_character(match: re.Match[bytes]) -> bool:
    """Whether a numeric reference names a character of XML 1.0."""
    digits, base = (match["decimal"], 10) if match["decimal"] else (match["hex"], 16)
    if len(digits) > 10:  # Python refuses to read thousands of digits
        return False
    code = int(digits, base)
    is_control = code < 0x20 and code not in {0x9, 0xA, 0xD}
    return not is_control and not 0xD800 <= code <= 0xDFFF and code not in {0xFFFE, 0xFFFF} and code <= 0x10FFFF


def _open_tags(head: bytes) -> list[bytes]:
    """Names of the elements that are open where the first item begins, outermost first."""
    open_tags: list[bytes] = []
    for match in _TAG.finditer(_NOT_MARKUP.sub(b"", head)):
        is_end, name, is_empty = match.groups()
        if is_end:
            if name in open_tags:
                del open_tags[len(open_tags) - 1 - open_tags[::-1].index(name) :]
        elif not is_empty:
            open_tags.append(name)
    return open_tags


def _is_closed(item: bytes) -> bool:
    """Whether a malformed item ends its title and times, so that they hold nothing that is not theirs."""
    markup = _NOT_MARKUP.sub(b"", item)
    counts = dict.fromkeys(_CLOSED_ELEMENTS, 0)
    for match in _TAG.finditer(markup):
        is_end, name, is_empty = match.groups()
        local_name = name.rpartition(b":")[2]
        if local_name in counts and not is_empty:
            counts[local_name] += -1 if is_end else 1
    return not any(counts.values())


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next message of a stream; None where it has ended."""
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(prefix)
    content = stream.read(length)
    return content if len(content) == length else None


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """Write one message."""
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def _answer(request: dict[str, Any], body: bytes) -> dict[str, Any]:
    """A document as JSON, or why it can't be read."""
    try:
        return {"document": asdict(read_document(body, request["content_type"], request["base_url"]))}
    except MemoryError:
        return {"failure": "the memory for one document does not suffice to read it"}
    except Exception as error:  # noqa: BLE001 - reported to the parent, which raises it
        failure = f"feedparser can't read it ({type(error).__name__}: {_described(error)})"
        return {"failure": failure, "traceback": traceback.format_exc()}


def main(max_memory: int) -> None:
    """Answer requests on standard input until it ends: a frame with the parameters, then one with the document.

    Args:
        max_memory: Maximum address space of this process in bytes.
    """
    requests = sys.stdin.buffer
    # What anything prints must not mix with the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    if sys.platform == "linux":  # macOS refuses this limit
        resource.setrlimit(resource.RLIMIT_AS, (max_memory, max_memory))
    while (parameters := read_frame(requests)) is not None and (body := read_frame(requests)) is not None:
        request = json.loads(parameters)
        # Should the parent die, nobody else would end this process.
        usage = resource.getrusage(resource.RUSAGE_SELF)
        used_seconds = int(usage.ru_utime + usage.ru_stime)
        _, hard_limit = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (used_seconds + request["cpu_seconds"], hard_limit))
        answer = json.dumps(_answer(request, body))
        if len(answer) > MAX_ANSWER:
            answer = json.dumps({"failure": f"it holds more than {MAX_ANSWER:,} characters"})
        write_frame(answers, answer.encode("ascii"))
