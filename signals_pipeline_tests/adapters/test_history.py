"""The signal history: the order of recording leaves no trace, and no crash or race leaves half a window."""

import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.database import (
    DatabaseError,
    engine_for,
    metadata,
    reading,
    signal_candidate,
    signal_history,
    window_run,
    writing,
)
from signals_pipeline.adapters.history import History, Mode, Recorded, WindowRun
from signals_pipeline.core.signals import Candidate, active_at, decide
from signals_pipeline.core.windows import Window, windows_between
from signals_pipeline_tests.databases import PROCESSES

WINDOWS = windows_between(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC))
Entry = tuple[Window, list[Candidate], WindowRun]


def judged(window: Window, symbol: str, score: float, *, fresh: bool = True) -> Candidate:
    return Candidate(
        window_start=window.start, window_end=window.end, symbol=symbol, signal_type="BUY" if score > 0 else "SELL",
        combined_score=score, tone=score, confidence_score=0.9, technical=None, fresh=fresh, fragile=True,
        story_id="s", news_title=f"{symbol} “news”", news_url="", contributions="[]", source="news_driven_ml",
    )  # fmt: skip


def run_with(mode: Mode = "live", *, expiry: float = 7, most: int = 25, model: str = "compact @1") -> WindowRun:
    knobs = {"signal_expiry_days": expiry, "max_signals": most}
    return WindowRun(mode, model, knobs, {"candidates": 1}, [{"symbol": "N", "gate": "threshold"}])


def rows(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row, but for what says when and by what run it was written."""
    traces = {"id", "created_at", "updated_at", "mode"}
    with reading(engine) as connection:
        found = {
            table.name: connection.execute(sa.select(table)).mappings().all() for table in metadata.tables.values()
        }
    stripped = {
        name: [{k: v for k, v in row.items() if k not in traces} for row in table] for name, table in found.items()
    }
    return {name: sorted(table, key=repr) for name, table in stripped.items()}


def wipe(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.delete(window_run))


def lifecycles(history: History) -> list[tuple[datetime, str, str]]:
    return [
        (each.decided_at, each.symbol, each.lifecycle) for each in history.between(WINDOWS[0].start, WINDOWS[-1].end)
    ]


@st.composite
def evidence(draw: st.DrawFn, window: Window) -> Entry:
    """A window's candidates and run: scores around the update threshold, few symbols, any expiry, a low cap."""
    symbols = draw(st.lists(st.sampled_from("ABC"), unique=True))
    scores = st.sampled_from([-0.8, -0.55, -0.35, 0.35, 0.5, 0.56, 0.75, 0.95])
    found = [judged(window, each, draw(scores), fresh=draw(st.booleans())) for each in symbols]
    run = run_with(expiry=draw(st.sampled_from([0.3, 1, 2.5, 7])), most=draw(st.integers(1, 3)))
    return window, found, run


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Entry], list[Entry]]:
    """Windows in order with what they finally hold, and a disorderly way there: repeats and earlier versions too."""
    windows = [each for each in WINDOWS if draw(st.integers(0, 5))]
    final = [draw(evidence(each)) for each in windows]
    earlier = [draw(evidence(each)) for each in draw(st.lists(st.sampled_from(WINDOWS), max_size=4)) if each in windows]
    again = [each for each in final if draw(st.booleans())]
    return final, [*draw(st.permutations([*earlier, *again])), *draw(st.permutations(final))]


