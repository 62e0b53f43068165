"""Worker pools give the results of this process, raise the errors of their tasks, and never outlive the run."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import psutil
import pytest

from signals_pipeline.adapters import worker_pool as module
from signals_pipeline.adapters.worker_pool import MINIMUM_WINDOWS, WorkerPool, Workers

KILLED = """
import os, signal
from signals_pipeline.adapters import worker_pool as module
from signals_pipeline.adapters.worker_pool import MINIMUM_WINDOWS, WorkerPool

def pid(_item):
    return os.getpid()

if __name__ == "__main__":
    module.available_cpus = lambda: 2
    with WorkerPool().open(MINIMUM_WINDOWS) as workers:
        print(*set(workers.map(pid, range(50))), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def pid(_item: object) -> int:
    return os.getpid()


def fail_at_three(chunk: int) -> None:
    if chunk == 3:
        raise ValueError(f"chunk {chunk}")


def meet(chunk: int, meeting: Path) -> int:
    """Chunks 0 and 1 each wait until the other one is worked on: one process alone would wait for ever."""
    if chunk < 2:
        with meeting.open("w" if chunk else "r"):
            pass
    return os.getpid()


def wait_for_ever(_item: object) -> None:
    signal.pause()


def imported(module: str) -> bool:
    return module in sys.modules


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerPool]:
    """A pool in a process with two CPUs."""
    monkeypatch.setattr(module, "available_cpus", lambda: 2)
    with closing(WorkerPool("signals_pipeline.core.costs")) as opened:
        yield opened


def processes(workers: Workers) -> list[psutil.Process]:
    """The worker processes; waits until they run."""
    assert workers.executor is not None
    list(workers.map(pid, range(4)))
    return [psutil.Process(started) for started in workers.executor._processes]  # noqa: SLF001


@pytest.mark.parametrize(
    ("windows", "cpus", "in_workers"), [(MINIMUM_WINDOWS, 2, True), (MINIMUM_WINDOWS, 1, False), (1, 2, False)]
)
def test_many_windows_and_a_second_cpu_get_worker_processes_and_give_the_same_results(
    windows: int, cpus: int, *, in_workers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_cpus", lambda: cpus)
    chunks = range(9)

    with closing(WorkerPool()) as pool, pool.open(windows) as workers:
        pids = workers.map_chunks(pid, chunks, sizes=[1] * 9, unit="windows")
        results = workers.map_chunks(str, chunks, sizes=[1] * 9, unit="windows")
        nothing = workers.map_chunks(str, [], sizes=[], unit="windows")
        sums = list(workers.map(pow, [2, 3], [3, 2]))
        with pytest.raises(ValueError, match="chunk 3"):
            workers.map_chunks(fail_at_three, chunks, sizes=[1] * 9, unit="windows")

    assert (os.getpid() not in pids) is in_workers
    assert results == [str(chunk) for chunk in chunks]
    assert nothing == []
    assert sums == [8, 9]


def test_two_workers_work_at_once_and_every_chunk_is_counted(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(module, "count_progress", lambda _total, _unit: nullcontext(counted.append))
    meeting = tmp_path / "meeting"
    os.mkfifo(meeting)

    with pool.open(MINIMUM_WINDOWS) as workers:
        first, second = workers.map(meet, [0, 1], [meeting, meeting])
        workers.map_chunks(pid, range(9), sizes=range(9), unit="windows")

    assert len({first, second, os.getpid()}) == 3
    assert counted == [*range(9)]


def test_one_pool_serves_block_after_block_and_its_workers_have_imported_their_modules(pool: WorkerPool) -> None:
    with pool.open(MINIMUM_WINDOWS) as workers:
        started = processes(workers)
    with pool.open(MINIMUM_WINDOWS) as workers:
        assert processes(workers) == started
        assert list(workers.map(imported, ["signals_pipeline.core.costs"])) == [True]

    pool.close()

    assert not any(process.is_running() for process in started)
    pool.close()  # a second time does no harm


def test_a_block_that_is_given_up_kills_its_workers_and_the_next_one_gets_others(pool: WorkerPool) -> None:
    with contextlib.suppress(KeyboardInterrupt), pool.open(MINIMUM_WINDOWS) as workers:
        started = processes(workers)
        workers.map(wait_for_ever, range(3))
        raise KeyboardInterrupt

    assert not any(process.is_running() for process in started)
    with pool.open(MINIMUM_WINDOWS) as workers:
        assert not {*processes(workers)} & {*started}


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)

    assert done.returncode == -signal.SIGKILL, done.stderr
    for started in map(int, done.stdout.split()):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already
            psutil.Process(started).wait(timeout=60)
        assert not psutil.pid_exists(started)
