"""Rank correlation and its Newey-West error against hand-worked figures and an independent computation."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.record.information_coefficient import daily_spearman, newey_west_error, rank_correlation


def days_of(days: list[list[tuple[float, float]]]) -> pd.DataFrame:
    rows = [(at, *pair) for at, pairs in enumerate(days) for pair in pairs]
    return pd.DataFrame(rows, columns=["day", "score", "excess"]).astype({"score": float, "excess": float})


RISING = [(-0.5, -0.1), (0.3, 0.0), (0.5, 0.2), (0.9, 0.4)]
FALLING = [(score, -excess) for score, excess in RISING]
SWAPPED = [(-0.5, 0.0), (0.3, -0.1), (0.5, 0.2), (0.9, 0.4)]  # one swap of neighbours in four: 1 - 6 x 2 / 60 = 0.8


def test_newey_west_by_hand() -> None:
    # Residuals -1, 0, 1, mean square 2/3; the one product at lag 1 sums to 0, the one at lag 2 to -1.
    values = np.array([1.0, 2.0, 3.0])
    assert newey_west_error(values, 0) == pytest.approx(math.sqrt(2 / 9))
    assert newey_west_error(values, 1) == pytest.approx(math.sqrt(2 / 9))
    assert newey_west_error(values, 2) == pytest.approx(math.sqrt((2 / 3 - 2 * (1 / 3) * (1 / 3)) / 3))
    assert newey_west_error(values, 9) == pytest.approx(math.sqrt((2 / 3 - 2 * (1 - 2 / 10) / 3) / 3))
    assert newey_west_error(values[:2], 1) is None
    assert newey_west_error(np.ones(5), 1) is None


def test_mean_and_t_by_hand() -> None:
    found = rank_correlation(days_of([RISING, FALLING, SWAPPED, RISING]), 1)
    daily = np.array([1, -1, 0.8, 1])
    assert (found.n, found.n_dates, found.mean) == (16, 4, pytest.approx(0.45))
    assert found.t == pytest.approx(0.45 / (newey_west_error(daily, 1) or 0))
    assert found.text == "1 session: mean daily IC +0.450, t = +1.4, 4 days"
    assert rank_correlation(days_of([RISING]), 5).text == "5 sessions: too few days to rank (1)"
    assert rank_correlation(days_of([]), 5).mean is None


def test_days_that_cannot_be_ranked_do_not_count() -> None:
    level, even = [(0.5, 0.1), (0.5, 0.2), (0.5, 0.3)], [(0.1, 0.0), (0.2, 0.0), (0.3, 0.0)]
    found = daily_spearman(days_of([RISING, level, even, RISING[:2], SWAPPED]))
    assert found.to_dict() == {0: pytest.approx(1.0), 4: pytest.approx(0.8)}


numbers = st.integers(-9, 9)


@settings(max_examples=25)
@given(st.lists(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=7), min_size=1, max_size=8))
def test_it_is_spearman_and_looks_at_order_only(days: list[list[tuple[int, int]]]) -> None:
    frame = days_of([[(score / 10, excess / 100) for score, excess in pairs] for pairs in days])
    wanted = {}
    for at, pairs in enumerate(days):
        score, excess = (pd.Series(column).rank() for column in zip(*pairs, strict=True))
        if len(pairs) >= 3 and score.nunique() > 1 and excess.nunique() > 1:
            wanted[at] = pytest.approx(np.corrcoef(score, excess)[0, 1], abs=1e-9)
    assert daily_spearman(frame).to_dict() == wanted
    stretched = frame.assign(score=frame["score"] ** 3, excess=np.exp(frame["excess"]))
    assert daily_spearman(stretched).to_dict() == wanted


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=50), st.integers(1, 12))
def test_the_error_moves_with_the_scale_alone(values: list[float], lags: int) -> None:
    series = np.array(values)
    error = newey_west_error(series, lags)
    if error is not None and error > 1e-6:
        assert newey_west_error(3 * series + 1, lags) == pytest.approx(3 * error, rel=1e-6)
        assert newey_west_error(series[::-1], lags) == pytest.approx(error, rel=1e-6)
