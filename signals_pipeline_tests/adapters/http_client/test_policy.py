"""The request policy: starts are spaced, a wait holds everyone, backoff has full jitter, Retry-After is honoured."""

import itertools
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.http_client.policy import (
    HostRateLimiter,
    RequestPolicy,
    TransientError,
    parse_retry_after,
    raise_if_transient,
    with_origin_overrides,
)
from signals_pipeline_tests.support.yahoo_prices import Clock


def limiter(clock: Clock, min_interval: float = 0) -> HostRateLimiter:
    return HostRateLimiter(RequestPolicy(min_interval=min_interval), clock=clock, pause=clock.sleep)


@given(st.lists(st.floats(0, 5), max_size=8), st.floats(0, 2))
def test_no_two_starts_are_closer_than_the_minimum_interval(pauses: list[float], interval: float) -> None:
    clock = Clock()
    rate_limiter = limiter(clock, interval)

    starts: list[float] = []
    for pause in pauses:
        clock.now += pause
        with rate_limiter.slot("a"):
            starts.append(clock.now)

    assert all(later - earlier >= interval - 1e-9 for earlier, later in itertools.pairwise(starts))


def test_a_hold_delays_the_next_start_and_a_shorter_one_does_not_shorten_it() -> None:
    clock = Clock()
    rate_limiter = limiter(clock)
    rate_limiter.hold("a", 7)
    rate_limiter.hold("a", 1)

    with rate_limiter.slot("b"):
        assert clock.now == 100
    with rate_limiter.slot("a"):
        assert clock.now == 107


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_backoff_is_full_jitter_with_a_cap(attempts: int, drawn: float) -> None:
    clock = Clock()
    rate_limiter = limiter(clock)
    policy = RequestPolicy(attempts=attempts, backoff=1.0, max_wait=30.0)
    waits: list[float] = []

    def send() -> None:
        raise TransientError("busy")

    with (
        mock.patch("random.uniform", lambda low, high: low + drawn * (high - low)),
        mock.patch.object(rate_limiter, "hold", lambda _, seconds: waits.append(seconds)),
        pytest.raises(TransientError, match="busy"),
    ):
        policy.call_with_retry(send, host="a", rate_limiter=rate_limiter)

    assert waits == [drawn * min(30.0, 2.0**retry) for retry in range(attempts - 1)]


def test_a_requested_wait_holds_the_host_for_everyone() -> None:
    clock = Clock()
    rate_limiter = limiter(clock)
    results = iter([TransientError("busy", 12.0), "done"])

    def send() -> str:
        result = next(results)
        if isinstance(result, TransientError):
            # The hold that follows is seen by all who share the limiter, such as this attempt itself.
            raise result
        return result

    assert RequestPolicy(backoff=0.001).call_with_retry(send, host="a", rate_limiter=rate_limiter) == "done"
    assert clock.now == 112


@pytest.mark.parametrize("status", [401, 403, 404, 426])
def test_a_refusal_is_not_transient(status: int) -> None:
    raise_if_transient("a.example", status, {"Retry-After": "1"})


@given(st.integers(0, 10_000))
def test_a_wait_in_seconds_is_read(seconds: int) -> None:
    assert parse_retry_after(f" {seconds} ") == seconds


@given(st.text(max_size=12))
def test_any_other_wait_is_none_or_not_negative(text: str) -> None:
    seconds = parse_retry_after(text)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, None), ("", None), ("17", 17), (" 0 ", 0), ("soon", None), ("-3", None)]
)
def test_only_a_number_of_seconds_or_a_date_is_read(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value) == seconds


@pytest.mark.parametrize("has_zone", [True, False])
def test_a_wait_until_a_date_is_read(*, has_zone: bool) -> None:
    now = datetime.now(UTC)
    if has_zone:
        later = format_datetime(now + timedelta(minutes=5), usegmt=True)
        earlier = format_datetime(now - timedelta(minutes=5), usegmt=True)
    else:
        later = (now + timedelta(minutes=5)).strftime("%a, %d %b %Y %H:%M:%S")
        earlier = (now - timedelta(minutes=5)).strftime("%a, %d %b %Y %H:%M:%S")

    seconds = parse_retry_after(later)

    assert seconds is not None
    assert 290 < seconds <= 300
    assert parse_retry_after(earlier) == 0


def test_only_named_origins_are_overridden() -> None:
    origins = {"https://a.example": "http://b"}
    assert with_origin_overrides("https://a.example/x?y", origins) == "http://b/x?y"
    assert with_origin_overrides("https://a.example.evil/x", origins) == "https://a.example.evil/x"
