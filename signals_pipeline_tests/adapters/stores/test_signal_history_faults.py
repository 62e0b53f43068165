"""The signal history: no crash, race or bad input leaves half a window."""

import os
import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for
from signals_pipeline.adapters.stores.signal_history import Recorded, SignalHistory
from signals_pipeline.core.signals.decision import Candidate
from signals_pipeline_tests.support.databases import PROCESSES
from signals_pipeline_tests.support.history_builders import WINDOWS, Entry, judged, rows, run_with, wipe


@pytest.mark.parametrize(
    ("found", "knobs", "problem"),
    [
        ([judged(WINDOWS[1], "A", 0.5)], {}, "2026-03-02-08:30: the candidate A is of 2026-03-02T22:30"),
        ([judged(WINDOWS[0], "A", 0.5)] * 2, {}, "two candidates of A; each symbol has one per window"),
        ([], {"max_signals": None}, "knob 'max_signals' is missing; give Knobs.stored"),
    ],
)  # fmt: skip
def test_bad_input_is_named_and_changes_nothing(
    engine: Engine, found: Sequence[Candidate], knobs: dict[str, None], problem: str
) -> None:
    run = run_with()
    kept = {name: value for name, value in run.knobs.items() if name not in knobs}
    with pytest.raises(ValueError, match=problem):
        SignalHistory(engine).record_window(WINDOWS[0], found, replace(run, knobs=kept))
    assert rows(engine)["window_run"] == []


def test_a_value_out_of_range_is_refused_and_the_old_rows_stay(engine: Engine) -> None:
    history, window = SignalHistory(engine), WINDOWS[0]
    history.record_window(window, [judged(window, "A", 0.5)], run_with())
    before = rows(engine)
    for bad in (1.5, float("nan")):
        with pytest.raises(DatabaseError, match=r"signal_candidate") as caught:
            history.record_window(window, [judged(window, "B", 0.5), replace(judged(window, "A", bad))], run_with())
        assert "\n" not in str(caught.value)
    assert rows(engine) == before


def killed_while_writing(url: str, statement: str, entries: Iterable[Entry]) -> None:
    engine = engine_for(url)

    @event.listens_for(engine, "after_cursor_execute")
    def die(_c: object, _cursor: object, sql: str, _p: object, _context: object, _many: object) -> None:
        if sql.startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    history = SignalHistory(engine)
    for entry in entries:
        history.record_window(*entry)


@pytest.mark.parametrize(
    "statement", ["INSERT INTO signal_candidate", "DELETE FROM signal_history", "UPDATE window_run"]
)
def test_a_process_killed_while_recording_leaves_the_old_rows_whole(
    engine: Engine, database_url: str, statement: str
) -> None:
    history = SignalHistory(engine)
    for window in WINDOWS[:3]:
        history.record_window(window, [judged(window, "A", 0.5)], run_with())
    before = rows(engine)
    entry = (WINDOWS[0], [judged(WINDOWS[0], "B", 0.9)], run_with("manual"))
    worker = PROCESSES.Process(target=killed_while_writing, args=(database_url, statement, [entry]))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    assert rows(engine) == before
    assert history.record_window(*entry).rederived == (WINDOWS[1].key,)


def recorded_at_once(url: str, entries: list[Entry], start: Barrier, results: "Queue[list[Recorded] | str]") -> None:
    history = SignalHistory(engine_for(url))
    start.wait()
    try:
        results.put([history.record_window(*entry) for entry in entries])
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
    history = SignalHistory(engine)
    for entry in entries:
        history.record_window(*entry)
    assert together == rows(engine)
