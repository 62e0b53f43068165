"""Quotas of calls: periods tile the day, and a forecast continues the pace so far."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.news.quotas import Limit, forecast

LIMITS = st.builds(Limit, st.integers(0, 200), st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24]))
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@given(LIMITS, INSTANTS)
def test_every_instant_lies_in_one_period_of_its_day(limit: Limit, now: datetime) -> None:
    started = limit.period_start(now)
    assert started <= now < started + timedelta(hours=limit.hours)
    assert started.date() == now.date()
    assert limit.bucket("v", now) == limit.bucket("v", started)


@given(LIMITS, st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_each_period_of_a_day_has_a_name_of_its_own(limit: Limit, day: date) -> None:
    hours = [datetime.combine(day, time(hour), UTC) for hour in range(24)]
    assert len({limit.bucket("v", hour) for hour in hours}) == 24 // limit.hours


@given(LIMITS, st.integers(0, 400), INSTANTS)
def test_a_forecast_names_the_calls_left_and_no_time_outside_the_period(limit: Limit, used: int, now: datetime) -> None:
    expected = forecast("V", limit, used, now)

    assert expected.left == max(0, limit.calls - used)
    if expected.runs_out is not None:
        assert now <= expected.runs_out < limit.period_start(now) + timedelta(hours=limit.hours)
    if not expected.left:
        assert expected.runs_out == now
    assert expected.text.startswith(f"V: {expected.left} left")


def test_a_forecast_gives_the_new_york_time_at_which_the_calls_run_out() -> None:
    assert forecast("NewsAPI", Limit(100), 62, NOON).text == "NewsAPI: 38 left, runs out 14:21 ET"
    assert forecast("NewsAPI", Limit(100), 12, NOON).text == "NewsAPI: 88 left"
    assert forecast("NewsAPI", Limit(100), 0, NOON).runs_out is None


def test_at_midnight_there_is_no_pace_yet() -> None:
    assert forecast("V", Limit(10), 3, NOON.replace(hour=0)).runs_out is None


@pytest.mark.parametrize(("calls", "hours"), [(-1, 24), (1, 0), (1, 5), (1, 48)])
def test_a_limit_that_tiles_no_day_is_refused(calls: int, hours: int) -> None:
    with pytest.raises(ValueError, match=f"a limit of {calls} calls in {hours} h"):
        Limit(calls, hours)
