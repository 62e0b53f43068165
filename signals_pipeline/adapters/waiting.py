"""Waits for another process: what is waited for is logged after some seconds, and again at growing intervals.

The logger has this module's name; the command line prints its lines, and a run's log has them as well.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

ANNOUNCE_AFTER_SECONDS = 5.0  # what takes less needs no explanation

_log = logging.getLogger(__name__)


class Announcements:
    """When a wait is announced: after `first` seconds, then each time that it has lasted twice as long."""

    def __init__(self, first: float = ANNOUNCE_AFTER_SECONDS) -> None:
        self._next = first

    def due(self, waited: float) -> bool:
        """Whether a wait of so many seconds is to be announced now."""
        if waited < self._next:
            return False
        while self._next <= waited:
            self._next *= 2
        return True


@contextmanager
def announced_wait(subject: str, first: float = ANNOUNCE_AFTER_SECONDS) -> Generator[None]:
    """Log within a block that waits what it waits for, once it has waited for `first` seconds, and again later.

    Args:
        subject: What is waited for, in words without a secret.
        first: Seconds until the first line.
    """

    def announce(finished: threading.Event) -> None:
        started = time.monotonic()
        interval = first
        while not finished.wait(interval):
            waited = time.monotonic() - started
            _log.warning("waiting for %s, %.0f s so far", subject, waited)
            interval = waited  # twice as long in all

    with watched_by(announce):
        yield


@contextmanager
def watched_by(watch: Callable[[threading.Event], None]) -> Generator[None]:
    """Call a function in a thread beside the block; the event that it gets is set at the block's end."""
    finished = threading.Event()
    # A daemon thread, so that it never keeps a process alive that is being stopped.
    thread = threading.Thread(target=watch, args=(finished,), name="waiting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
