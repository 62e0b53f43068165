"""The pages of digests, signals and the track record. They show what the mail shows, and need no script.

Pages to look things up are in `company_pages`.
"""

import json
import logging
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from signals_pipeline.adapters.stores.digests import DigestEntry
from signals_pipeline.adapters.stores.signals import SignalEntry, SignalFilter
from signals_pipeline.core.digest.model import Card, Digest, DigestError, DigestProblem
from signals_pipeline.core.digest.wording import meaning, revision_notice, subject_tag
from signals_pipeline.core.record.engagement import by_source, by_symbol
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.windows import window_starting
from signals_pipeline.web.conditional import ATOM, HTML, Representation, conditional_response
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.errors import DIGEST_NOTICES, UNREADABLE_DIGEST
from signals_pipeline.web.page_prices import load_signal_prices
from signals_pipeline.web.permalinks import (
    SIGNAL_PATTERN,
    WINDOW_PATTERN,
    NotFoundError,
    parse_signal_id,
    parse_window_key,
    signal_id,
)
from signals_pipeline.web.responses import CALIBRATION_HORIZON, MAXIMUM_CACHED, load_record
from signals_pipeline.web.snapshot import Snapshot
from signals_pipeline.web.templating import render, static_file

_LOG = logging.getLogger("signals_pipeline.web")

# Digests per page of the archive, and in the feed.
ARCHIVE_ROWS = 40
# Signals that are listed in place of a digest that can't be read; MAX_SIGNALS is lower by default.
MAXIMUM_LISTED = 200

# Media types of the files in `templates` that are served as they are.
_STATIC_FILES = {
    "/style.css": "text/css; charset=utf-8",
    "/icon.svg": "image/svg+xml",
    "/pages.js": "text/javascript; charset=utf-8",
    "/uplot.js": "text/javascript; charset=utf-8",
    "/uplot.css": "text/css; charset=utf-8",
}
# Titles of error pages by HTTP status.
_ERROR_TITLES = {
    401: "Token required",
    403: "This link does not work",
    404: "Not found",
    405: "Method not supported",
    422: "Invalid address",
    501: "This digest can't be shown here",
    503: "Temporarily unavailable",
}


def router(context: WebContext, root: str, base_url: str) -> APIRouter:
    """Return the routes of the pages.

    Args:
        context: Where the data comes from.
        root: Path below which the application is served; empty at the top.
        base_url: Public URL of the pages, for the feed; empty: the one that a request names.
    """
    routes = APIRouter(include_in_schema=False)
    _add_digests(routes, context, root)
    _add_feed(routes, context, root, base_url)
    _add_signal(routes, context, root)
    _add_record(routes, context, root)
    for path, media_type in _STATIC_FILES.items():
        _add_static_file(routes, path, media_type)
    return routes


def message_page(root: str, title: str, text: str, status: int = 200) -> Response:
    """Return a page with a title and a sentence."""
    page = render("message.html", root, here="", title=title, text=text)
    return Response(page, status, media_type=HTML)


def error_page(root: str, status: int, detail: str) -> Response:
    """Return a page that says what is wrong."""
    return message_page(root, _ERROR_TITLES.get(status, "Something went wrong"), detail, status)


def _add_digests(routes: APIRouter, context: WebContext, root: str) -> None:
    @routes.get("/")
    def get_archive(request: Request, before: Annotated[str | None, Query(pattern=WINDOW_PATTERN)] = None) -> Response:
        start = parse_window_key(before).start if before else None
        # One more entry than shown says whether there is another page.
        entries = context.digests.list(limit=ARCHIVE_ROWS + 1, before=start)
        has_more = len(entries) > ARCHIVE_ROWS
        rows = [(entry, _without_tag(entry), window_starting(entry.window_start)) for entry in entries[:ARCHIVE_ROWS]]
        next_before = rows[-1][2].key if has_more else None
        page = render("archive.html", root, here="archive", entries=rows, before=before, next=next_before)
        return conditional_response(request, Representation.from_body(page), HTML)

    @routes.get("/digests/{window}")
    def get_digest(request: Request, window: Annotated[str, Path(pattern=WINDOW_PATTERN)]) -> Response:
        stored = context.digest(window)
        revisions = context.revisions.list(stored.entry.window_start)
        notices = tuple((each.number, revision_notice(each.number, each.made_at)) for each in revisions)
        try:
            earlier, later = context.digests.neighbours(stored.entry.window_start)
            page = digest_page(stored.content, root, notices, earlier=earlier, later=later)
        except DigestError as error:
            _LOG.error("digest %s: %s", window, error)
            return _unreadable_page(context, root, stored.entry, notices, error.problem)
        return conditional_response(request, page, HTML)

    @routes.get("/digests/{window}/revisions/{number}")
    def get_revision(
        request: Request, window: Annotated[str, Path(pattern=WINDOW_PATTERN)], number: Annotated[int, Path(ge=2)]
    ) -> Response:
        revision = context.revision(window, number)
        page = digest_page(revision.digest or "", root, (), number)
        return conditional_response(request, page, HTML)


def _unreadable_page(
    context: WebContext, root: str, entry: DigestEntry, notices: tuple[tuple[int, str], ...], problem: DigestProblem
) -> Response:
    """Return what is known of a digest that this release can't read: its subject, its signals, and what to do."""
    signals = context.signals.list(MAXIMUM_LISTED, wanted=SignalFilter(window_start=entry.window_start))
    page = render(
        "unreadable.html",
        root,
        here="archive",
        window=window_starting(entry.window_start),
        title=_ERROR_TITLES[UNREADABLE_DIGEST],
        subject=_without_tag(entry),
        mode=entry.mode,
        notice=DIGEST_NOTICES[problem],
        notices=notices,
        signals=[(signal, signal_id(signal.key)) for signal in signals],
    )
    return Response(page, UNREADABLE_DIGEST, {"cache-control": "no-store"}, media_type=HTML)


