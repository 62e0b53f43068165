"""Groups of scores and of confidences against hand-worked figures."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.intervals import hit_rate_interval
from signals_pipeline.core.record.calibration import EDGES, agreement, calibration, reliability
from signals_pipeline.core.record.forward_returns import ScorePanel, forward_returns
from signals_pipeline_tests.support.digest_examples import outcome_rows
from signals_pipeline_tests.support.replay_inputs import USED, bars_of, frames_of, sessions_of, windows_of

DAYS = np.busday_offset(np.datetime64("2024-01-08"), np.arange(400))


def agreed_rows(rows: list[tuple[float, bool, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["confidence", "agreed", "base_rate"])
    return frame.assign(day=DAYS[: len(rows)]).astype({"confidence": float, "agreed": bool, "base_rate": float})


def test_by_hand() -> None:
    rows = [(0.65, True, 0.5)] * 10 + [(0.65, False, 0.5)] * 10 + [(0.95, True, 0.4)] * 15 + [(0.95, False, 0.6)] * 5
    found = reliability(agreed_rows(rows))
    assert [(line.least, line.n, line.hits, line.hit_rate) for line in found.lines] == [
        (0.6, 20, 10, 0.5),
        (0.9, 20, 15, 0.75),
    ]
    assert found.mean_confidences == (pytest.approx(0.65), pytest.approx(0.95))
    assert found.error == pytest.approx((0.15 + 0.20) / 2)
    assert found.brier == pytest.approx((10 * 0.35**2 + 10 * 0.65**2 + 15 * 0.05**2 + 5 * 0.95**2) / 40)
    assert found.brier_base == pytest.approx((20 * 0.25 + 15 * 0.36 + 5 * 0.36) / 40)
    assert found.text == (
        "Tone confidence is how certain the model is of the wording, not a probability of profit: it averaged 80%, and "
        "the next session agreed with the tone 62% of the time (n = 40 on 40 days, base rate 48%). Calibration error "
        "0.17; Brier score 0.250, against 0.305 for the base rate."
    ).replace("0.250", f"{found.brier:.3f}")


def test_too_few_and_none() -> None:
    assert reliability(agreed_rows([(0.7, True, 0.5)] * 29)).text.endswith("too few (n = 29).")
    nothing = reliability(agreed_rows([]))
    assert (nothing.n, nothing.lines, nothing.error) == (0, (), None)
    assert nothing.text.endswith("too few (n = 0).")


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.floats(0, 1)), min_size=1, max_size=80))
def test_every_row_lies_in_one_group_and_the_error_is_a_share(rows: list[tuple[float, bool, float]]) -> None:
    found = reliability(agreed_rows(rows))
    assert sum(line.n for line in found.lines) == found.n == len(rows)
    for line, said in zip(found.lines, found.mean_confidences, strict=True):
        assert line.least - 1e-9 <= said <= line.most + 1e-9
        assert (line.least, line.most) in zip(EDGES["confidence_score"], EDGES["confidence_score"][1:], strict=False)
    assert found.error is not None
    assert found.brier is not None
    assert 0 <= found.error <= 1
    assert 0 <= found.brier <= 1


def test_a_confidence_that_is_the_chance_is_calibrated() -> None:
    random = np.random.default_rng(3)
    confidence = random.uniform(0.5, 1, 6000)
    rows = pd.DataFrame(
        {
            "confidence": confidence,
            "agreed": random.random(6000) < confidence,
            "base_rate": 0.5,
            "day": np.tile(DAYS, 15),
        }
    )
    found, shuffled = reliability(rows), reliability(rows.assign(agreed=random.permutation(rows["agreed"])))
    assert found.error is not None
    assert shuffled.error is not None
    assert found.error < 0.03 < shuffled.error
    assert found.brier is not None
    assert found.brier_base is not None
    assert found.brier < found.brier_base


def test_signals_by_their_number() -> None:
    rows = outcome_rows(40)
    number = np.where(rows.groupby("horizon").cumcount() % 2 > 0, -0.45, 1.0)
    lines = calibration(rows.assign(combined_score=number), 5, "combined_score")
    assert [(line.least, line.most, line.n, line.enough) for line in lines] == [
        (0.4, 0.5, 20, False),
        (0.8, 1.0, 20, False),
    ]
    ours = rows[(rows["horizon"] == 5) & (number < 0)]
    days = ours["entry_session"].dt.tz_localize(None).to_numpy()
    assert (lines[0].low, lines[0].high) == hit_rate_interval(ours["hit"].to_numpy(), days, 5)
    assert calibration(rows, 7, "confidence_score") == ()


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_agreement_is_a_net_move_the_tones_way(seed: int) -> None:
    windows, symbols = windows_of(12), ("AAA", "BBB", "CCC")
    _, scores = frames_of(windows, symbols, USED, seed)
    sessions = sessions_of(windows)
    moves = np.random.default_rng(seed).normal(0, 0.02, (len(sessions.dates), 3))
    panel = ScorePanel.from_scores(scores, windows)
    end = sessions.closes[-1].item().replace(tzinfo=windows[0].end.tzinfo)
    forward = forward_returns(
        windows,
        symbols,
        np.ones((len(windows), len(symbols)), dtype=bool),
        bars_of(sessions, symbols, moves),
        sessions,
        as_of=end,
    )
    found = agreement(panel, forward)
    usable = np.isfinite(panel.tone) & (panel.tone != 0) & forward.last_before_open[:, None]
    assert len(found) == usable.sum()
    went = np.sign(forward.excess[1][usable]) == np.sign(panel.tone[usable])
    assert found["agreed"].tolist() == went.tolist()
    assert found["confidence"].tolist() == panel.confidence[usable].tolist()
    assert found["base_rate"].between(0, 1).all()
