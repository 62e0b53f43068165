"""Everything that was delivered for a window was kept, or dropped for exactly one named reason."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import hypothesis.strategies as st
from hypothesis import given, settings

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.news.accounting import DROPPED
from signals_pipeline.core.news.coverage import Coverage, coverage_ledger
from signals_pipeline.core.news.feeds import NewsBatch, SourceReport
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline_tests.support.headline_deliveries import MODES, WINDOWS, deliveries, evidence, raw

SESSIONS = trading_sessions(date(2023, 11, 1), date(2024, 12, 31))
REPORTS = (SourceReport("one", "ok", 0), SourceReport("two", "ok", 0))
NORMAL = (6.0, False)
NOON = WINDOWS[2].start + timedelta(hours=3)
LINK = "https://a.com/1"


def ledger(items: Sequence[RawHeadline], mode: tuple[float, bool] = NORMAL) -> tuple[Coverage, ...]:
    """The entries of the first windows; their evidence is found as the asset finds it."""
    windows = WINDOWS[:6]
    return coverage_ledger(
        windows,
        covered=(),
        lookback_hours=mode[0],
        strict=mode[1],
        batch=NewsBatch(tuple(items), REPORTS),
        headlines=evidence([*items], windows, mode),
        sessions=SESSIONS,
    )


def dropped(entry: Coverage) -> dict[str, int]:
    return {reason: entry.drops[reason] for reason in DROPPED if entry.drops[reason]}


@st.composite
def hostile(draw: st.DrawFn) -> list[RawHeadline]:
    """Deliveries in which titles and times are missing and links are withdrawn."""
    items = draw(deliveries())
    spoilt: list[RawHeadline] = []
    for item in items:
        kind = draw(st.sampled_from(["whole", "whole", "whole", "untitled", "removed", "undated"]))
        if kind == "untitled":
            spoilt.append(replace(item, title=draw(st.sampled_from([None, "", "$AAPL"]))))
        elif kind == "removed":
            spoilt.append(replace(item, title="[Removed]"))
        elif kind == "undated":
            spoilt.append(replace(item, published_at=None, first_seen_at=item.known_at))
        else:
            spoilt.append(item)
    return spoilt


@settings(max_examples=60, deadline=None)
@given(hostile(), MODES)
def test_delivered_is_kept_and_dropped_together(items: list[RawHeadline], mode: tuple[float, bool]) -> None:
    for entry in ledger(items, mode):
        assert entry.delivered is not None
        assert entry.delivered == entry.headlines + sum(entry.drops[reason] for reason in DROPPED)
        assert entry.drops["unaccounted"] == 0
        assert entry.unaccounted == 0


def test_each_item_has_one_reason() -> None:
    entry = ledger(
        [
            raw("Microsoft cuts 100 jobs", NOON),
            raw("Microsoft cuts 100 jobs", NOON, feed="two"),
            raw("Of no time", None, first_seen_at=NOON),
            raw("", NOON),
            raw("[Removed]", NOON, url=LINK, first_seen_at=NOON),
            raw("[Removed]", NOON, url=LINK, first_seen_at=NOON),
        ]
    )[2]
    assert (entry.delivered, entry.headlines) == (6, 1)
    assert dropped(entry) == {"duplicate": 1, "no_time": 1, "no_title": 1, "removed": 2}


def test_a_copy_of_an_earlier_window_s_headline_is_repeated() -> None:
    yesterday = NOON - timedelta(days=1)
    entry = ledger([raw("Rain in Spain", yesterday, url=LINK), raw("Rain in Spain", NOON, url=LINK)])[2]
    assert (entry.delivered, entry.headlines, dropped(entry)) == (1, 0, {"repeated": 1})


def test_a_text_that_was_edited_before_the_end_is_superseded() -> None:
    first = raw("Microsoft cuts 100 jobs", NOON, url=LINK, first_seen_at=NOON)
    edited = raw("Microsoft cuts 10 jobs", NOON, url=LINK, first_seen_at=NOON + timedelta(hours=1))
    entry = ledger([first, edited])[2]
    assert (entry.delivered, entry.headlines, dropped(entry)) == (2, 1, {"superseded": 1})


def test_a_headline_that_the_evidence_lost_is_unaccounted() -> None:
    items = [raw("Microsoft cuts 100 jobs", NOON), raw("Rain in Spain", NOON)]
    frame = evidence(items, WINDOWS[:6])
    (_, _, entry, *_) = coverage_ledger(
        WINDOWS[:6],
        covered=(),
        lookback_hours=6.0,
        strict=False,
        batch=NewsBatch(tuple(items), REPORTS),
        headlines=frame[frame["symbol"] != ""],
        sessions=SESSIONS,
    )
    assert (entry.delivered, entry.headlines, dropped(entry)) == (2, 1, {"unaccounted": 1})
    assert entry.unaccounted == 1


def test_a_headline_that_nobody_delivered_is_unaccounted() -> None:
    items = [raw("Microsoft cuts 100 jobs", NOON), raw("Rain in Spain", NOON)]
    (_, _, entry, *_) = coverage_ledger(
        WINDOWS[:6],
        covered=(),
        lookback_hours=6.0,
        strict=False,
        batch=NewsBatch(tuple(items[:1]), REPORTS),
        headlines=evidence(items, WINDOWS[:6]),
        sessions=SESSIONS,
    )
    assert (entry.delivered, entry.headlines, entry.unaccounted) == (1, 2, 1)


def test_an_entry_from_before_the_accounting_has_nothing_unaccounted() -> None:
    entry = replace(ledger([raw("Rain in Spain", NOON)])[2], delivered=None, drops={})
    assert entry.unaccounted == 0
