"""`/api/v1`: digests, signals and the record as JSON, and `/healthz`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from signals_pipeline.adapters.stores.digests import StoredDigest
from signals_pipeline.core.windows import window_starting
from signals_pipeline.web import digest_schemas, responses, schemas
from signals_pipeline.web.conditional import JSON, sent
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.errors import RESPONSES
from signals_pipeline.web.permalinks import SIGNAL, SYMBOL, WINDOW, UnknownError, signal_named, window_named
from signals_pipeline.web.response_cache import CachedResponse
from signals_pipeline.web.snapshot import Snapshot

WindowName = Annotated[
    str, Query(pattern=WINDOW, description="A window's key: its start in New York", examples=["2015-02-02-17:30"])
]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page")]
NO_DIGEST = "There is no digest yet: the first run makes one."


def router(context: WebContext, *, locked: bool) -> APIRouter:
    """The API's addresses.

    Args:
        context: Where the answers come from.
        locked: A token is asked for, which the description then says.
    """
    scheme = [Depends(HTTPBearer(auto_error=False, description="SIGNALS_WEB_TOKEN"))] if locked else []
    found = APIRouter(prefix="/api/v1", responses=dict(RESPONSES), dependencies=scheme)  # pyright: ignore[reportArgumentType]
    _add_digests(found, context)
    _add_signals(found, context)
    record = Snapshot(
        lambda: CachedResponse.of(responses.record_answer(responses.record_of(context)).model_dump_json().encode()),
        context.seconds,
    )

    @found.get("/record", response_model=schemas.RecordAnswer)
    async def get_record(request: Request) -> Response:
        """How all signals did, with intervals, the base rate and whether larger scores did better."""
        return sent(request, await record.get(), JSON)

    return found


def health(context: WebContext) -> APIRouter:
    """`/healthz`."""
    found = APIRouter(responses={503: RESPONSES[503]})

    @found.get("/healthz")
    async def healthz() -> schemas.Health:
        """Whether pages and database answer, and the newest digest's window."""
        stored = await context.newest.get()
        return schemas.Health(status="ok", newest=_key(stored) if stored else None)

    return found


def _add_digests(found: APIRouter, context: WebContext) -> None:
    @found.get("/digest", response_model=digest_schemas.DigestAnswer)
    async def get_digest(request: Request, window: WindowName | None = None) -> Response:
        """The newest digest, or the one of a window."""
        if window is not None:
            return sent(
                request, await run_in_threadpool(lambda: responses.digest_bytes(context, context.digest(window))), JSON
            )
        stored = await context.newest.get()
        if stored is None:
            raise UnknownError(NO_DIGEST)
        return sent(request, responses.digest_bytes(context, stored), JSON)

    @found.get("/digests")
    def get_digests(limit: Limit = 50, before: WindowName | None = None) -> schemas.DigestList:
        """The archive, newest first; `next` of one page is `before` of the following."""
        start = window_named(before).start if before else None
        return responses.digest_list(context.digests.list(limit + 1, start), limit)


def _add_signals(found: APIRouter, context: WebContext) -> None:
    @found.get("/signals")
    def get_signals(
        limit: Limit = 50,
        after: Annotated[str | None, Query(pattern=SIGNAL, description="The last signal of the page before")] = None,
        symbol: Annotated[str | None, Query(pattern=SYMBOL, description="Only this company's")] = None,
        signal_type: schemas.SignalType | None = None,
    ) -> schemas.SignalList:
        """Signals with their outcomes so far, newest first; `next` of one page is `after` of the following."""
        last = signal_named(after) if after else None
        entries = context.signals.list(limit + 1, after=last, symbol=symbol, signal_type=signal_type)
        return responses.signal_list(entries, limit)

    @found.get("/signals/{name}")
    def get_signal(
        name: Annotated[
            str, Path(pattern=SIGNAL, description="Permanent name", examples=["2015-02-02-17:30-XOM-SELL"])
        ],
    ) -> schemas.SignalAnswer:
        """One signal with its outcomes so far."""
        entry = context.signals.get(signal_named(name))
        if entry is None:
            raise UnknownError(f"The history has no signal {name}.")
        return responses.signal_answer(entry)


def _key(stored: StoredDigest) -> str:
    return window_starting(stored.entry.window_start).key
