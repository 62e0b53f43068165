"""Two processes at once on one database: whatever the interleaving, the rows are those of one after the other."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.core.windows import windows_between
from signals_pipeline_tests.support.databases import PROCESSES, database_url, engine, store
from signals_pipeline_tests.support.history_builders import Entry, judged, rows, run_with
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

__all__ = ["database_url", "engine", "store"]

ROUNDS = 50
WINDOWS = windows_between(SAMPLE_WINDOWS[0].start, SAMPLE_WINDOWS[-1].start)
ANSWER_SECONDS = 300  # far beyond what an answer takes: a process that hangs fails the test


def evidence(at: int, rng: random.Random) -> Entry:
    """Candidates of few symbols with scores around the update threshold, so that windows depend on each other."""
    window = WINDOWS[at % len(WINDOWS)]
    scores = [(symbol, rng.choice([-0.8, -0.4, 0.4, 0.5, 0.7, 0.95])) for symbol in "ABCD" if rng.random() < 0.7]
    found = [judged(window, symbol, score, fresh=rng.random() < 0.7) for symbol, score in scores]
    return window, found, run_with(expiry=rng.choice([0.75, 2.5, 7]), most=rng.randint(1, 4))


def recording(url: str, orders: Connection) -> None:
    """A process that stays up and records what it is given, until it is given nothing."""
    opened = engine_for(url)
    history = SignalHistory(opened)
    orders.send("ready")
    while (entry := orders.recv()) is not None:
        history.record_window(*entry)
        orders.send("recorded")
    opened.dispose()


@contextmanager
def workers(url: str, count: int = 2) -> Iterator[Sequence[Connection]]:
    """Processes that record; they are told to end, and have ended, when this is left."""
    ends = [PROCESSES.Pipe() for _ in range(count)]
    running: list[BaseProcess] = [PROCESSES.Process(target=recording, args=(url, theirs)) for _, theirs in ends]
    for each in running:
        each.start()
    ours = [mine for mine, _ in ends]
    _answers(ours, "ready")
    yield ours
    for connection in ours:
        connection.send(None)
    for each in running:
        each.join(ANSWER_SECONDS)
        assert each.exitcode == 0


def _answers(connections: Sequence[Connection], expected: str) -> None:
    for connection in connections:
        assert connection.poll(ANSWER_SECONDS), "a process did not answer"
        assert connection.recv() == expected


def _at_once(connections: Sequence[Connection], entries: Sequence[Entry]) -> None:
    for connection, entry in zip(connections, entries, strict=True):
        connection.send(entry)
    _answers(connections, "recorded")


def test_the_same_window_at_once_fifty_times(engine: Engine, database_url: str, tmp_path: Path) -> None:
    entries = [evidence(at, random.Random(at)) for at in range(ROUNDS)]
    with workers(database_url) as both:
        for entry in entries:
            _at_once(both, [entry, entry])
    assert rows(engine) == _one_after_the_other(entries, tmp_path)


def test_two_different_windows_at_once_fifty_times(engine: Engine, database_url: str, tmp_path: Path) -> None:
    rng = random.Random(7)
    pairs = []
    for at in range(ROUNDS):
        first, second = rng.sample(range(len(WINDOWS)), 2)
        pairs.append((evidence(first, random.Random(at)), evidence(second, random.Random(-at))))
    with workers(database_url) as both:
        for pair in pairs:
            _at_once(both, pair)
    last = {window: entry for pair in pairs for entry in pair for window in [entry[0]]}
    assert rows(engine) == _one_after_the_other([last[window] for window in sorted(last)], tmp_path)


def _one_after_the_other(entries: Sequence[Entry], folder: Path) -> dict[str, list[dict[str, object]]]:
    """What a database of its own holds after the windows are recorded in order by one process."""
    url = f"sqlite:///{folder / 'sequential.db'}"
    upgrade(url)
    opened = engine_for(url)
    history = SignalHistory(opened)
    for entry in entries:
        history.record_window(*entry)
    found = rows(opened)
    opened.dispose()
    return found


def running(folder: Path, url: str, instance: int, orders: Connection) -> None:
    """A process that runs the whole Dagster job over the windows it is told, on the shared data folder."""
    with TestPipeline.joined(folder, f"dagster{instance}", signals_database_url=url) as pipeline:
        orders.send("ready")
        while (keys := orders.recv()) is not None:
            pipeline.run([window for window in SAMPLE_WINDOWS if window.key in keys])
            orders.send("recorded")


def test_whole_dagster_runs_at_once(database_url: str, tmp_path: Path) -> None:
    first, second, third, fourth = SAMPLE_WINDOWS[10:14]
    folder = tmp_path / "together"
    with TestPipeline.open(folder, signals_database_url=database_url) as pipeline:
        ends = [PROCESSES.Pipe() for _ in range(2)]
        pair = [
            PROCESSES.Process(target=running, args=(folder, database_url, at, theirs))
            for at, (_, theirs) in enumerate(ends)
        ]
        for each in pair:
            each.start()
        ours = [mine for mine, _ in ends]
        _answers(ours, "ready")
        for told in ([[first.key, second.key]] * 2, [[third.key], [fourth.key]]):
            for connection, keys in zip(ours, told, strict=True):
                connection.send(keys)
            _answers(ours, "recorded")
        for connection, each in zip(ours, pair, strict=True):
            connection.send(None)
            each.join(ANSWER_SECONDS)
        pipeline.run([fourth])  # what matured for a window that was filled in late
        together = pipeline.state()
    with TestPipeline.open(tmp_path / "alone") as pipeline:
        pipeline.run([first, second, third, fourth])
        assert pipeline.state() == together