@settings(
    max_examples=12, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(case=recordings())
def test_any_order_of_recording_gives_the_rows_of_chronological_order(
    engine: Engine, case: tuple[list[Entry], list[Entry]]
) -> None:
    final, disorderly = case
    history = History(engine)
    wipe(engine)
    history.record_windows(final)
    expected = rows(engine)
    wipe(engine)
    for entry in disorderly:
        history.record_window(*entry)
    assert rows(engine) == expected


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_history_is_the_fold_of_the_windows_in_memory(engine: Engine, data: st.DataObject) -> None:
    final = [data.draw(evidence(each)) for each in WINDOWS[:8]]
    wipe(engine)
    told = []
    for window, found, run in final:
        days, most = run.knobs["signal_expiry_days"], run.knobs["max_signals"]
        told += decide(found, told, window, expiry_days=days, max_signals=most).signals
    history = History(engine)
    history.record_windows(reversed(final))
    assert history.between(WINDOWS[0].start, WINDOWS[8].end) == sorted(
        told, key=lambda each: (each.decided_at, each.symbol)
    )
    as_of = data.draw(st.sampled_from(WINDOWS)).end
    assert history.active(as_of, 2.5) == list(active_at(told, as_of, 2.5).values())


def test_a_window_filled_in_later_turns_a_later_signal_into_a_repeat(engine: Engine) -> None:
    history = History(engine)
    first, second, third = WINDOWS[:3]
    history.record_window(second, [judged(second, "A", 0.5)], run_with())
    history.record_window(third, [judged(third, "A", 0.5)], run_with())
    assert lifecycles(history) == [(second.end, "A", "new")]
    recorded = history.record_window(first, [judged(first, "A", 0.5)], run_with("catch_up"))
    assert recorded.refolded == (second.key,)
    assert lifecycles(history) == [(first.end, "A", "new")]
    decision, run = history.decision(third), history.run(third)
    assert decision is not None
    assert [(each.symbol, active.decided_at) for each, active in decision.repeats] == [("A", first.end)]
    assert run is not None
    assert run.funnel == {"candidates": 1, "repeats": 1, "capped": 0, "signals": 0}


def test_a_window_emptied_later_brings_the_signal_back_with_the_mode_of_its_own_run(engine: Engine) -> None:
    history = History(engine)
    first, second = WINDOWS[:2]
    history.record_window(first, [judged(first, "A", 0.5)], run_with())
    assert history.record_window(second, [judged(second, "A", 0.5)], run_with("live")).decision.signals == ()
    assert history.record_window(first, [], run_with("backfill")).refolded == (second.key,)
    with reading(engine) as connection:
        modes = connection.execute(sa.select(signal_history.c.decided_at, signal_history.c.mode)).all()
    assert [tuple(row) for row in modes] == [(second.end, "live")]
    assert history.candidates(first) == []
    run = history.run(second)
    assert run is not None
    assert run.funnel["signals"] == 1


ONE_BACK = 0.75  # days: on weekdays a window then sees the one before it and no other


def test_a_change_passes_on_from_window_to_window_and_no_further(engine: Engine) -> None:
    """Without A in the first window the second has it new, the third repeats it, and so on, far beyond one expiry."""
    history = History(engine)
    for window in WINDOWS[:6]:
        history.record_window(window, [judged(window, "A", 0.5), judged(window, "B", 0.5)], run_with(expiry=ONE_BACK))
    far = WINDOWS[-1]
    history.record_window(far, [judged(far, "A", 0.5)], run_with(expiry=ONE_BACK))
    before = [each for each in lifecycles(history) if each[1] == "B"]
    recorded = history.record_window(WINDOWS[0], [judged(WINDOWS[0], "B", 0.5)], run_with(expiry=ONE_BACK))
    assert recorded.refolded == tuple(each.key for each in WINDOWS[1:6])
    assert [each for each in lifecycles(history) if each[1] == "B"] == before


def test_a_change_passes_on_to_another_symbol_through_the_cap(engine: Engine) -> None:
    history = History(engine)
    first, second, third = WINDOWS[:3]
    history.record_window(second, [judged(second, "A", 0.6), judged(second, "B", 0.5)], run_with(most=1))
    history.record_window(third, [judged(third, "B", 0.5)], run_with())
    assert lifecycles(history) == [(second.end, "A", "new"), (third.end, "B", "new")]
    recorded = history.record_window(first, [judged(first, "A", 0.6)], run_with())
    assert recorded.refolded == (second.key, third.key)
    assert lifecycles(history) == [(first.end, "A", "new"), (second.end, "B", "new")]


def test_a_change_reaches_a_short_sighted_window_through_a_far_sighted_one(engine: Engine) -> None:
    history = History(engine)
    for window, expiry in zip(WINDOWS, (7, 7, ONE_BACK, 7), strict=False):
        history.record_window(window, [judged(window, "A", 0.5)], run_with(expiry=expiry))
    assert lifecycles(history) == [(WINDOWS[0].end, "A", "new"), (WINDOWS[2].end, "A", "new")]
    assert history.record_window(WINDOWS[0], [], run_with()).refolded == (WINDOWS[1].key, WINDOWS[2].key)
    assert lifecycles(history) == [(WINDOWS[1].end, "A", "new")]


def test_recording_the_same_again_writes_nothing(engine: Engine) -> None:
    history = History(engine)
    entries = [(each, [judged(each, "A", 0.5), judged(each, "B", -0.9)], run_with()) for each in WINDOWS[:4]]
    assert all(each.changed for each in history.record_windows(entries))
    with reading(engine) as connection:
        before = [
            connection.execute(sa.select(table)).all() for table in (window_run, signal_candidate, signal_history)
        ]
    again = [(window, list(reversed(found)), replace(run, mode="backfill")) for window, found, run in entries]
    assert [(each.changed, each.refolded) for each in history.record_windows(again)] == [(False, ())] * 4
    with reading(engine) as connection:
        assert [
            connection.execute(sa.select(each)).all() for each in (window_run, signal_candidate, signal_history)
        ] == before


def test_only_rows_that_differ_are_rewritten(engine: Engine) -> None:
    history, window = History(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5), judged(window, "B", 0.5)], run_with("live"))
    history.record_window(window, [judged(window, "A", 0.5), judged(window, "B", 0.6)], run_with("manual"))
    with reading(engine) as connection:
        found = connection.execute(
            sa.select(signal_history.c.symbol, signal_history.c.combined_score, signal_history.c.mode)
        )
        assert sorted(tuple(row) for row in found) == [("A", 0.5, "live"), ("B", 0.6, "manual")]


