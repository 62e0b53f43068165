"""Outcomes are kept once a (signal, horizon), read as of an instant, and go with their signal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.adapters.stores.signal_history import SignalHistory, WindowRun
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.signals.decision import Candidate, Signal
from signals_pipeline.core.tables import KNOWN_OUTCOMES, OUTCOMES
from signals_pipeline.core.windows import windows_between

WINDOWS = windows_between(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 7, tzinfo=UTC))
FAR = datetime(2030, 1, 1, tzinfo=UTC)
RUN = WindowRun("backfill", "compact @1", {"signal_expiry_days": 0.1, "max_signals": 25}, {}, [])


def judged(place: int, symbol: str) -> Candidate:
    window = WINDOWS[place]
    return Candidate(
        window_start=window.start, window_end=window.end, symbol=symbol, signal_type="BUY", combined_score=0.5,
        tone=0.5,
        confidence_score=0.9, technical=None, fresh=True, fragile=True, story_id="s", news_title="t", news_url="",
        contributions="[]", source="news_driven_ml",
    )  # fmt: skip


def recorded(engine: Engine) -> list[Signal]:
    history = SignalHistory(engine)
    for place in range(3):
        history.record_window(WINDOWS[place], [judged(place, "A"), judged(place, "B")], RUN)
    return history.between(WINDOWS[0].start, FAR)


def outcomes(signals: list[Signal], horizons: tuple[int, ...] = HORIZONS, *, net: float = 0.01) -> pd.DataFrame:
    rows = [
        {
            "window_start": each.window_start, "symbol": each.symbol, "signal_type": each.signal_type,
            "horizon": horizon,
            "decided_at": each.decided_at, "combined_score": each.combined_score, "confidence_score": 0.9,
            "lifecycle": each.lifecycle, "entry_session": each.decided_at, "exit_session": each.decided_at,
            "entry": 100.1, "exit": 101.3, "raw_return": net + 0.1, "benchmark_return": 0.1, "net_return": net,
            "hit": net > 0, "base_rate": 1 / 3, "benchmark": "SPY",
            "known_at": each.decided_at + timedelta(days=horizon),
        }
        for each in signals
        for horizon in horizons
    ]  # fmt: skip
    return OUTCOMES.conform(pd.DataFrame(rows, columns=OUTCOMES.names))


def with_origin(frame: pd.DataFrame) -> pd.DataFrame:
    """The outcomes as they are known: of signals of one backfill."""
    return KNOWN_OUTCOMES.conform(frame.assign(provenance="backfilled", generator="news_driven_ml", model="compact @1"))


def test_without_signals_nothing_is_known_and_nothing_missing(engine: Engine) -> None:
    store = OutcomeRepository(engine)
    assert store.upsert(OUTCOMES.empty()) == 0
    pd.testing.assert_frame_equal(store.known(FAR), KNOWN_OUTCOMES.empty())
    assert store.missing(FAR).empty


def test_outcomes_come_back_exactly_and_the_same_again_changes_nothing(engine: Engine) -> None:
    frame, store = outcomes(recorded(engine)), OutcomeRepository(engine)
    assert store.upsert(frame) == len(frame) == 24
    assert store.upsert(frame.sample(frac=1, random_state=1)) == 24
    pd.testing.assert_frame_equal(store.known(FAR), with_origin(frame), check_exact=True)


def test_a_corrected_outcome_takes_the_place_of_the_old_one(engine: Engine) -> None:
    signals, store = recorded(engine), OutcomeRepository(engine)
    store.upsert(outcomes(signals))
    store.upsert(outcomes(signals[:1], (3,), net=-0.02))
    known = store.known(FAR)
    assert len(known) == 24
    assert known.loc[~known["hit"], ["symbol", "horizon", "net_return"]].to_numpy().tolist() == [["A", 3, -0.02]]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hours=st.integers(0, 24 * 20))
def test_only_what_was_known_before_as_of_is_read(engine: Engine, hours: int) -> None:
    signals, store = recorded(engine), OutcomeRepository(engine)
    frame = outcomes(signals)
    store.upsert(frame)
    as_of = WINDOWS[0].end + timedelta(hours=hours)
    expected = with_origin(frame[frame["known_at"] < pd.Timestamp(as_of)])
    pd.testing.assert_frame_equal(store.known(as_of), expected)


def test_missing_are_the_signals_and_horizons_without_an_outcome(engine: Engine) -> None:
    signals, store = recorded(engine), OutcomeRepository(engine)
    assert len(store.missing(FAR)) == 24
    store.upsert(outcomes(signals, (1, 5)))
    store.upsert(outcomes(signals[:2], (3,)))
    found = store.missing(FAR)
    assert len(found) == 24 - 12 - 2
    assert found["horizon"].value_counts().to_dict() == {10: 6, 3: 4}
    assert found.columns.tolist() == [*OUTCOMES.key, "decided_at"]
    early = store.missing(signals[2].decided_at, horizons=(10,))
    assert early["decided_at"].unique().tolist() == [signals[0].decided_at]


def test_evidence_is_that_of_the_signals_with_a_known_outcome(engine: Engine) -> None:
    signals, store = recorded(engine), OutcomeRepository(engine)
    assert store.evidence(FAR).empty
    store.upsert(outcomes(signals[:3]))
    found = store.evidence(FAR)
    assert found[["window_start", "symbol"]].to_numpy().tolist() == [
        [pd.Timestamp(each.window_start), each.symbol] for each in signals[:3]
    ]
    assert set(found["contributions"]) == {"[]"}
    assert len(store.evidence(signals[0].decided_at + timedelta(days=1, hours=1))) == 2


def test_outcomes_of_a_signal_that_is_derived_anew_go_with_it(engine: Engine) -> None:
    signals, store = recorded(engine), OutcomeRepository(engine)
    frame = outcomes(signals)
    store.upsert(frame)
    SignalHistory(engine).record_window(WINDOWS[1], [judged(1, "A")], RUN)
    gone = (frame["window_start"] == pd.Timestamp(WINDOWS[1].start)) & (frame["symbol"] == "B")
    pd.testing.assert_frame_equal(store.known(FAR), with_origin(frame[~gone]))
    assert store.upsert(frame) == 20
    assert store.missing(FAR).empty


def test_a_frame_without_a_column_is_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="outcomes: column 'hit' is missing"):
        OutcomeRepository(engine).upsert(outcomes(recorded(engine)).drop(columns="hit"))


def test_an_outcome_is_known_with_the_origin_of_its_signal(engine: Engine) -> None:
    history, store = SignalHistory(engine), OutcomeRepository(engine)
    runs = [
        replace(RUN, mode="live"),
        replace(RUN, mode="catch_up", model="finbert @2"),
        replace(RUN, mode="manual", model="none: technical generator"),
    ]
    for place, run in enumerate(runs):
        source = "technical" if place == 2 else "news_driven_ml"
        history.record_window(WINDOWS[place], [replace(judged(place, "A"), source=source)], run)
    store.upsert(outcomes(history.between(WINDOWS[0].start, FAR), (1,)))

    known = store.known(FAR)

    assert known[["provenance", "generator", "model"]].to_numpy().tolist() == [
        ["live", "news_driven_ml", "compact @1"],
        ["live", "news_driven_ml", "finbert @2"],
        ["backfilled", "technical", "none: technical generator"],
    ]
