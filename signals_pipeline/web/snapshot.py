"""One look at the database for all who ask, instead of one a request."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

Found = TypeVar("Found")

REFRESH = 0.1
"""Seconds after which the next caller sets off another look, without waiting for it."""

HOLD = 0.5
"""Seconds after which what was found is too old to be told; a digest comes twice a day."""


class Snapshot(Generic[Found]):
    """Gives every caller the result of a look that began at most `hold` seconds before the call, or after it.

    Looks never overlap and callers that wait share one, so the database sees few however many ask; where many ask,
    looks go on beside the answers and nobody waits.
    """

    def __init__(self, look: Callable[[], Found], seconds: Callable[[], float], hold: float = HOLD) -> None:
        self._look = look
        self._seconds = seconds
        self._hold = hold
        self._held: tuple[float, Found] | None = None
        self._running: asyncio.Task[None] | None = None

    async def get(self) -> Found:
        """The result of a look; raises what the look raises, which is not held."""
        asked = self._seconds()
        while self._held is None or asked - self._held[0] >= self._hold:
            await asyncio.shield(self._running or self._start())
        began, found = self._held
        if asked - began >= REFRESH and self._running is None:
            self._start()
        return found

    def _start(self) -> "asyncio.Task[None]":
        self._running = asyncio.create_task(self._run())
        self._running.add_done_callback(lambda task: task.cancelled() or task.exception())  # it may have no waiter
        return self._running

    async def _run(self) -> None:
        began = self._seconds()
        try:
            self._held = (began, await run_in_threadpool(self._look))
        finally:
            self._running = None