def test_new_near_misses_are_kept_without_touching_the_signals(engine: Engine) -> None:
    history, window = History(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5)], run_with())
    healed = replace(run_with("manual"), near_misses=[{"symbol": "X", "marks": ("x",)}], model="compact @1")
    recorded = history.record_window(window, [judged(window, "A", 0.5)], healed)
    assert (recorded.changed, recorded.refolded) == (True, ())
    run = history.run(window)
    assert run is not None
    assert (run.near_misses, run.mode) == ([{"symbol": "X", "marks": ["x"]}], "manual")
    with reading(engine) as connection:
        assert connection.scalar(sa.select(signal_history.c.mode)) == "live"


def test_another_model_rewrites_the_signals(engine: Engine) -> None:
    history, window = History(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5)], run_with())
    history.record_window(window, [judged(window, "A", 0.5)], run_with("manual", model="finbert @2"))
    with reading(engine) as connection:
        assert connection.execute(sa.select(signal_history.c.model, signal_history.c.mode)).one() == (
            "finbert @2",
            "manual",
        )


def test_the_calendar_of_what_was_run(engine: Engine) -> None:
    history = History(engine)
    for place in (5, 1, 3):
        history.record_window(WINDOWS[place], [], run_with())
    assert history.windows_done(WINDOWS[1].start, WINDOWS[5].start) == [WINDOWS[1].start, WINDOWS[3].start]
    assert history.previous_end(WINDOWS[3]) == WINDOWS[1].end
    assert history.previous_end(WINDOWS[1]) is None
    assert (history.run(WINDOWS[0]), history.decision(WINDOWS[0])) == (None, None)


def test_numbers_of_numpy_are_numbers(engine: Engine) -> None:
    history, window = History(engine), WINDOWS[0]
    plain = judged(window, "A", 0.1 + 0.2)
    numpy = replace(plain, combined_score=np.float64(0.1 + 0.2), technical=np.float64(0.5), fresh=np.bool_(True))
    history.record_window(window, [numpy], run_with())
    assert history.candidates(window) == [replace(plain, technical=0.5)]


