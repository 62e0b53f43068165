"""Work beside this process: the same results as in it, errors told, and no process left where this one is killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from signals_pipeline.adapters import beside as module
from signals_pipeline.adapters.beside import ENOUGH, AtOnce, beside

KILLED = """
import os, signal
from signals_pipeline.adapters import beside as module
from signals_pipeline.adapters.beside import ENOUGH, beside

if __name__ == "__main__":
    module.available_cpus = lambda: 2
    executor = beside(ENOUGH)
    print(executor.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def failing(text: str) -> None:
    raise ValueError(text)


def failing_at_three(share: Sequence[int]) -> None:
    if 3 in share:
        raise ValueError(share)


def whose(_share: Sequence[int]) -> int:
    return os.getpid()


@pytest.mark.parametrize(("tasks", "cpus", "elsewhere"), [(ENOUGH, 2, True), (ENOUGH, 1, False), (1, 2, False)])
def test_tasks_enough_and_a_second_cpu_get_another_process(
    tasks: int, cpus: int, *, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "available_cpus", lambda: cpus)
    with beside(tasks) as executor:
        assert isinstance(executor, AtOnce) is not elsewhere
        assert (executor.submit(os.getpid).result() != os.getpid()) is elsewhere
        assert executor.submit(sorted, "ba", reverse=True).result() == ["b", "a"]
        with pytest.raises(ValueError, match="what was wrong"):
            executor.submit(failing, "what was wrong").result()
        shares = executor.shares([1, 2, 3])
        assert shares == ([[1], [2, 3]] if elsewhere else [[1, 2, 3]])
        assert executor.each(sum, shares) == [*map(sum, shares)]
        assert len({*executor.each(whose, shares)}) == len(shares)
        with pytest.raises(ValueError, match="2, 3"):
            executor.each(failing_at_three, shares)


def test_work_that_is_given_up_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available_cpus", lambda: 2)
    executor = beside(ENOUGH)
    other = psutil.Process(executor.submit(os.getpid).result())
    for_ever = [executor.submit(signal.pause) for _ in range(3)]
    with pytest.raises(KeyboardInterrupt), executor:
        raise KeyboardInterrupt
    assert not other.is_running()
    assert all(each.done() for each in for_ever)


def test_the_other_process_ends_with_one_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with_parent = int(done.stdout)
    with contextlib.suppress(psutil.NoSuchProcess):  # it has ended already
        psutil.Process(with_parent).wait(timeout=60)
    assert not psutil.pid_exists(with_parent)
