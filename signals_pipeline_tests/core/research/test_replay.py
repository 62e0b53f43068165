"""A replay is what the stages themselves would have decided, to the last bit; the arrays only make it quick."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.research.replay import LIFECYCLES, ParameterSet, ReplayedSignals, replay_signals
from signals_pipeline.core.research.stored_evidence import StoredEvidence
from signals_pipeline.core.signals.decision import Signal, apply_gates, decide
from signals_pipeline.core.tables import to_arrays
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.replay_inputs import USED, frames_of, sessions_of, windows_of

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE")


def decided(
    windows: tuple[Window, ...], scores: pd.DataFrame, setting: ParameterSet, before: list[Signal]
) -> list[Signal]:
    """The signals that gates and lifecycle give, window by window."""
    history = list(before)
    for window in windows:
        rows = scores[scores["window_start"] == pd.Timestamp(window.start)]
        passed = apply_gates(
            to_arrays(rows), window, min_combined_score=setting.min_combined_score, generator=setting.signal_generator
        ).candidates
        history += decide(
            passed,
            history,
            window,
            expiry_days=setting.signal_expiry_days,
            max_signals=setting.max_signals,
            flip_cooldown_days=setting.flip_cooldown_days,
        ).signals
    return history[len(before) :]


def replayed_rows(
    found: ReplayedSignals, setting: int, windows: tuple[Window, ...], symbols: tuple[str, ...]
) -> list[tuple]:
    own = np.flatnonzero(found.setting == setting)
    rows = []
    for at in own.tolist():
        window = windows[found.window[at]]
        symbol = symbols[found.symbol[at]]
        signal_type = "BUY" if found.rise[at] else "SELL"
        lifecycle = LIFECYCLES[found.lifecycle[at]]
        rows.append((window.start, symbol, signal_type, lifecycle, float(found.combined[at])))
    return sorted(rows)


def decided_rows(signals: list[Signal]) -> list[tuple]:
    return sorted(
        (each.window_start, each.symbol, each.signal_type, each.lifecycle, each.combined_score) for each in signals
    )


drawn_settings = st.builds(
    ParameterSet,
    sentiment_weight=st.sampled_from((0.0, 0.3, 0.6, 1.0)),
    min_combined_score=st.sampled_from((0.0, 0.1, 0.25, 0.4)),
    min_sentiment_confidence=st.sampled_from((0.0, 0.5, 0.8, 1.0)),
    tone_half_life_hours=st.sampled_from((0.01, 2.0, 6.0, 48.0)),
    signal_expiry_days=st.sampled_from((0.2, 1.0, 2.5, 7.0)),
    max_signals=st.sampled_from((1, 2, 25)),
    signal_generator=st.sampled_from(("news_driven", "news_driven", "technical")),
    tone_events=st.sampled_from((USED.tone_events, "results,price", "other")),
    flip_cooldown_days=st.sampled_from((0.0, 1.0, 2.0, 30.0)),
)


@settings(max_examples=10)
@given(st.lists(drawn_settings, min_size=1, max_size=3), st.integers(0, 10**6))
def test_it_decides_as_the_stages_do_whatever_the_knobs(chosen: list[ParameterSet], seed: int) -> None:
    """The frames were stored under one setting; under others they give what running anew would have given."""
    windows = windows_of(12)
    stored = StoredEvidence.from_frames(*frames_of(windows, SYMBOLS, USED, seed), windows, sessions_of(windows))
    found = replay_signals(stored, chosen)
    for at, setting in enumerate(chosen):
        _, scores = frames_of(windows, SYMBOLS, setting, seed)
        assert replayed_rows(found, at, windows, stored.panel.symbols) == decided_rows(
            decided(windows, scores, setting, [])
        )


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.integers(1, 14))
def test_it_takes_up_what_was_active_before(seed: int, start: int) -> None:
    windows = windows_of(16)
    tone, scores = frames_of(windows, SYMBOLS, USED, seed)
    whole = decided(windows, scores, USED, [])
    earlier = [each for each in whole if each.window_start < windows[start].start]
    later = [each for each in whole if each.window_start >= windows[start].start]
    evidence = StoredEvidence.from_frames(tone, scores, windows[start:], sessions_of(windows))
    assert replayed_rows(
        replay_signals(evidence, [USED], earlier), 0, windows[start:], evidence.panel.symbols
    ) == decided_rows(later)


def test_a_company_that_left_the_watchlist_changes_nothing() -> None:
    windows = windows_of(16)
    tone, scores = frames_of(windows, SYMBOLS, USED, 1)
    earlier = decided(windows[:8], scores, USED, [])
    evidence = StoredEvidence.from_frames(tone, scores, windows[8:], sessions_of(windows))
    of_a_stranger = [replace(signal, candidate=replace(signal.candidate, symbol="ZZZ")) for signal in earlier]
    assert of_a_stranger

    found = replay_signals(evidence, [USED], [*earlier, *of_a_stranger])

    expected = replay_signals(evidence, [USED], earlier)
    symbols = evidence.panel.symbols
    assert replayed_rows(found, 0, windows[8:], symbols) == replayed_rows(expected, 0, windows[8:], symbols)


@settings(max_examples=8)
@given(st.integers(0, 10**6), drawn_settings)
def test_tones_are_those_of_the_scores_to_the_last_bit(seed: int, setting: ParameterSet) -> None:
    windows = windows_of(6)
    evidence = StoredEvidence.from_frames(*frames_of(windows, SYMBOLS, USED, seed), windows, sessions_of(windows))
    _, scores = frames_of(windows, SYMBOLS, setting, seed)
    found = evidence.tones(
        setting.min_sentiment_confidence, setting.tone_half_life_hours, setting.tone_events.split(",")
    )
    assert found.tone.ravel().tolist() == scores["tone"].tolist()
    assert found.has_tone.ravel().tolist() == (scores["n_stories"] > 0).tolist()
    assert found.fresh.ravel().tolist() == scores["fresh"].tolist()


def test_lifecycles_of_every_kind_occur() -> None:
    windows = windows_of(60)
    frames = frames_of(windows, SYMBOLS, USED, 5, mean=4)
    evidence = StoredEvidence.from_frames(*frames, windows, sessions_of(windows))
    found = replay_signals(evidence, [USED])
    assert {LIFECYCLES[each] for each in found.lifecycle} == {"new", "stronger", "flipped"}
    assert np.bincount(found.window).max() == USED.max_signals


def test_no_window_and_no_headline_give_no_signal() -> None:
    windows = windows_of(3)
    tone, scores = frames_of(windows, SYMBOLS, USED, 1, mean=0)
    assert (
        len(replay_signals(StoredEvidence.from_frames(tone, scores, windows, sessions_of(windows)), [USED]).setting)
        == 0
    )
    none = StoredEvidence.from_frames(tone, scores, (), sessions_of(windows))
    assert len(replay_signals(none, [USED]).setting) == 0
    nobody = StoredEvidence.from_frames(tone, scores.iloc[:0], windows, sessions_of(windows))
    assert len(replay_signals(nobody, [USED, USED]).setting) == 0


def test_a_headline_of_a_company_that_was_not_scored_is_left_out() -> None:
    windows = windows_of(4)
    tone, scores = frames_of(windows, SYMBOLS, USED, 5, mean=3)
    fewer = scores[~((scores["symbol"] == "CCC") & (scores["window_start"] == pd.Timestamp(windows[1].start)))]
    found = replay_signals(StoredEvidence.from_frames(tone, fewer, windows, sessions_of(windows)), [USED])
    assert replayed_rows(found, 0, windows, SYMBOLS) == decided_rows(decided(windows, fewer, USED, []))


def test_evidence_from_after_the_window_is_refused() -> None:
    windows = windows_of(2)
    tone, scores = frames_of(windows, SYMBOLS, USED, 5, mean=3)
    late = tone.assign(known_at=tone["known_at"] + timedelta(days=2))
    with pytest.raises(ValueError, match="evidence must come from the past"):
        StoredEvidence.from_frames(late, scores, windows, sessions_of(windows))
