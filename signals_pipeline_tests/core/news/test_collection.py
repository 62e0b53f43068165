"""What a window's ledger says of live feeds: minutes delivered whole are no holes; a told window stays."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.news.collection import reports_for, uncovered_spans
from signals_pipeline.core.news.feeds import Collection, SourceReport

T0 = datetime(2026, 3, 2, tzinfo=UTC)
SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair))), max_size=6)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def visit(feed: str, collected: float, since: float, **changes: object) -> Collection:
    whole = {"whole_from": at(since), "whole_to": at(collected)}
    values = {"status": "ok", "fetched": 3, "calls": 1, **whole, **changes}
    return Collection(feed, at(collected), at(since), at(collected), **values)


def failed(feed: str, collected: float, since: float, why: str = "HTTP 500") -> Collection:
    return visit(feed, collected, since, status="failed", fetched=0, whole_from=None, whole_to=None, detail=why)


@settings(max_examples=200)
@given(SPANS, st.integers(0, 40), st.integers(0, 40))
def test_holes_are_the_minutes_that_no_span_covers(spans: list[tuple[int, int]], low: int, high: int) -> None:
    found = uncovered_spans([(at(a), at(b)) for a, b in spans], at(low), at(high))
    minutes = {minute for a, b in found for minute in range(40) if a <= at(minute) < b}
    assert minutes == {m for m in range(low, high) if not any(a <= m < b for a, b in spans)}
    assert all(a < b for a, b in found)
    assert found == sorted(found)


def test_a_feed_that_delivered_everything_is_ok_with_its_calls_and_words() -> None:
    visits = [visit("a", 0, -60), visit("a", 60, 0, detail="38 left", calls=4)]
    assert reports_for(visits, at(0), at(60)) == (SourceReport("a", "ok", 3, "38 left", 4),)


def test_a_feed_that_failed_has_failed_for_this_window_also_after_it_recovered() -> None:
    round_one = [visit("a", 60, 0), failed("b", 60, 0)]
    round_two = [visit("a", 120, 60), visit("b", 120, 0)]
    expected = (SourceReport("a", "ok", 3, "", 1), SourceReport("b", "failed", 0, "HTTP 500", 1))
    assert reports_for(round_one, at(0), at(60)) == expected
    assert reports_for([*round_one, *round_two], at(0), at(60)) == expected
    assert [one.status for one in reports_for([*round_one, *round_two], at(60), at(120))] == ["ok", "ok"]


def test_a_feed_that_failed_after_it_delivered_a_part_is_degraded() -> None:
    visits = [visit("b", 30, 0), visit("a", 60, 0), failed("b", 60, 30)]
    _, b = reports_for(visits, at(0), at(60))
    assert (b.status, b.detail) == ("degraded", "HTTP 500; 30 of 60 min may be incomplete")


def test_minutes_that_the_feed_no_longer_showed_are_counted() -> None:
    visits = [visit("a", 60, 0, status="degraded", whole_from=at(12.5), detail="the feed reaches back to 00:12 only")]
    (a,) = reports_for(visits, at(0), at(60))
    assert (a.status, a.detail) == ("degraded", "the feed reaches back to 00:12 only; 13 of 60 min may be incomplete")
    (later,) = reports_for(visits, at(20), at(60))
    assert later.status == "ok"


def test_a_round_at_which_all_failed_serves_nobody_and_the_next_covers_it() -> None:
    visits = [failed("a", 60, 0), visit("a", 120, 0)]
    assert reports_for(visits[:1], at(0), at(60)) == ()
    assert [one.status for one in reports_for(visits, at(0), at(60))] == ["ok"]
    assert [one.status for one in reports_for(visits, at(60), at(120))] == ["ok"]


def test_an_interval_that_is_not_over_is_reported_as_far_as_it_was_visited() -> None:
    (a,) = reports_for([visit("a", 60, 0)], at(0), at(90))
    assert (a.status, a.detail) == ("degraded", "30 of 90 min may be incomplete")


def test_calls_are_those_since_the_round_before() -> None:
    visits = [visit("a", 60, 0, calls=2), failed("a", 90, 60), visit("a", 120, 60, calls=5)]
    assert [one.calls for one in reports_for(visits, at(0), at(120))] == [6]


def test_nothing_visited_is_nothing_reported() -> None:
    assert reports_for([], at(0), at(60)) == ()
    assert reports_for([visit("a", 60, 0)], at(60), at(90)) == ()
