"""A live feed that stops moving is degraded from its newest item on; one that moves at its own pace is not."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.news.coverage import Coverage, coverage_ledger
from signals_pipeline.core.news.evidence import news_interval
from signals_pipeline.core.tables import HEADLINES
from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline_tests.support.live_pipeline import SECONDS, LivePipeline
from signals_pipeline_tests.support.scripted_feeds import Aired, Tape, on_time

FIRST = window_for_key("2026-04-13-08:30")
WINDOWS = windows_between(FIRST.start, FIRST.start + timedelta(days=7))
SESSIONS = trading_sessions(date(2025, 12, 1), date(2026, 6, 30))
REACH = {"lookback_hours": 6.0, "strict": False}
HOUR = timedelta(hours=1)


def moving(start: datetime, end: datetime, every: timedelta = 0.5 * HOUR, feed: str = "one") -> list[Aired]:
    """Items of a feed at a steady pace."""
    count = int((end - start) / every)
    return [on_time(start + every * number, f"{feed} {number}", feed) for number in range(count)]


def entries(pipeline: LivePipeline, windows: tuple[Window, ...] = WINDOWS) -> list[Coverage]:
    """The ledger of windows that run live, one after the other."""
    found: list[Coverage] = []
    for number, window in enumerate(windows):
        pipeline.now = window.end + SECONDS
        batch = pipeline.news.fetch(*news_interval([window], **REACH))
        found += coverage_ledger(
            [window],
            covered=windows[:number],
            batch=batch,
            headlines=HEADLINES.empty(),
            sessions=SESSIONS,
            **REACH,
        )
    return found


def test_a_feed_that_answers_the_same_document_for_ten_windows_is_degraded(engine: Engine) -> None:
    before = windows_between(FIRST.start - timedelta(days=14), FIRST.start)
    frozen_at = FIRST.start + HOUR
    tape = Tape("one", moving(FIRST.start - timedelta(days=20), frozen_at), newest=20)

    found = entries(LivePipeline(engine, tape), (*before, *WINDOWS))

    frozen = found[-len(WINDOWS) :]
    assert {entry.status for entry in frozen} == {"degraded"}
    last = frozen[-1]
    assert last.gap_minutes == (last.evidence_end - last.evidence_start) / timedelta(minutes=1)
    (report,) = last.reports
    assert "no item since Mon 13 Apr 2026 09:00 ET" in report.detail
    assert last.newest_at is None


def test_a_feed_that_moves_at_its_pace_is_ok(engine: Engine) -> None:
    tape = Tape("one", moving(FIRST.start - timedelta(days=5), WINDOWS[-1].end))
    found = entries(LivePipeline(engine, tape))
    assert {(entry.status, entry.gap_minutes) for entry in found} == {("ok", 0)}
    assert all(entry.newest_at and entry.evidence_end - entry.newest_at <= HOUR for entry in found)


def test_a_slow_feed_is_judged_by_its_own_pace(engine: Engine) -> None:
    weekly = moving(FIRST.start - timedelta(days=80), WINDOWS[-1].end, every=timedelta(days=7))
    tape = Tape("one", weekly, memory=timedelta(days=90))
    assert {entry.status for entry in entries(LivePipeline(engine, tape))} == {"ok"}


def test_where_one_of_two_feeds_is_silent_the_digest_is_degraded_without_a_gap(engine: Engine) -> None:
    silent = Tape("one", moving(FIRST.start - timedelta(days=20), FIRST.start))
    alive = Tape("two", moving(FIRST.start - timedelta(days=20), WINDOWS[-1].end, feed="two"))
    last = entries(LivePipeline(engine, silent, alive))[-1]
    assert [report.status for report in last.reports] == ["degraded", "ok"]
    assert (last.status, last.gap_minutes) == ("degraded", 0)


def test_a_feed_without_any_item_covers_nothing(engine: Engine) -> None:
    (entry,) = entries(LivePipeline(engine, Tape("one")), WINDOWS[:1])
    assert (entry.status, entry.newest_at) == ("degraded", None)
    assert entry.gap_minutes == (entry.evidence_end - entry.evidence_start) / timedelta(minutes=1)
    assert "no item in the last 90 days" in entry.reports[0].detail


def test_a_feed_that_wakes_up_is_asked_for_what_it_was_silent_about(engine: Engine) -> None:
    frozen_at = WINDOWS[0].start + HOUR
    tape = Tape("one", moving(FIRST.start - timedelta(days=20), frozen_at))
    pipeline = LivePipeline(engine, tape)
    assert entries(pipeline, WINDOWS[:3])[-1].status == "degraded"

    tape.aired = moving(FIRST.start - timedelta(days=20), WINDOWS[-1].end)
    pipeline.now = WINDOWS[3].end + SECONDS
    batch = pipeline.news.fetch(*news_interval(WINDOWS[3:4], **REACH))

    assert tape.asked[-1][0] <= frozen_at
    assert batch.reports[0].covered_to is None


@pytest.mark.parametrize("again", [True, False])
def test_a_window_that_is_run_again_says_the_same(engine: Engine, again: bool) -> None:
    tape = Tape("one", moving(FIRST.start - timedelta(days=20), FIRST.start + HOUR))
    pipeline = LivePipeline(engine, tape)
    first = entries(pipeline, WINDOWS[:3])
    if again:
        tape.aired = moving(FIRST.start - timedelta(days=20), WINDOWS[-1].end)
        pipeline.now = WINDOWS[-1].end
    assert entries(pipeline, WINDOWS[:3]) == first
