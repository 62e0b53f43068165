"""Daily bars as traded, their corrections, and the splits and dividends that adjust them.

What was first seen stays: a vendor's later correction of a stored session is a row of its own, which counts from when
it was seen (`core.prices.corrections`), and one of an action is left out. How far back each symbol was asked for is
stored too, so that a listing younger than the history asked for is not asked for again and again. Adjustment is in
`core.prices.adjustment`; `adapters.prices.live` calls the vendor.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import bar_correction, bar_reach, corporate_action, daily_bar
from signals_pipeline.adapters.stores.upsert import insert_or_ignore

_PRICE_COLUMNS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Span:
    """What is stored of one symbol.

    Attributes:
        asked_from: The earliest date from which on it was asked for.
        last: Its last stored session; None where it has none.
    """

    asked_from: date
    last: date | None


class BarRepository:
    """Bars and actions by symbol and session. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored bars of sessions from start to end as first seen, as `feeds.PriceSource.bars` delivers them."""
        names = ("symbol", "session", *_PRICE_COLUMNS)
        frame = self._select_frame(daily_bar, names, symbols, start, end)
        return frame.astype(dict.fromkeys(_PRICE_COLUMNS, "float64"))

    def sources(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """The vendor of each stored bar of sessions from start to end: symbol, session, source (str)."""
        frame = self._select_frame(daily_bar, ("symbol", "session", "source"), symbols, start, end)
        return frame.astype({"source": "str"})

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored corrections of bars from start to end, both included, as `feeds.PriceSource.corrections` says."""
        names = ("symbol", "session", *_PRICE_COLUMNS, "first_seen_at")
        frame = self._select_frame(bar_correction, names, symbols, start, end)
        frame["first_seen_at"] = pd.to_datetime(frame["first_seen_at"], utc=True).astype("datetime64[us, UTC]")
        return frame.astype(dict.fromkeys(_PRICE_COLUMNS, "float64"))

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored actions with an ex-date from start to end, both included, as `feeds.PriceSource.actions` says."""
        frame = self._select_frame(corporate_action, ("symbol", "session", "kind", "value"), symbols, start, end)
        return frame.astype({"kind": "str", "value": "float64"})

    def spans(self, symbols: Sequence[str]) -> dict[str, Span]:
        """What is stored, by symbol; a symbol that was never asked for is not there."""
        newest_sessions = (
            sa.select(daily_bar.c.symbol, sa.func.max(daily_bar.c.session).label("last"))
            .where(daily_bar.c.symbol.in_(symbols))
            .group_by(daily_bar.c.symbol)
            .subquery()
        )
        query = (
            sa.select(bar_reach.c.symbol, bar_reach.c.asked_from, newest_sessions.c.last)
            .outerjoin_from(bar_reach, newest_sessions, newest_sessions.c.symbol == bar_reach.c.symbol)
            .where(bar_reach.c.symbol.in_(symbols))
        )
        with read_transaction(self._engine) as connection:
            return {row.symbol: Span(row.asked_from, row.last) for row in connection.execute(query)}

    def versions(self, end: date) -> dict[str, tuple[date, int]]:
        """By symbol the newest session up to a date, and how many corrections and actions there are.

        Bars never change in place: what is shown of a symbol stays the same while both stay the same.
        """
        changes: Counter[str] = Counter()
        newest = sa.select(daily_bar.c.symbol, sa.func.max(daily_bar.c.session)).where(daily_bar.c.session <= end)
        with read_transaction(self._engine) as connection:
            for table in (bar_correction, corporate_action):
                counts = sa.select(table.c.symbol, sa.func.count()).group_by(table.c.symbol)
                for symbol, count in connection.execute(counts):
                    changes[symbol] += count
            rows = connection.execute(newest.group_by(daily_bar.c.symbol)).all()
            return {symbol: (session, changes[symbol]) for symbol, session in rows}

    def put(
        self,
        bars: pd.DataFrame,
        actions: pd.DataFrame,
        *,
        corrections: pd.DataFrame | None = None,
        asked: dict[str, date],
        source: str,
        seen_at: datetime,
    ) -> int:
        """Store what is new, all or none; what is already there stays as it is, also when two processes put at once.

        Args:
            bars: Bars as traded: symbol, session, open, high, low, close, volume.
            actions: Splits and dividends: symbol, session, kind, value as paid.
            corrections: Bars of stored sessions that the vendor now reports otherwise; None where there are none.
            asked: From which date on each symbol was asked for, also one for which no bar came.
            source: The vendor.
            seen_at: When it was received, aware.

        Returns:
            How many bars were new.
        """
        with write_transaction(self._engine, alone=True) as connection:
            added = _insert(connection, daily_bar, _to_rows(bars, source, seen_at))
            _insert(connection, corporate_action, _to_rows(actions, source, seen_at))
            if corrections is not None:
                _insert(connection, bar_correction, _to_rows(corrections, source, seen_at))

            # Record how far back each symbol was asked for, and move a date that is there already only backwards.
            reach = [{"symbol": symbol, "asked_from": day, "updated_at": seen_at} for symbol, day in asked.items()]
            _insert(connection, bar_reach, reach)
            for row in reach:
                reaches_less = sa.and_(bar_reach.c.symbol == row["symbol"], bar_reach.c.asked_from > row["asked_from"])
                connection.execute(sa.update(bar_reach).where(reaches_less).values(**row))
        return added

    def _select_frame(
        self, table: sa.Table, names: Sequence[str], symbols: Sequence[str], start: date, end: date
    ) -> pd.DataFrame:
        query = (
            sa.select(*[table.c[name] for name in names])
            .where(table.c.symbol.in_(symbols), table.c.session.between(start, end))
            .order_by(*table.primary_key.columns)
        )
        with read_transaction(self._engine) as connection:
            # Plain tuples, because pandas looks for field names in each of SQLAlchemy's rows, which is slow.
            rows = [tuple(row) for row in connection.execute(query)]
        frame = pd.DataFrame.from_records(rows, columns=list(names))
        frame["symbol"] = frame["symbol"].astype("str")
        frame["session"] = pd.to_datetime(frame["session"]).astype("datetime64[us]")
        # Sorted again, because collations differ between databases and the order of a frame must not.
        key = [column.name for column in table.primary_key.columns]
        return frame.sort_values(key, ignore_index=True)


def _insert(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows that are not there yet; how many that were."""
    if not rows:
        return 0
    # Counted before and after: a batch's row count is not reliable in every driver.
    count = sa.select(sa.func.count()).select_from(table)
    before = connection.execute(count).scalar_one()
    connection.execute(insert_or_ignore(connection, table), rows)
    return connection.execute(count).scalar_one() - before


def _to_rows(frame: pd.DataFrame, source: str, seen_at: datetime) -> list[dict[str, Any]]:
    complete = frame.assign(session=frame["session"].dt.date, source=source, first_seen_at=seen_at)
    rows: list[dict[str, Any]] = complete.to_dict("records")  # pyright: ignore[reportAssignmentType]  # names are str
    return rows
