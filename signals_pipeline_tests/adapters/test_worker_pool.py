"""Work beside this process: the same results as in it, errors told, and no process left where this one is killed."""

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
from signals_pipeline.adapters.worker_pool import ENOUGH, AtOnce, Beside

KILLED = """
import os, signal
from signals_pipeline.adapters import beside as module
from signals_pipeline.adapters.beside import ENOUGH, Beside

if __name__ == "__main__":
    module.available_cpus = lambda: 2
    with Beside().over(ENOUGH) as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def failing(text: str) -> None:
    raise ValueError(text)


def failing_at_three(share: int) -> None:
    if share == 3:
        raise ValueError(f"share {share}")


def meet(meeting: Path, share: int) -> int:
    if share in {0, 8}:
        with meeting.open("w" if share else "r"):
            pass
    return os.getpid()


def imported(module: str) -> bool:
    return module in sys.modules


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    """Beside a process that has two CPUs."""
    monkeypatch.setattr(module, "available_cpus", lambda: 2)
    with closing(Beside("signals_pipeline.core.spread")) as opened:
        yield opened


@pytest.mark.parametrize(("tasks", "cpus", "elsewhere"), [(ENOUGH, 2, True), (ENOUGH, 1, False), (1, 2, False)])
def test_tasks_enough_and_a_second_cpu_get_another_process(
    tasks: int, cpus: int, *, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_cpus", lambda: cpus)
    with closing(Beside()) as beside, beside.over(tasks) as executor:
        assert isinstance(executor, AtOnce) is not elsewhere
        assert (executor.submit(os.getpid).result() != os.getpid()) is elsewhere
        assert executor.submit(sorted, "ba", reverse=True).result() == ["b", "a"]
        with pytest.raises(ValueError, match="what was wrong"):
            executor.submit(failing, "what was wrong").result()
        shares = range(9)
        assert executor.each(str, shares, sizes=[1] * 9, of="windows") == [*map(str, shares)]
        assert executor.each(str, [], sizes=[], of="windows") == []
        with pytest.raises(ValueError, match="share 3"):
            executor.each(failing_at_three, shares, sizes=[1] * 9, of="windows")


def test_both_processes_take_shares_and_all_are_counted(
    two: Beside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first share, with the other process, and the last, with this one, end together or not at all."""
    told, meeting = Queue[int](), tmp_path / "meeting"
    os.mkfifo(meeting)
    monkeypatch.setattr(module, "counting", lambda _count, _what: nullcontext(told.put))
    with two.over(ENOUGH) as executor:
        pids = executor.each(partial(meet, meeting), range(9), sizes=[*range(9)], of="windows")
    assert pids[0] != os.getpid() == pids[-1]
    assert sorted(told.get(timeout=60) for _ in pids) == [*range(9)]


def test_one_process_serves_block_after_block_and_has_imported_what_it_needs(two: Beside) -> None:
    with two.over(ENOUGH) as executor:
        first = executor.submit(os.getpid).result()
    with two.over(ENOUGH) as executor:
        assert executor.submit(os.getpid).result() == first
        assert executor.submit(imported, "signals_pipeline.core.spread").result()
    two.close()
    assert not psutil.pid_exists(first)
    two.close()  # once more does no harm


def test_work_that_is_given_up_leaves_no_process_behind(two: Beside) -> None:
    given_up = two.over(ENOUGH)
    executor = given_up.__enter__()
    other = psutil.Process(executor.submit(os.getpid).result())
    for_ever = [executor.submit(signal.pause) for _ in range(3)]
    assert not given_up.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not other.is_running()
    assert all(each.done() for each in for_ever)
    with two.over(ENOUGH) as executor:  # what is tried again gets another
        assert executor.submit(os.getpid).result() != other.pid


def test_the_other_process_ends_with_one_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with_parent = int(done.stdout)
    with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already
        psutil.Process(with_parent).wait(timeout=60)
    assert not psutil.pid_exists(with_parent)
