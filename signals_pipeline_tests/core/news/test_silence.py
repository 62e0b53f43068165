"""How far a source is known to have moved depends on its own past, and never on what came later."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.news.silence import PACE_DAYS, Reach, SourceTimeline, reach_at
from signals_pipeline.core.windows import windows_between
from signals_pipeline_tests.support.headline_deliveries import raw

SESSIONS = trading_sessions(date(2025, 6, 1), date(2026, 12, 31))
# Monday to Friday without a holiday.
MONDAY = datetime(2026, 4, 13, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(published_at: datetime, lag: timedelta | None = None) -> RawHeadline:
    seen = None if lag is None else published_at + lag
    return raw("Rain in Spain", published_at, first_seen_at=seen)


def reach(items: Iterable[RawHeadline], as_of: datetime) -> Reach:
    return reach_at(SourceTimeline.from_headlines("recorded", items), as_of, SESSIONS)


def steady(days: int, every: timedelta, end: datetime = MONDAY) -> list[datetime]:
    """Instants at a steady pace, the last one `every` before the end."""
    count = int(timedelta(days=days) / every)
    return [end - every * number for number in range(count, 0, -1)]


def test_a_source_that_moves_at_its_usual_pace_covers_to_the_end() -> None:
    found = reach([item(at) for at in steady(10, HOUR)], MONDAY)
    assert found == Reach(MONDAY - HOUR, None)


@pytest.mark.parametrize("days", [2, 20, 80])
def test_a_source_that_ended_covers_to_its_newest_item(days: int) -> None:
    found = reach([item(at) for at in steady(9, HOUR)], MONDAY + timedelta(days=days))
    assert (found.newest_at, found.covered_to) == (MONDAY - HOUR, MONDAY - HOUR)
    age = "49 h" if days == 2 else f"{days} days"
    assert f"no item since Sun 12 Apr 2026 19:00 ET ({age})" in found.detail


def test_a_source_without_an_item_in_the_past_covers_nothing() -> None:
    later = [item(MONDAY + timedelta(days=1))]
    for items in ([], later, [item(MONDAY - timedelta(days=PACE_DAYS + 1))]):
        assert reach(items, MONDAY) == Reach(None, MONDAY - timedelta(days=PACE_DAYS), "no item in the last 90 days")


def test_a_weekend_is_no_silence_for_a_source_that_is_silent_every_weekend() -> None:
    weekdays = [at for at in steady(60, HOUR) if at.weekday() < 5]
    assert reach([item(at) for at in weekdays], MONDAY + 12 * HOUR).covered_to is None


def test_a_frozen_feed_is_silent_in_the_second_window_at_the_latest() -> None:
    newest = MONDAY + timedelta(hours=14)  # 10:00 in New York
    items = [item(at) for at in steady(30, timedelta(minutes=20), newest)]
    ends = [window.end for window in windows_between(newest, newest + timedelta(days=5))]
    covered = [reach(items, end).covered_to for end in ends]
    assert None not in covered[1:]


def test_a_collector_that_polls_once_a_day_covers_to_its_poll() -> None:
    polls = [MONDAY + timedelta(days=day, hours=11) for day in range(-30, 5)]
    items = [item(poll - timedelta(hours=hours), timedelta(hours=hours)) for poll in polls for hours in range(1, 24)]
    for window in windows_between(MONDAY, MONDAY + timedelta(days=5)):
        last_poll = max(poll for poll in polls if poll < window.end)
        found = reach(items, window.end)
        assert (found.newest_at, found.covered_to) == (last_poll, last_poll)
        assert "items arrive 12 h after publication" in found.detail


def test_a_collector_that_polls_every_quarter_of_an_hour_covers_to_the_end() -> None:
    items = [item(at, timedelta(minutes=minutes)) for at in steady(10, HOUR) for minutes in (3, 9, 14)]
    assert reach(items, MONDAY).covered_to is None


def test_two_items_do_not_make_a_pace() -> None:
    pair = [item(MONDAY + 13 * HOUR), item(MONDAY + 14 * HOUR)]  # 10:00 in New York
    assert reach(pair, MONDAY + 20 * HOUR).covered_to is None  # 16:00: six hours of a session
    assert reach(pair, MONDAY + timedelta(days=1, hours=20)).covered_to == MONDAY + 14 * HOUR


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60 * 24 * 30), st.none() | st.integers(0, 2000)), max_size=60),
    st.integers(0, 60 * 24 * 40),
)
def test_later_deliveries_change_nothing_and_the_reach_is_never_beyond_the_newest_item(
    minutes: list[tuple[int, int | None]], as_of_minute: int
) -> None:
    as_of = MONDAY + timedelta(minutes=as_of_minute)
    items = [
        item(MONDAY + timedelta(minutes=at), None if lag is None else timedelta(minutes=lag)) for at, lag in minutes
    ]
    earlier = [headline for headline in items if headline.known_at and headline.known_at < as_of]

    found = reach(items, as_of)

    assert found == reach(earlier, as_of)
    newest = max((headline.known_at for headline in earlier if headline.known_at), default=None)
    assert found.newest_at == newest
    assert found.covered_to in ({None, newest} if newest else {as_of - timedelta(days=PACE_DAYS)})
    assert bool(found.detail) == (found.covered_to is not None)


def test_an_item_without_a_time_is_no_delivery() -> None:
    undated = raw("Rain in Spain", None, first_seen_at=MONDAY)
    assert reach([undated], MONDAY + HOUR).newest_at is None
