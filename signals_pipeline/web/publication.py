"""Publication: what the pages, the API and the feed answer, as files for a static host.

The application itself renders every file, asked as by a browser but without a server. Only pages whose content may have
changed are rendered: a manifest at the destination has a fingerprint of what each file was made from. Files are written
before the pages that link to them, and files that nothing links to any more stay until the following publication, so
that at no moment, also after a process was killed, a published page links to nothing.

The names of files: `/record` is `record.html`, `/api/v1/record` is `api/v1/record.json`, and a query belongs to the
name, its parameters sorted: `/?before=KEY` is `index@before=KEY.html`. `deploy/public_pages.js` maps addresses so.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.types import ASGIApp, Message

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.adapters.publication import (
    PublicationError,
    PublicationReport,
    PublicationStore,
    PublishedObject,
    publication_store,
)
from signals_pipeline.adapters.stores.signals import SignalEntry
from signals_pipeline.core.chunks import chunked
from signals_pipeline.core.windows import window_starting
from signals_pipeline.settings import Settings
from signals_pipeline.web.app import create_app
from signals_pipeline.web.company_pages import MAXIMUM_MARKS
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.errors import UNREADABLE_DIGEST
from signals_pipeline.web.page_prices import DAYS_AFTER
from signals_pipeline.web.pages import ARCHIVE_ROWS
from signals_pipeline.web.permalinks import signal_id
from signals_pipeline.web.signal_queries import DEFAULT_LIMIT

MANIFEST = "manifest.json"
NOT_FOUND_PAGE = "404.html"

# Answered under the same name as they are published.
_STATIC_PATHS = (
    "/style.css",
    "/icon.svg",
    "/pages.js",
    "/uplot.js",
    "/uplot.css",
    "/openapi.json",
    "/feed.xml",
    "/api/v1/signals.csv",
    "/api/v1/signals.parquet",
)

_PACKAGE = Path(__file__).parents[1]
# What an answer depends on besides the database.
_SOURCES = ("web", "core", "adapters/rendering", "adapters/stores")

# More digests and signals than any installation has: everything is published.
_ALL = 10_000_000
_WRITERS = 8  # threads; a write to S3 waits for 20 to 50 ms
_CHUNK = 64  # pages that are rendered, then written, before the manifest says so


# Stages of a publication. A page links to pages of its own stage and of those before; entrances come last.
_STATIC, _REVISIONS, _SIGNALS, _DIGESTS, _LISTS, _ENTRANCES = range(6)

Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """An address of the application that is published.

    Attributes:
        path: Its path below the root.
        stage: One of the stages above; all pages of a stage are written before any of the next.
        source: Fingerprint of what it is made from; empty where it is rendered at each publication.
        query: Its parameters.
        status: The HTTP status that the application answers with.
    """

    path: str
    stage: int
    source: str = ""
    query: Query = ()
    status: int = HTTPStatus.OK

    @property
    def name(self) -> str:
        """The name of its file."""
        return NOT_FOUND_PAGE if self.status == HTTPStatus.NOT_FOUND else object_name(self.path, self.query)

    @property
    def address(self) -> str:
        """Path and query, as messages show them."""
        parameters = "&".join(f"{key}={value}" for key, value in self.query)
        return f"{self.path}?{parameters}" if parameters else self.path


@dataclass(slots=True)
class _Manifest:
    """What is at the destination.

    Attributes:
        files: Fingerprint by name: what a page was made from, or its content; empty where that is in doubt.
        outdated: Names of files that nothing links to since the publication before.
    """

    files: dict[str, str] = field(default_factory=dict)
    outdated: list[str] = field(default_factory=list)


def object_name(path: str, query: Query = ()) -> str:
    """Return the name of the file that holds the answer to a path and its parameters."""
    if path in _STATIC_PATHS:
        return path.removeprefix("/")
    name = path.removeprefix("/") or "index"
    if query:
        parameters = "&".join(f"{key}={value}" for key, value in sorted(query))
        name = f"{name}@{parameters}"
    return f"{name}.json" if path.startswith("/api/") else f"{name}.html"


class SitePublisher:
    """Publishes the site of a deployment to SIGNALS_PUBLISH_URL.

    Args:
        settings: Database, base URL, token and destination.
        store: The destination; None for that of the settings.
        now: The clock (aware).
    """

    def __init__(
        self, settings: Settings, store: PublicationStore | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store or publication_store(settings.signals_publish_url)
        self._token = settings.signals_web_token.get_secret_value() if settings.signals_web_token else ""
        # The application is asked by this process alone, and no link is followed: no limit, no right to write.
        self._settings = settings.model_copy(update={"signals_web_rate": 0, "signals_link_key": None})
        self._now = now

    def publish(self, *, everything: bool = False) -> PublicationReport:
        """Publish what has changed.

        Args:
            everything: Render and write every page, as after somebody changed the destination by hand.

        Raises:
            PublicationError: The destination can't be read or changed, or the application refuses a page.
            DatabaseError: The database fails.
        """
        report = PublicationReport()
        manifest = _read_manifest(self._store, report)
        known = {} if everything else dict(manifest.files)
        base_url = urlsplit(self._settings.signals_base_url)
        context = WebContext.open(self._settings, self._now, time.monotonic)
        try:
            app = create_app(self._settings, context=context)
            pages = list(_pages(context, self._release, self._now()))
            report.pages = len(pages)

            # No published page links to a new file before it is there: the new ones are written before the others.
            def order(page: Page) -> tuple[bool, int]:
                return page.name in manifest.files, page.stage

            due = sorted((page for page in pages if not page.source or known.get(page.name) != page.source), key=order)
            stages = [list(stage) for _, stage in groupby(due, key=order)]
            # Until a page is written and recorded, what its file holds is in doubt: this process may be killed.
            manifest.files |= {page.name: "" for page in due if page.name in manifest.files}
            _write_manifest(self._store, manifest)
            client = _Client(app, base_url.scheme, base_url.netloc, base_url.path.rstrip("/"), self._token)
            # Each stage is complete before the next one begins.
            for stage in stages:
                for chunk in chunked(stage, _CHUNK):
                    self._publish_chunk(client, chunk, known, manifest, report)
        finally:
            context.close()
        self._finish(manifest, {page.name for page in pages}, report)
        return report

    @property
    def _release(self) -> str:
        """Fingerprint of everything but the database that an answer depends on."""
        return _fingerprint(_source_hash(), self._settings.signals_base_url, bool(self._token))

    def _publish_chunk(
        self,
        client: "_Client",
        pages: Sequence[Page],
        known: dict[str, str],
        manifest: _Manifest,
        report: PublicationReport,
    ) -> None:
        """Render some pages, write those that have changed, then record them in the manifest."""
        answers = asyncio.run(client.get_all(pages))
        fingerprints: dict[str, str] = {}
        changed: list[PublishedObject] = []
        for page, answer in zip(pages, answers, strict=True):
            fingerprint = page.source or _fingerprint(answer.body)
            if answer.status != page.status:
                # It is published, so that no link is dead, and rendered again the next time.
                report.problems.append(f"{page.address}: the application answers {answer.status}")
                fingerprint = ""
            fingerprints[page.name] = fingerprint
            if not fingerprint or known.get(page.name) != fingerprint:
                changed.append(PublishedObject(page.name, answer.body, answer.content_type, answer.cache_control))

        with ThreadPoolExecutor(_WRITERS) as writers:
            # The list raises what a write has raised, after all of them have ended.
            list(writers.map(self._store.write, changed))
        report.rendered += len(pages)
        report.written += len(changed)
        manifest.files |= fingerprints
        if changed:
            _write_manifest(self._store, manifest)

    def _finish(self, manifest: _Manifest, current: set[str], report: PublicationReport) -> None:
        """Delete the files that nothing has linked to since the publication before; remember those of this one."""
        for name in manifest.outdated:
            if name not in current:
                self._store.delete(name)
                report.deleted += 1
        outdated = sorted(set(manifest.files) - current)
        files = {name: source for name, source in manifest.files.items() if name in current}
        _write_manifest(self._store, _Manifest(files, outdated))


def _pages(context: WebContext, release: str, now: datetime) -> Iterator[Page]:
    """Yield every address that is published, in any order.

    Args:
        context: Where the data comes from.
        release: Fingerprint of the release.
        now: The time of the publication (aware).
    """
    static = ("/style.css", "/icon.svg", "/pages.js", "/uplot.js", "/uplot.css", "/openapi.json", "/docs", "/glossary")
    for path in static:
        yield Page(path, _STATIC, release)
    yield Page("/404", _STATIC, release, status=HTTPStatus.NOT_FOUND)

    entries = context.digests.list(_ALL)
    revisions = context.revisions.versions()
    digest_sources: dict[datetime, str] = {}
    # Newest first: the digest after the first one is that of an earlier window.
    starts = [None, *(entry.window_start for entry in entries), None]
    for place, entry in enumerate(entries):
        key = window_starting(entry.window_start).key
        versions = revisions.get(entry.window_start, [])
        source = _fingerprint(release, entry, versions)
        digest_sources[entry.window_start] = source
        # The page links to its neighbours.
        yield Page(f"/digests/{key}", _DIGESTS, _fingerprint(source, starts[place], starts[place + 2]))
        yield Page("/api/v1/digest", _DIGESTS, source, (("window", key),))
        for version in versions:
            if version.has_digest:
                yield Page(
                    f"/digests/{key}/revisions/{version.number}", _REVISIONS, _fingerprint(release, key, version)
                )
        if versions:
            yield Page(f"/api/v1/digests/{key}/revisions", _REVISIONS, source)

    signals = context.signals.list(_ALL)
    prices = context.prices.versions(now)
    for signal in signals:
        name = signal_id(signal.key)
        # The page shows the signal's card in its digest, and prices up to some time after the decision.
        source = _fingerprint(release, signal, digest_sources.get(signal.window_start))
        newest, changes = prices.get(signal.symbol, (date.min, 0))
        shown_until = min(newest, (signal.decided_at + timedelta(days=DAYS_AFTER)).date())
        yield Page(f"/signals/{name}", _SIGNALS, _fingerprint(source, shown_until, changes))
        yield Page(f"/api/v1/signals/{name}", _SIGNALS, source)

    keys = [window_starting(entry.window_start).key for entry in entries]
    yield from _list_pages("/", release, entries, names=keys, rows=ARCHIVE_ROWS, parameter="before")
    path = "/api/v1/digests"
    yield from _list_pages(path, release, entries, names=keys, rows=DEFAULT_LIMIT, parameter="before")
    yield from _signal_lists(release, signals)
    by_symbol = sorted(signals, key=lambda signal: signal.symbol)  # a stable sort: newest first within a symbol
    signals_by_symbol = {symbol: list(found) for symbol, found in groupby(by_symbol, key=lambda signal: signal.symbol)}
    for symbol, of_symbol in signals_by_symbol.items():
        yield from _signal_lists(release, of_symbol, (("symbol", symbol),))
    yield from _company_pages(context, release, signals_by_symbol, prices)
    signal_pages = _list_pages(
        "/signals", release, signals, names=_names(signals), rows=DEFAULT_LIMIT, parameter="after"
    )
    # Before the archive, which links to it.
    yield from (replace(page, stage=_LISTS) for page in signal_pages)

    for path in ("/api/v1/signals.csv", "/api/v1/signals.parquet"):
        yield Page(path, _LISTS, _fingerprint(release, signals))

    # The record is made from all outcomes and ratings, and from the time.
    yield Page("/record", _LISTS)
    yield Page("/api/v1/record", _LISTS)
    yield Page("/feed.xml", _LISTS, _fingerprint(release, entries[:ARCHIVE_ROWS]))
    if entries:
        yield Page("/api/v1/digest", _ENTRANCES, digest_sources[entries[0].window_start])


def _company_pages(
    context: WebContext,
    release: str,
    signals: Mapping[str, Sequence[SignalEntry]],
    prices: Mapping[str, tuple[date, int]],
) -> Iterator[Page]:
    """Yield the pages of companies that have signals, and the index of all.

    Args:
        context: Names of the companies.
        release: Fingerprint of the release.
        signals: Signals of each company that has any, newest first.
        prices: What its prices depend on, by company.
    """
    companies = context.companies.entries(context.signals.companies())
    for company in companies:
        # The index links to no company without a signal.
        of_company = signals.get(company.symbol, [])
        if not of_company:
            continue
        path = f"/companies/{company.symbol}"
        # The first page marks more signals in its chart than it lists.
        source = _fingerprint(release, company, prices.get(company.symbol), of_company[:MAXIMUM_MARKS])
        first, *others = _list_pages(
            path, release, of_company, names=_names(of_company), rows=DEFAULT_LIMIT, parameter="after"
        )
        yield Page(path, _LISTS, _fingerprint(source, first.source))
        # They name the company.
        yield from (replace(page, source=_fingerprint(page.source, company.name)) for page in others)
    yield Page("/companies", _LISTS, _fingerprint(release, companies))


def _names(signals: Sequence[SignalEntry]) -> list[str]:
    return [signal_id(signal.key) for signal in signals]


def _signal_lists(release: str, signals: Sequence[SignalEntry], query: Query = ()) -> Iterator[Page]:
    """Yield the pages of a list of signals, newest first."""
    path = "/api/v1/signals"
    return _list_pages(
        path, release, signals, names=_names(signals), rows=DEFAULT_LIMIT, parameter="after", query=query
    )


def _list_pages(
    path: str,
    release: str,
    items: Sequence[object],
    *,
    names: Sequence[str],
    rows: int,
    parameter: str,
    query: Query = (),
) -> Iterator[Page]:
    """Yield the pages of a list; a page is named by the last item of the page before.

    Args:
        path: Address of the first page.
        release: Fingerprint of the release.
        items: All items.
        names: Their names.
        rows: Items per page.
        parameter: Name of the parameter that names an item.
        query: Further parameters of all pages.
    """
    for start in range(0, max(len(items), 1), rows):
        end = start + rows
        source = _fingerprint(release, items[start:end], len(items) > end)
        position = ((parameter, names[start - 1]),) if start else ()
        stage = _LISTS if query or position else _ENTRANCES
        yield Page(path, stage, source, (*query, *position))


def _fingerprint(*parts: object) -> str:
    """Return a hash of values whose `repr` tells them apart."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


