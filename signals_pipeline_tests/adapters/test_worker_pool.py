"""Worker pools give the results of this process, raise the errors of their tasks, and never outlive the run."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from queue import Queue

import psutil
import pytest

from signals_pipeline.adapters import worker_pool as module
from signals_pipeline.adapters.worker_pool import MINIMUM_WINDOWS, WorkerPool, Workers

KILLED = """
import os, signal
from signals_pipeline.adapters import worker_pool as module
from signals_pipeline.adapters.worker_pool import MINIMUM_WINDOWS, WorkerPool

if __name__ == "__main__":
    module.available_cpus = lambda: 2
    with WorkerPool().open(MINIMUM_WINDOWS) as workers:
        print(workers.executor.submit(os.getpid).result(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def fail_at_three(chunk: int) -> None:
    if chunk == 3:
        raise ValueError(f"chunk {chunk}")


def meet(meeting: Path, chunk: int) -> int:
    """Chunks 0 and 2 each wait until the other one is worked on: one process alone would wait for ever."""
    if chunk in {0, 2}:
        with meeting.open("w" if chunk else "r"):
            pass
    return os.getpid()


def imported(module: str) -> bool:
    return module in sys.modules


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerPool]:
    """A pool in a process with two CPUs."""
    monkeypatch.setattr(module, "available_cpus", lambda: 2)
    with closing(WorkerPool("signals_pipeline.core.chunks")) as opened:
        yield opened


def worker(workers: Workers) -> psutil.Process:
    """The process of a pool with one worker."""
    assert workers.executor is not None
    return psutil.Process(workers.executor.submit(os.getpid).result())


@pytest.mark.parametrize(
    ("windows", "cpus", "in_workers"), [(MINIMUM_WINDOWS, 2, True), (MINIMUM_WINDOWS, 1, False), (1, 2, False)]
)
def test_many_windows_and_a_second_cpu_get_worker_processes_and_give_the_same_results(
    windows: int, cpus: int, *, in_workers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_cpus", lambda: cpus)
    chunks = range(9)

    with closing(WorkerPool()) as pool, pool.open(windows) as workers:
        executor = workers.executor
        results = workers.map_chunks(str, chunks, sizes=[1] * 9, unit="windows")
        nothing = workers.map_chunks(str, [], sizes=[], unit="windows")
        with pytest.raises(ValueError, match="chunk 3"):
            workers.map_chunks(fail_at_three, chunks, sizes=[1] * 9, unit="windows")

    assert (executor is not None) is in_workers
    assert results == [str(chunk) for chunk in chunks]
    assert nothing == []


def test_worker_and_parent_work_at_once_and_every_chunk_is_counted(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first chunk, in the worker, and the third, in this process, end together or not at all."""
    counted = Queue[int]()
    monkeypatch.setattr(module, "count_progress", lambda _total, _unit: nullcontext(counted.put))
    meeting = tmp_path / "meeting"
    os.mkfifo(meeting)

    with pool.open(MINIMUM_WINDOWS) as workers:
        pids = workers.map_chunks(partial(meet, meeting), range(9), sizes=range(9), unit="windows")

    assert pids[0] != os.getpid() == pids[2]
    assert sorted(counted.get(timeout=60) for _ in pids) == [*range(9)]


def test_items_are_worked_on_while_the_others_are_still_made(pool: WorkerPool) -> None:
    first_result = Queue[int]()

    def items() -> Iterator[int]:
        yield 0
        assert first_result.get(timeout=60) == 0
        yield 1

    with pool.open(MINIMUM_WINDOWS) as workers:
        assert workers.map(str, items(), report=first_result.put) == ["0", "1"]


def test_one_pool_serves_block_after_block_and_its_workers_have_imported_their_modules(pool: WorkerPool) -> None:
    with pool.open(MINIMUM_WINDOWS) as workers:
        first = worker(workers)
    with pool.open(MINIMUM_WINDOWS) as workers:
        assert worker(workers) == first
        assert workers.executor is not None
        assert workers.executor.submit(imported, "signals_pipeline.core.chunks").result()

    pool.close()

    assert not first.is_running()
    pool.close()  # a second time does no harm


def test_a_block_that_is_given_up_kills_its_workers_and_the_next_one_gets_others(pool: WorkerPool) -> None:
    block = pool.open(MINIMUM_WINDOWS)
    workers = block.__enter__()
    assert workers.executor is not None
    first = worker(workers)
    waiting = [workers.executor.submit(signal.pause) for _ in range(3)]

    is_suppressed = block.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert not is_suppressed
    assert not first.is_running()
    assert all(future.done() for future in waiting)
    with pool.open(MINIMUM_WINDOWS) as workers:
        assert worker(workers) != first


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)

    assert done.returncode == -signal.SIGKILL, done.stderr
    started = int(done.stdout)
    with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already
        psutil.Process(started).wait(timeout=60)
    assert not psutil.pid_exists(started)