@pytest.mark.parametrize(
    ("found", "knobs", "problem"),
    [
        ([judged(WINDOWS[1], "A", 0.5)], {}, "2026-03-02-08:30: the candidate A is of 2026-03-02T22:30"),
        ([judged(WINDOWS[0], "A", 0.5)] * 2, {}, "two candidates of A; a symbol has one a window"),
        ([], {"max_signals": None}, "knob 'max_signals' is missing; give Knobs.stored"),
    ],
)  # fmt: skip
def test_bad_input_is_named_and_changes_nothing(
    engine: Engine, found: Sequence[Candidate], knobs: dict[str, None], problem: str
) -> None:
    run = run_with()
    kept = {name: value for name, value in run.knobs.items() if name not in knobs}
    with pytest.raises(ValueError, match=problem):
        History(engine).record_window(WINDOWS[0], found, replace(run, knobs=kept))
    assert rows(engine)["window_run"] == []


def test_a_value_out_of_range_is_refused_and_the_old_rows_stay(engine: Engine) -> None:
    history, window = History(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5)], run_with())
    before = rows(engine)
    for bad in (1.5, float("nan")):
        with pytest.raises(DatabaseError, match=r"signal_candidate") as caught:
            history.record_window(window, [judged(window, "B", 0.5), replace(judged(window, "A", bad))], run_with())
        assert "\n" not in str(caught.value)
    assert rows(engine) == before


def test_look_ups_of_active_signals_use_an_index(tmp_path: Path) -> None:
    opened = engine_for(f"sqlite:///{tmp_path / 'a.db'}")
    metadata.create_all(opened)
    asked: list[tuple[str, Any]] = []
    history, window = History(opened), WINDOWS[1]
    history.record_window(WINDOWS[0], [judged(WINDOWS[0], "A", 0.5)], run_with())

    @event.listens_for(opened, "before_cursor_execute")
    def note(_c: object, _cursor: object, sql: str, values: object, _context: object, _many: object) -> None:
        if "decided_at >" in sql and not sql.startswith("EXPLAIN"):
            asked.append((sql, values))

    history.active(window.end, 7)
    history.record_window(window, [judged(window, "A", 0.5)], run_with())
    with reading(opened) as connection:
        plans = [
            " ".join(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))
            for sql, values in asked
        ]
    assert len(plans) == 2
    assert all("SEARCH signal_history USING INDEX ix_signal_history_" in plan for plan in plans), plans
    opened.dispose()


def killed_while_writing(url: str, statement: str, entries: Iterable[Entry]) -> None:
    engine = engine_for(url)

    @event.listens_for(engine, "after_cursor_execute")
    def die(_c: object, _cursor: object, sql: str, _p: object, _context: object, _many: object) -> None:
        if sql.startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    History(engine).record_windows(entries)


@pytest.mark.parametrize(
    "statement", ["INSERT INTO signal_candidate", "DELETE FROM signal_history", "UPDATE window_run"]
)
def test_a_process_killed_while_recording_leaves_the_old_rows_whole(
    engine: Engine, database_url: str, statement: str
) -> None:
    history = History(engine)
    history.record_windows((each, [judged(each, "A", 0.5)], run_with()) for each in WINDOWS[:3])
    before = rows(engine)
    entry = (WINDOWS[0], [judged(WINDOWS[0], "B", 0.9)], run_with("manual"))
    worker = PROCESSES.Process(target=killed_while_writing, args=(database_url, statement, [entry]))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    assert rows(engine) == before
    assert history.record_window(*entry).refolded == (WINDOWS[1].key,)


def recorded_at_once(url: str, entries: list[Entry], start: Barrier, results: "Queue[list[Recorded] | str]") -> None:
    engine = engine_for(url)
    start.wait()
    try:
        results.put(History(engine).record_windows(entries))
    except DatabaseError as error:
        results.put(str(error))


def test_two_processes_recording_the_same_windows_at_once_leave_one_result(engine: Engine, database_url: str) -> None:
    entries = [(each, [judged(each, "A", 0.5), judged(each, "B", -0.6)], run_with()) for each in WINDOWS]
    start, results = PROCESSES.Barrier(2), PROCESSES.Queue()
    workers = [
        PROCESSES.Process(target=recorded_at_once, args=(database_url, order, start, results))
        for order in (entries, entries)
    ]
    for worker in workers:
        worker.start()
    both = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert all(isinstance(each, list) for each in both), both
    assert [one.changed != other.changed for one, other in zip(*both, strict=True)] == [True] * len(WINDOWS)
    together = rows(engine)
    wipe(engine)
    History(engine).record_windows(entries)
    assert together == rows(engine)
