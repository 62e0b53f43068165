"""`/api/v1`: digests, signals and the track record as JSON, signals as CSV and Parquet too."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from signals_pipeline.adapters.signal_table import csv_header, csv_rows, table_bytes
from signals_pipeline.adapters.stores.signals import SignalFilter, SignalKey
from signals_pipeline.web import digest_schemas, responses, schemas
from signals_pipeline.web.conditional import CSV, JSON, PARQUET, Representation, conditional_response
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.errors import RESPONSES, UNREADABLE_RESPONSE
from signals_pipeline.web.permalinks import (
    SIGNAL_PATTERN,
    WINDOW_PATTERN,
    NotFoundError,
    parse_signal_id,
    parse_window_key,
)
from signals_pipeline.web.signal_queries import (
    DEFAULT_LIMIT,
    MAXIMUM_LIMIT,
    SignalConditions,
    SignalPage,
    openapi_parameters,
    parse_conditions,
    parse_page,
)
from signals_pipeline.web.snapshot import Snapshot, SnapshotCache

WindowKey = Annotated[
    str | None,
    Query(
        pattern=WINDOW_PATTERN,
        description="A window's key: its start in New York time",
        examples=["2015-02-02-17:30"],
    ),
]
WindowPath = Annotated[
    str,
    Path(
        pattern=WINDOW_PATTERN, description="A window's key: its start in New York time", examples=["2015-02-02-17:30"]
    ),
]
SignalId = Annotated[
    str, Path(pattern=SIGNAL_PATTERN, description="The signal's permanent name", examples=["2015-02-02-17:30-XOM-SELL"])
]
Limit = Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT, description="Maximum items per page")]

# Pages of signals that are in memory at the same time; the largest have 600 kB.
MAXIMUM_PAGES = 32

# CSV files whose rows are read at the same time. A file may have the whole history; others wait, and readers of pages
# keep most connections of the database.
MAXIMUM_CSV_READERS = 2

# For the API's description.
_CSV_RESPONSE: dict[str, Any] = {
    "description": "A row per signal; a text that a spreadsheet would take for a formula begins with an apostrophe",
    "content": {CSV: {"schema": {"type": "string"}}},
}


_PARQUET_RESPONSE: dict[str, Any] = {
    "description": "A row per signal",
    "content": {PARQUET: {"schema": {"type": "string", "format": "binary"}}},
}


@dataclass(frozen=True, slots=True)
class SignalQuery:
    """What a page of signals shows.

    Attributes:
        limit: Maximum number of signals.
        after: The last signal of the page before.
        wanted: Only these signals.
    """

    limit: int
    after: SignalKey | None
    wanted: SignalFilter


def router(context: WebContext, *, requires_token: bool) -> APIRouter:
    """Return the routes of the API.

    Args:
        context: Where the data comes from.
        requires_token: The API's description asks for a token. `SecurityMiddleware` checks it.
    """
    # Only for the description: without `auto_error` it refuses nobody.
    dependencies = []
    if requires_token:
        dependencies.append(Depends(HTTPBearer(auto_error=False, description="SIGNALS_WEB_TOKEN")))
    # FastAPI's stub wants a wider type of dictionary.
    routes = APIRouter(prefix="/api/v1", responses=dict(RESPONSES), dependencies=dependencies)  # pyright: ignore[reportArgumentType]
    _add_digests(routes, context)
    _add_signals(routes, context)
    _add_record(routes, context)
    return routes


def _add_digests(routes: APIRouter, context: WebContext) -> None:
    @routes.get("/digest", response_model=digest_schemas.DigestResponse, responses={501: UNREADABLE_RESPONSE})
    async def get_digest(request: Request, window: WindowKey = None) -> Response:
        """The newest digest, or the digest of one window."""
        # A window's digest is read from the database, in a thread.
        if window is not None:
            representation = await run_in_threadpool(lambda: responses.digest_representation(context.digest(window)))
            return conditional_response(request, representation, JSON)
        # In the event loop: while the newest digest stays the same, this is one lookup in the cache.
        stored = await context.newest_digest.get()
        if stored is None:
            raise NotFoundError("No digest yet: the first run creates one.")
        return conditional_response(request, responses.digest_representation(stored), JSON)

    @routes.get("/digests/{window}/revisions")
    def get_revisions(window: WindowPath) -> schemas.RevisionList:
        """What the window decided when it was run again after its digest was sent, oldest first."""
        start = context.digest(window).entry.window_start
        return responses.revision_list(context.revisions.list(start))

    @routes.get("/digests")
    def get_digests(limit: Limit = DEFAULT_LIMIT, before: WindowKey = None) -> schemas.DigestList:
        """The archive, newest first. Pass `next` of one page as `before` for the following page."""
        start = parse_window_key(before).start if before else None
        # One more entry than shown says whether there is another page.
        return responses.digest_list(context.digests.list(limit + 1, start), limit)


def _add_signals(routes: APIRouter, context: WebContext) -> None:
    def load_page(query: SignalQuery) -> Representation:
        # One more signal than shown says whether there is another page.
        entries = context.signals.list(query.limit + 1, after=query.after, wanted=query.wanted)
        page = responses.signal_list(entries, query.limit)
        return Representation.from_body(page.model_dump_json().encode())

    pages = SnapshotCache(load_page, context.monotonic, MAXIMUM_PAGES)
    csv_readers = CapacityLimiter(MAXIMUM_CSV_READERS)
    # One at a time: the whole file is in memory, some 30 MB for 100,000 signals.
    parquet_readers = CapacityLimiter(1)

    @routes.get("/signals", response_model=schemas.SignalList, openapi_extra=openapi_parameters(SignalPage))
    async def get_signals(request: Request) -> Response:
        """Signals with their outcomes so far, newest first. Pass `next` of one page as `after` for the following."""
        asked = parse_page(request.scope["query_string"])
        # Keyset pagination: new signals do not shift the pages.
        page = await pages.get(SignalQuery(asked.limit, asked.last, asked.wanted))
        return conditional_response(request, page, JSON)

    @routes.get(
        "/signals.csv",
        response_class=Response,
        responses={200: _CSV_RESPONSE},
        openapi_extra=openapi_parameters(SignalConditions),
    )
    async def get_signals_csv(request: Request) -> Response:
        """All signals with their outcomes so far as one table, newest first."""
        parts = _csv_parts(context, parse_conditions(request.scope["query_string"]).wanted)
        # Before the response begins, so that a failure has its own status.
        first = await to_thread.run_sync(next, parts, limiter=csv_readers)

        async def stream() -> AsyncIterator[bytes]:
            yield first
            # A failure now breaks the connection off: the client sees that the file is not whole.
            while part := await to_thread.run_sync(next, parts, b"", limiter=csv_readers):
                yield part

        headers = {"cache-control": "private, no-cache", "content-disposition": 'attachment; filename="signals.csv"'}
        return StreamingResponse(stream(), headers=headers, media_type=CSV)

    @routes.get(
        "/signals.parquet",
        response_class=Response,
        responses={200: _PARQUET_RESPONSE},
        openapi_extra=openapi_parameters(SignalConditions),
    )
    async def get_signals_parquet(request: Request) -> Response:
        """The same table as a Parquet file, with types, meanings and units of its columns."""
        wanted = parse_conditions(request.scope["query_string"]).wanted

        def table() -> bytes:
            pages = ([responses.plain_entry(entry) for entry in page] for page in context.signals.pages(wanted))
            return table_bytes(pages, "parquet")

        # The file is complete before it is sent: its index comes last.
        body = await to_thread.run_sync(table, limiter=parquet_readers)
        headers = {
            "cache-control": "private, no-cache",
            "content-disposition": 'attachment; filename="signals.parquet"',
        }
        return Response(body, headers=headers, media_type=PARQUET)

    @routes.get("/signals/{name}")
    def get_signal(name: SignalId) -> schemas.SignalResponse:
        """One signal with its outcomes so far."""
        entry = context.signals.get(parse_signal_id(name))
        if entry is None:
            raise NotFoundError(f"The history has no signal {name}.")
        return responses.signal_response(entry)


def _csv_parts(context: WebContext, wanted: SignalFilter) -> Iterator[bytes]:
    """Yield the table of signals: its header, then page by page."""
    yield csv_header().encode()
    for page in context.signals.pages(wanted):
        yield csv_rows(responses.plain_entry(entry) for entry in page).encode()


def _add_record(routes: APIRouter, context: WebContext) -> None:
    def load_record() -> Representation:
        record = responses.record_response(responses.load_record(context))
        return Representation.from_body(record.model_dump_json().encode())

    # The record reads every outcome: once for all requests, not once per request.
    snapshot = Snapshot(load_record, context.monotonic)

    @routes.get("/record", response_model=schemas.RecordResponse)
    async def get_record(request: Request) -> Response:
        """The track record: hit rates with intervals and base rates, and whether larger scores do better."""
        return conditional_response(request, await snapshot.get(), JSON)
