"""Stored signals with their outcomes, as pages and the API show them; and the number of signals of the newest windows.

This module only reads; `signal_history` records.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction
from signals_pipeline.adapters.stores.tables import Mode, signal_history, signal_outcome, window_run
from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.signal_fields import CandidateFields, DecisionFields, Lifecycle, SignalType
from signals_pipeline.core.windows import NEW_YORK, Window


@dataclass(frozen=True, slots=True)
class OutcomeEntry:
    """The outcome of a signal over one horizon; the columns of `core.tables.OUTCOMES`."""

    horizon: int
    entry_session: datetime
    exit_session: datetime
    entry: float
    exit: float
    raw_return: float
    benchmark_return: float
    net_return: float
    hit: bool
    base_rate: float
    benchmark: str
    known_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalEntry(DecisionFields, CandidateFields):
    """A signal of the history: its columns, and its outcomes, shortest horizon first."""

    model: str
    mode: str
    outcomes: tuple[OutcomeEntry, ...]

    @property
    def key(self) -> "SignalKey":
        """What identifies it; the database's own id changes when a window is derived again."""
        return SignalKey(self.window_start, self.symbol, self.signal_type)


@dataclass(frozen=True, slots=True)
class SignalKey:
    """Start of the window, symbol and signal type."""

    window_start: datetime
    symbol: str
    signal_type: str


@dataclass(frozen=True, slots=True)
class SignalFilter:
    """Which signals are wanted: those that meet every condition; an empty condition is met by all.

    Attributes:
        first_day: Decided on this day or later, New York time.
        last_day: Decided on this day or earlier.
        symbols: Of one of these companies, in capitals as the watchlist writes them.
        signal_types: Of one of these directions.
        lifecycles: With one of these lifecycles.
        modes: Decided by a run of one of these modes.
        events: Led by a story of one of these event types. Signals without one are not wanted then.
        window_start: Decided by the window that starts then.
    """

    first_day: date | None = None
    last_day: date | None = None
    symbols: tuple[str, ...] = ()
    signal_types: tuple[SignalType, ...] = ()
    lifecycles: tuple[Lifecycle, ...] = ()
    modes: tuple[Mode, ...] = ()
    events: tuple[EventType, ...] = ()
    window_start: datetime | None = None


ALL_SIGNALS = SignalFilter()


@dataclass(frozen=True, slots=True)
class CompanySignals:
    """A company with signals.

    Attributes:
        symbol: Its symbol.
        count: How many signals it has.
        newest: When the newest one was decided, UTC.
    """

    symbol: str
    count: int
    newest: datetime


@dataclass(frozen=True, slots=True)
class SignalMark:
    """What a chart shows of a signal: when it was decided (UTC), its direction, and the tone of the news then."""

    decided_at: datetime
    signal_type: SignalType
    tone: float


# Signals that `pages` reads at once: with their outcomes about 5 MB.
PAGE_SIZE = 500

_KEY_FIELDS = [field.name for field in fields(SignalKey)]
_SIGNAL_FIELDS = [field.name for field in fields(SignalEntry) if field.name != "outcomes"]
_OUTCOME_FIELDS = [field.name for field in fields(OutcomeEntry)]
_SELECT_SIGNALS = sa.select(*(signal_history.c[name] for name in _SIGNAL_FIELDS))
_SELECT_OUTCOMES = sa.select(*(signal_outcome.c[name] for name in (*_KEY_FIELDS, *_OUTCOME_FIELDS)))


