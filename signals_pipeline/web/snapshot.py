"""A value that is loaded from the database once for all requests, instead of once per request."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# Seconds after which the next caller starts a reload in the background.
REFRESH_AFTER = 0.1

# Seconds after which a value is too old to be returned: little against a digest twice a day.
MAXIMUM_AGE = 0.5


class Snapshot(Generic[Value]):
    """Returns a value whose loading began at most `maximum_age` seconds before the call, or after it.

    Loads never overlap and waiting callers share one, so that the load on the database does not grow with the number
    of requests. Under steady traffic reloads run in the background and nobody waits. This is more than a TTL cache: a
    caller never shares a load that began too long before the call.

    Args:
        load: Loads the value; it runs in a thread.
        monotonic: A monotonic clock, seconds.
        maximum_age: Seconds.
        limiter: Of the threads that load; None for the one that all requests share.
    """

    def __init__(
        self,
        load: Callable[[], Value],
        monotonic: Callable[[], float],
        maximum_age: float = MAXIMUM_AGE,
        limiter: CapacityLimiter | None = None,
    ) -> None:
        self._load = load
        self._monotonic = monotonic
        self._maximum_age = maximum_age
        self._limiter = limiter
        # When the loading of the newest value began, and the value.
        self._newest: tuple[float, Value] | None = None
        self._loading: asyncio.Task[None] | None = None

    async def get(self) -> Value:
        """Return the value; raises what loading raises, and does not cache the failure."""
        called_at = self._monotonic()
        # A load under way may have begun too early for this caller: then another one follows.
        while self._newest is None or called_at - self._newest[0] >= self._maximum_age:
            # Shielded: a caller that goes away must not cancel the load of the others.
            await asyncio.shield(self._loading or self._start_loading())

        began_at, value = self._newest
        if called_at - began_at >= REFRESH_AFTER and self._loading is None:
            self._start_loading()
        return value

    def _start_loading(self) -> "asyncio.Task[None]":
        self._loading = asyncio.create_task(self._run())
        # Retrieve the exception of a background load, or asyncio logs that nobody did.
        self._loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._loading

    async def _run(self) -> None:
        began_at = self._monotonic()
        try:
            self._newest = (began_at, await to_thread.run_sync(self._load, limiter=self._limiter))
        finally:
            self._loading = None


class SnapshotCache(Generic[Key, Value]):
    """One snapshot per key, for a bounded number of keys: the one that was asked for longest ago is forgotten first.

    Args:
        load: Loads a key's value; it runs in a thread.
        monotonic: A monotonic clock, seconds.
        maximum: Number of keys.
    """

    def __init__(self, load: Callable[[Key], Value], monotonic: Callable[[], float], maximum: int) -> None:
        self._load = load
        self._monotonic = monotonic
        self._maximum = maximum
        self._snapshots: OrderedDict[Key, Snapshot[Value]] = OrderedDict()

    async def get(self, key: Key) -> Value:
        """Return the key's value as `Snapshot.get` does."""
        snapshot = self._snapshots.get(key)
        if snapshot is None:
            snapshot = Snapshot(partial(self._load, key), self._monotonic)
            self._snapshots[key] = snapshot
            if len(self._snapshots) > self._maximum:
                self._snapshots.popitem(last=False)
        self._snapshots.move_to_end(key)
        return await snapshot.get()