@cache
def _source_hash() -> str:
    """Return a hash of the code and templates that make the answers: another release renders everything anew."""
    content = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((_PACKAGE / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                content.update(str(path.relative_to(_PACKAGE)).encode())
                content.update(path.read_bytes())
    return content.hexdigest()


def _read_manifest(store: PublicationStore, report: PublicationReport) -> _Manifest:
    """Read what is at the destination; of a damaged manifest nothing is believed, and every page is written anew."""
    content = store.read(MANIFEST)
    if content is None:
        return _Manifest()
    try:
        stored: Any = json.loads(content)
        return _Manifest(dict(stored["files"]), list(stored["outdated"]))
    except (ValueError, TypeError, KeyError):
        report.problems.append(f"{MANIFEST} was damaged: every page is published again, files of removed ones stay")
        return _Manifest()


def _write_manifest(store: PublicationStore, manifest: _Manifest) -> None:
    content = json.dumps({"files": manifest.files, "outdated": manifest.outdated}, indent=0, sort_keys=True)
    store.write(PublishedObject(MANIFEST, content.encode(), "application/json", "private, no-cache"))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the application answers to a GET request."""

    status: int
    content_type: str
    cache_control: str
    body: bytes


class _Client:
    """Asks an ASGI application for pages, within this process.

    Args:
        app: The application.
        scheme: Scheme of the public address; empty for https.
        host: Host of the public address; empty for any.
        root: Path below which the application is served.
        token: The token that it asks for; empty for none.
    """

    def __init__(self, app: ASGIApp, scheme: str, host: str, root: str, token: str) -> None:
        self._app = app
        self._scheme = scheme or "https"
        self._headers = [(b"host", (host or "localhost").encode())]
        if token:
            self._headers.append((b"authorization", f"Bearer {token}".encode()))
        self._root = root

    async def get_all(self, pages: Iterable[Page]) -> list[_Answer]:
        """Ask for pages, one after another: rendering keeps a processor busy.

        Raises:
            PublicationError: The application refuses a page, or its database does not respond.
        """
        return [await self._get(page) for page in pages]

    async def _get(self, page: Page) -> _Answer:
        path = f"{self._root}{page.path}"
        scope = {
            "type": "http",
            # From 2.4 on a response that is streamed does not wait for the client to go away.
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": self._scheme,
            "path": path,
            "raw_path": quote(path).encode(),
            "root_path": "",
            "query_string": urlencode(page.query).encode(),
            "headers": self._headers,
            "client": None,
            "server": None,
        }
        started: Message = {}
        body = bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                body.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        status = started["status"]
        # An internal error belongs to its page, and so does a digest that another release stored; no other does.
        if status not in (page.status, HTTPStatus.INTERNAL_SERVER_ERROR, UNREADABLE_DIGEST):
            raise PublicationError(f"the application answers {page.address} with {status}: {_detail(bytes(body))}")
        headers = {name.decode(): value.decode() for name, value in started["headers"]}
        return _Answer(status, headers["content-type"], headers.get("cache-control", "private, no-cache"), bytes(body))


def _detail(body: bytes) -> str:
    """Return the beginning of an answer on one line."""
    return " ".join(body.decode(errors="replace").split())[:200]
