"""Signals page by page: each once, newest window first, with its outcomes."""

from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.signals import SignalKey, SignalReader
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
        pages, last = [], None
        while page := archive.list(size, after=last):
            pages += page
            last = page[-1].key
        assert pages == whole


def test_signals_are_filtered_and_have_their_outcomes(engine: Engine) -> None:
    archive = filled(engine)
    assert {each.symbol for each in archive.list(100, symbol="B-B")} == {"B-B"}
    assert {each.signal_type for each in archive.list(100, signal_type="SELL")} == {"SELL"}
    with_outcomes = [entry for entry in archive.list(100) if entry.outcomes]
    assert [(entry.symbol, entry.window_start) for entry in with_outcomes] == [("B-B", WINDOWS[1].start)]
    assert [outcome.horizon for outcome in with_outcomes[0].outcomes] == [1, 3, 5, 10]


def test_a_signal_is_found_by_its_key(engine: Engine) -> None:
    archive = filled(engine)
    key = SignalKey(WINDOWS[1].start, "B-B", "BUY")
    entry = archive.get(key)
    assert entry is not None
    assert entry.key == key
    assert len(entry.outcomes) == 4
    assert archive.get(SignalKey(WINDOWS[1].start, "B-B", "SELL")) is None
