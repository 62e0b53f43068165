"""Progress of a stage over the windows of its run, told in its log every few seconds.

Each stage tells it from a thread, so that one that waits for a vendor is heard of as well. What a stage does one after
the other it takes from `counted`, which counts it; what is worked on in shares is counted where the shares are done.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

EVERY_SECONDS = 5.0

Item = TypeVar("Item")


@dataclass
class _Count:
    """How many of what are done; counted from whatever thread."""

    all: int
    what: str
    since: float
    done: int = 0
    _one: threading.Lock = field(default_factory=threading.Lock)

    def add(self, more: int = 1) -> None:
        with self._one:
            self.done += more


@dataclass
class Pace:
    """How far a stage is.

    Attributes:
        windows: The windows of its run, in words.
        clock: Seconds since some instant.
    """

    windows: str
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _count: _Count | None = None

    def __post_init__(self) -> None:
        self._began = self.clock()

    @contextmanager
    def counting(self, count: int, what: str) -> Iterator[Callable[[int], None]]:
        """Count in a block how many of what are done: what it gives takes how many more."""
        self._count = _Count(count, what, self.clock())
        yield self._count.add
        self._count = None

    @property
    def line(self) -> str:
        """What is done and left, the rate, and the time that the rest should take, as far as that is known."""
        now, count = self.clock(), self._count
        if count is None:
            return f"{self.windows}, {now - self._began:.0f} s so far"
        done, left, since = count.done, count.all - count.done, now - count.since
        rate = done / since if since > 0 else 0.0
        rest = f"{rate:.1f} a second, about {left / rate:.0f} s" if rate else f"{since:.0f} s so far"
        return f"{done:,} of {count.all:,} {count.what} done, {left:,} left, {rest}"


_pace: ContextVar[Pace | None] = ContextVar("pace", default=None)


@contextmanager
def report_progress(windows: int, say: Callable[[str], object], *, every: float) -> Iterator[None]:
    """Say every so many seconds how far the block is over the windows of its run."""
    pace, over = Pace("1 window" if windows == 1 else f"{windows} windows at once"), threading.Event()

    def tell() -> None:
        while not over.wait(every):
            say(pace.line)

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    before = _pace.set(pace)
    try:
        yield
    finally:
        _pace.reset(before)
        over.set()
        thread.join()


@contextmanager
def counting(count: int, what: str) -> Iterator[Callable[[int], None]]:
    """Count in a block how many of what are done, in a stage for its lines; what it gives takes how many more."""
    pace = _pace.get()
    with nullcontext(_heard_by_nobody) if pace is None else pace.counting(count, what) as done:
        yield done


def _heard_by_nobody(_more: int) -> None:
    """Outside of a stage."""


def counted(items: Sequence[Item], what: str = "windows") -> Iterator[Item]:
    """The items one after the other; in a stage, its lines count them."""
    with counting(len(items), what) as done:
        for item in items:
            yield item
            done(1)