def _add_feed(routes: APIRouter, context: WebContext, root: str, base_url: str) -> None:
    @routes.get("/feed.xml")
    def get_feed(request: Request) -> Response:
        entries = context.digests.list(limit=ARCHIVE_ROWS)
        rows = [(entry, _without_tag(entry), window_starting(entry.window_start)) for entry in entries]
        # RFC 4287: ids are absolute, and stay the same for good.
        site = (base_url or str(request.base_url)).rstrip("/")
        updated = max((entry.created_at for entry in entries), default=context.now())
        feed = render("feed.xml", root, entries=rows, site=site, updated=updated)
        return conditional_response(request, Representation.from_body(feed), ATOM)


def _without_tag(entry: DigestEntry) -> str:
    """Return the subject without its tag of mode and deployment: the archive shows the mode next to it."""
    # The entry does not say whether its deployment was the demo.
    subject = entry.subject.removeprefix(subject_tag(entry.mode, "demo"))
    return subject.removeprefix(subject_tag(entry.mode, "production"))


@lru_cache(maxsize=MAXIMUM_CACHED)
def digest_page(
    content: str,
    root: str,
    notices: tuple[tuple[int, str], ...] = (),
    revision: int | None = None,
    *,
    earlier: datetime | None = None,
    later: datetime | None = None,
) -> Representation:
    """Return a digest's page. Cached by content: a changed digest has another key, so that no page is stale.

    Args:
        content: The digest as JSON.
        root: Path below which the application is served.
        notices: Number of each revision of its window, and what to say of it.
        revision: Number of the revision that this is; None for the digest itself.
        earlier: Start of the window of the previous digest; None where there is none.
        later: Start of the window of the next one.
    """
    digest = Digest.from_json(content)
    headline = digest.subject.removeprefix(subject_tag(digest.mode, digest.deployment))
    page = render(
        "digest.html",
        root,
        here="archive",
        digest=digest,
        headline_text=headline,
        meaning=meaning(digest.knobs),
        notices=notices,
        revision=revision,
        earlier=window_starting(earlier).key if earlier else None,
        later=window_starting(later).key if later else None,
    )
    return Representation.from_body(page)


def _add_signal(routes: APIRouter, context: WebContext, root: str) -> None:
    def signal_page(name: str) -> bytes:
        entry = context.signals.get(parse_signal_id(name))
        if entry is None:
            raise NotFoundError(f"The history has no signal {name}.")
        contributions: list[dict[str, Any]] = json.loads(entry.contributions)
        try:
            card, unreadable = _find_card(context, entry), ""
        except DigestError as error:
            card, unreadable = None, DIGEST_NOTICES[error.problem]
        prices = load_signal_prices(context, entry, card)
        known_horizons = {outcome.horizon for outcome in entry.outcomes}
        return render(
            "signal.html",
            root,
            here="archive",
            name=name,
            entry=entry,
            window=window_starting(entry.window_start),
            card=card,
            unreadable=unreadable,
            contributions=contributions,
            stories=[part for part in contributions if part["kind"] == "story"],
            components=[part for part in contributions if part["kind"] == "technical"],
            company=context.companies.entry(entry.symbol),
            chart=prices.chart,
            decided_index=prices.decided_index,
            has_headline_mark=prices.has_headline_mark,
            is_adjusted=prices.is_adjusted,
            notice=prices.notice,
            traded=prices.outcomes,
            any_adjusted=any(traded.is_adjusted for traded in prices.outcomes.values()),
            open_horizons=[horizon for horizon in HORIZONS if horizon not in known_horizons],
        )

    @routes.get("/signals/{name}")
    async def get_signal(request: Request, name: Annotated[str, Path(pattern=SIGNAL_PATTERN)]) -> Response:
        # Two queries and a template: in a thread, so that the event loop goes on.
        page = await run_in_threadpool(signal_page, name)
        return conditional_response(request, Representation.from_body(page), HTML)


def _find_card(context: WebContext, entry: SignalEntry) -> Card | None:
    """Return the signal's card in its window's digest; None where it has none.

    Raises:
        DigestError: The digest can't be read.
    """
    stored = context.digests.get(entry.window_start)
    if stored is None:
        return None
    digest = Digest.from_json(stored.content)
    for card in (*digest.new, *digest.changed):
        if card.symbol == entry.symbol and card.signal_type == entry.signal_type:
            return card
    return None


def _add_record(routes: APIRouter, context: WebContext, root: str) -> None:
    def record_page() -> Representation:
        ratings = context.feedback.ratings()
        page = render(
            "record.html",
            root,
            here="record",
            record=load_record(context),
            horizon=CALIBRATION_HORIZON,
            sources=by_source(ratings),
            symbols=by_symbol(ratings),
        )
        return Representation.from_body(page)

    # The record reads every outcome: once for all requests, not once per request.
    snapshot = Snapshot(record_page, context.monotonic)

    @routes.get("/record")
    async def get_record(request: Request) -> Response:
        return conditional_response(request, await snapshot.get(), HTML)


def _add_static_file(routes: APIRouter, path: str, media_type: str) -> None:
    # Static files don't change while the server runs.
    representation = Representation.from_body(static_file(path.removeprefix("/")))

    @routes.get(path)
    async def get_static_file(request: Request) -> Response:
        return conditional_response(request, representation, media_type)
