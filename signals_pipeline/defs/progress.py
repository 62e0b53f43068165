"""Progress of a stage over the windows of its run, told in its log every few seconds.

`limits.bounded` lets each stage tell it, from a thread, so that a stage that does all its windows at once, or waits for
a vendor, is heard of as well. One that does them one after the other takes them from `told`, which counts them.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

EVERY_SECONDS = 5.0

Item = TypeVar("Item")


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
    _loop: tuple[int, int, float, str] | None = None  # done, all, since when, of what: replaced as one

    def __post_init__(self) -> None:
        self._began = self.clock()

    def each(self, items: Sequence[Item], what: str) -> Iterator[Item]:
        """The items one after the other, counted until the last is done."""
        since = self.clock()
        for done, item in enumerate(items):
            self._loop = done, len(items), since, what
            yield item
        self._loop = None

    @property
    def line(self) -> str:
        """What is done and left, the rate, and the time that the rest should take, as far as that is known."""
        now = self.clock()
        if self._loop is None:
            return f"{self.windows}, {now - self._began:.0f} s so far"
        done, count, since, what = self._loop
        rate = done / (now - since) if now > since else 0.0
        rest = f"{rate:.1f} a second, about {(count - done) / rate:.0f} s" if rate else f"{now - since:.0f} s so far"
        return f"{done} of {count} {what} done, {count - done} left, {rest}"


_pace: ContextVar[Pace | None] = ContextVar("pace", default=None)


@contextmanager
def paced(windows: int, say: Callable[[str], object], *, every: float) -> Iterator[None]:
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


def told(items: Sequence[Item], what: str = "windows") -> Iterator[Item]:
    """The items one after the other; in a stage, its lines count them."""
    pace = _pace.get()
    yield from items if pace is None else pace.each(items, what)
