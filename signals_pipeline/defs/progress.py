"""Progress of a run over many windows, told in its log every few seconds."""

import time
from collections.abc import Callable, Iterator, Sequence

from signals_pipeline.core.windows import Window

EVERY_SECONDS = 5.0


def told(
    windows: Sequence[Window],
    say: Callable[[str], object],
    *,
    every: float = EVERY_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Window]:
    """The windows one after the other; between two of them, at most every few seconds, how far it is.

    Args:
        windows: The run's windows, oldest first.
        say: Takes a line: windows done and left, rate, and the time that the rest should take.
        every: Seconds between two lines at least.
        clock: Seconds since some instant.
    """
    started = last = clock()
    for done, window in enumerate(windows, start=1):
        yield window
        now = clock()
        if done < len(windows) and now - last >= every:
            last, left = now, len(windows) - done
            rate = done / (now - started)
            say(f"{done} of {len(windows)} windows done, {left} left, {rate:.1f} a second, about {left / rate:.0f} s")
