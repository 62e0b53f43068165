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
    """

    executor: ProcessPoolExecutor | None

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
        """Map a function over items, here and in the workers.

        Workers start on an item as soon as the iterable yields it. When it has yielded all, this process works as well:
        a process that only waited would leave a CPU idle, or need another worker and its imports (a year took 8 s more
        CPU that way).

        Args:
            function: What is computed for one item. It must pickle, like items and results.
            items: The items.
            report: Gets the position of each item that is done; from any thread.

        Returns:
            Results in the order of the items.
        """
        if self.executor is None:
            results: list[Result] = []
            for position, item in enumerate(items):
                results.append(function(item))
                report(position)
            return results

        submitted: list[tuple[Item, Future[Result]]] = []
        for position, item in enumerate(items):
            future = self.executor.submit(function, item)
            future.add_done_callback(partial(_report_result, report, position))
            submitted.append((item, future))

        # From the end, as the workers start at the front; what cannot be cancelled is theirs.
        own_results: dict[int, Result] = {}
        for position, (item, future) in reversed(list(enumerate(submitted))):
            if future.cancel():
                own_results[position] = function(item)
                report(position)
        return [
            own_results[position] if position in own_results else future.result()
            for position, (_, future) in enumerate(submitted)
        ]


def _report_result(report: Callable[[int], object], position: int, future: Future[Any]) -> None:
    """Report an item that a worker has done; one that was cancelled is reported where it is done instead."""
    if not future.cancelled():
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
            yield Workers(None)
            return
        if self._executor is None:
            self._executor = self._start()
        try:
            yield Workers(self._executor)
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
            max_workers=min(available_cpus() - 1, MAXIMUM_WORKERS),  # this process takes one CPU itself
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
