"""Work beside this process: an executor with a process of its own where there is a CPU for it."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Generic, ParamSpec, TypeVar

from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.adapters.progress import counting

_Given = ParamSpec("_Given")
_Share = TypeVar("_Share")
_Made = TypeVar("_Made")

ENOUGH = 30
"""Tasks from which another process is worth the seconds that its imports take."""


class AtOnce(Executor):
    """Runs a task in this process as soon as it is submitted."""

    def submit(self, fn: Callable[_Given, _Made], /, *args: _Given.args, **kwargs: _Given.kwargs) -> Future[_Made]:
        """A future that is done; what the task raised is raised by its `result`."""
        future: Future[_Made] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future's to raise
            future.set_exception(error)
        return future

    def each(
        self, work: Callable[[_Share], _Made], shares: Sequence[_Share], /, sizes: Sequence[int], of: str
    ) -> list[_Made]:
        """As `core.spread.Spread` says: one share after the other, told as it is done."""
        made: list[_Made] = []
        with counting(sum(sizes), of) as done:
            for share, size in zip(shares, sizes, strict=True):
                made.append(work(share))
                done(size)
        return made


class _Deal(Generic[_Share, _Made]):
    """Shares dealt to two processes, one at a time, so that both are done together.

    What waits in a pool's own queue nobody can take back: the other process gets its next share when it is done with
    one.

    Args:
        other: The other process.
        work: What is done with a share.
        shares: The shares.
        done: Is told the place of each share that is done.
    """

    def __init__(
        self,
        other: Executor,
        work: Callable[[_Share], _Made],
        shares: Sequence[_Share],
        done: Callable[[int], object],
    ) -> None:
        self._other, self._work, self._done = other, work, done
        self._left = deque(enumerate(shares))
        self._alone = threading.Lock()
        self._given: dict[int, Future[_Made]] = {}

    def made(self) -> list[_Made]:
        """What the work makes of each share, in their order; what it raises is raised here."""
        taken: dict[int, _Made] = {}
        count = len(self._left)
        self._give()
        while next_one := self._take():
            at, share = next_one
            taken[at] = self._work(share)
            self._done(at)
        return [taken[at] if at in taken else self._given[at].result() for at in range(count)]

    def _take(self) -> tuple[int, _Share] | None:
        with self._alone:
            return self._left.pop() if self._left else None

    def _give(self) -> None:
        with self._alone:
            if not self._left:
                return
            at, share = self._left.popleft()
            given = self._given[at] = self._other.submit(self._work, share)
        given.add_done_callback(lambda it: self._over(at, it))

    def _over(self, at: int, given: Future[_Made]) -> None:
        """In a thread of the executor: the next share, unless this one failed and the rest is for nothing."""
        if given.cancelled() or given.exception():
            with self._alone:
                self._left.clear()
            return
        self._done(at)
        self._give()


class Other(ProcessPoolExecutor):
    """One process beside this one.

    Args:
        modules: What its tasks need: it imports them before the first is there.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        # Not forked: Dagster and the model have threads, whose locks a fork may take along held.
        spawned = multiprocessing.get_context("spawn")
        super().__init__(max_workers=1, mp_context=spawned, initializer=_begin, initargs=(modules,))
        self.submit(_nothing)  # has the process start now

    def each(
        self, work: Callable[[_Share], _Made], shares: Sequence[_Share], /, sizes: Sequence[int], of: str
    ) -> list[_Made]:
        """As `core.spread.Spread` says: the other process is given shares from the front, this one takes from the end.

        What the work raises there comes with its traceback.
        """
        with counting(sum(sizes), of) as done:
            return _Deal(self, work, shares, lambda at: done(sizes[at])).made()

    def end(self) -> None:
        """End it and its tasks at once, done or not."""
        for process in [*self._processes.values()]:  # public only from Python 3.14 on, as `kill_workers`
            process.kill()
        self.shutdown()


class Beside:
    """The process beside this one: started by the first work that is enough for it, kept for what comes after.

    Args:
        modules: What its tasks need.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._other: Other | None = None

    @contextmanager
    def over(self, tasks: int) -> Iterator[AtOnce | Other]:
        """Who works on so many tasks, for a block.

        With a second CPU and tasks enough it is a process that ends with this one, killed or not; else this one, each
        task as it is submitted. Functions, arguments and results must pickle. A block left by an exception ends the
        process and its tasks at once: nobody wants them, and one that hangs would hold up the rest.
        """
        if tasks < ENOUGH or available_cpus() < 2:
            yield AtOnce()
            return
        self._other = other = self._other or Other(self._modules)
        try:
            yield other
        except BaseException:
            self._other = None
            other.end()
            raise

    def close(self) -> None:
        """Wait for what it still does, and end it."""
        if self._other is not None:
            self._other.shutdown()
            self._other = None


def _nothing() -> None:
    """A task that only has its process be there."""


def _begin(modules: Sequence[str]) -> None:
    """Have this process of a pool end with its parent: it waits on a pipe whose other end it holds itself."""
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("this process has no parent to end with: call it in a process of a pool")

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="end with parent").start()
    for module in modules:
        import_module(module)