class SignalReader:
    """Reads the history of signals. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(
        self, limit: int, *, after: SignalKey | None = None, wanted: SignalFilter = ALL_SIGNALS
    ) -> list[SignalEntry]:
        """Signals of the newest windows first, within one by symbol.

        Args:
            limit: Maximum number of signals.
            after: The last one of the page before.
            wanted: Only these.
        """
        # Keyset pagination: an offset would skip or repeat signals when a window is recorded between two pages.
        columns = signal_history.c
        newest_first = (columns.window_start.desc(), columns.symbol, columns.signal_type)
        query = _SELECT_SIGNALS.where(*_conditions(wanted)).order_by(*newest_first).limit(limit)
        if after is not None:
            in_earlier_window = columns.window_start < after.window_start
            later_in_same_window = sa.and_(
                columns.window_start == after.window_start,
                sa.tuple_(columns.symbol, columns.signal_type) > sa.tuple_(after.symbol, after.signal_type),
            )
            query = query.where(sa.or_(in_earlier_window, later_in_same_window))
        with read_transaction(self._engine) as connection:
            return _entries(connection, query)

    def pages(self, wanted: SignalFilter = ALL_SIGNALS, size: int = PAGE_SIZE) -> Iterator["list[SignalEntry]"]:
        """Yield all signals in the order of `list`, page by page; no connection is held between two pages.

        Args:
            wanted: Only these.
            size: Signals per page.
        """
        after = None
        while page := self.list(size, after=after, wanted=wanted):
            yield page
            after = page[-1].key

    def companies(self) -> "list[CompanySignals]":
        """The companies that have signals, by symbol."""
        columns = signal_history.c
        query = sa.select(columns.symbol, sa.func.count(), sa.func.max(columns.decided_at)).group_by(columns.symbol)
        with read_transaction(self._engine) as connection:
            companies = [CompanySignals(*row) for row in connection.execute(query)]
        # Sorted here, because collations differ between databases.
        return sorted(companies, key=lambda company: company.symbol)

    def marks(self, symbol: str, limit: int) -> "list[SignalMark]":
        """The newest signals of a company for a chart, oldest first.

        Args:
            symbol: The company's symbol.
            limit: Maximum number of signals.
        """
        columns = signal_history.c
        query = (
            sa.select(columns.decided_at, columns.signal_type, columns.tone)
            .where(columns.symbol == symbol)
            .order_by(columns.decided_at.desc(), columns.signal_type)
            .limit(limit)
        )
        with read_transaction(self._engine) as connection:
            newest_first = [SignalMark(*row) for row in connection.execute(query)]
        return newest_first[::-1]

    def get(self, key: SignalKey) -> SignalEntry | None:
        """One signal; None where the history has none with this key."""
        has_key = [signal_history.c[name] == getattr(key, name) for name in _KEY_FIELDS]
        with read_transaction(self._engine) as connection:
            entries = _entries(connection, _SELECT_SIGNALS.where(*has_key))
        return entries[0] if entries else None


def _conditions(wanted: SignalFilter) -> list[sa.ColumnElement[bool]]:
    """The conditions of a filter that are not empty."""
    columns = signal_history.c
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.first_day is not None:
        conditions.append(columns.decided_at >= _midnight(wanted.first_day))
    # Nothing is decided after the last day of the calendar, which has no next one.
    if wanted.last_day is not None and wanted.last_day < date.max:
        conditions.append(columns.decided_at < _midnight(wanted.last_day + timedelta(days=1)))

    if wanted.window_start is not None:
        conditions.append(columns.window_start == wanted.window_start)

    allowed_values = (
        (columns.symbol, wanted.symbols),
        (columns.signal_type, wanted.signal_types),
        (columns.lifecycle, wanted.lifecycles),
        (columns.mode, wanted.modes),
        (columns.event, wanted.events),
    )
    for column, values in allowed_values:
        if values:
            # Plain texts, because drivers know no enums.
            conditions.append(column.in_([str(value) for value in values]))
    return conditions


def _midnight(day: date) -> datetime:
    """The beginning of a day in New York, UTC."""
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)


def _entries(connection: Connection, query: sa.Select[Any]) -> "list[SignalEntry]":
    rows = connection.execute(query).all()
    # One query for the outcomes of the whole page.
    outcomes = _select_outcomes(connection, {row.window_start for row in rows}, {row.symbol for row in rows})
    entries: list[SignalEntry] = []
    for row in rows:
        values = dict(zip(_SIGNAL_FIELDS, row, strict=True))
        key = SignalKey(row.window_start, row.symbol, row.signal_type)
        entries.append(SignalEntry(**values, outcomes=tuple(outcomes.get(key, ()))))
    return entries


def _select_outcomes(
    connection: Connection, starts: Iterable[datetime], symbols: Iterable[str]
) -> "dict[SignalKey, list[OutcomeEntry]]":
    """The outcomes of these companies' signals in these windows, shortest horizon first."""
    in_windows = signal_outcome.c.window_start.in_(list(starts))
    of_companies = signal_outcome.c.symbol.in_(list(symbols))
    query = _SELECT_OUTCOMES.where(in_windows, of_companies).order_by(signal_outcome.c.horizon)
    outcomes: dict[SignalKey, list[OutcomeEntry]] = defaultdict(list)
    for row in connection.execute(query):
        # The columns are in the order of both classes' fields.
        key = SignalKey(*row[: len(_KEY_FIELDS)])
        outcomes[key].append(OutcomeEntry(*row[len(_KEY_FIELDS) :]))
    return outcomes


def signal_counts(engine: Engine, newest: Window, limit: int) -> list[int]:
    """Signals per window, the newest first, of the windows that were run up to and including this one.

    Args:
        engine: The pipeline's database.
        newest: The window to look back from.
        limit: Maximum number of windows.

    Raises:
        DatabaseError: the database refuses.
    """
    # An outer join, so that a window without signals counts 0.
    same_window = signal_history.c.window_start == window_run.c.window_start
    query = (
        sa.select(sa.func.count(signal_history.c.id))
        .select_from(window_run.outerjoin(signal_history, same_window))
        .where(window_run.c.window_start <= newest.start)
        .group_by(window_run.c.window_start)
        .order_by(window_run.c.window_start.desc())
        .limit(limit)
    )
    with read_transaction(engine) as connection:
        return list(connection.scalars(query))
