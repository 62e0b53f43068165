"""Stored signals as pages and the API show them, and how many the newest windows kept."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction
from signals_pipeline.adapters.stores.tables import signal_history, signal_outcome, window_run
from signals_pipeline.core.windows import Window


@dataclass(frozen=True, slots=True)
class OutcomeEntry:
    """What became of a signal over one horizon; the columns of `tables.OUTCOMES`."""

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


@dataclass(frozen=True, slots=True)
class SignalEntry:
    """A signal of the history: its columns, and its outcomes, shortest horizon first."""

    window_start: datetime
    window_end: datetime
    symbol: str
    signal_type: str
    lifecycle: str
    combined_score: float
    tone: float
    confidence_score: float
    technical: float | None
    fresh: bool
    fragile: bool
    news_title: str
    news_url: str
    contributions: str
    source: str
    model: str
    mode: str
    decided_at: datetime
    expires_at: datetime
    outcomes: tuple[OutcomeEntry, ...]

    @property
    def key(self) -> "SignalKey":
        """What names it, whatever the database's own id is after a window was derived anew."""
        return SignalKey(self.window_start, self.symbol, self.signal_type)


@dataclass(frozen=True, slots=True)
class SignalKey:
    """Start of the window, symbol and signal type."""

    window_start: datetime
    symbol: str
    signal_type: str


_TABLE = signal_history.c
_NAMES = [field.name for field in fields(SignalEntry) if field.name != "outcomes"]
_OUTCOME_NAMES = [field.name for field in fields(OutcomeEntry)]
_KEY = [field.name for field in fields(SignalKey)]
_SIGNALS = sa.select(*(_TABLE[name] for name in _NAMES))
_OUTCOMES = sa.select(*(signal_outcome.c[name] for name in (*_KEY, *_OUTCOME_NAMES)))


class SignalArchive:
    """Reads the history of signals. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(
        self,
        limit: int,
        *,
        after: SignalKey | None = None,
        symbol: str | None = None,
        signal_type: str | None = None,
    ) -> list[SignalEntry]:
        """Signals of the newest windows first, within one by symbol.

        Args:
            limit: Most that are given.
            after: The last one of the page before.
            symbol: Only this company's.
            signal_type: Only `BUY` or only `SELL`.
        """
        query = _SIGNALS.order_by(_TABLE.window_start.desc(), _TABLE.symbol, _TABLE.signal_type).limit(limit)
        if after is not None:
            later = sa.and_(
                _TABLE.window_start == after.window_start,
                sa.tuple_(_TABLE.symbol, _TABLE.signal_type) > sa.tuple_(after.symbol, after.signal_type),
            )
            query = query.where(sa.or_(_TABLE.window_start < after.window_start, later))
        if symbol is not None:
            query = query.where(_TABLE.symbol == symbol)
        if signal_type is not None:
            query = query.where(_TABLE.signal_type == signal_type)
        with read_transaction(self._engine) as connection:
            return _entries(connection, query)

    def get(self, key: SignalKey) -> SignalEntry | None:
        """One signal; None where the history has none of that name."""
        ours = (_TABLE[name] == getattr(key, name) for name in _KEY)
        with read_transaction(self._engine) as connection:
            return next(iter(_entries(connection, _SIGNALS.where(*ours))), None)


def _entries(connection: Connection, query: sa.Select[Any]) -> "list[SignalEntry]":
    rows = connection.execute(query).all()
    found = _outcomes(connection, {row.window_start for row in rows})
    return [
        SignalEntry(
            **{name: getattr(row, name) for name in _NAMES},
            outcomes=tuple(found.get(SignalKey(row.window_start, row.symbol, row.signal_type), ())),
        )
        for row in rows
    ]


def _outcomes(connection: Connection, starts: Iterable[datetime]) -> "dict[SignalKey, list[OutcomeEntry]]":
    """The outcomes of the signals of these windows, shortest horizon first."""
    found: dict[SignalKey, list[OutcomeEntry]] = {}
    query = _OUTCOMES.where(signal_outcome.c.window_start.in_(list(starts))).order_by(signal_outcome.c.horizon)
    for row in connection.execute(query):
        key = SignalKey(*(getattr(row, name) for name in _KEY))
        found.setdefault(key, []).append(OutcomeEntry(**{name: getattr(row, name) for name in _OUTCOME_NAMES}))
    return found


def signal_counts(engine: Engine, newest: Window, limit: int) -> list[int]:
    """Signals a window, the newest first, of the windows that were run up to and with this one.

    Args:
        engine: The pipeline's database.
        newest: The window to look back from.
        limit: How many windows at most.

    Raises:
        DatabaseError: the database refuses.
    """
    query = (
        sa.select(sa.func.count(signal_history.c.id))
        .select_from(window_run.outerjoin(signal_history, signal_history.c.window_start == window_run.c.window_start))
        .where(window_run.c.window_start <= newest.start)
        .group_by(window_run.c.window_start)
        .order_by(window_run.c.window_start.desc())
        .limit(limit)
    )
    with read_transaction(engine) as connection:
        return list(connection.scalars(query))
