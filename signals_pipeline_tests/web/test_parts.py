"""The parts by themselves: names, charts, what is kept, and looks that many share."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.stores.signals import SignalKey
from signals_pipeline.core.windows import Window
from signals_pipeline.web import charts
from signals_pipeline.web.app import utc_now
from signals_pipeline.web.permalinks import UnknownError, signal_name, signal_named
from signals_pipeline.web.response_cache import CachedResponse, ResponseCache
from signals_pipeline.web.snapshot import Snapshot
from signals_pipeline_tests.support.digest_examples import WINDOWS, component, story

CLOSES = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60)
PARTS = st.lists(
    st.floats(-1, 1).map(lambda value: story(1, value, 0))
    | st.floats(-1, 1).map(lambda value: component("rsi", value)),
    max_size=12,
)


@given(st.sampled_from(WINDOWS), st.from_regex(r"[A-Z0-9.^=-]{1,32}", fullmatch=True), st.sampled_from(["BUY", "SELL"]))
def test_a_signals_name_leads_back_to_it(window: Window, symbol: str, signal_type: str) -> None:
    key = SignalKey(window.start, symbol, signal_type)
    assert signal_named(signal_name(key)) == key


@pytest.mark.parametrize("name", ["", "XOM", "2024-01-09-08:30-XOM", "2024-01-09-08:31-XOM-BUY", "x" * 16 + "-A-BUY"])
def test_what_is_no_name_is_unknown(name: str) -> None:
    with pytest.raises(UnknownError):
        signal_named(name)


@given(CLOSES)
def test_a_line_stays_in_its_box_and_keeps_the_order_of_closes(closes: list[float]) -> None:
    drawn = charts.line(closes)
    places = [tuple(map(float, pair.split(","))) for pair in drawn.points.split()]
    assert len(places) == len(closes)
    assert all(0 <= x <= charts.WIDTH and 0 <= y <= charts.HEIGHT for x, y in places)
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert places[-1] == (drawn.x, drawn.y)
    highest, lowest = closes.index(max(closes)), closes.index(min(closes))
    assert places[highest][1] == min(y for _, y in places)
    assert places[lowest][1] == max(y for _, y in places)


@given(PARTS)
def test_a_bar_is_full_and_each_part_as_wide_as_it_weighs(parts: list[dict[str, float]]) -> None:
    drawn = charts.bar(parts)
    whole = sum(abs(part["contribution"]) for part in parts)
    assert sum(width for _, _, width in drawn) == pytest.approx(100 if whole else 0, abs=0.1)
    assert [start for _, start, _ in drawn] == sorted(start for _, start, _ in drawn)
    buying = sum(width for name, _, width in drawn if name.startswith("b"))
    if whole:
        assert buying == pytest.approx(100 * sum(max(part["contribution"], 0) for part in parts) / whole, abs=0.1)


def test_percentages_carry_a_true_minus() -> None:
    assert (charts.percent(0.566), charts.percent(-0.004, 1), charts.change(0.0123)) == ("57%", "−0.4%", "+1.2%")


def test_serving_pages_loads_neither_dagster_nor_a_model() -> None:
    code = (
        "import sys, signals_pipeline.cli.web; print(*{'dagster', 'onnxruntime', 'torch', 'boto3'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed.strip() == ""


def test_the_clock_is_aware_and_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_what_is_kept_is_made_once_and_the_oldest_goes() -> None:
    made: list[int] = []

    def making(number: int) -> Callable[[], CachedResponse]:
        def make() -> CachedResponse:
            made.append(number)
            return CachedResponse.of(str(number).encode())

        return make

    kept = ResponseCache(size=2)
    for number in (1, 2, 1, 3, 1, 2):
        assert kept.get(number, making(number)).body == str(number).encode()
    assert made == [1, 2, 3, 2]  # 1 was used again, so 2 went
    assert CachedResponse.of(b"x").etag != CachedResponse.of(b"y").etag
    assert CachedResponse.of(b"x", "name").etag == '"name"'


class Looks:
    """A look that waits to be let go, and counts."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.together = 0
        self.go = threading.Semaphore(0)
        self.started = threading.Semaphore(0)

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.together = max(self.together, self.begun - self.ended)
        self.started.release()
        assert self.go.acquire(timeout=10)
        self.ended += 1
        if number == 13:
            raise LookupError("thirteen")
        return number


def test_callers_that_wait_share_a_look_that_began_after_they_asked() -> None:
    looks = Looks()
    seconds = iter(range(1000))

    async def many() -> list[int]:
        fresh = Snapshot(looks, lambda: float(next(seconds)), hold=0)
        first = asyncio.create_task(fresh.get())
        await asyncio.to_thread(looks.started.acquire, timeout=10)
        later = [asyncio.create_task(fresh.get()) for _ in range(20)]  # the first look began before they asked
        await asyncio.sleep(0)
        looks.go.release(2)
        return [await first, *await asyncio.gather(*later)]

    first, *later = asyncio.run(many())
    assert (first, set(later)) == (1, {2})
    assert (looks.begun, looks.together) == (2, 1)


@pytest.mark.parametrize(("passed", "expected"), [(0.05, [1, 1]), (0.6, [1, 2])])
def test_a_look_holds_for_a_moment(passed: float, expected: list[int]) -> None:
    looks = Looks()
    looks.go.release(2)
    now = [0.0]

    async def twice() -> list[int]:
        fresh = Snapshot(looks, lambda: now[0])
        first = await fresh.get()
        now[0] += passed
        return [first, await fresh.get()]

    assert asyncio.run(twice()) == expected


def test_within_that_moment_it_is_renewed_beside_the_answers() -> None:
    looks = Looks()
    looks.go.release()
    now = [0.0]

    async def renewed() -> list[int]:
        fresh = Snapshot(looks, lambda: now[0])
        told = [await fresh.get()]
        now[0] += 0.2
        told += [await fresh.get(), await fresh.get()]  # the second look is under way and can't end yet
        looks.go.release()
        async with asyncio.timeout(10):
            while await fresh.get() == 1:
                await asyncio.sleep(0)
        return [*told, await fresh.get()]

    assert asyncio.run(renewed()) == [1, 1, 1, 2]
    assert looks.begun == 2


def test_a_renewal_that_fails_without_a_waiter_is_no_trouble(recwarn: pytest.WarningsRecorder) -> None:
    looks = Looks()
    looks.begun = looks.ended = 11
    looks.go.release(3)
    now = [0.0]

    async def after() -> list[int]:
        fresh = Snapshot(looks, lambda: now[0])
        told = [await fresh.get()]
        now[0] += 0.2
        told.append(await fresh.get())  # sets off the thirteenth, which fails
        async with asyncio.timeout(10):
            while looks.ended < 13:
                await asyncio.sleep(0)
        now[0] += 1
        with contextlib.suppress(LookupError):
            await fresh.get()  # its failure may still be on the way to the loop, and then this caller hears of it
        return [*told, await fresh.get()]

    assert asyncio.run(after()) == [12, 12, 14]
    assert list(recwarn) == []


def test_a_failure_reaches_all_who_wait_and_is_not_held() -> None:
    looks = Looks()
    looks.begun = looks.ended = 12
    looks.go.release(2)

    async def after() -> int:
        fresh = Snapshot(looks, lambda: 0.0)
        both = await asyncio.gather(fresh.get(), fresh.get(), return_exceptions=True)
        assert [str(each) for each in both] == ["thirteen", "thirteen"]
        return await fresh.get()

    assert asyncio.run(after()) == 14
