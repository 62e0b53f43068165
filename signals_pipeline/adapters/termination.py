"""Termination at a safe place: a process that is told to stop finishes what must not be left half-done."""

import signal
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from types import FrameType
from typing import Any

# What a supervisor, a person at the keyboard and a closed terminal send, and the alarm of a stage's time limit.
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers


@contextmanager
def deferred_termination() -> Generator[None, None, None]:
    """Hold signals to stop back until the end of the block, where they take the effect that they had before it.

    Only the main thread gets signals and may set handlers; in another thread the block runs as it is, and the
    interpreter waits for such threads of a pool before it exits.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    received: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    try:
        with signals_handled_by(remember, _SIGNALS):
            yield
    finally:
        for number in dict.fromkeys(received):
            signal.raise_signal(number)


@contextmanager
def signals_handled_by(
    handle: Callable[[int, FrameType | None], object], numbers: Iterable[signal.Signals]
) -> Generator[None]:
    """Give signals another handler within the block; one that is ignored, as SIGHUP is under nohup, stays so."""
    previous: dict[signal.Signals, _Handler] = {}
    for number in numbers:
        handler = signal.getsignal(number)
        # None: set by native code, which Python could not restore.
        if handler is not None and handler is not signal.SIG_IGN:
            previous[number] = handler
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
