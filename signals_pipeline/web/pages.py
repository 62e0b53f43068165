"""The pages: archive, digest, signal, record. They show what the mail shows and need no script."""

import json
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from signals_pipeline.adapters.stores.digests import DigestEntry
from signals_pipeline.core.digest.model import Card, Digest, DigestError
from signals_pipeline.core.digest.wording import tag
from signals_pipeline.core.record.engagement import by_source, by_symbol
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.windows import window_starting
from signals_pipeline.web.conditional import HTML, sent
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.permalinks import SIGNAL, WINDOW, UnknownError, signal_named, window_named
from signals_pipeline.web.response_cache import CachedResponse
from signals_pipeline.web.responses import CALIBRATED_OVER, record_of
from signals_pipeline.web.snapshot import Snapshot
from signals_pipeline.web.templating import render, static

ROWS = 40
"""Digests of one page of the archive."""

_STATIC = {"/style.css": "text/css; charset=utf-8", "/icon.svg": "image/svg+xml"}
_TITLES = {
    401: "A token is needed",
    403: "This link does not work",
    404: "Not found",
    405: "Not possible",
    422: "This address is not right",
    503: "Not available",
}


def router(context: WebContext, root: str) -> APIRouter:
    """The pages' addresses, below the path `root`."""
    found = APIRouter(include_in_schema=False)
    _add_archive(found, context, root)
    _add_signal(found, context, root)
    record = Snapshot(lambda: CachedResponse.of(_record(context, root)), context.seconds)

    @found.get("/record")
    async def get_record(request: Request) -> Response:
        return sent(request, await record.get(), HTML)

    for path, kind in _STATIC.items():
        _add_static(found, path, kind)
    return found


def message(root: str, title: str, text: str, status: int = 200) -> Response:
    """A page with a title and a sentence."""
    return Response(render("message.html", root, here="", title=title, text=text), status, media_type=HTML)


def problem(root: str, status: int, detail: str) -> Response:
    """A page that says what is wrong."""
    return message(root, _TITLES.get(status, "Something broke"), detail, status)


def _add_archive(found: APIRouter, context: WebContext, root: str) -> None:
    @found.get("/")
    def get_archive(request: Request, before: Annotated[str | None, Query(pattern=WINDOW)] = None) -> Response:
        start = window_named(before).start if before else None
        listed = context.digests.list(limit=ROWS + 1, before=start)
        entries = [(each, _untagged(each), window_starting(each.window_start)) for each in listed]
        shown = entries[:ROWS]
        following = shown[-1][2].key if len(entries) > ROWS else None
        page = render("archive.html", root, here="archive", entries=shown, before=before, next=following)
        return sent(request, CachedResponse.of(page), HTML)

    @found.get("/digests/{window}")
    def get_digest(request: Request, window: Annotated[str, Path(pattern=WINDOW)]) -> Response:
        stored = context.digest(window)
        key = ("page", stored.entry.window_start, stored.entry.sha256)
        return sent(request, context.kept.get(key, lambda: CachedResponse.of(_digest(stored.content, root))), HTML)


def _add_signal(found: APIRouter, context: WebContext, root: str) -> None:
    @found.get("/signals/{name}")
    async def get_signal(request: Request, name: Annotated[str, Path(pattern=SIGNAL)]) -> Response:
        page = await run_in_threadpool(_signal, context, root, name)
        return sent(request, CachedResponse.of(page), HTML)


def _add_static(found: APIRouter, path: str, kind: str) -> None:
    answer = CachedResponse.of(static(path.removeprefix("/")))

    @found.get(path)
    async def get_static(request: Request) -> Response:
        return sent(request, answer, kind)


def _untagged(entry: DigestEntry) -> str:
    """The subject without its mark of mode and deployment, which stands beside it."""
    return entry.subject.removeprefix(tag(entry.mode, "demo")).removeprefix(tag(entry.mode, "production"))


def _digest(content: str, root: str) -> bytes:
    digest = Digest.from_json(content)
    headline = digest.subject.removeprefix(tag(digest.mode, digest.deployment))
    return render("digest.html", root, here="archive", digest=digest, headline_text=headline)


def _signal(context: WebContext, root: str, name: str) -> bytes:
    entry = context.signals.get(signal_named(name))
    if entry is None:
        raise UnknownError(f"The history has no signal {name}.")
    parts = json.loads(entry.contributions)
    known = {each.horizon for each in entry.outcomes}
    return render(
        "signal.html",
        root,
        here="archive",
        name=name,
        entry=entry,
        window=window_starting(entry.window_start),
        card=_card(context, entry.window_start, entry.symbol, entry.signal_type),
        parts=parts,
        stories=[part for part in parts if part["kind"] == "story"],
        components=[part for part in parts if part["kind"] == "technical"],
        open=[horizon for horizon in HORIZONS if horizon not in known],
    )


def _card(context: WebContext, window_start: datetime, symbol: str, signal_type: str) -> Card | None:
    """The card with which the window's digest told the signal; None where it did not, or can't be read any more."""
    stored = context.digests.get(window_start)
    if stored is None:
        return None
    try:
        digest = Digest.from_json(stored.content)
    except DigestError:  # the signal's page stands without it, and says that it does
        return None
    cards = (*digest.new, *digest.changed)
    return next((each for each in cards if (each.symbol, each.signal_type) == (symbol, signal_type)), None)


def _record(context: WebContext, root: str) -> bytes:
    verdicts = context.feedback.verdicts()
    return render(
        "record.html",
        root,
        here="record",
        record=record_of(context),
        horizon=CALIBRATED_OVER,
        sources=by_source(verdicts),
        symbols=by_symbol(verdicts),
    )
