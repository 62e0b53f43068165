"""A run's ledger has the entry for each window that it would have had the window been run by itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.linking.linker import link
from signals_pipeline.core.news.accounting import DROPPED
from signals_pipeline.core.news.coverage import MISSING_SPAN, Coverage, coverage_ledger
from signals_pipeline.core.news.evidence import build, news_interval
from signals_pipeline.core.news.feeds import NewsBatch, SourceReport
from signals_pipeline.core.news.normalisation import RawHeadline, normalise
from signals_pipeline.core.news.silence import SourceTimeline
from signals_pipeline.core.windows import Window, evidence_interval, instant64, window_for_key, windows_between
from signals_pipeline_tests.support.headline_deliveries import MODES, WATCHLIST, WINDOWS, deliveries, raw

NORMAL = (6.0, False)
REPORTS = (SourceReport("one", "ok", 99, "all of it", 3), SourceReport("two", "degraded", 99))
SESSIONS = trading_sessions(date(2023, 11, 1), date(2024, 12, 31))
MORNING = WINDOWS[0].start + timedelta(hours=1)


def batch_of(items: Sequence[RawHeadline]) -> NewsBatch:
    return NewsBatch(tuple(items), REPORTS)


def entries(
    windows: Sequence[Window],
    covered: Sequence[Window] = (),
    items: Sequence[RawHeadline] = (),
    mode: tuple[float, bool] = NORMAL,
) -> tuple[Coverage, ...]:
    """The entries of one run over these windows."""
    hours, strict = mode
    headlines = build(
        link(normalise(items).items, WATCHLIST), windows, watchlist=WATCHLIST, lookback_hours=hours, strict=strict
    )
    return coverage_ledger(
        windows,
        covered=covered,
        lookback_hours=hours,
        strict=strict,
        batch=batch_of(items),
        headlines=headlines,
        sessions=SESSIONS,
    )


def fetched(entry: Coverage) -> dict[str, int]:
    return {report.feed: report.fetched for report in entry.reports}


@settings(max_examples=5, deadline=None)
@given(deliveries(), MODES, st.sets(st.integers(0, 3)), st.integers(4, 6), st.randoms(use_true_random=False))
def test_a_window_alone_has_the_entry_that_it_has_in_a_range(
    items: list[RawHeadline], mode: tuple[float, bool], before: set[int], last: int, random: Random
) -> None:
    covered, windows = [WINDOWS[at] for at in sorted(before)], WINDOWS[4 : last + 1]
    shuffled = random.sample(items, len(items))

    together = entries(windows, covered, items, mode)

    for window, entry in zip(windows, together, strict=True):
        start, end = news_interval([window], lookback_hours=mode[0], strict=mode[1])
        own = [item for item in shuffled if item.known_at and start <= item.known_at < end]
        other_windows = [other for other in (*covered, *windows) if other != window]
        # What the feeds would deliver for this window alone, and what they delivered for the whole range.
        for delivered in (own, shuffled):
            (alone,) = entries([window], other_windows, delivered, mode)
            assert alone == entry


@settings(max_examples=5, deadline=None)
@given(deliveries(), MODES)
def test_each_window_counts_what_its_own_evidence_holds(items: list[RawHeadline], mode: tuple[float, bool]) -> None:
    windows = WINDOWS[:5]
    for window, entry in zip(windows, entries(windows, (), items, mode), strict=True):
        start, end = evidence_interval(window, lookback_hours=mode[0], strict=mode[1])
        own = [item for item in items if item.known_at and start <= item.known_at < end]
        assert fetched(entry) == {feed: sum(item.feed == feed for item in own) for feed in ("one", "two")}
        assert entry.unaccounted == 0
        assert entry.delivered == len(own) == entry.headlines + sum(entry.drops[reason] for reason in DROPPED)
        assert entry.window_key == window.key


def test_drops_and_copies_are_those_of_the_window_alone() -> None:
    items = [
        raw("Microsoft cuts 100 jobs", MORNING, feed="one"),
        raw("Microsoft cuts 100 jobs", MORNING + timedelta(minutes=5), feed="two"),
        raw("[Removed]", MORNING, feed="two"),
        raw("Rain in Spain", MORNING + timedelta(days=1), feed="one"),
        raw("Of no time", None, feed="one"),
    ]

    first, second, third = entries(WINDOWS[:3], (), items)

    assert fetched(first) == {"one": 1, "two": 2}
    assert {name: count for name, count in first.drops.items() if count} == {"duplicate": 1, "removed": 1}
    assert (first.headlines, first.relevant) == (1, 1)
    assert (fetched(second), second.headlines) == ({"one": 0, "two": 0}, 0)
    assert set(second.drops) == set(first.drops)
    assert not any(second.drops.values())
    assert (fetched(third), third.headlines) == ({"one": 1, "two": 0}, 1)
    assert first.reports == (replace(REPORTS[0], fetched=1), replace(REPORTS[1], fetched=2))
    assert first.status == "degraded"


def test_items_without_a_time_count_in_the_window_that_first_saw_them() -> None:
    undated = [raw(title, None, first_seen_at=WINDOWS[1].start, feed="one") for title in ("Of no time", "Of none")]
    dated = raw("Rain in Spain", WINDOWS[1].start, feed="one")

    first, second, third = entries(WINDOWS[:3], (), [dated, *undated])

    assert [entry.drops["no_time"] for entry in (first, second, third)] == [0, 2, 0]
    assert [fetched(entry)["one"] for entry in (first, second, third)] == [0, 3, 0]
    assert second.headlines == 1


def test_consecutive_windows_have_no_gap_and_only_the_first_ever_is_a_first_run() -> None:
    consecutive = entries(WINDOWS[:9])

    assert [entry.first_run for entry in consecutive] == [True] + [False] * 8
    assert {(entry.gap_minutes, entry.missing_windows) for entry in consecutive} == {(0, ())}
    assert not entries(WINDOWS[1:2], WINDOWS[:1])[0].first_run


def test_windows_without_a_run_are_listed_and_are_a_gap() -> None:
    after_gap, following = entries([WINDOWS[3], WINDOWS[4]], [WINDOWS[0]])

    assert after_gap.missing_windows == (WINDOWS[1].key, WINDOWS[2].key)
    assert after_gap.gap_minutes == (WINDOWS[3].start - WINDOWS[0].end) / timedelta(minutes=1)
    assert (following.missing_windows, following.gap_minutes) == ((), 0)


def test_a_window_filled_in_late_looks_only_at_what_lies_before_it() -> None:
    alone = entries(WINDOWS[2:3], WINDOWS[:2])

    assert entries(WINDOWS[2:3], (*WINDOWS[5:7], *WINDOWS[:2])) == alone
    assert entries(WINDOWS[2:3], WINDOWS[2:7])[0].first_run


def test_after_a_long_silence_the_windows_of_a_month_are_listed() -> None:
    window = WINDOWS[-1]
    old = windows_between(window.start - timedelta(days=90), window.start - timedelta(days=89))

    (entry,) = entries([window], old)

    listed = [window_for_key(key) for key in entry.missing_windows]
    assert listed == list(windows_between(window.start - MISSING_SPAN, window.start))
    assert entry.gap_minutes == (window.start - old[-1].end) / timedelta(minutes=1)


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        (datetime(2024, 3, 8, tzinfo=UTC), datetime(2024, 3, 13, tzinfo=UTC), 62),  # clocks go forward
        (datetime(2024, 11, 1, tzinfo=UTC), datetime(2024, 11, 6, tzinfo=UTC), 64),  # and back
    ],
)
def test_no_minute_is_lost_where_the_clocks_change(first: datetime, last: datetime, hours: int) -> None:
    windows = windows_between(first, last)
    weekend = next(window for window in windows if window.end - window.start == timedelta(hours=hours))
    others = [window for window in windows if window != weekend]

    for window, entry in zip(windows, entries(windows), strict=True):
        assert (entry.gap_minutes, entry.missing_windows) == (0, ())
        assert entry.evidence_start <= window.start

    after_weekend = [entry for entry in entries(others) if entry.missing_windows]
    assert [entry.missing_windows for entry in after_weekend] == [(weekend.key,)]
    # The window after the weekend starts at its end; its evidence reaches no further back than itself (9 hours).
    assert after_weekend[0].gap_minutes == hours * 60

    (strict,) = entries([weekend], windows[: windows.index(weekend)], mode=(6.0, True))
    assert strict.gap_minutes == (hours - 6) * 60


def recorded(items: Sequence[RawHeadline], window: Window, incomplete: Sequence[datetime] = ()) -> Coverage:
    """The entry of a window whose headlines come from one recorded file; at `incomplete`, rows are not whole."""
    incomplete_at = np.array([instant64(instant) for instant in incomplete], dtype="datetime64[us]")
    batch = NewsBatch(
        tuple(items),
        (SourceReport("one", "ok", len(items), "one.csv: odd"),),
        timelines=(replace(SourceTimeline.from_headlines("one", items), incomplete_at=incomplete_at),),
    )
    headlines = build(
        link(normalise(items).items, WATCHLIST), [window], watchlist=WATCHLIST, lookback_hours=6.0, strict=False
    )
    (found,) = coverage_ledger(
        [window], covered=(), lookback_hours=6.0, strict=False, batch=batch, headlines=headlines, sessions=SESSIONS
    )
    return found


def hourly(end: datetime) -> list[RawHeadline]:
    return [raw("Rain in Spain", end - timedelta(hours=hours), feed="one") for hours in range(1, 24 * 20)]


def test_a_recording_that_goes_on_covers_to_the_end() -> None:
    window = WINDOWS[3]
    found = recorded(hourly(window.end), window)
    assert (found.status, found.gap_minutes, found.newest_at) == ("ok", 0, window.end - timedelta(hours=1))
    assert found.reports[0].detail == ""
    assert "3 headlines, 0 stories, the newest 1 h before the end" in found.line("m")


def test_a_recording_that_ended_weeks_ago_is_degraded_and_a_gap() -> None:
    window = WINDOWS[3]
    found = recorded(hourly(window.end - timedelta(days=20)), window)
    minutes = (window.end - window.start) / timedelta(minutes=1)
    assert (found.status, found.gap_minutes, found.newest_at) == ("degraded", minutes, None)
    assert "longer than it is usually silent" in found.reports[0].detail
    assert f"{minutes:,.0f} of {minutes:,.0f} min not covered" in found.reports[0].detail
    assert "0 headlines, 0 stories, none in the last 72 hours" in found.line("m")


def test_unreadable_times_of_a_recording_degrade_the_window_in_which_they_stand() -> None:
    window = WINDOWS[3]
    undated = raw("Of no time", None, feed="one", first_seen_at=window.end - timedelta(hours=2))
    found = recorded([*hourly(window.end), undated], window)
    assert (found.status, found.gap_minutes, found.drops["no_time"]) == ("degraded", 0, 1)
    assert found.reports[0].detail == "1 of 63 items without a readable time; one.csv: odd"


def test_rows_that_are_not_whole_degrade_the_window_in_which_they_stand() -> None:
    window = WINDOWS[3]
    items = hourly(window.end)
    before, inside = window.start - timedelta(days=2), window.end - timedelta(hours=1)
    found = recorded(items, window, [before, window.start, inside, inside, window.end])
    assert (found.status, found.reports[0].status, found.gap_minutes) == ("degraded", "degraded", 0)
    assert found.reports[0].detail == "3 rows not whole, of which only a part is used; one.csv: odd"
    assert recorded(items, window, [before, window.end]).status == "ok"


def test_where_every_source_failed_there_is_no_silence_to_measure() -> None:
    found = coverage_ledger(
        WINDOWS[3:4],
        covered=(),
        lookback_hours=6.0,
        strict=False,
        batch=NewsBatch((), (SourceReport("one", "failed", 0, "HTTP 500"),)),
        headlines=build(
            link(normalise([]).items, WATCHLIST), WINDOWS[3:4], watchlist=WATCHLIST, lookback_hours=6.0, strict=False
        ),
        sessions=SESSIONS,
    )
    assert [(one.status, one.gap_minutes) for one in found] == [("failed", 0)]


def test_no_windows_no_entries() -> None:
    assert entries(()) == ()
