"""What the ledger says about live feeds: minutes delivered in full are covered; a served window never changes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.news.collection import reports_for, uncovered_spans
from signals_pipeline.core.news.feeds import FeedVisit, SourceReport

T0 = datetime(2026, 3, 2, tzinfo=UTC)
SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair))), max_size=6)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def visit(feed: str, collected: float, since: float, **changes: object) -> FeedVisit:
    """A visit that delivered everything since then, in minutes from T0."""
    whole = {"whole_from": at(since), "whole_to": at(collected)}
    values = {"status": "ok", "fetched": 3, "calls": 1, **whole, **changes}
    return FeedVisit(feed, at(collected), at(since), at(collected), **values)


def failed(feed: str, collected: float, since: float, detail: str = "HTTP 500") -> FeedVisit:
    return visit(feed, collected, since, status="failed", fetched=0, whole_from=None, whole_to=None, detail=detail)


@settings(max_examples=200)
@given(SPANS, st.integers(0, 40), st.integers(0, 40))
def test_the_minutes_that_no_span_covers_are_uncovered(spans: list[tuple[int, int]], low: int, high: int) -> None:
    uncovered = uncovered_spans([(at(first), at(last)) for first, last in spans], at(low), at(high))

    minutes = {minute for first, last in uncovered for minute in range(40) if first <= at(minute) < last}
    assert minutes == {minute for minute in range(low, high) if not any(a <= minute < b for a, b in spans)}
    assert all(first < last for first, last in uncovered)
    assert uncovered == sorted(uncovered)


def test_a_feed_that_was_silent_covers_to_its_newest_item() -> None:
    visits = [visit("a", 0, -60), visit("a", 60, 0, whole_to=at(20), status="degraded", detail="no item since then")]
    (report,) = reports_for(visits, at(0), at(60))
    assert (report.status, report.covered_to) == ("degraded", at(20))
    assert report.detail == "no item since then; 40 of 60 min may be incomplete"


def test_items_that_were_lost_count_for_the_windows_of_their_visit_until_another_delivers_that_time_in_full() -> None:
    whole = {"whole_from": None, "whole_to": None, "status": "degraded"}
    losing = visit("a", 60, 0, lost=2, **whole)

    def lost(*visits: FeedVisit) -> int:
        (report,) = reports_for(visits, at(0), at(120))
        return report.lost

    assert lost(losing) == 2
    assert lost(losing, visit("a", 120, 60)) == 2
    assert lost(losing, visit("a", 120, 0)) == 0
    # Asked again and lost again: the same items, not twice as many.
    assert lost(losing, visit("a", 120, 0, lost=3, **whole)) == 3
    assert lost(losing, failed("a", 120, 0)) == 2
    # A visit that asked for other hours is no loss of these.
    assert lost(visit("a", 0, -60, lost=2, **whole), visit("a", 120, 0)) == 0


def test_a_feed_that_delivered_everything_is_ok_with_its_calls_and_detail() -> None:
    visits = [visit("a", 0, -60), visit("a", 60, 0, detail="38 left", calls=4)]

    assert reports_for(visits, at(0), at(60)) == (SourceReport("a", "ok", 3, "38 left", 4),)


def test_a_feed_that_failed_has_failed_for_this_window_even_after_it_recovered() -> None:
    round_one = [visit("a", 60, 0), failed("b", 60, 0)]
    both_rounds = [*round_one, visit("a", 120, 60), visit("b", 120, 0)]

    expected = (SourceReport("a", "ok", 3, "", 1), SourceReport("b", "failed", 0, "HTTP 500", 1))
    assert reports_for(round_one, at(0), at(60)) == expected
    assert reports_for(both_rounds, at(0), at(60)) == expected
    assert [report.status for report in reports_for(both_rounds, at(60), at(120))] == ["ok", "ok"]


def test_a_feed_that_failed_after_it_delivered_a_part_is_degraded() -> None:
    visits = [visit("b", 30, 0), visit("a", 60, 0), failed("b", 60, 30)]

    _, report = reports_for(visits, at(0), at(60))

    assert (report.status, report.detail) == ("degraded", "HTTP 500; 30 of 60 min may be incomplete")


def test_minutes_that_the_feed_no_longer_showed_are_counted() -> None:
    visits = [visit("a", 60, 0, status="degraded", whole_from=at(12.5), detail="the feed reaches back to 00:12 only")]

    (report,) = reports_for(visits, at(0), at(60))
    (later_report,) = reports_for(visits, at(20), at(60))

    assert report.status == "degraded"
    assert report.detail == "the feed reaches back to 00:12 only; 13 of 60 min may be incomplete"
    assert later_report.status == "ok"


def test_a_round_in_which_every_feed_failed_serves_no_window_and_the_next_round_does() -> None:
    visits = [failed("a", 60, 0), visit("a", 120, 0)]

    assert reports_for(visits[:1], at(0), at(60)) == ()
    assert [report.status for report in reports_for(visits, at(0), at(60))] == ["ok"]
    assert [report.status for report in reports_for(visits, at(60), at(120))] == ["ok"]


def test_an_interval_that_is_not_over_is_reported_as_far_as_it_was_visited() -> None:
    (report,) = reports_for([visit("a", 60, 0)], at(0), at(90))

    assert (report.status, report.detail) == ("degraded", "30 of 90 min may be incomplete")


def test_calls_are_those_since_the_previous_round_that_served() -> None:
    visits = [visit("a", 60, 0, calls=2), failed("a", 90, 60), visit("a", 120, 60, calls=5)]

    assert [report.calls for report in reports_for(visits, at(0), at(120))] == [6]


def test_without_a_visit_there_is_no_report() -> None:
    assert reports_for([], at(0), at(60)) == ()
    assert reports_for([visit("a", 60, 0)], at(60), at(90)) == ()
