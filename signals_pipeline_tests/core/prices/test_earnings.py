"""The earnings calendar at an instant: the newest row seen before it, "unknown" where nothing certain was known."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from signals_pipeline.core.prices.earnings import (
    MAX_AGE,
    CollectionReport,
    EarningsCalendar,
    EarningsDate,
    NextReport,
    NoEarnings,
    ReportStatus,
    ReportTime,
    Visit,
    report_time,
)

BEFORE, AFTER, ANY_TIME = ReportTime.BEFORE_OPEN, ReportTime.AFTER_CLOSE, ReportTime.UNKNOWN
# Thursday 5 February 2026; New York is five hours behind UTC.
DAY = date(2026, 2, 5)
JANUARY = datetime(2026, 1, 5, 12, tzinfo=UTC)
MORNING, EVENING = datetime(2026, 2, 5, 13, 30, tzinfo=UTC), datetime(2026, 2, 5, 22, 30, tzinfo=UTC)


def row(
    day: date | None = DAY, when: ReportTime = AFTER, *, seen: datetime = JANUARY, estimated: bool = False
) -> EarningsDate:
    return EarningsDate("AAA", day, when, estimated, seen)


def recorded(*rows: EarningsDate) -> EarningsCalendar:
    return EarningsCalendar.build("recorded", rows)


def live(*rows: EarningsDate, visited: Sequence[datetime] = (JANUARY,)) -> EarningsCalendar:
    return EarningsCalendar.build("yahoo", rows, [Visit(at, frozenset({"AAA"})) for at in visited], live=True)


# --- As of an instant ---

# Half days, so that equal instants are common.
INSTANTS = st.integers(0, 180).map(lambda half_days: JANUARY + timedelta(hours=12 * half_days))
ROWS = st.lists(
    st.builds(
        row,
        st.none() | st.dates(date(2026, 1, 1), date(2026, 4, 1)),
        st.sampled_from(ReportTime),
        seen=INSTANTS,
        estimated=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda each: each.first_seen_at,
)


@given(ROWS, ROWS, st.lists(INSTANTS, max_size=8), INSTANTS, st.booleans())
def test_what_is_seen_at_an_instant_or_later_changes_nothing_before_it(
    rows: list[EarningsDate], more: list[EarningsDate], visited: list[datetime], as_of: datetime, is_live: bool
) -> None:
    """Rows and visits, those of the future and reports while held included, in any order."""

    def build(some_rows: Sequence[EarningsDate], times: Sequence[datetime]) -> EarningsCalendar:
        return EarningsCalendar.build(
            "any", some_rows, [Visit(at, frozenset({"AAA"}), str(at)) for at in times], live=is_live
        )

    past = build([each for each in rows if each.first_seen_at < as_of], [at for at in visited if at < as_of])
    later = [each for each in more if each.first_seen_at >= as_of]
    whole = build([*later, *reversed(rows)], list(reversed(visited)))

    def answers(calendar: EarningsCalendar) -> list[object]:
        entry = as_of.date() - timedelta(days=10)
        held = [calendar.reported_between("AAA", entry, entry + timedelta(days=days), as_of) for days in (1, 5, 20)]
        known = [calendar.next_report("AAA", as_of, as_of.date()), calendar.newest("AAA", as_of)]
        return [*known, *held, calendar.trouble(as_of), calendar.was_visited(as_of), calendar.unknown(["AAA"], as_of)]

    assert answers(whole) == answers(past)


def test_rows_say_the_same_whenever_they_were_seen() -> None:
    assert row().says_the_same(row(seen=EVENING))
    for other in (row(FRIDAY), row(when=BEFORE), row(estimated=True), row(None)):
        assert not row().says_the_same(other)


def test_a_date_that_moved_counts_from_when_that_was_seen() -> None:
    moved_at = JANUARY + timedelta(days=3)
    calendar = live(row(), row(date(2026, 2, 12), BEFORE, seen=moved_at), visited=(JANUARY, moved_at))
    assert calendar.next_report("AAA", moved_at).day == DAY
    after = calendar.next_report("AAA", moved_at + timedelta(microseconds=1))
    assert (after.day, after.time) == (date(2026, 2, 12), BEFORE)


def test_a_date_that_is_no_longer_listed_is_none_and_not_the_old_one() -> None:
    later = JANUARY + timedelta(days=1)
    calendar = live(row(), row(None, ANY_TIME, seen=later), visited=(JANUARY, later))
    assert calendar.next_report("AAA", later + timedelta(hours=1)) == NextReport(ReportStatus.NONE)


def test_without_an_answer_of_the_last_week_everything_is_unknown_never_none() -> None:
    calendar = live(row())
    unknown = NextReport(ReportStatus.UNKNOWN)
    assert calendar.next_report("AAA", JANUARY) == unknown
    assert calendar.next_report("AAA", JANUARY + timedelta(microseconds=1)).status is ReportStatus.ANNOUNCED
    assert calendar.next_report("AAA", JANUARY + MAX_AGE - timedelta(microseconds=1)).day == DAY
    assert calendar.next_report("AAA", JANUARY + MAX_AGE) == unknown
    assert calendar.unknown(("BBB", "AAA"), JANUARY + timedelta(hours=1)) == ("BBB",)
    assert calendar.next_report("BBB", JANUARY + timedelta(hours=1)) == unknown


def test_a_recorded_file_says_nothing_of_what_comes_after_its_last_date() -> None:
    calendar = recorded(row())
    assert calendar.next_report("AAA", JANUARY + timedelta(days=20)).day == DAY
    next_day = datetime(2026, 2, 6, 5, tzinfo=UTC)
    assert calendar.next_report("AAA", next_day - timedelta(microseconds=1)).day == DAY
    assert calendar.next_report("AAA", next_day).status is ReportStatus.UNKNOWN
    assert live(row(), visited=(EVENING,)).next_report("AAA", next_day).status is ReportStatus.NONE


def test_a_calendar_tells_its_last_trouble_before_an_instant() -> None:
    visits = [Visit(JANUARY, frozenset(), "HTTP 429"), Visit(EVENING, frozenset({"AAA"}))]
    calendar = EarningsCalendar.build("yahoo", (), visits, live=True)
    assert (calendar.trouble(JANUARY), calendar.was_visited(JANUARY)) == ("", False)
    assert (calendar.trouble(EVENING), calendar.was_visited(EVENING)) == ("HTTP 429", True)
    assert calendar.trouble(EVENING + timedelta(hours=1)) == ""


def test_no_calendar_knows_nothing_and_collects_nothing() -> None:
    assert NoEarnings().calendar(["AAA"]).source == ""
    assert NoEarnings().collect(["AAA"]) == CollectionReport()


# --- Flags ---

FRIDAY = date(2026, 2, 6)


@pytest.mark.parametrize(
    ("day", "when", "as_of", "next_session", "flag"),
    [
        (DAY, AFTER, MORNING, DAY, "tonight"),
        (DAY, AFTER, EVENING, FRIDAY, "tonight"),
        (DAY, BEFORE, MORNING, DAY, "before_open"),
        (FRIDAY, BEFORE, EVENING, FRIDAY, "before_open"),
        (DAY, ANY_TIME, MORNING, DAY, "today"),
        (FRIDAY, BEFORE, MORNING, DAY, ""),
        (FRIDAY, AFTER, EVENING, FRIDAY, ""),
        (FRIDAY, ANY_TIME, EVENING, None, ""),
        # A weekend lies between: the next session is Monday's.
        (date(2026, 2, 9), BEFORE, datetime(2026, 2, 6, 22, 30, tzinfo=UTC), date(2026, 2, 9), "before_open"),
    ],
)
def test_a_report_that_is_close_has_a_flag(
    day: date, when: ReportTime, as_of: datetime, next_session: date | None, flag: str
) -> None:
    assert recorded(row(day, when)).next_report("AAA", as_of, next_session).flag == flag
    assert recorded(row(day, when, estimated=True)).next_report("AAA", as_of, next_session).flag == ""


def test_a_report_before_the_open_is_over_when_the_market_opens() -> None:
    calendar = recorded(row(DAY, BEFORE))
    opens = datetime(2026, 2, 5, 14, 30, tzinfo=UTC)
    assert calendar.next_report("AAA", opens - timedelta(microseconds=1)).status is ReportStatus.ANNOUNCED
    assert calendar.next_report("AAA", opens).status is ReportStatus.UNKNOWN


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2025-02-28T13:30Z", BEFORE),  # 08:30 in winter
        ("2025-04-24T13:29Z", BEFORE),  # 09:29 in summer
        ("2025-04-24T13:30Z", ANY_TIME),  # the open
        ("2025-02-28T20:30Z", ANY_TIME),  # 15:30
        ("2025-02-28T21:00Z", AFTER),
        ("2025-07-31T20:30Z", AFTER),
        ("2025-02-28T05:00Z", ANY_TIME),  # midnight: only the day is known
    ],
)
def test_the_time_of_day_is_that_of_new_york_whatever_the_season(at: str, expected: ReportTime) -> None:
    assert report_time(datetime.fromisoformat(at)) is expected


# --- Reports while held ---

WEDNESDAY, NEXT_WEDNESDAY = date(2026, 2, 4), date(2026, 2, 11)
LONG_AFTER = datetime(2026, 3, 20, tzinfo=UTC)
NEXT_QUARTER = row(date(2026, 5, 7), seen=datetime(2026, 2, 6, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("day", "when", "expected"),
    [
        (DAY, AFTER, True),
        (WEDNESDAY, BEFORE, False),  # in the price at which the position begins
        (WEDNESDAY, ANY_TIME, True),
        (WEDNESDAY, AFTER, True),
        (NEXT_WEDNESDAY, BEFORE, True),
        (NEXT_WEDNESDAY, ANY_TIME, True),
        (NEXT_WEDNESDAY, AFTER, False),  # after the price at which it ends
        (date(2026, 2, 3), AFTER, False),
        (date(2026, 2, 12), BEFORE, False),
    ],
)
def test_a_report_counts_between_the_entrys_open_and_the_exits_close(
    day: date, when: ReportTime, expected: bool
) -> None:
    visited = [datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=days) for days in range(30)]
    calendar = live(row(day, when), visited=visited)
    assert calendar.reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, LONG_AFTER) is expected


def test_a_date_that_moved_away_before_it_came_is_no_report() -> None:
    moved = row(date(2026, 2, 20), seen=datetime(2026, 2, 4, 12, tzinfo=UTC))
    calendar = recorded(row(), moved)
    assert calendar.reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, LONG_AFTER) is False
    assert calendar.reported_between("AAA", WEDNESDAY, date(2026, 2, 25), LONG_AFTER) is True


def test_a_report_stays_one_when_the_next_quarters_date_is_seen() -> None:
    calendar = recorded(row(), NEXT_QUARTER)
    assert calendar.reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, LONG_AFTER) is True
    assert calendar.reported_between("AAA", date(2026, 2, 9), date(2026, 2, 13), LONG_AFTER) is False


def test_a_report_seen_late_is_one_from_then_on() -> None:
    seen = datetime(2026, 2, 20, tzinfo=UTC)
    calendar = recorded(row(seen=seen))
    assert calendar.reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, seen) is None
    assert calendar.reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, LONG_AFTER) is True


def test_where_it_cannot_be_told_the_answer_is_neither_yes_nor_no() -> None:
    assert recorded().reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, LONG_AFTER) is None
    # Only an estimate fell into the period.
    estimate = recorded(row(estimated=True), NEXT_QUARTER)
    assert estimate.reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, LONG_AFTER) is None
    # The recording ends within the period.
    assert recorded(row(WEDNESDAY, BEFORE)).reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, LONG_AFTER) is None
    # A row without a date is none.
    assert recorded(row(None, ANY_TIME)).reported_between("AAA", WEDNESDAY, NEXT_WEDNESDAY, LONG_AFTER) is None
