"""Signals page by page: each once, newest window first, with its outcomes."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.signals import CompanySignals, SignalFilter, SignalKey, SignalReader
from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.windows import NEW_YORK
from signals_pipeline_tests.support.digest_examples import WINDOWS, outcome_rows, signal
from signals_pipeline_tests.support.history_builders import run_with

SYMBOLS = ("AAA", "B-B", "CCC")


def filled(engine: Engine) -> SignalReader:
    for place, window in enumerate(WINDOWS[:4]):
        side = "BUY" if place % 2 else "SELL"
        chosen = [signal(symbol, side, window).candidate for symbol in SYMBOLS]
        SignalHistory(engine).record_window(window, chosen, run_with())
    rows = outcome_rows(1, window_start=WINDOWS[1].start, symbol="B-B", signal_type="BUY")
    OutcomeRepository(engine).upsert(rows)
    return SignalReader(engine)


def test_pages_list_every_signal_once_in_order(engine: Engine) -> None:
    archive = filled(engine)
    whole = archive.list(100)
    keys = [entry.key for entry in whole]
    assert len(whole) == 12
    assert keys == sorted(keys, key=lambda key: (-key.window_start.timestamp(), key.symbol))
    for size in (1, 2, 5, 12):
        assert [entry for page in archive.pages(size=size) for entry in page] == whole
        pages, last = [], None
        while page := archive.list(size, after=last):
            pages += page
            last = page[-1].key
        assert pages == whole


def test_signals_are_filtered_and_have_their_outcomes(engine: Engine) -> None:
    archive = filled(engine)
    assert {each.symbol for each in archive.list(100, wanted=SignalFilter(symbols=("B-B",)))} == {"B-B"}
    of_one = [entry for entry in archive.list(100) if entry.symbol == "B-B"]
    assert archive.list(100, wanted=SignalFilter(symbols=("B-B",))) == of_one
    assert archive.list(2, after=of_one[0].key, wanted=SignalFilter(symbols=("B-B",))) == of_one[1:3]
    assert {each.signal_type for each in archive.list(100, wanted=SignalFilter(signal_types=("SELL",)))} == {"SELL"}
    with_outcomes = [entry for entry in archive.list(100) if entry.outcomes]
    assert [(entry.symbol, entry.window_start) for entry in with_outcomes] == [("B-B", WINDOWS[1].start)]
    assert [outcome.horizon for outcome in with_outcomes[0].outcomes] == [1, 3, 5, 10]


def test_companies_and_their_newest_signals_are_counted_and_marked(engine: Engine) -> None:
    archive = filled(engine)
    assert archive.companies() == [CompanySignals(symbol, 4, WINDOWS[3].end) for symbol in SYMBOLS]
    marks = archive.marks("B-B", 3)
    assert [(mark.decided_at, mark.signal_type) for mark in marks] == [
        (WINDOWS[1].end, "BUY"),
        (WINDOWS[2].end, "SELL"),
        (WINDOWS[3].end, "BUY"),
    ]
    assert {abs(mark.tone) for mark in marks} == {0.7}
    assert archive.marks("ZZZ", 3) == []


def test_a_signal_is_found_by_its_key(engine: Engine) -> None:
    archive = filled(engine)
    key = SignalKey(WINDOWS[1].start, "B-B", "BUY")
    entry = archive.get(key)
    assert entry is not None
    assert entry.key == key
    assert len(entry.outcomes) == 4
    assert archive.get(SignalKey(WINDOWS[1].start, "B-B", "SELL")) is None


@pytest.fixture
def varied(engine: Engine) -> SignalReader:
    """Signals of every direction, three modes and two event types or none, some of them flipped."""
    modes = ("live", "backfill", "manual")
    events = (EventType.RESULTS, EventType.LEGAL, None)
    for place, window in enumerate(WINDOWS[:9]):
        side = "BUY" if place % 2 else "SELL"
        chosen = [signal(symbol, side, window, event=events[place // 3]).candidate for symbol in SYMBOLS]
        SignalHistory(engine).record_window(window, chosen, run_with(modes[place % 3]))
    return SignalReader(engine)


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2).map(tuple)


# Around the windows' days, and the ends of the calendar.
DAYS = st.none() | st.dates(date(2024, 1, 5), date(2024, 1, 17)) | st.sampled_from([date.min, date.max])
FILTERS = st.builds(
    SignalFilter,
    first_day=DAYS,
    last_day=DAYS,
    symbols=some(*SYMBOLS, "ZZZ"),
    signal_types=some("BUY", "SELL"),
    lifecycles=some("new", "stronger", "flipped"),
    modes=some("live", "backfill", "manual", "catch_up"),
    events=st.lists(st.sampled_from([EventType.RESULTS, EventType.LEGAL, EventType.OTHER]), max_size=2).map(tuple),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS)
def test_a_filter_admits_what_meets_all_its_conditions(varied: SignalReader, wanted: SignalFilter) -> None:
    whole = varied.list(100)
    assert {each.lifecycle for each in whole} == {"new", "flipped"}

    expected = []
    for entry in whole:
        day = entry.decided_at.astimezone(NEW_YORK).date()
        conditions = [
            wanted.first_day is None or wanted.first_day <= day,
            wanted.last_day is None or day <= wanted.last_day,
            not wanted.symbols or entry.symbol in wanted.symbols,
            not wanted.signal_types or entry.signal_type in wanted.signal_types,
            not wanted.lifecycles or entry.lifecycle in wanted.lifecycles,
            not wanted.modes or entry.mode in wanted.modes,
            not wanted.events or entry.event in wanted.events,
        ]
        if all(conditions):
            expected.append(entry)

    assert varied.list(100, wanted=wanted) == expected
    assert [entry for page in varied.pages(wanted, size=2) for entry in page] == expected
