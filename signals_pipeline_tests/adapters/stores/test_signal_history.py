"""The signal history: what is written, what is left alone, and what can be asked of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import engine_for, read_transaction
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.tables import Mode, metadata, signal_candidate, signal_history, window_run
from signals_pipeline_tests.support.history_builders import WINDOWS, judged, run_with


def test_recording_the_same_again_writes_nothing(engine: Engine) -> None:
    history = SignalHistory(engine)
    tables = (window_run, signal_candidate, signal_history)
    for window in WINDOWS[:4]:
        assert history.record_window(window, [judged(window, "A", 0.5), judged(window, "B", -0.9)], run_with()).changed
    with read_transaction(engine) as connection:
        before = [connection.execute(sa.select(table)).all() for table in tables]

    for window in WINDOWS[:4]:
        other_order = [judged(window, "B", -0.9), judged(window, "A", 0.5)]
        again = history.record_window(window, other_order, run_with("backfill"))
        assert (again.changed, again.rederived) == (False, ())

    with read_transaction(engine) as connection:
        assert [connection.execute(sa.select(table)).all() for table in tables] == before


def test_only_rows_that_differ_are_rewritten(engine: Engine) -> None:
    history, window = SignalHistory(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5), judged(window, "B", 0.5)], run_with("live"))
    history.record_window(window, [judged(window, "A", 0.5), judged(window, "B", 0.6)], run_with("manual"))
    with read_transaction(engine) as connection:
        found = connection.execute(
            sa.select(signal_history.c.symbol, signal_history.c.combined_score, signal_history.c.mode)
        )
        assert sorted(tuple(row) for row in found) == [("A", 0.5, "live"), ("B", 0.6, "manual")]


def test_new_near_misses_are_stored_without_touching_the_signals(engine: Engine) -> None:
    history, window = SignalHistory(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5)], run_with())
    changed_run = replace(run_with("manual"), near_misses=[{"symbol": "X", "marks": ("x",)}], model="compact @1")
    recorded = history.record_window(window, [judged(window, "A", 0.5)], changed_run)
    assert (recorded.changed, recorded.rederived) == (True, ())
    run = history.run(window)
    assert run is not None
    assert (run.near_misses, run.mode) == ([{"symbol": "X", "marks": ["x"]}], "manual")
    with read_transaction(engine) as connection:
        assert connection.scalar(sa.select(signal_history.c.mode)) == "live"


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        ("live", "catch_up", "catch_up"),  # the live run failed before its digest: the next digest reports its signals
        ("manual", "live", "live"),
        ("backfill", "live", "live"),
        ("live", "backfill", "live"),
        ("catch_up", "manual", "catch_up"),
        ("manual", "backfill", "manual"),
    ],
)
def test_only_a_run_whose_digest_reports_signals_updates_the_mode_of_what_is_already_recorded(
    engine: Engine, first: Mode, then: Mode, kept: Mode
) -> None:
    history, window = SignalHistory(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5)], run_with(first))
    history.record_window(window, [judged(window, "A", 0.5)], run_with(then))
    assert history.modes(window.end) == {window.start: kept}
    with read_transaction(engine) as connection:
        assert connection.scalar(sa.select(signal_history.c.mode)) == first


def test_another_model_rewrites_the_signals(engine: Engine) -> None:
    history, window = SignalHistory(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5)], run_with())
    history.record_window(window, [judged(window, "A", 0.5)], run_with("manual", model="finbert @2"))
    with read_transaction(engine) as connection:
        assert connection.execute(sa.select(signal_history.c.model, signal_history.c.mode)).one() == (
            "finbert @2",
            "manual",
        )


def test_the_calendar_of_what_was_run(engine: Engine) -> None:
    history = SignalHistory(engine)
    for place in (5, 1, 3):
        history.record_window(WINDOWS[place], [], run_with())
    assert history.recorded_window_starts(WINDOWS[1].start, WINDOWS[5].start) == [WINDOWS[1].start, WINDOWS[3].start]
    assert history.previous_end(WINDOWS[3]) == WINDOWS[1].end
    assert history.previous_end(WINDOWS[1]) is None
    assert (history.run(WINDOWS[0]), history.decision(WINDOWS[0])) == (None, None)


def test_modes_of_the_runs_that_ended_by_an_instant(engine: Engine) -> None:
    history = SignalHistory(engine)
    for window, mode in zip(WINDOWS, ("live", "catch_up", "backfill"), strict=False):
        history.record_window(window, [], run_with(mode))
    assert history.modes(WINDOWS[1].end) == {WINDOWS[0].start: "live", WINDOWS[1].start: "catch_up"}
    assert history.modes(WINDOWS[0].start) == {}


def test_numbers_of_numpy_are_numbers(engine: Engine) -> None:
    history, window = SignalHistory(engine), WINDOWS[0]
    plain = judged(window, "A", 0.1 + 0.2)
    numpy = replace(plain, combined_score=np.float64(0.1 + 0.2), technical=np.float64(0.5), fresh=np.bool_(True))
    history.record_window(window, [numpy], run_with())
    assert history.candidates(window) == [replace(plain, technical=0.5)]


def test_queries_for_active_signals_use_an_index(tmp_path: Path) -> None:
    opened = engine_for(f"sqlite:///{tmp_path / 'a.db'}")
    metadata.create_all(opened)
    asked: list[tuple[str, Any]] = []
    history, window = SignalHistory(opened), WINDOWS[1]
    history.record_window(WINDOWS[0], [judged(WINDOWS[0], "A", 0.5)], run_with())

    @event.listens_for(opened, "before_cursor_execute")
    def note(_c: object, _cursor: object, sql: str, values: object, _context: object, _many: object) -> None:
        if "decided_at >" in sql and not sql.startswith("EXPLAIN"):
            asked.append((sql, values))

    history.active(window.end, 7)
    history.record_window(window, [judged(window, "A", 0.5)], run_with())
    with read_transaction(opened) as connection:
        plans = [
            " ".join(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))
            for sql, values in asked
        ]
    assert len(plans) == 2
    assert all("SEARCH signal_history USING INDEX ix_signal_history_" in plan for plan in plans), plans
    opened.dispose()
