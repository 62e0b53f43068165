"""A pool of worker processes for runs over many windows.

The stages of a run share one `WorkerPool`: each opens it for its windows and maps functions over chunks of them
(`core.chunks`). Small runs and machines with one CPU get no workers; the same calls then work in this process.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.adapters.progress import count_progress
from signals_pipeline.core.chunks import Chunk, Result

Item = TypeVar("Item")

MINIMUM_WINDOWS = 30  # fewer windows take less time than the imports of a new process
MAXIMUM_WORKERS = 3  # a stage of a year has about ten chunks, and each worker needs 200 MiB


@dataclass(frozen=True)
class Workers:
    """The processes that one stage may use besides its own.

    Attributes:
        executor: The pool; None to do all work in this process.
        maximum_unfinished: Items that the pool has at most: one in work and one waiting per worker.
    """

    executor: ProcessPoolExecutor | None = None
    maximum_unfinished: int = 0

    def map_chunks(
        self, function: Callable[[Chunk], Result], chunks: Sequence[Chunk], /, *, sizes: Sequence[int], unit: str
    ) -> list[Result]:
        """Results in the order of the chunks, with progress in the run's log; see `core.chunks.MapChunks`."""
        with count_progress(sum(sizes), unit) as add_done:
            return self.map(function, chunks, report=lambda position: add_done(sizes[position]))

    def map(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        *,
        report: Callable[[int], object] = lambda _position: None,
    ) -> list[Result]:
        """Map a function over items, in the workers and in this process.

        An item goes to the workers while they have too little to do, else it is worked on here: a process that only
        waited would leave a CPU idle, or need one more worker with its imports (a year took 8 s more CPU that way).
        No future is ever cancelled: when the workers of a pool with cancelled futures are killed, its thread fails with
        InvalidStateError (Python 3.11.7) and leaves them behind as zombies.

        Args:
            function: What is computed for one item. It must pickle, like items and results.
            items: The items; workers start on the first ones before the iterable has yielded all.
            report: Gets the position of each item that is done, from any thread.

        Returns:
            Results in the order of the items.
        """
        results: dict[int, Result] = {}
        futures: dict[int, Future[Result]] = {}
        unfinished: list[Future[Result]] = []
        for position, item in enumerate(items):
            unfinished = [future for future in unfinished if not future.done()]
            if self.executor is not None and len(unfinished) < self.maximum_unfinished:
                future = self.executor.submit(function, item)
                future.add_done_callback(partial(_report_done, report, position))
                futures[position] = future
                unfinished.append(future)
            else:
                results[position] = function(item)
                report(position)

        for position, future in futures.items():
            results[position] = future.result()
        return [results[position] for position in range(len(results))]


def _report_done(report: Callable[[int], object], position: int, _future: Future[Any]) -> None:
    report(position)


class WorkerPool:
    """The process pool of a run, started by its first stage with enough windows.

    Args:
        modules: Modules that every worker imports when it starts, before its first task.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._executor: ProcessPoolExecutor | None = None

    @contextmanager
    def open(self, windows: int) -> Generator[Workers]:
        """Give the block the workers for a run over this many windows.

        An exception that leaves the block (a failure, or the stage's time limit) kills the workers instead of waiting
        for them: nobody needs their results, and one that hangs would hold up the run. The next block gets new ones.
        """
        if windows < MINIMUM_WINDOWS or available_cpus() < 2:
            yield Workers()
            return
        if self._executor is None:
            self._executor = self._start()
        try:
            yield Workers(self._executor, maximum_unfinished=2 * _worker_count())
        except BaseException:
            self._kill()
            raise

    def close(self) -> None:
        """Wait for running tasks and end the workers."""
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def _start(self) -> ProcessPoolExecutor:
        executor = ProcessPoolExecutor(
            max_workers=_worker_count(),
            # Spawned, not forked: Dagster and the model have threads, and a fork would copy the locks they hold.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_initialise_worker,
            initargs=(self._modules,),
        )
        # The first task starts the processes: they import their modules while the stage still fetches its data.
        executor.submit(os.getpid)
        return executor

    def _kill(self) -> None:
        executor, self._executor = self._executor, None
        if executor is None:
            return
        # Private until Python 3.14, which has `kill_workers`.
        for process in list(executor._processes.values()):  # noqa: SLF001
            process.kill()
        executor.shutdown()


def _worker_count() -> int:
    return min(available_cpus() - 1, MAXIMUM_WORKERS)  # this process needs a CPU itself


def _initialise_worker(modules: Sequence[str]) -> None:
    """Import modules, and end this process with its parent, even when that is killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("not a worker process: call this as the initializer of a process pool")

    def exit_with_parent() -> None:
        parent.join()
        os._exit(1)

    # A worker of a killed parent would wait for tasks for ever: it holds both ends of the queue's pipe itself.
    threading.Thread(target=exit_with_parent, daemon=True, name="exit with parent").start()
    for module in modules:
        import_module(module)
