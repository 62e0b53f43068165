"""The look-up of active signals goes by an index, however long the history is, on both stores."""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from benchmarks.active import EXPIRY_DAYS, NEWEST, PER_WINDOW, asked, fill, plan
from signals_pipeline.adapters.stores.signal_history import SignalHistory


def test_the_active_look_up_uses_an_index_in_a_long_history(engine: Engine) -> None:
    fill(engine, 10_000)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text("ANALYZE"))
    history = SignalHistory(engine)
    told = plan(engine, *asked(engine, history))
    assert "ix_signal_history_decided_at_symbol" in told, told
    assert "SCAN signal_history" not in told
    assert "Seq Scan" not in told
    assert len(history.active(NEWEST, EXPIRY_DAYS)) == PER_WINDOW
