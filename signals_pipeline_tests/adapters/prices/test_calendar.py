"""The exchange's sessions as the library gives them: holidays, early closes, clock changes, and clear limits."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.calendar import CalendarError, trading_sessions

DATES = st.dates(date(2000, 1, 1), date(2026, 12, 31))


def test_the_week_of_independence_day_2024() -> None:
    sessions = trading_sessions(date(2024, 7, 1), date(2024, 7, 7))
    assert sessions.dates.astype(str).tolist() == ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05"]
    assert sessions.opens.astype(str).tolist()[2] == "2024-07-03T13:30:00.000000"
    assert sessions.closes.astype(str).tolist()[1:3] == ["2024-07-02T20:00:00.000000", "2024-07-03T17:00:00.000000"]


def test_opens_move_with_the_clock_change() -> None:
    sessions = trading_sessions(date(2024, 3, 8), date(2024, 3, 11))
    hours = (sessions.opens - sessions.dates) / np.timedelta64(1, "m")
    assert hours.tolist() == [14 * 60 + 30, 13 * 60 + 30]


def test_it_reaches_back_to_2000_and_a_year_ahead() -> None:
    ahead = datetime.now(UTC).date() + timedelta(days=360)
    sessions = trading_sessions(date(2000, 1, 1), ahead)
    assert sessions.dates[0] == np.datetime64("2000-01-03")
    assert sessions.dates[-1] > np.datetime64(ahead - timedelta(days=6))
    # No sessions from 11 to 14 September 2001.
    assert np.diff(sessions.dates).max() == np.timedelta64(7, "D")


@settings(max_examples=50, deadline=None)
@given(DATES, DATES)
def test_a_span_is_a_cut_of_the_whole(one: date, other: date) -> None:
    start, end = sorted((one, other))
    whole, part = trading_sessions(date(2000, 1, 1), date(2026, 12, 31)), trading_sessions(start, end)
    inside = (whole.dates >= np.datetime64(start)) & (whole.dates <= np.datetime64(end))
    for name in ("dates", "opens", "closes"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[inside])
        assert getattr(part, name).dtype == ("datetime64[D]" if name == "dates" else "datetime64[us]")


def test_another_exchange_has_its_own_sessions() -> None:
    tokyo = trading_sessions(date(2024, 7, 1), date(2024, 7, 7), exchange="XTKS")
    assert tokyo.dates.astype(str).tolist()[3] == "2024-07-04"
    assert tokyo.opens.astype(str).tolist()[3] == "2024-07-04T00:00:00.000000"


@pytest.mark.parametrize(
    ("start", "end", "exchange", "said"),
    [
        (date(1999, 12, 31), date(2024, 1, 5), "XNYS", "the XNYS calendar covers 2000-01-01 to "),
        (date(2024, 1, 1), date(2199, 1, 5), "XNYS", "the XNYS calendar covers 2000-01-01 to "),
        (date(2024, 1, 5), date(2024, 1, 1), "XNYS", "the first date must not be after the last"),
        (
            date(2024, 1, 1),
            date(2024, 1, 5),
            "NYSEE",
            "there is no calendar named 'NYSEE': use a name of exchange_calendars",
        ),
    ],
)
def test_what_it_cannot_give_is_one_clear_line(start: date, end: date, exchange: str, said: str) -> None:
    with pytest.raises(CalendarError) as raised:
        trading_sessions(start, end, exchange)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
