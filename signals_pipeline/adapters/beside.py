"""Work beside this process: an executor with a process of its own where there is a CPU for it."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from types import TracebackType
from typing import ParamSpec, TypeVar

from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.core.spread import Here

_Given = ParamSpec("_Given")
_Share = TypeVar("_Share")
_Made = TypeVar("_Made")

ENOUGH = 30
"""Tasks from which another process is worth the second that its imports take."""


class AtOnce(Executor, Here):
    """Runs a task in this process as soon as it is submitted."""

    def submit(self, fn: Callable[_Given, _Made], /, *args: _Given.args, **kwargs: _Given.kwargs) -> Future[_Made]:
        """A future that is done; what the task raised is raised by its `result`."""
        future: Future[_Made] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future's to raise
            future.set_exception(error)
        return future


class Beside(ProcessPoolExecutor):
    """A process of its own for the tasks of a block; one that is left by an exception ends it and its tasks at once.

    Of work in shares it takes the second, this process the first.
    """

    def __init__(self) -> None:
        # Not forked: Dagster and the model have threads, whose locks a fork may take along held.
        spawned = multiprocessing.get_context("spawn")
        super().__init__(max_workers=1, mp_context=spawned, initializer=_end_with_parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Wait for the tasks where all is well; else nobody wants them, and one that hangs would hold up the rest."""
        if kind is not None:
            for process in [*self._processes.values()]:  # public only from Python 3.14 on, as `kill_workers`
                process.kill()
        return super().__exit__(kind, error, trace)

    def shares(self, items: Sequence[_Share], /) -> Sequence[Sequence[_Share]]:
        """Two halves."""
        half = len(items) // 2
        return [items[:half], items[half:]]

    def each(self, work: Callable[[_Share], _Made], given: Sequence[_Share], /) -> list[_Made]:
        """The first share here, the others beside, at the same time."""
        others = [self.submit(work, one) for one in given[1:]]
        return [work(given[0]), *(one.result() for one in others)]


def beside(tasks: int) -> AtOnce | Beside:
    """An executor for so many tasks; a context manager, as every executor.

    With a second CPU and tasks enough they run in one process beside this one, which ends with this one, killed or not;
    else here, each as it is submitted. Functions, arguments and results must pickle.
    """
    return AtOnce() if tasks < ENOUGH or available_cpus() < 2 else Beside()


def _end_with_parent() -> None:
    """Have this process of a pool end with its parent: it waits on a pipe whose other end it holds itself."""
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("this process has no parent to end with: call it in a process of a pool")

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end with parent").start()
