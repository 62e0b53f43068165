"""The store of daily bars as traded, and of the splits and dividends that adjust them.

What was first seen stays: a vendor's later correction of a stored session or action does not reach what was told
from it. How far back a symbol has been asked for is kept beside its bars, so that a listing younger than the history
asked for is not asked for again and again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import bar_reach, corporate_action, daily_bar

_PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Span:
    """What is stored of one symbol.

    Attributes:
        asked_from: The earliest date from which on it was asked for.
        last: Its last stored session; None where it has none.
    """

    asked_from: date
    last: date | None


class BarStore:
    """Bars and actions by symbol and session. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored bars of sessions from start to end, both included, as `feeds.PriceSource.bars` delivers them."""
        names = ("symbol", "session", *_PRICES)
        frame = self._frame(daily_bar, names, symbols, start, end)
        return frame.astype(dict.fromkeys(_PRICES, "float64"))

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Stored actions with an ex-date from start to end, both included, as `feeds.PriceSource.actions` says."""
        frame = self._frame(corporate_action, ("symbol", "session", "kind", "value"), symbols, start, end)
        return frame.astype({"kind": "str", "value": "float64"})

    def spans(self, symbols: Sequence[str]) -> dict[str, Span]:
        """What is stored, by symbol; a symbol that was never asked for is not there."""
        last = sa.select(daily_bar.c.symbol, sa.func.max(daily_bar.c.session).label("last")).group_by(
            daily_bar.c.symbol
        )
        newest = last.where(daily_bar.c.symbol.in_(symbols)).subquery()
        query = (
            sa.select(bar_reach.c.symbol, bar_reach.c.asked_from, newest.c.last)
            .outerjoin_from(bar_reach, newest, newest.c.symbol == bar_reach.c.symbol)
            .where(bar_reach.c.symbol.in_(symbols))
        )
        with read_transaction(self._engine) as connection:
            return {row.symbol: Span(row.asked_from, row.last) for row in connection.execute(query)}

    def put(
        self, bars: pd.DataFrame, actions: pd.DataFrame, *, asked: dict[str, date], source: str, seen_at: datetime
    ) -> int:
        """Keep what is new, all or none; what is already there stays as it is, also when two processes put at once.

        Args:
            bars: Bars as traded: symbol, session, open, high, low, close, volume.
            actions: Splits and dividends: symbol, session, kind, value as paid.
            asked: From which date on each symbol was asked for, also one without an answer's bar.
            source: The vendor.
            seen_at: When it was received, aware.

        Returns:
            How many bars were new.
        """
        with write_transaction(self._engine, alone=True) as connection:
            kept = self._insert(connection, daily_bar, _rows(bars, source, seen_at))
            self._insert(connection, corporate_action, _rows(actions, source, seen_at))
            reach = [{"symbol": symbol, "asked_from": day, "updated_at": seen_at} for symbol, day in asked.items()]
            self._insert(connection, bar_reach, reach)
            for row in reach:
                earlier = sa.and_(bar_reach.c.symbol == row["symbol"], bar_reach.c.asked_from > row["asked_from"])
                connection.execute(sa.update(bar_reach).where(earlier).values(**row))
        return kept

    def _frame(
        self, table: sa.Table, names: Sequence[str], symbols: Sequence[str], start: date, end: date
    ) -> pd.DataFrame:
        query = (
            sa.select(*[table.c[name] for name in names])
            .where(table.c.symbol.in_(symbols), table.c.session.between(start, end))
            .order_by(*table.primary_key.columns)
        )
        with read_transaction(self._engine) as connection:
            rows = [tuple(row) for row in connection.execute(query)]  # pandas looks for names in each row of SQLAlchemy
        # Collations differ between databases; the order of a frame must not.
        frame = pd.DataFrame.from_records(rows, columns=list(names))
        frame["symbol"] = frame["symbol"].astype("str")
        frame["session"] = pd.to_datetime(frame["session"]).astype("datetime64[us]")
        return frame.sort_values([column.name for column in table.primary_key.columns], ignore_index=True)

    def _insert(self, connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
        if not rows:
            return 0
        insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        before = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        connection.execute(insert(table).on_conflict_do_nothing(), rows)
        return (connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0) - before


def _rows(frame: pd.DataFrame, source: str, seen_at: datetime) -> list[dict[str, Any]]:
    said = frame.assign(session=frame["session"].dt.date, source=source, first_seen_at=seen_at)
    return [{str(name): value for name, value in row.items()} for row in said.to_dict("records")]
