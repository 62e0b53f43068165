"""Pages to look things up: companies with a search, one company, all signals with filters, and the glossary."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from signals_pipeline.adapters.stores.signals import SignalEntry, SignalFilter, SignalKey, SignalMark
from signals_pipeline.core.digest.glossary import GLOSSARY
from signals_pipeline.core.digest.wording import EVENT_NAMES
from signals_pipeline.core.prices.traded_history import TradedHistory
from signals_pipeline.web.charts import Mark, PriceChart
from signals_pipeline.web.companies import MAXIMUM_QUERY, CompanyEntry, search
from signals_pipeline.web.conditional import HTML, Representation, conditional_response
from signals_pipeline.web.context import WebContext
from signals_pipeline.web.page_prices import load_history
from signals_pipeline.web.permalinks import SIGNAL_PATTERN, SYMBOL_PATTERN, NotFoundError, parse_signal_id, signal_id
from signals_pipeline.web.signal_queries import DEFAULT_LIMIT, SignalPage, parse_form
from signals_pipeline.web.snapshot import Snapshot
from signals_pipeline.web.templating import render

# A year of sessions, and the signals that are marked on them: more could not be told apart.
CHART_DAYS = 365
MAXIMUM_MARKS = 120

_LIFECYCLES = [(name, name) for name in ("new", "stronger", "flipped")]

# Signals of a list with the names of their pages and companies, and the name of the last one where there are more.
Rows = tuple[list[tuple[SignalEntry, str, str]], str | None]


def router(context: WebContext, root: str) -> APIRouter:
    """Return the routes of these pages, below the path `root`."""
    routes = APIRouter(include_in_schema=False)
    _add_glossary(routes, root)
    _add_companies(routes, context, root)
    _add_signals(routes, context, root)
    return routes


def _add_glossary(routes: APIRouter, root: str) -> None:
    # The words don't change while the server runs.
    page = Representation.from_body(render("glossary.html", root, here="glossary", topics=GLOSSARY))

    @routes.get("/glossary")
    async def get_glossary(request: Request) -> Response:
        return conditional_response(request, page, HTML)


def _add_companies(routes: APIRouter, context: WebContext, root: str) -> None:
    def load_companies() -> list[CompanyEntry]:
        return context.companies.entries(context.signals.companies())

    # Counting reads every signal's symbol: once for all requests.
    companies = Snapshot(load_companies, context.monotonic)

    @routes.get("/companies")
    async def get_companies(request: Request, q: Annotated[str, Query(max_length=MAXIMUM_QUERY)] = "") -> Response:
        entries = await companies.get()
        query = q.strip()
        found = search(entries, query) if query else entries
        page = render("companies.html", root, here="companies", query=query, entries=found, total=len(entries))
        return conditional_response(request, Representation.from_body(page), HTML)

    @routes.get("/companies/{symbol}")
    def get_company(
        request: Request,
        symbol: Annotated[str, Path(pattern=SYMBOL_PATTERN)],
        after: Annotated[str | None, Query(pattern=SIGNAL_PATTERN)] = None,
    ) -> Response:
        company = context.companies.entry(symbol.upper())
        is_followed = context.companies.is_followed(company.symbol)
        last = parse_signal_id(after) if after else None
        entries, next_after = _load_rows(context, SignalFilter(symbols=(company.symbol,)), last)
        if not entries and not is_followed and not after:
            raise NotFoundError(f"No company {company.symbol} is followed, and none has had a signal.")

        # The pages of older signals have no charts: those show the newest.
        marks = [] if after else context.signals.marks(company.symbol, MAXIMUM_MARKS)
        chart, notice = (None, "") if after else _company_chart(context, company.symbol, marks)
        page = render(
            "company.html",
            root,
            here="companies",
            company=company,
            is_followed=is_followed,
            after=after,
            chart=chart,
            notice=notice,
            marks=marks,
            tones=[(mark.signal_type, mark.tone) for mark in marks],
            entries=entries,
            next=next_after,
        )
        return conditional_response(request, Representation.from_body(page), HTML)


def _company_chart(context: WebContext, symbol: str, marks: list[SignalMark]) -> tuple[PriceChart | None, str]:
    """Return the chart of the last year of prices with the signals on it, and what to say where there is none."""
    now = context.now()
    # The bars of a recording, or of a company that is not followed any more, end before now.
    newest = min(now, marks[-1].decided_at) if marks else now
    stored, notice = load_history(context, symbol, (newest - timedelta(days=CHART_DAYS)).date(), now)
    history = stored.last_days(CHART_DAYS)
    if not history.sessions:
        return None, notice
    return PriceChart(history.sessions, history.closes, _signal_marks(history, marks)), ""


def _signal_marks(history: TradedHistory, marks: list[SignalMark]) -> tuple[Mark, ...]:
    """Return the signals on the last close before each; those before the first close are left out."""
    placed: list[Mark] = []
    for mark in marks:
        count = history.count_before(mark.decided_at)
        if count:
            placed.append(Mark(count - 1, mark.signal_type))
    return tuple(placed)


def _add_signals(routes: APIRouter, context: WebContext, root: str) -> None:
    @routes.get("/signals")
    def get_signals(request: Request) -> Response:
        asked = parse_form(request.scope["query_string"])
        entries, next_after = _load_rows(context, asked.wanted, asked.last)
        conditions = _conditions(asked)
        page = render(
            "signals.html",
            root,
            here="signals",
            title=_title(asked),
            asked=asked,
            is_filtered=bool(conditions),
            entries=entries,
            lifecycles=_LIFECYCLES,
            events=sorted(EVENT_NAMES.items(), key=lambda event: event[1]),
            newest=_address(conditions) if asked.after else None,
            next=_address([*conditions, ("after", next_after)]) if next_after else None,
            table=_address(conditions),
        )
        return conditional_response(request, Representation.from_body(page), HTML)


def _load_rows(context: WebContext, wanted: SignalFilter, last: SignalKey | None) -> Rows:
    """Return a page of signals, and the name after which the next page begins; None on the last one."""
    # One more signal than shown says whether there is another page.
    found = context.signals.list(DEFAULT_LIMIT + 1, after=last, wanted=wanted)
    shown = found[:DEFAULT_LIMIT]
    rows = [(entry, signal_id(entry.key), context.companies.entry(entry.symbol).name) for entry in shown]
    return rows, rows[-1][1] if len(found) > DEFAULT_LIMIT else None


def _conditions(asked: SignalPage) -> list[tuple[str, str]]:
    """Return the filters of a page as parameters."""
    given = asked.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"limit", "after"})
    conditions: list[tuple[str, str]] = []
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        conditions.extend((name, str(each)) for each in values)
    return conditions


def _address(parameters: list[tuple[str, str]]) -> str:
    """Return parameters as they stand in an address; empty without any."""
    return f"?{urlencode(parameters)}" if parameters else ""


def _title(asked: SignalPage) -> str:
    """Return the heading of a list, which says what it was filtered by: a list that is whole says so, too."""
    words = [*asked.signal_type, *asked.lifecycle, *(EVENT_NAMES[event] for event in asked.event), *asked.mode]
    companies = ", ".join(asked.symbol)
    title = f"Signals: {', '.join(words)}" if words else "Signals"
    if companies:
        title = f"{title} of {companies}"
    if asked.first_day:
        title = f"{title} from {asked.first_day}"
    if asked.last_day:
        title = f"{title} to {asked.last_day}"
    return "All signals" if title == "Signals" else title
