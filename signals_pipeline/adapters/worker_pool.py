"""A pool of worker processes for runs over many windows.

The stages of a run share one `WorkerPool`: each opens it for its windows and maps functions over chunks of them
(`core.chunks`). Small runs and machines with one CPU get no processes; there the same calls work in this process.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.adapters.progress import count_progress
from signals_pipeline.core.chunks import Chunk, Result

MINIMUM_WINDOWS = 30  # fewer windows take less time than the imports of a new process
MAXIMUM_WORKERS = 4  # a stage of a year has about ten chunks, and each worker needs 200 MiB


@dataclass(frozen=True)
class Workers:
    """The processes that one stage may use.

    Attributes:
        executor: The pool; None to work in this process.
    """

    executor: ProcessPoolExecutor | None

    def map(self, function: Callable[..., Result], *iterables: Iterable[Any]) -> Iterator[Result]:
        """Results in order, as the builtin `map`; workers start on an item as soon as the iterables yield it."""
        if self.executor is None:
            return map(function, *iterables)
        return self.executor.map(function, *iterables)

    def map_chunks(
        self, function: Callable[[Chunk], Result], chunks: Sequence[Chunk], /, *, sizes: Sequence[int], unit: str
    ) -> list[Result]:
        """Results in the order of the chunks, with progress in the run's log; see `core.chunks.MapChunks`."""
        results: list[Result] = []
        with count_progress(sum(sizes), unit) as add_done:
            for size, result in zip(sizes, self.map(function, chunks), strict=True):
                results.append(result)
                add_done(size)
        return results


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
            max_workers=min(available_cpus(), MAXIMUM_WORKERS),
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
        for process in list(executor._processes.values()):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
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
