"""The ledger of calls to vendors: one budget a vendor and period, shared by all runs and processes."""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import source_call
from signals_pipeline.core.news.quotas import Forecast, Limit, forecast


class SourceCalls:
    """Calls spent by vendor. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def reserve(self, vendor: str, limits: Sequence[Limit], now: datetime, wanted: int = 1) -> int:
        """Take calls out of the budget before they are made, as many as all limits leave, counted at once.

        Two processes never get more than the limits together. A call that then fails was still made.

        Args:
            vendor: Name of the vendor.
            limits: What it allows; none of a period twice.
            now: Aware instant; the day is UTC's.
            wanted: Calls wanted, 1 or more.

        Returns:
            Calls granted, 0 to `wanted`.
        """
        with write_transaction(self._engine, alone=True) as connection:
            spent = {limit: _spent(connection, vendor, limit, now) for limit in limits}
            granted = max(0, min([wanted, *(limit.calls - calls for limit, calls in spent.items())]))
            for limit, calls in spent.items():
                if granted:
                    _put(connection, vendor, limit, now, calls + granted)
        return granted

    def spent(self, vendor: str, limit: Limit, now: datetime) -> int:
        """Calls made in the running period of this limit."""
        with read_transaction(self._engine) as connection:
            return _spent(connection, vendor, limit, now)

    def forecast(self, vendor: str, limits: Sequence[Limit], now: datetime, label: str = "") -> Forecast:
        """What is left under the limit that leaves least, and when it runs out; see `core.quotas.forecast`."""
        told = [forecast(label or vendor, limit, self.spent(vendor, limit, now), now) for limit in limits]
        return min(told, key=lambda each: each.left)


def _spent(connection: Connection, vendor: str, limit: Limit, now: datetime) -> int:
    query = sa.select(source_call.c.calls).where(*_place(vendor, limit, now))
    return connection.scalar(query) or 0


def _place(vendor: str, limit: Limit, now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return source_call.c.vendor == limit.bucket(vendor, now), source_call.c.day == now.astimezone(UTC).date()


def _put(connection: Connection, vendor: str, limit: Limit, now: datetime, calls: int) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"vendor": limit.bucket(vendor, now), "day": now.astimezone(UTC).date(), "calls": calls}
    changed = insert(source_call).on_conflict_do_update(index_elements=["vendor", "day"], set_={"calls": calls})
    connection.execute(changed, row)
