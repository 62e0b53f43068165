"""The earnings calendar in the database: rows as first seen, never changed, and visits to their source.

What the rows mean at an instant is decided in `core.prices.earnings`; `adapters.earnings.live` visits the source.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import earnings_date, earnings_visit
from signals_pipeline.core.prices.earnings import EarningsCalendar, EarningsDate, ReportTime, Visit

# The smallest step between two rows of a company, for a clock that was put back.
_STEP = timedelta(microseconds=1)
# Visits among which the last answer is looked for; one before them is old enough not to matter.
_RECENT_VISITS = 20


class EarningsRepository:
    """Rows by symbol and first sight. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def calendar(self, source: str, symbols: Sequence[str]) -> EarningsCalendar:
        """The rows of these symbols, and all visits to the source, of any age."""
        with read_transaction(self._engine) as connection:
            of_symbols = earnings_date.c.symbol.in_(symbols)
            rows = [_row(stored) for stored in connection.execute(sa.select(earnings_date).where(of_symbols))]
            of_source = earnings_visit.c.source == source
            visits = [
                Visit(stored.visited_at, frozenset(stored.answered), stored.detail)
                for stored in connection.execute(sa.select(earnings_visit).where(of_source))
            ]
        return EarningsCalendar.build(source, rows, visits, live=True)

    def last_answer(self, source: str) -> datetime | None:
        """When the source last answered about any company; None if never."""
        columns = (earnings_visit.c.visited_at, earnings_visit.c.answered)
        newest_first = (
            sa.select(*columns)
            .where(earnings_visit.c.source == source)
            .order_by(earnings_visit.c.visited_at.desc())
            .limit(_RECENT_VISITS)
        )
        with read_transaction(self._engine) as connection:
            visits = connection.execute(newest_first).all()
        return next((visit.visited_at for visit in visits if visit.answered), None)

    def put(self, source: str, rows: Iterable[EarningsDate], visit: Visit, *, calls: int) -> tuple[EarningsDate, ...]:
        """Store a visit and what it announced that differs from the newest row of its company, all or nothing.

        Args:
            source: Name of the source.
            rows: One per company at most.
            visit: The visit.
            calls: Requests sent.

        Returns:
            The rows that are new, as stored.
        """
        stored: list[EarningsDate] = []
        with write_transaction(self._engine, alone=True) as connection:
            for row in rows:
                newest = _newest(connection, row.symbol)
                if newest is not None and newest.says_the_same(row):
                    continue
                # A clock that was put back must not hide a row behind an earlier one: it counts from just after it.
                first_seen_at = (
                    row.first_seen_at if newest is None else max(row.first_seen_at, newest.first_seen_at + _STEP)
                )
                new = EarningsDate(row.symbol, row.day, row.time, row.estimated, first_seen_at)
                connection.execute(sa.insert(earnings_date), _values(new, source))
                stored.append(new)
            connection.execute(
                sa.insert(earnings_visit),
                {
                    "source": source,
                    "visited_at": visit.visited_at,
                    "answered": sorted(visit.answered),
                    "calls": calls,
                    "detail": visit.detail,
                },
            )
        return tuple(stored)


def _newest(connection: Connection, symbol: str) -> EarningsDate | None:
    query = (
        sa.select(earnings_date)
        .where(earnings_date.c.symbol == symbol)
        .order_by(earnings_date.c.first_seen_at.desc())
        .limit(1)
    )
    stored = connection.execute(query).one_or_none()
    return None if stored is None else _row(stored)


def _row(stored: "sa.Row[tuple[object, ...]]") -> EarningsDate:
    return EarningsDate(
        stored.symbol, stored.day, ReportTime(stored.report_time), stored.estimated, stored.first_seen_at
    )


def _values(row: EarningsDate, source: str) -> dict[str, object]:
    return {
        "symbol": row.symbol,
        "first_seen_at": row.first_seen_at,
        "day": row.day,
        "report_time": row.time.value,
        "estimated": row.estimated,
        "source": source,
    }
