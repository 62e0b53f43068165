"""Tuning end to end on made pasts: counts and rates by hand, noise called noise, skill not."""

from dataclasses import replace
from datetime import UTC, timedelta

import numpy as np
import pytest

from signals_pipeline.core.record.forward_returns import ForwardReturns, forward_returns
from signals_pipeline.core.research.replay import ParameterSet, ReplayedSignals, replay_signals
from signals_pipeline.core.research.stored_evidence import StoredEvidence
from signals_pipeline.core.research.tuning import Trial, TuningResult, parameter_grid, tune
from signals_pipeline_tests.support.replay_inputs import USED, bars_of, frames_of, sessions_of, watched, windows_of

SYMBOLS = tuple("ABCDEFGH")
CHOICES = {"sentiment_weight": (0.4, 0.6, 0.8), "min_combined_score": (0.2, 0.3), "tone_half_life_hours": (3.0, 6.0)}


def past(seed: int, windows: int, edge: float) -> tuple[StoredEvidence, ForwardReturns]:
    """A past in which the tone of a window moves the next session's price by `edge` standard deviations."""
    random = np.random.default_rng(seed)
    over = windows_of(windows)
    sessions = sessions_of(over)
    evidence = StoredEvidence.from_frames(*frames_of(over, SYMBOLS, USED, seed, mean=1.0), over, sessions)
    moves = random.normal(0, 0.02, (len(sessions.dates), len(SYMBOLS)))
    tone = np.nan_to_num(evidence.panel.tone)
    for at, window in enumerate(over):
        moves[sessions.entry_index(window.end)] += edge * 0.02 * np.sign(tone[at])
    end = sessions.closes[-1].item().replace(tzinfo=UTC)
    bars = bars_of(sessions, SYMBOLS, moves)
    return evidence, forward_returns(over, SYMBOLS, watched(over, SYMBOLS), bars, sessions, as_of=end)


def tuned(seed: int, *, windows: int = 100, edge: float = 0.0, horizon: int = 1) -> TuningResult:
    evidence, forward = past(seed, windows, edge)
    chosen = parameter_grid(USED, CHOICES)
    return tune(chosen, replay_signals(evidence, chosen), forward, horizon=horizon, weeks=windows / 10)


def test_the_setting_in_use_comes_first_and_once() -> None:
    made = parameter_grid(USED, CHOICES)
    assert made[0] == USED
    assert len(made) == len(set(made)) == 12
    assert parameter_grid(replace(USED, max_signals=7), CHOICES)[0].max_signals == 7
    assert {each.max_signals for each in made} == {USED.max_signals}
    assert parameter_grid(USED, {}) == (USED,)


def test_without_an_edge_it_says_noise_over_seeds() -> None:
    found = [tuned(seed) for seed in range(10)]
    assert sum(each.noise for each in found) >= 8
    for each in found:
        if each.noise:
            assert each.conclusion.startswith("Noise: the best of 12 settings is what chance gives (t = ")


def test_a_strong_edge_is_not_noise_over_seeds() -> None:
    for seed in range(3):
        found = tuned(seed, edge=1.5)
        assert not found.noise
        assert found.best is not None
        assert found.best.t is not None
        assert found.best.t > found.threshold
        assert found.conclusion.startswith("More than chance gives the best of 12 settings (t = ")
        assert found.conclusion.endswith("% is look-ahead until proven otherwise.")


def test_each_trial_counts_its_own_signals() -> None:
    windows = 100
    evidence, forward = past(3, windows, 0.0)
    chosen = parameter_grid(USED, CHOICES)
    signals = replay_signals(evidence, chosen)
    found = tune(chosen, signals, forward, horizon=3, weeks=6.0)
    for at, trial in enumerate(found.trials):
        own = np.flatnonzero(signals.setting == at)
        net = forward.excess[3][signals.window[own], signals.symbol[own]] * np.where(signals.rise[own], 1, -1)
        assert (trial.signals, trial.a_week) == (len(own), len(own) / 6.0)
        assert (trial.n, trial.hits) == (np.isfinite(net).sum(), (net > 0).sum())
        assert trial.low <= (trial.hit_rate or 0) <= trial.high
        days = forward.days[signals.window[own]][np.isfinite(net)]
        assert trial.n_dates == len(set(days.tolist()))
    assert found.best == max((each for each in found.trials if each.t is not None), key=lambda each: each.t or 0)


@pytest.mark.parametrize("windows", [10, 60])
def test_too_few_to_tell(windows: int) -> None:
    evidence, forward = past(1, windows, 1.5)
    none = replace(USED, min_combined_score=1.0)
    chosen = (USED,) if windows == 10 else (none,)
    found = tune(chosen, replay_signals(evidence, chosen), forward, horizon=1, weeks=1.0)
    assert found.noise
    assert found.best is None
    assert found.trials[0].t is None
    assert found.conclusion.startswith(
        "Too few to tell: none of 1 setting has 30 outcomes, or there are fewer than 40 "
    )
    if windows == 60:
        assert (found.trials[0].n, found.trials[0].hit_rate, found.trials[0].base_rate) == (0, None, None)


def test_a_modest_rate_over_long_horizons_is_not_called_look_ahead() -> None:
    trial = Trial(USED, 100, 5.0, 100, 60, 70, 0.7, 0.6, 0.8, 0.5, 4.0)
    assert "look-ahead" not in TuningResult(10, 60, (trial,), trial, 0.01, 2.0).conclusion
    assert "70% is look-ahead" in TuningResult(5, 60, (trial,), trial, 0.01, 2.0).conclusion
    assert "look-ahead" not in TuningResult(5, 60, (trial,), replace(trial, hit_rate=0.54), 0.01, 2.0).conclusion


def test_signals_that_are_not_known_yet_count_as_signals_alone() -> None:
    over = windows_of(50)
    evidence, _ = past(2, 50, 0.0)
    sessions = sessions_of(over)
    bars = bars_of(sessions, SYMBOLS, np.zeros((len(sessions.dates), len(SYMBOLS))))
    forward = forward_returns(
        over, SYMBOLS, watched(over, SYMBOLS), bars, sessions, as_of=over[0].end - timedelta(days=1)
    )
    signals: ReplayedSignals = replay_signals(evidence, [USED])
    found = tune([USED], signals, forward, horizon=1, weeks=5.0).trials[0]
    assert (found.n, found.signals) == (0, len(signals.setting))
    assert isinstance(found.setting, ParameterSet)
