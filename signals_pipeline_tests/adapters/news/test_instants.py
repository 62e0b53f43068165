"""Times as feeds write them: read where they have a zone, never guessed."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.news.fetch import parse_instant


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
