"""Reads RSS and Atom documents in a process of its own, within a time limit.

What the process does is in `document_worker`; which documents are refused, and what is said about those that could be
read in part only, is decided here.
"""

import json
import logging
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from threading import Lock, Timer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from signals_pipeline.adapters.http_client.client import Response
from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.document_worker import Document, Entry, read_frame, write_frame
from signals_pipeline.core.news.feeds import SourceError

_log = logging.getLogger(__name__)

# Seconds for one document. Those of real feeds take milliseconds, 40,000 items in 8 MB take 16 s.
PARSE_SECONDS = 20.0

# Address space of the process in bytes. Documents of 8 MB, the largest that are accepted, take up to a third of it.
MAX_MEMORY = 1 << 30

# Content types besides XML with which servers deliver feeds.
_NEUTRAL_CONTENT_TYPES = frozenset({"", "text/plain", "application/octet-stream", "binary/octet-stream"})

_TITLE_TAG = re.compile(rb"<title[\s>]")
# Elements other than items that have a title of their own.
_TITLED_PARENT_TAG = re.compile(rb"<(?:channel|feed|image|textInput|textinput)[\s>]")

# The parent's search path, so that the process finds the same packages however this one was started.
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from signals_pipeline.adapters.news import document_worker;"
    " import feedparser; document_worker.main({memory})"
)


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A feed's document, of which most could be read.

    Attributes:
        title: The feed's title; empty where it has none.
        entries: Its items.
        losses: What could not be read, one line each; empty where everything was.
    """

    title: str
    entries: tuple[Entry, ...]
    losses: tuple[str, ...] = ()


class DocumentReader:
    """Reads the documents of one fetch, one after another; to be used as a context manager.

    The process is started with the first document, and again after one that had to be ended.

    Args:
        policy: Of the fetch: no document is read beyond its time.
        seconds: Limit for one document.
        memory: Maximum address space of the process in bytes.

    Attributes:
        process: The process; None before the first document and after one that had to be ended.
    """

    def __init__(self, policy: RequestPolicy, seconds: float = PARSE_SECONDS, memory: int = MAX_MEMORY) -> None:
        self._policy = policy
        self._seconds = seconds
        self._memory = memory
        self._lock = Lock()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, response: Response) -> ReadDocument:
        """What a response holds.

        Raises:
            SourceError: The status is not 200, or the response is not a feed, takes too long to read, can't be read for
                its most part, or has items of another name.
        """
        location, content_type = response.location, response.content_type
        if response.status_code != 200:
            raise SourceError(
                f"{location} returned HTTP {response.status_code}; check the address and whether it needs a log-in"
            )
        if "xml" not in content_type and content_type not in _NEUTRAL_CONTENT_TYPES:
            raise SourceError(f"{location} returned {content_type} instead of a feed; check the address")

        with self._lock:
            document = self._parse(response)
        if not document.version:
            raise SourceError(f"{location}: not an RSS or Atom feed ({len(response.body):,} bytes); check the address")

        total = len(document.entries) + document.unread
        if document.problem and not total:
            raise SourceError(f"{location}: malformed XML ({document.problem}); the document was not used")
        if 2 * document.unread > total:
            raise SourceError(
                f"{location}: {document.unread} of {total} items can't be read ({document.problem}); the"
                " document was not used"
            )
        if not document.entries and not document.problem:
            _check_for_renamed_items(response)
        return ReadDocument(document.title, document.entries, _losses(document, total))

    def _parse(self, response: Response) -> Document:
        """The document as the process reads it.

        Raises:
            SourceError: It could not, or its time was up.
        """
        seconds = min(self._seconds, self._policy.seconds_left)
        if seconds <= 0:
            fetch_seconds = self._policy.fetch_seconds
            raise SourceError(f"{response.location}: not read, the {fetch_seconds:g} s for one fetch are over")
        process = self.process or self._start()
        self.process = process
        parameters = {
            "content_type": response.headers.get("Content-Type") or "application/xml",
            "base_url": _base_url(response.url),
            "cpu_seconds": ceil(seconds) + 1,
        }

        # Whatever the pipes wait for, they end with the process.
        expiry = Timer(seconds, process.kill)
        expiry.start()
        try:
            answer = _exchange(process, json.dumps(parameters).encode(), response.body)
        finally:
            expiry.cancel()
        if answer is None:
            self._end()
            raise SourceError(
                f"{response.location}: the document was not read within {seconds:.3g} s (its parser ended with"
                f" {process.returncode}); it was not used"
            )

        content = json.loads(answer)
        if "failure" in content:
            if "traceback" in content:
                _log.warning("%s: %s\n%s", response.location, content["failure"], content["traceback"])
            raise SourceError(f"{response.location}: {content['failure']}; the document was not used")
        fields = content["document"]
        entries = tuple(Entry(**entry) for entry in fields.pop("entries"))
        return Document(**fields, entries=entries)

    def _start(self) -> subprocess.Popen[bytes]:
        program = _PROGRAM.format(path=sys.path, memory=self._memory)
        return subprocess.Popen(  # noqa: S603 - this interpreter with our own program
            [sys.executable, "-P", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # an interrupt at the terminal is for this process, which then ends the other
        )

    def _end(self) -> None:
        """End the process, if there is one; it holds nothing that would be lost."""
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        with suppress(BrokenPipeError), process:  # waits for it and closes the pipes, one of which may hold its request
            pass


def _exchange(process: subprocess.Popen[bytes], parameters: bytes, body: bytes) -> bytes | None:
    """The process's answer; None where it ended without one."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the parser has no pipes")
    try:
        write_frame(process.stdin, parameters)
        write_frame(process.stdin, body)
    except BrokenPipeError:
        return None
    return read_frame(process.stdout)


def _base_url(url: str) -> str:
    """The document's address without user, query and fragment, which may hold a key and must not get into links."""
    parts = urlsplit(url)
    _, _, host = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _losses(document: Document, total: int) -> tuple[str, ...]:
    losses: list[str] = []
    if document.is_cut:
        losses.append("the document breaks off before its end")
    if document.unread:
        losses.append(f"{document.unread} of {total} items can't be read ({document.problem})")
    return tuple(losses)


def _check_for_renamed_items(response: Response) -> None:
    """Refuse a document without items that contains titles of something: its items have another name now.

    Raises:
        SourceError: There are more titles than elements that have one besides items.
    """
    titles = len(_TITLE_TAG.findall(response.body))
    titled_parents = len(_TITLED_PARENT_TAG.findall(response.body))
    unexplained = titles - titled_parents
    if unexplained > 0:
        belong = "title that belongs" if unexplained == 1 else "titles that belong"
        raise SourceError(
            f"{response.location}: {unexplained} {belong} to no item; its format has changed: update signals_pipeline"
        )
