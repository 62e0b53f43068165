"""Progress of a stage over the windows of its run, reported in the run's log every few seconds.

`report_progress` wraps a stage and reports from a thread, so that a stage that waits for a vendor is reported as well.
Within it, loops count what they have done with `counted`, and work on chunks with `count_progress`.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

REPORT_SECONDS = 5.0  # often enough to see that a run is alive; a year of windows takes half a minute

Item = TypeVar("Item")


@dataclass
class _Count:
    """Items done of a loop; threads may add to it at once."""

    total: int
    unit: str
    started: float
    done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, items: int) -> None:
        with self._lock:
            self.done += items


@dataclass
class Progress:
    """How far a stage is.

    Attributes:
        label: The windows of its run, in words.
        clock: Monotonic clock, in seconds.
    """

    label: str
    clock: Callable[[], float] = time.monotonic
    _started: float = field(init=False)
    _count: _Count | None = None

    def __post_init__(self) -> None:
        self._started = self.clock()

    @contextmanager
    def counting(self, total: int, unit: str) -> Generator[Callable[[int], None]]:
        """Count within a block how many of `total` items are done; the block gets a function that adds to the count."""
        self._count = _Count(total, unit, self.clock())
        yield self._count.add
        self._count = None

    @property
    def line(self) -> str:
        """Items done and left, the rate, and the estimated time left; the time so far where nothing is done yet."""
        now, count = self.clock(), self._count
        if count is None:
            return f"{self.label}, {now - self._started:.0f} s so far"

        left = count.total - count.done
        seconds = now - count.started
        state = f"{count.done:,} of {count.total:,} {count.unit} done, {left:,} left"
        if count.done == 0 or seconds <= 0:
            return f"{state}, {seconds:.0f} s so far"

        rate = count.done / seconds
        return f"{state}, {rate:.1f} per second, about {left / rate:.0f} s"


# The progress of the stage that runs in this thread; workers and other threads have none.
_current: ContextVar[Progress | None] = ContextVar("progress", default=None)


@contextmanager
def report_progress(windows: int, log: Callable[[str], object], *, interval: float) -> Generator[None]:
    """Log every `interval` seconds how far the block is.

    Args:
        windows: Number of windows of the run.
        log: Takes one line, such as a logger's `info`.
        interval: Seconds between two lines.
    """
    progress = Progress("1 window" if windows == 1 else f"{windows} windows at once")
    finished = threading.Event()

    def log_until_finished() -> None:
        while not finished.wait(interval):
            log(progress.line)

    # A daemon thread, so that it never keeps a process alive that is being stopped.
    thread = threading.Thread(target=log_until_finished, name="progress", daemon=True)
    thread.start()
    token = _current.set(progress)
    try:
        yield
    finally:
        _current.reset(token)
        finished.set()
        thread.join()


@contextmanager
def count_progress(total: int, unit: str) -> Generator[Callable[[int], None]]:
    """Count within a block how many of `total` items are done, for the reports of the stage around it.

    The block gets a function that adds to the count. Outside a stage the count goes nowhere.
    """
    progress = _current.get()
    if progress is None:
        yield _ignore
        return
    with progress.counting(total, unit) as add_done:
        yield add_done


def _ignore(_items: int) -> None:
    """Count nothing."""


def counted(items: Sequence[Item], unit: str = "windows") -> Iterator[Item]:
    """Yield the items and count each as done when the next is asked for."""
    with count_progress(len(items), unit) as add_done:
        for item in items:
            yield item
            add_done(1)
