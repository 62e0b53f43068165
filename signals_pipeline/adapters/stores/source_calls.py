"""The ledger of calls to vendors: one budget per vendor and period, shared by all runs and processes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import source_call
from signals_pipeline.adapters.stores.upsert import insert_or_update
from signals_pipeline.core.news.quotas import Forecast, Limit, forecast


class SourceCallLedger:
    """Calls made, by vendor. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def reserve(self, vendor: str, limits: Sequence[Limit], now: datetime, wanted: int = 1) -> int:
        """Reserve calls before they are made, as many as all limits leave.

        Two processes never get more than the limits together. A call that then fails counts all the same.

        Args:
            vendor: Name of the vendor.
            limits: What it allows; at most one per period.
            now: Aware instant; days are UTC's.
            wanted: Calls wanted, 1 or more.

        Returns:
            Calls granted, 0 to `wanted`.
        """
        with write_transaction(self._engine, alone=True) as connection:
            # Alone: between reading and writing no other process may reserve.
            spent = {limit: _select_calls(connection, vendor, limit, now) for limit in limits}
            remaining = [limit.calls - calls for limit, calls in spent.items()]
            # A limit that was lowered since may be overdrawn.
            granted = max(0, min([wanted, *remaining]))
            if granted:
                for limit, calls in spent.items():
                    _upsert_calls(connection, vendor, limit, now, calls + granted)
        return granted

    def spent(self, vendor: str, limit: Limit, now: datetime) -> int:
        """Calls made in the current period of this limit."""
        with read_transaction(self._engine) as connection:
            return _select_calls(connection, vendor, limit, now)

    def forecast(self, vendor: str, limits: Sequence[Limit], now: datetime, label: str = "") -> Forecast:
        """What is left under the tightest limit, and when it runs out; see `core.news.quotas.forecast`."""
        forecasts = [forecast(label or vendor, limit, self.spent(vendor, limit, now), now) for limit in limits]
        return min(forecasts, key=lambda item: item.left)


def _select_calls(connection: Connection, vendor: str, limit: Limit, now: datetime) -> int:
    is_bucket = sa.and_(source_call.c.vendor == limit.bucket(vendor, now), source_call.c.day == _utc_day(now))
    return connection.scalar(sa.select(source_call.c.calls).where(is_bucket)) or 0


def _upsert_calls(connection: Connection, vendor: str, limit: Limit, now: datetime, calls: int) -> None:
    row = {"vendor": limit.bucket(vendor, now), "day": _utc_day(now), "calls": calls}
    upsert = insert_or_update(connection, source_call, key=["vendor", "day"], columns=["calls"])
    connection.execute(upsert, row)


def _utc_day(now: datetime) -> date:
    return now.astimezone(UTC).date()
