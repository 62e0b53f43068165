"""Rows written straight into the signal history, as no run of the pipeline would."""

import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.signal_history import signal_row
from signals_pipeline.adapters.stores.tables import signal_history
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.resources import Store


def write_row(store: Store, signal: Signal, window: Window) -> None:
    """A row that no run would write."""
    row = signal_row(signal, "compact @x") | {"window_start": window.start}
    stamps = {"mode": "backfill", "created_at": signal.decided_at}
    with write_transaction(store.engine) as connection:
        connection.execute(sa.insert(signal_history).values(row | stamps))
