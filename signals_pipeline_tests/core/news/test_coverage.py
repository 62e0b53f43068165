"""A ledger entry counts each minute and headline once, says what is missing, and can be stored and read again."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil, floor

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.news.coverage import Coverage, CoverageError, _stored_form, window_coverage
from signals_pipeline.core.news.feeds import SourceReport, SourceStatus
from signals_pipeline.core.tables import HEADLINES, to_arrays
from signals_pipeline.core.windows import Window, evidence_interval, window_containing, window_for_key

WEEKEND = window_for_key("2024-03-08-17:30")
OK = SourceReport("rss", "ok", 3)
MINUTE = timedelta(minutes=1)

Link = tuple[str, str, float, str, bool]  # headline, its symbol, the relevance, the story, whether reconstructed
LINKS: tuple[Link, ...] = (
    ("h1", "AAPL", 1.0, "s1", True),
    ("h1", "MSFT", 0.5, "s1", True),
    ("h2", "AAPL", 1.0, "s1", False),
    ("h3", "MSFT", 0.0, "s3", False),
    ("h4", "", 0.0, "s4", True),
    ("h5", "XOM", 0.5, "s5", False),
)


def frame(links: Sequence[Link], window: Window = WEEKEND) -> pd.DataFrame:
    rest = {"title": "t", "text": "t", "text_hash": "x", "url": "", "source": "s", "feed": "rss", "member": 0}
    rest |= dict.fromkeys(("role", "span", "event", "reason"), "")
    rows = [
        {
            "window_start": window.start,
            "headline_id": headline,
            "symbol": symbol,
            "relevance": relevance,
            "published_at": window.start,
            "known_at": window.start,
            "reconstructed": reconstructed,
            "story_id": story,
            "novelty": 1.0,
            "told": False,
            **rest,
        }
        for headline, symbol, relevance, story, reconstructed in links
    ]
    return HEADLINES.conform(pd.DataFrame(rows, columns=HEADLINES.names))


def entry(
    window: Window = WEEKEND,
    *,
    hours: float = 6,
    strict: bool = False,
    missed: int = 0,
    first_run: bool = False,
    missing: tuple[str, ...] = (),
    reports: tuple[SourceReport, ...] = (OK,),
    links: Sequence[Link] = (),
) -> Coverage:
    """An entry whose newest covered window lies `missed` windows before the last one."""
    previous = window
    for _ in range(missed + 1):
        previous = window_containing(previous.start - timedelta(microseconds=1))
    return window_coverage(
        window,
        lookback_hours=hours,
        strict=strict,
        previous_end=None if first_run else previous.end,
        missing=missing,
        reports=reports,
        headlines=to_arrays(frame(links, window)),
        drops={"no_title": 2},
    )


def test_an_entry_that_is_not_one_is_refused_in_one_line() -> None:
    stored = entry().to_dict() | {"gap_minutes": "many"}
    with pytest.raises(CoverageError, match=r"coverage of window 2024-03-08-17:30: gap_minutes: .*; run the window"):
        Coverage.from_dict(stored)


def test_an_entry_of_an_earlier_release_can_be_read() -> None:
    stored = entry(reports=(OK,)).to_dict()
    del stored["delivered"], stored["newest_at"], stored["reports"][0]["covered_to"], stored["reports"][0]["lost"]
    earlier = Coverage.from_dict(stored)
    assert (earlier.delivered, earlier.newest_at, earlier.accounts()) == (None, None, "")
    assert earlier == entry(reports=(OK,))


WINDOWS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(window_containing)  # noqa: DTZ001


@settings(deadline=None, max_examples=40)
@given(WINDOWS, st.integers(1, 96 * 60), st.booleans(), st.integers(0, 5))
def test_gap_and_overlap_are_the_minutes_that_counting_them_gives(
    window: Window, minutes: int, strict: bool, missed: int
) -> None:
    start, end = evidence_interval(window, lookback_hours=minutes / 60, strict=strict)
    covered_until = end
    for _ in range(missed + 1):
        covered_until = window_containing(covered_until - timedelta(microseconds=1)).start

    coverage = entry(window, hours=minutes / 60, strict=strict, missed=missed)

    early, late = min(covered_until, start), max(covered_until, start)
    minutes_between = [early + number * MINUTE for number in range(ceil((late - early) / MINUTE))]
    gap = sum(covered_until <= minute < start for minute in minutes_between)
    overlap = floor((covered_until - start) / MINUTE) if start < covered_until else 0
    assert (coverage.gap_minutes, coverage.overlap_minutes) == (gap, overlap)
    assert gap == 0 or overlap == 0
    assert (coverage.evidence_start, coverage.evidence_end, coverage.window_key) == (start, end, window.key)


@settings(deadline=None, max_examples=40)
@given(WINDOWS, st.floats(0.1, 96))
def test_without_a_missed_window_no_minute_is_lost(window: Window, hours: float) -> None:
    assert entry(window, hours=hours).gap_minutes == 0


def test_a_strict_lookback_shows_the_gap_that_it_leaves() -> None:
    # The weekend of the spring clock change is 62 hours long.
    assert entry(strict=True).gap_minutes == (62 - 6) * 60
    assert entry(strict=True, first_run=True).gap_minutes == (62 - 6) * 60
    assert entry(strict=True, hours=70).overlap_minutes == 8 * 60
    assert entry(hours=70, first_run=True).overlap_minutes == 0


def test_a_started_minute_counts_as_lost() -> None:
    assert entry(strict=True, hours=62 - 1 / 3600).gap_minutes == 1
    assert entry(hours=62 + 1 / 3600).overlap_minutes == 0


def test_missed_windows_are_a_gap_and_are_named() -> None:
    coverage = entry(missed=2, missing=("2024-03-07-17:30", "2024-03-08-08:30"))

    assert coverage.gap_minutes == (15 + 9) * 60
    assert "gap of 24 h; 2 earlier windows without a run; " in coverage.line("m")


def counts_of(coverage: Coverage) -> tuple[int, ...]:
    return coverage.headlines, coverage.relevant, coverage.stories, coverage.symbols, coverage.reconstructed


def test_each_headline_and_story_counts_once_however_many_companies_it_names() -> None:
    assert counts_of(entry(links=LINKS)) == (5, 3, 2, 3, 2)
    assert counts_of(entry()) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["ok"], "ok"),
        (["ok", "ok"], "ok"),
        (["ok", "failed"], "degraded"),
        (["degraded"], "degraded"),
        (["degraded", "failed"], "degraded"),
        (["failed", "failed"], "failed"),
        ([], "failed"),
    ],
)
def test_the_status_is_that_of_the_feeds_together(statuses: list[SourceStatus], expected: str) -> None:
    reports = tuple(SourceReport(f"feed{n}", status, 0) for n, status in enumerate(statuses))

    assert entry(reports=reports).status == expected


def test_the_line_gives_span_gap_sources_counts_and_model() -> None:
    reports = (OK, OK, SourceReport("newsapi", "degraded", 1), SourceReport("yahoo", "failed", 0, "timeout"))

    line = entry(reports=reports, links=LINKS).line("finbert int8 @4556d1")

    assert line == (
        "Fri 17:30 to Mon 08:30 ET, no gap; 3 of 4 sources; 5 headlines, 2 stories; model finbert int8 @4556d1"
    )


def test_the_line_counts_in_the_singular_and_names_a_first_run_and_a_gap() -> None:
    line = entry(first_run=True, strict=True, hours=61.75, missing=("k",), links=LINKS[:1]).line("compact")

    assert line == (
        "Fri 17:30 to Mon 08:30 ET, first run, gap of 15 min; 1 earlier window without a run; 1 of 1 source; "
        "1 headline, 1 story; model compact"
    )
    assert entry(strict=True, hours=60.5).line("m").startswith("Fri 17:30 to Mon 08:30 ET, gap of 1 h 30 min; ")


@settings(deadline=None, max_examples=40)
@given(WINDOWS, st.booleans(), st.integers(0, 3), st.text(max_size=20))
def test_stored_as_json_and_read_back_it_is_the_same(window: Window, strict: bool, missed: int, detail: str) -> None:
    reports = (OK, SourceReport("newsapi", "failed", 0, detail, calls=4))
    coverage = entry(window, strict=strict, missed=missed, missing=("2024-03-07-17:30",), reports=reports)

    stored = json.dumps(coverage.to_dict())

    assert Coverage.from_dict(json.loads(stored)) == coverage


def test_the_stored_form_is_built_on_first_use_and_reads_the_same() -> None:
    coverage = entry(WEEKEND)
    stored = coverage.to_dict()

    _stored_form.cache_clear()

    assert Coverage.from_dict(stored) == coverage


def test_the_previous_coverage_can_not_end_inside_the_window() -> None:
    with pytest.raises(CoverageError, match="2024-03-08-17:30: starts before"):
        window_coverage(
            WEEKEND,
            lookback_hours=6,
            strict=False,
            previous_end=WEEKEND.end,
            missing=(),
            reports=(OK,),
            headlines=to_arrays(frame([])),
            drops={},
        )


def test_headlines_of_another_window_are_refused() -> None:
    other = window_containing(WEEKEND.end)
    with pytest.raises(CoverageError, match="rows of other windows"):
        window_coverage(
            WEEKEND,
            lookback_hours=6,
            strict=False,
            previous_end=None,
            missing=(),
            reports=(OK,),
            headlines=to_arrays(frame(LINKS, other)),
            drops={},
        )
