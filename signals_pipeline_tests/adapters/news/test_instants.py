"""Times as feeds write them: read where they have a zone, never guessed."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.news.instants import parse_instant


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_with_a_zone_is_read_and_one_without_is_never_guessed(at: datetime) -> None:
    assert parse_instant(at.isoformat()) == at
    assert parse_instant(at.strftime("%a, %d %b %Y %H:%M:%S GMT")) == at.replace(microsecond=0)
    assert parse_instant(at.replace(tzinfo=None).isoformat()) is None
    assert parse_instant(at.strftime("%a, %d %b %Y %H:%M:%S")) is None


@given(st.one_of(st.none(), st.text(max_size=30), st.integers()))
def test_no_text_breaks_the_reading_of_times(text: object) -> None:
    found = parse_instant(text)
    assert found is None or found.tzinfo is UTC


NOON_UTC = datetime(2026, 11, 12, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 12 Nov 2026 12:00:00 GMT",
        "Thu, 12 Nov 2026 12:00:00 -0000",
        "Thu, 12 Nov 2026 12:00:00 +0000 (UTC)",
        "Thu, 12 Nov 2026 17:30:00 +05:30",
        "Thu, 12 Nov 2026 17:30:00+05:30",
        "Thu, 12 Nov 2026 13:00:00 GMT+0100",
        "Thu, 12 Nov 2026 13:00:00 GMT +0100",
        "Thu, 12 Nov 2026 13:00:00 GMT+01:00",
        "Thu, 12 Nov 2026 13:00:00 UTC+1",
        "Thu, 12 Nov 2026 07:00:00 GMT-5",
        "Thu, 12 Nov 2026 13:00:00 BST",
        "Thu, 12 Nov 2026 13:00:00 CET",
        "Thu, 12 Nov 2026 14:00:00 cest",
        "Thu, 12 Nov 2026 21:00:00 JST",
        "Thu, 12 Nov 2026 17:30:00 IST",
        "Thu, 12 Nov 2026 07:00:00 EST",
        "Thu, 12 Nov 2026 08:00:00 EDT",
        "Thu, 12 Nov 2026 6:00 AM CST",
        "12 Nov 2026 7:00 AM EST",
        "12 Nov 2026 9:00 PM JST",
        "Nov. 12, 2026, 7:00 a.m. EST",
        "Thursday, November 12, 2026 - 7:00AM EST",
        "Thu Nov 12 07:00:00 EST 2026",
        "2026-11-12 12:00:00 +0000",
        "2026-11-12T12:00:00.000Z",
        "2026-11-12 13:00 CET",
        "2026/11/12 07:00 EST",
    ],
)
def test_zones_in_the_spellings_of_the_wild_are_read(text: str) -> None:
    assert parse_instant(text) == NOON_UTC


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 12 Nov 2026 12:00:00 XYZ",
        "Thu, 12 Nov 2026 12:00:00 ET",
        "Thu, 12 Nov 2026 12:00:00 EST+2",
        "Thu, 12 Nov 2026 12:00:00 +2400",
        "Thu, 12 Nov 2026 12:00:00 A",
        "12/11/2026 12:00 GMT",
        "12.11.2026 12:00 GMT",
        "Nov 12 12:00 GMT",
        "12 Nov 2026 GMT",
        "12:00 GMT",
        "Thu, 31 Nov 2026 12:00:00 CET",
        "Thu, 12 Nov 2026 25:00:00 CET",
        "Thu, 12 Nov 2026 15:00 PM CET",
        "1768300000",
        "yesterday",
        "0001-01-01 00:00 JST",
        "12 Nov 2026 12:00 CET" + " " * 100 + ".",
    ],
)
def test_a_time_that_names_no_known_zone_or_no_full_date_is_never_guessed(text: str) -> None:
    assert parse_instant(text) is None


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)), OFFSETS)  # noqa: DTZ001
def test_an_offset_is_read_in_every_spelling(local: datetime, zone: timezone) -> None:
    at = local.replace(tzinfo=zone, microsecond=0)
    compact = at.strftime("%z")
    offset = f"{compact[:3]}:{compact[3:]}"
    for end in (f" {compact}", f" {offset}", offset, f" GMT{offset}", f" UTC{compact}", f" {offset} (local)"):
        assert parse_instant(at.strftime("%a, %d %b %Y %H:%M:%S") + end) == at
        assert parse_instant(at.strftime("%d %B %Y %I:%M:%S %p") + f" UTC{offset}") == at
