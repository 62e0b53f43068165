"""Politeness towards a vendor, shared by all threads that call it: a space between calls, and waits that hold all."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock

MOST_SECONDS = 30.0
FIRST_SECONDS = 1.0


class Pacer:
    """Gives out the instants at which calls may start.

    Args:
        spacing: Seconds between two starts.
        monotonic: Seconds that never go back.
        sleep: Waits so many seconds.
        jitter: A number in [0, 1).
    """

    def __init__(
        self,
        spacing: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._spacing, self._monotonic, self._sleep, self._jitter = spacing, monotonic, sleep, jitter
        self._free = 0.0
        self._lock = Lock()

    def wait(self) -> None:
        """Return when the next call may start."""
        with self._lock:
            now = self._monotonic()
            start = max(now, self._free)
            self._free = start + self._spacing
        if start > now:
            self._sleep(start - now)

    def hold(self, seconds: float) -> None:
        """Let no call start for so many seconds."""
        with self._lock:
            self._free = max(self._free, self._monotonic() + seconds)

    def backoff(self, attempt: int) -> float:
        """Seconds before another attempt, full jitter: up to 1, 2, 4 ..., at most 30.

        Source: Brooker, Exponential Backoff And Jitter, AWS Architecture Blog (2015).
        """
        return self._jitter() * min(MOST_SECONDS, FIRST_SECONDS * 2**attempt)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3); None without one that can be read.

    Args:
        value: A count of seconds or a date.
        now: Aware.
    """
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
