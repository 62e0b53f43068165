"""Politeness: starts are spaced, a wait holds everyone, and Retry-After is read as written."""

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.pacing import MOST_SECONDS, Pacer, retry_after

NOW = datetime(2024, 1, 9, 12, tzinfo=UTC)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(st.lists(st.floats(0, 5), max_size=8), st.floats(0, 2))
def test_no_two_starts_are_closer_than_the_spacing(pauses: list[float], spacing: float) -> None:
    clock = Clock()
    pacer = Pacer(spacing, monotonic=clock, sleep=clock.sleep)
    starts = []
    for pause in pauses:
        clock.now += pause
        pacer.wait()
        starts.append(clock.now)
    assert all(later - earlier >= spacing - 1e-9 for earlier, later in itertools.pairwise(starts))


def test_a_hold_delays_the_next_start_and_a_shorter_one_does_not_shorten_it() -> None:
    clock = Clock()
    pacer = Pacer(0, monotonic=clock, sleep=clock.sleep)
    pacer.hold(7)
    pacer.hold(1)
    pacer.wait()
    assert clock.now == 107


@given(st.integers(0, 60), st.floats(0, 1, exclude_max=True))
def test_backoff_is_full_jitter_with_a_cap(attempt: int, drawn: float) -> None:
    assert Pacer(0, jitter=lambda: drawn).backoff(attempt) == drawn * min(MOST_SECONDS, 2.0**attempt)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("17", 17),
        (" 0 ", 0),
        ("soon", None),
        ("-3", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        ("Tue, 09 Jan 2024 12:00:05", 5),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds
