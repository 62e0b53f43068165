"""The times of a recorded file: an instant, or why there is none; never a guess."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.news.recorded_times import TimeProblem, read_time

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 4, 13, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-13T12:00:00Z",
        "2026-04-13 12:00:00+00:00",
        "2026-04-13T08:00:00.000-04:00",
        "2026-04-13 08:00 -0400",
        "2026-04-13 12:00:00 UTC",
        "2026-04-13t12:00:00z",
        "20260413T120000Z",
        " 2026-04-13 12:00:00.000000000Z ",
        "Mon, 13 Apr 2026 12:00:00 GMT",
        "Mon, 13 Apr 2026 08:00:00 -0400",
        "13 Apr 2026 12:00 +0000",
        "Mon, 13 Apr 2026 12:00:00 -0000",
    ],
)
def test_a_time_with_an_offset_is_its_instant_whatever_zone_is_named(text: str) -> None:
    assert read_time(text) == read_time(text, NEW_YORK) == NOON


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_every_form_of_an_instant_is_read_as_that_instant(naive: datetime, zone: timezone) -> None:
    at = naive.replace(tzinfo=zone)
    assert read_time(at.isoformat()) == at
    assert read_time(at.isoformat(" ")) == at
    assert read_time(format_datetime(at)) == at.replace(microsecond=0)


@pytest.mark.parametrize("text", ["2026-04-13T08:00:00", "2026-04-13 08:00", "Mon, 13 Apr 2026 08:00:00"])
def test_a_time_without_an_offset_is_read_only_in_a_zone_that_was_named(text: str) -> None:
    assert read_time(text) is TimeProblem.NO_OFFSET
    assert read_time(text, NEW_YORK) == NOON


def test_of_an_hour_that_a_clock_change_repeats_the_first_is_meant() -> None:
    assert read_time("2026-11-01 01:30", NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_in_an_hour_that_a_clock_change_leaves_out_a_time_is_an_hour_later() -> None:
    half_past_three = read_time("2026-03-08 03:30", NEW_YORK)
    assert read_time("2026-03-08 02:30", NEW_YORK) == half_past_three == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, TimeProblem.MISSING),
        (" ", TimeProblem.MISSING),
        ("2026-04-13", TimeProblem.NO_TIME_OF_DAY),
        ("20260413", TimeProblem.NO_TIME_OF_DAY),
        ("2026-04-13Z", TimeProblem.NO_TIME_OF_DAY),
        ("2026-04-13-05:00", TimeProblem.NO_TIME_OF_DAY),
        ("1776067200", TimeProblem.UNIX_SECONDS),
        (1776067200, TimeProblem.UNIX_SECONDS),
        (1776067200.5, TimeProblem.UNIX_SECONDS),
        ("1776067200000", TimeProblem.UNIX_MILLISECONDS),
        ("1012010101234", TimeProblem.UNIX_MILLISECONDS),  # `fromisoformat`: 12:34 on 1 January 1012
        ("1776067200000000", TimeProblem.UNIX_MICROSECONDS),
        ("1776067200000000000", TimeProblem.UNIX_NANOSECONDS),
        ("46125", TimeProblem.SPREADSHEET_DAYS),
        ("46125,3333", TimeProblem.SPREADSHEET_DAYS),
        ("12", TimeProblem.NUMBER),
        ("1e400", TimeProblem.NUMBER),
        ("9" * 400, TimeProblem.UNKNOWN),
        (10**400, TimeProblem.UNKNOWN),
        (float("inf"), TimeProblem.UNKNOWN),
        ("4/13/2026 8:00", TimeProblem.UNKNOWN),
        ("Mon, 13 Apr 2026 08:00:00 EST", TimeProblem.UNKNOWN),
        ("13 Apr 0026 08:00 +0000", TimeProblem.UNKNOWN),
        ("31 Feb 2026 08:00 +0000", TimeProblem.UNKNOWN),
        ("12:00:00Z", TimeProblem.UNKNOWN),
        ("٢٠٢٦-٠٤-١٣T12:00:00Z", TimeProblem.UNKNOWN),
        ("0001-01-01T00:00:00+14:00", TimeProblem.OUT_OF_RANGE),
        ("9999-12-31T23:59:59-14:00", TimeProblem.OUT_OF_RANGE),
    ],
)
def test_what_is_no_instant_is_told_by_what_it_looks_like_in_any_zone(value: object, problem: TimeProblem) -> None:
    assert read_time(value) is read_time(value, NEW_YORK) is problem


@given(
    st.text(max_size=80) | st.integers() | st.floats() | st.from_regex(r"[0-9TZ:.,+\- GMTUCmaonpr]{0,40}"),
    st.sampled_from([None, NEW_YORK]),
)
def test_any_value_is_an_instant_in_utc_or_a_problem(value: object, zone: ZoneInfo | None) -> None:
    result = read_time(value, zone)
    assert isinstance(result, TimeProblem) or result.tzinfo is UTC
