"""The next report on a digest's cards, in words and as data, and what a digest says where it is unknown."""

from datetime import UTC, date, datetime, timedelta

import pytest

from signals_pipeline.core.checks.look_ahead import cut_earnings, poison_earnings
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.digest.wording import earnings_remarks, report_flag, report_line, report_summary
from signals_pipeline.core.prices.earnings import (
    EarningsCalendar,
    EarningsDate,
    NextReport,
    ReportStatus,
    ReportTime,
    Visit,
)
from signals_pipeline_tests.support.digest_examples import WINDOWS, digest_of, signal, weekday_sessions

# Ends on Thursday 11 January 2024 at 17:30; the next session is Friday's.
NOW = WINDOWS[6]
SEEN = NOW.end - timedelta(days=1)
TONIGHT = EarningsDate("AAA", date(2024, 1, 11), ReportTime.AFTER_CLOSE, False, SEEN)
ALL = frozenset({"AAA", "BBB", "CCC"})


def live(
    *rows: EarningsDate, answered: frozenset[str] = ALL, at: datetime = SEEN, detail: str = ""
) -> EarningsCalendar:
    return EarningsCalendar.build("yahoo", rows, [Visit(at, answered, detail)], live=True)


def card_of(digest: Digest) -> Card:
    (card,) = digest.new
    return card


def digest_with(calendar: EarningsCalendar | None) -> Digest:
    return digest_of(NOW, [signal("AAA", window=NOW)], earnings=calendar)


@pytest.mark.parametrize(
    ("row", "line", "flag"),
    [
        (TONIGHT, "Reports Thu 11 Jan after the close", "reports tonight"),
        (
            EarningsDate("AAA", date(2024, 1, 12), ReportTime.BEFORE_OPEN, False, SEEN),
            "Reports Fri 12 Jan before the open",
            "reports before the open",
        ),
        (
            EarningsDate("AAA", date(2024, 1, 11), ReportTime.UNKNOWN, False, SEEN),
            "Reports Thu 11 Jan",
            "reports today",
        ),
        (
            EarningsDate("AAA", date(2024, 2, 1), ReportTime.AFTER_CLOSE, False, SEEN),
            "Reports Thu 1 Feb after the close",
            "",
        ),
        (
            EarningsDate("AAA", date(2024, 1, 12), ReportTime.UNKNOWN, True, SEEN),
            "Next report expected Fri 12 Jan or later",
            "",
        ),
        (None, "Next report not announced", ""),
    ],
)
def test_a_card_says_when_its_company_reports_next(row: EarningsDate | None, line: str, flag: str) -> None:
    card = card_of(digest_with(live(*([row] if row else []))))
    assert (report_line(card), report_flag(card)) == (line, flag)
    assert report_summary(card) == (flag or line[:1].lower() + line[1:])


def test_a_digest_with_a_calendar_reads_back_as_it_was() -> None:
    digest = digest_with(live(TONIGHT))
    assert digest.earnings_source == "yahoo"
    again = Digest.from_json(digest.to_json())
    assert again == digest
    report = card_of(again).earnings
    assert report == NextReport(ReportStatus.ANNOUNCED, TONIGHT.day, TONIGHT.time, flag="tonight")


def test_without_a_calendar_cards_say_nothing_and_no_remark_is_made() -> None:
    digest = digest_with(None)
    card = card_of(digest)
    assert (digest.earnings_source, digest.earnings_unknown, card.earnings) == ("", (), None)
    assert (report_line(card), report_flag(card), report_summary(card)) == ("", "", "")
    assert not any("arnings" in note for note in digest.notes)


def test_what_is_first_seen_at_the_digests_time_or_later_changes_nothing() -> None:
    calendar = live(TONIGHT)
    poisoned = poison_earnings(calendar, NOW.as_of, ("AAA", "BBB", "CCC"))
    assert poisoned.newest("AAA", NOW.as_of + timedelta(hours=1)) != calendar.newest("AAA", NOW.as_of)
    assert digest_with(poisoned).to_json() == digest_with(calendar).to_json()
    assert cut_earnings(poisoned, NOW.as_of).rows == calendar.rows
    assert cut_earnings(poisoned, NOW.as_of).visits == calendar.visits
    none = EarningsCalendar()
    assert poison_earnings(none, NOW.as_of, ("AAA",)) is none


def test_a_source_in_trouble_is_named_and_dates_are_unknown_not_none() -> None:
    digest = digest_with(live(answered=frozenset({"CCC"}), detail="yahoo: HTTP 429"))
    assert digest.earnings_unknown == ("AAA", "BBB")
    assert "Earnings dates are unknown for 2 of 3 companies: AAA, BBB (yahoo: HTTP 429)." in digest.notes
    assert report_line(card_of(digest)) == "Next report unknown"


def test_a_window_from_before_the_first_visit_says_unknown() -> None:
    digest = digest_with(live(TONIGHT, at=NOW.end))
    assert digest.earnings_unknown == ("AAA", "BBB", "CCC")
    assert "Earnings dates are unknown: none were recorded before this digest." in digest.notes


def test_the_remark_names_a_reason_where_there_is_one() -> None:
    assert earnings_remarks(("A", "B"), 2, was_visited=True, trouble="down.") == ("Earnings dates are unknown: down.",)
    assert earnings_remarks(("A",), 1, was_visited=True, trouble="") == ("Earnings dates are unknown.",)
    assert earnings_remarks(("A",), 9, was_visited=True, trouble="") == (
        "Earnings dates are unknown for 1 of 9 companies: A.",
    )


def test_a_report_before_the_open_has_no_flag_where_the_calendar_of_sessions_ends() -> None:
    row = EarningsDate("AAA", date(2024, 1, 12), ReportTime.BEFORE_OPEN, False, SEEN.replace(tzinfo=UTC))
    digest = digest_of(NOW, [signal("AAA", window=NOW)], earnings=live(row), sessions=weekday_sessions(count=8))
    assert report_flag(card_of(digest)) == ""
