"""Windows tile time, their keys round-trip, and session lookups equal a linear search."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.windows import (
    NEW_YORK,
    Sessions,
    Window,
    WindowError,
    evidence_interval,
    newest_complete,
    window_containing,
    window_for_key,
    window_starting,
    windows_between,
)

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
FRIDAY = "next session Fri 5 Jul, 09:30 to 16:00 ET."
ZONES = st.sampled_from([UTC, NEW_YORK, ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/London")])
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2198, 12, 31), timezones=ZONES)  # noqa: DTZ001
# The days around every clock change of half a century: the second Sunday in March, the first in November.
CLOCK_CHANGES = st.builds(
    lambda year, month, hours: datetime(year, month, 8 if month == 3 else 1, tzinfo=UTC) + timedelta(hours=hours),
    st.integers(2007, 2057),
    st.sampled_from([3, 11]),
    st.floats(-24, 240),
)


def on(year: int, month: int, day: int, clock: str) -> datetime:
    return datetime.combine(date(year, month, day), time.fromisoformat(clock), NEW_YORK)


@settings(deadline=None)
@given(INSTANTS | CLOCK_CHANGES)
def test_every_instant_lies_in_exactly_one_window_and_the_neighbours_touch_it(instant: datetime) -> None:
    window = window_containing(instant)
    assert window.start <= instant < window.end
    assert window_containing(window.start) == window_containing(window.end - TICK) == window
    assert window_containing(window.end).start == window.end
    assert window_containing(window.start - TICK).end == window.start


@settings(deadline=None)
@given(INSTANTS | CLOCK_CHANGES)
def test_windows_start_and_end_at_digest_times_of_weekdays(instant: datetime) -> None:
    window = window_containing(instant)
    start, end = (at.astimezone(NEW_YORK) for at in (window.start, window.end))
    assert {start.time(), end.time()} == {time(8, 30), time(17, 30)}
    assert max(start.weekday(), end.weekday()) < 5
    # In absolute hours: a day, a night, or a weekend, which a clock change makes an hour shorter or longer.
    assert (window.end - window.start) / HOUR in {9, 15, 62, 63, 64}


@settings(deadline=None)
@given(INSTANTS | CLOCK_CHANGES, st.timedeltas(timedelta(days=-3), timedelta(days=40)))
def test_windows_between_tile_the_span_without_gap_or_overlap(first: datetime, length: timedelta) -> None:
    last = first + length
    windows = windows_between(first, last)
    assert all(first <= window.start < last for window in windows)
    assert all(before.end == after.start for before, after in pairwise(windows))
    if windows:
        assert windows[0].start - first < 64 * HOUR
        assert window_containing(windows[0].start - TICK).start < first
        assert windows[-1].end >= last
    else:
        assert last <= first or window_containing(last - TICK).start < first


@pytest.mark.parametrize(
    ("key", "hours"), [("2024-03-08-17:30", 62), ("2024-11-01-17:30", 64), ("2024-07-05-17:30", 63)]
)
def test_a_weekend_with_a_clock_change_is_an_hour_shorter_or_longer(key: str, hours: int) -> None:
    window = window_for_key(key)
    assert window.end - window.start == hours * HOUR
    assert windows_between(window.start, window.end) == (window,)
    assert windows_between(window.start, window.start) == windows_between(window.start, window.start - HOUR) == ()


@settings(deadline=None)
@given(INSTANTS | CLOCK_CHANGES, ZONES)
def test_key_and_start_lead_back_to_the_window(instant: datetime, zone: ZoneInfo) -> None:
    window = window_containing(instant)
    assert window_for_key(window.key) == window
    assert window_starting(window.start.astimezone(zone)) == window
    assert window.start.utcoffset() == window.end.utcoffset() == timedelta(0)


@settings(deadline=None)
@given(INSTANTS)
def test_newest_complete_is_the_last_window_that_has_ended(now: datetime) -> None:
    window = newest_complete(now)
    assert window.end <= now < window_containing(window.end).end


def test_a_window_is_complete_at_its_end_and_not_before() -> None:
    window = window_for_key("2024-03-08-17:30")
    assert newest_complete(window.end) == window
    assert newest_complete(window.end - TICK).end == window.start


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("2024-03-09-08:30", "2024-03-08-17:30 and 2024-03-11-08:30"),
        ("2024-03-10-02:30", "2024-03-08-17:30 and 2024-03-11-08:30"),
        ("2024-03-11-08:31", "2024-03-11-08:30 and 2024-03-11-17:30"),
        ("2024-3-11-8:30", "2024-03-11-08:30 and 2024-03-11-17:30"),
        ("2024-03-11", "2024-03-11-08:30 and 2024-03-11-17:30"),
        ("2024-03-11T17:30", "2024-03-11-08:30 and 2024-03-11-17:30"),
        ("2024-02-30-08:30", "e.g. 2024-03-11-08:30"),
        ("yesterday", "e.g. 2024-03-11-08:30"),
        ("", "e.g. 2024-03-11-08:30"),
        ("1900-01-01-08:30", "outside the years 1970 to 2199"),
        ("9999-12-31-17:30", "outside the years 1970 to 2199"),
    ],
)
def test_an_invalid_key_is_refused_in_one_line_with_the_nearest_keys(key: str, nearest: str) -> None:
    with pytest.raises(WindowError) as raised:
        window_for_key(key)
    assert nearest in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_instant_between_starts_is_refused_with_the_nearest_keys() -> None:
    with pytest.raises(WindowError, match="nearest keys are 2024-03-08-17:30 and 2024-03-11-08:30"):
        window_starting(on(2024, 3, 9, "12:00"))


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(WindowError, match="no time zone"):
        window_containing(datetime(2024, 3, 11, 8, 30))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2024, 3, 11, 8, 30), datetime(2024, 3, 11, 17, 30)),  # noqa: DTZ001
        (on(2024, 3, 11, "08:30"), on(2024, 3, 11, "17:30")),
        (datetime(2024, 3, 11, 12, 30, tzinfo=UTC), on(2024, 3, 11, "17:30")),
        (datetime(2024, 3, 11, 12, 30, tzinfo=UTC), datetime(2024, 3, 11, 12, 30, tzinfo=UTC)),
    ],
)
def test_a_window_takes_two_utc_instants_in_order(start: datetime, end: datetime) -> None:
    with pytest.raises(WindowError, match="two UTC instants"):
        Window(start, end)


def test_labels_say_new_york_times() -> None:
    window = window_for_key("2024-03-08-17:30")
    assert window.label == "Fri 17:30 to Mon 08:30 ET"
    assert window.long_label == "Fri 8 Mar 17:30 to Mon 11 Mar 2024 08:30 ET"
    assert window_for_key("2024-03-08-08:30").long_label == "Fri 8 Mar 2024 08:30 to 17:30 ET"
    assert window_for_key("2024-12-31-17:30").long_label == "Tue 31 Dec 2024 17:30 to Wed 1 Jan 2025 08:30 ET"
    assert window.as_of == window.end == datetime(2024, 3, 11, 12, 30, tzinfo=UTC)


@settings(deadline=None)
@given(INSTANTS, st.floats(0.1, 96), st.booleans())
def test_evidence_ends_at_the_window_end_and_reaches_back_by_the_lookback(
    instant: datetime, hours: float, strict: bool
) -> None:
    window = window_containing(instant)
    start, end = evidence_interval(window, lookback_hours=hours, strict=strict)
    assert end == window.as_of
    if strict:
        assert start == end - timedelta(hours=hours)
    else:
        assert start <= window.start
        assert end - start == max(window.end - window.start, timedelta(hours=hours))


@pytest.mark.parametrize("hours", [0, -1, float("nan")])
def test_a_lookback_without_hours_is_refused(hours: float) -> None:
    with pytest.raises(WindowError, match="NEWS_LOOKBACK_HOURS must be above 0"):
        evidence_interval(window_for_key("2024-03-08-17:30"), lookback_hours=hours, strict=False)


SESSIONS = trading_sessions(date(2024, 6, 3), date(2024, 12, 31))


@settings(deadline=None)
@given(st.datetimes(datetime(2024, 6, 1), datetime(2025, 1, 9), timezones=ZONES))  # noqa: DTZ001
def test_session_lookups_equal_a_linear_search(instant: datetime) -> None:
    naive = np.datetime64(instant.astimezone(UTC).replace(tzinfo=None), "us")
    closed = [day for day, close in zip(SESSIONS.dates, SESSIONS.closes, strict=True) if close < naive]
    assert SESSIONS.last_closed(instant) == (closed[-1].item() if closed else None)
    later = [index for index, opened in enumerate(SESSIONS.opens) if opened > naive]
    assert SESSIONS.entry_index(instant) == (later[0] if later else None)


def test_a_session_counts_from_the_instant_after_its_close_and_is_entered_before_its_open() -> None:
    close, opened = on(2024, 6, 4, "16:00"), on(2024, 6, 4, "09:30")
    assert SESSIONS.last_closed(close) == date(2024, 6, 3)
    assert SESSIONS.last_closed(close + TICK) == date(2024, 6, 4)
    assert SESSIONS.entry_index(opened - TICK) == 1
    assert SESSIONS.entry_index(opened) == 2


@pytest.mark.parametrize(
    ("key", "note"),
    [
        ("2024-07-01-17:30", "Market opens today, 09:30 to 16:00 ET."),
        ("2024-07-02-17:30", "Market opens today, 09:30 to 13:00 ET (early close)."),
        ("2024-07-03-08:30", f"Market closed for today; {FRIDAY}"),
        ("2024-07-03-17:30", f"Market closed today (Thu 4 Jul, no session); {FRIDAY}"),
        ("2024-12-31-08:30", "Market closed for today; the calendar ends before the next session."),
    ],
)
def test_the_market_note_names_holidays_and_the_next_session(key: str, note: str) -> None:
    assert SESSIONS.market_note(window_for_key(key)) == note


def test_a_calendar_that_ends_too_early_raises() -> None:
    with pytest.raises(WindowError, match="ends on 2024-12-31, but 2025-02-03 is needed: load it further"):
        SESSIONS.last_closed(on(2025, 2, 3, "08:30"))
    none = trading_sessions(date(2024, 7, 4), date(2024, 7, 4))
    with pytest.raises(WindowError, match="the calendar has no sessions, but 2024-07-04 is needed"):
        none.market_note(window_for_key("2024-07-03-17:30"))


@pytest.mark.parametrize("wrong", ["dates", "opens", "order"])
def test_sessions_with_unequal_lengths_or_out_of_order_are_refused(wrong: str) -> None:
    dates, opens, closes = SESSIONS.dates, SESSIONS.opens, SESSIONS.closes
    arrays = {
        "dates": (dates[1:], opens, closes),
        "opens": (dates, opens[1:], closes),
        "order": (dates[::-1], opens[::-1], closes[::-1]),
    }
    with pytest.raises(WindowError, match="each open before its close, in order"):
        Sessions(*arrays[wrong])


# --- Market time ---

NYSE = trading_sessions(date(2024, 6, 1), date(2024, 9, 30))
IN_SUMMER = st.datetimes(datetime(2024, 6, 5), datetime(2024, 9, 25), timezones=st.just(UTC))  # noqa: DTZ001


def market_hours(start: datetime, end: datetime) -> float:
    starts, ends = (np.array([at.astimezone(UTC).replace(tzinfo=None)], "datetime64[us]") for at in (start, end))
    return float(NYSE.market_hours(starts, ends)[0])


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        # A trading day from open to close, and the night after it.
        (on(2024, 6, 11, "09:30"), on(2024, 6, 11, "16:00"), 6.5),
        (on(2024, 6, 11, "16:00"), on(2024, 6, 12, "09:30"), 1.75),
        # Across the open: one closed hour, two open ones.
        (on(2024, 6, 11, "08:30"), on(2024, 6, 11, "11:30"), 2.1),
        # From Friday's close to Monday's open.
        (on(2024, 6, 14, "16:00"), on(2024, 6, 17, "09:30"), 6.55),
        # The Fourth of July has no session, and the day before it an early close at 13:00.
        (on(2024, 7, 3, "09:30"), on(2024, 7, 5, "09:30"), 3.5 + 4.45),
    ],
)
def test_market_time_by_hand(start: datetime, end: datetime, expected: float) -> None:
    assert market_hours(start, end) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(st.lists(IN_SUMMER, min_size=3, max_size=3))
def test_market_time_adds_up_and_lies_between_a_tenth_of_clock_time_and_all_of_it(instants: list[datetime]) -> None:
    first, second, third = sorted(instants)
    whole = market_hours(first, third)
    assert market_hours(first, second) + market_hours(second, third) == pytest.approx(whole, rel=1e-12, abs=1e-12)
    clock = (third - first) / HOUR
    assert 0.1 * clock - 1e-9 <= whole <= clock + 1e-9


@settings(max_examples=50, deadline=None)
@given(IN_SUMMER, st.floats(0.01, 200))
def test_market_time_equals_a_count_of_the_minutes(start: datetime, hours: float) -> None:
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(minutes=round(hours * 60))
    minutes = np.arange(np.datetime64(start.replace(tzinfo=None)), np.datetime64(end.replace(tzinfo=None)), 60_000_000)
    is_open = np.zeros(len(minutes), dtype=bool)
    for opens, closes in zip(NYSE.opens, NYSE.closes, strict=True):
        is_open |= (minutes >= opens) & (minutes < closes)
    assert market_hours(start, end) == pytest.approx(np.where(is_open, 1.0, 0.1).sum() / 60, abs=1e-6)


def test_market_time_before_the_first_session_is_closed() -> None:
    assert market_hours(on(2024, 5, 20, "12:00"), on(2024, 5, 21, "12:00")) == pytest.approx(2.4)


def test_market_time_needs_a_calendar_that_reaches_the_end() -> None:
    with pytest.raises(WindowError, match="the calendar ends on 2024-09-30"):
        market_hours(on(2024, 9, 30, "12:00"), on(2024, 10, 20, "12:00"))


def test_no_instants_are_no_market_time() -> None:
    none = np.array([], dtype="datetime64[us]")
    assert NYSE.market_hours(none, none).shape == (0,)
