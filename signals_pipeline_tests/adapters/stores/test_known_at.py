"""No signal rests on what became known after it was decided: the database refuses such a row; a year upgrades whole."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from benchmarks.active import fill
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import DatabaseError, read_transaction, write_transaction
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.tables import signal_candidate, signal_history
from signals_pipeline_tests.support.history_builders import WINDOWS, judged, rows, run_with

WINDOW = WINDOWS[0]
INSTANT = timedelta(microseconds=1)


def test_a_candidate_keeps_when_its_newest_headline_became_known(engine: Engine) -> None:
    history = SignalHistory(engine)
    known = replace(judged(WINDOW, "A", 0.5), known_at=WINDOW.end - INSTANT)
    history.record_window(WINDOW, [known, judged(WINDOW, "B", 0.5)], run_with())
    assert [each.known_at for each in history.candidates(WINDOW)] == [WINDOW.end - INSTANT, None]
    assert [each.candidate.known_at for each in history.between(WINDOW.end, WINDOW.end + INSTANT)] == [
        WINDOW.end - INSTANT,
        None,
    ]


def test_evidence_from_the_future_is_refused_whole(engine: Engine) -> None:
    late = replace(judged(WINDOW, "A", 0.5), known_at=WINDOW.end)
    with pytest.raises(DatabaseError, match="ck_signal_candidate_known"):
        SignalHistory(engine).record_window(WINDOW, [late, judged(WINDOW, "B", 0.5)], run_with())
    assert rows(engine)["window_run"] == []


def test_raw_sql_can_not_put_the_future_behind_a_signal(engine: Engine) -> None:
    SignalHistory(engine).record_window(WINDOW, [judged(WINDOW, "A", 0.5)], run_with())
    for table, instant, name in (
        (signal_candidate, WINDOW.end, "ck_signal_candidate_known"),
        (signal_history, WINDOW.end + INSTANT, "ck_signal_history_known"),
    ):
        with pytest.raises(DatabaseError, match=name), write_transaction(engine) as connection:
            connection.execute(sa.update(table).values(known_at=instant))


def test_a_year_of_rows_goes_down_and_up_without_losing_one(engine: Engine, database_url: str) -> None:
    """520 windows with four signals each, and some with candidates, to before revision 006 and back to it."""
    fill(engine, 520 * 4, per_window=4)
    history = SignalHistory(engine)
    for window in WINDOWS:
        history.record_window(window, [judged(window, "A", 0.5)], run_with())
    before = rows(engine)
    engine.dispose()
    assert migrations.downgrade(database_url, "005") == "005"
    with read_transaction(engine) as connection:
        assert "known_at" not in {each["name"] for each in sa.inspect(connection).get_columns("signal_history")}
    assert migrations.upgrade(database_url) == migrations.head()
    engine.dispose()
    assert rows(engine) == before
    assert len(before["signal_history"]) > 520 * 4
