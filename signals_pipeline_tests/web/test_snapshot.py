"""A snapshot: callers share loads, none is older than promised, and failures are not cached."""

import asyncio
import contextlib
import threading

import pytest

from signals_pipeline.web.snapshot import Snapshot, SnapshotCache


class Loads:
    """A load that waits until it is released, and counts; the thirteenth fails."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.overlapping = 0
        self.released = threading.Semaphore(0)
        self.started = threading.Semaphore(0)

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.overlapping = max(self.overlapping, self.begun - self.ended)
        self.started.release()
        assert self.released.acquire(timeout=10)
        self.ended += 1
        if number == 13:
            raise LookupError("thirteen")
        return number


def test_waiting_callers_share_a_load_that_began_after_their_call() -> None:
    loads = Loads()
    seconds = iter(range(1000))

    async def many() -> list[int]:
        snapshot = Snapshot(loads, lambda: float(next(seconds)), maximum_age=0)
        first = asyncio.create_task(snapshot.get())
        await asyncio.to_thread(loads.started.acquire, timeout=10)
        later = [asyncio.create_task(snapshot.get()) for _ in range(20)]  # the first load began before their call
        await asyncio.sleep(0)
        loads.released.release(2)
        return [await first, *await asyncio.gather(*later)]

    first, *later = asyncio.run(many())
    assert (first, set(later)) == (1, {2})
    assert (loads.begun, loads.overlapping) == (2, 1)


@pytest.mark.parametrize(("elapsed", "expected"), [(0.05, [1, 1]), (0.6, [1, 2])])
def test_a_value_is_reused_for_its_maximum_age(elapsed: float, expected: list[int]) -> None:
    loads = Loads()
    loads.released.release(2)
    now = [0.0]

    async def twice() -> list[int]:
        snapshot = Snapshot(loads, lambda: now[0])
        first = await snapshot.get()
        now[0] += elapsed
        return [first, await snapshot.get()]

    assert asyncio.run(twice()) == expected


def test_within_its_maximum_age_it_is_reloaded_in_the_background() -> None:
    loads = Loads()
    loads.released.release()
    now = [0.0]

    async def renewed() -> list[int]:
        snapshot = Snapshot(loads, lambda: now[0])
        values = [await snapshot.get()]
        now[0] += 0.2
        values += [await snapshot.get(), await snapshot.get()]  # the second load is running and can't end yet
        loads.released.release()
        async with asyncio.timeout(10):
            while await snapshot.get() == 1:
                await asyncio.sleep(0)
        return [*values, await snapshot.get()]

    assert asyncio.run(renewed()) == [1, 1, 1, 2]
    assert loads.begun == 2


def test_a_background_load_that_fails_raises_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    loads = Loads()
    loads.begun = loads.ended = 11
    loads.released.release(3)
    now = [0.0]

    async def after() -> list[int]:
        snapshot = Snapshot(loads, lambda: now[0])
        values = [await snapshot.get()]
        now[0] += 0.2
        values.append(await snapshot.get())  # starts the thirteenth, which fails
        async with asyncio.timeout(10):
            while loads.ended < 13:
                await asyncio.sleep(0)
        now[0] += 1
        with contextlib.suppress(LookupError):
            await snapshot.get()  # its failure may reach the loop only now, and then this caller gets it
        return [*values, await snapshot.get()]

    assert asyncio.run(after()) == [12, 12, 14]
    assert list(recwarn) == []


def test_a_failure_reaches_all_waiting_callers_and_is_not_cached() -> None:
    loads = Loads()
    loads.begun = loads.ended = 12
    loads.released.release(2)

    async def after() -> int:
        snapshot = Snapshot(loads, lambda: 0.0)
        both = await asyncio.gather(snapshot.get(), snapshot.get(), return_exceptions=True)
        assert [str(each) for each in both] == ["thirteen", "thirteen"]
        return await snapshot.get()

    assert asyncio.run(after()) == 14


def test_a_cache_loads_each_key_once_and_forgets_the_one_asked_for_longest_ago() -> None:
    loaded: list[str] = []

    def load(key: str) -> str:
        loaded.append(key)
        return key.upper()

    async def ask(keys: str) -> list[str]:
        cache = SnapshotCache(load, lambda: 0.0, maximum=2)
        return [await cache.get(key) for key in keys]

    # "b" takes the place of no one; "c" takes that of "b", since "a" was asked for again.
    assert asyncio.run(ask("abaacab")) == list("ABAACAB")
    assert loaded == list("abcb")
