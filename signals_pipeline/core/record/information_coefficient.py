"""Information coefficient: how well the order of scores agrees with the order of later returns, day by day.

`forward_returns.pairs` and `track_record.rank_ic` provide the pairs of score and return.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MIN_COMPANIES = 3
"""Companies from which on a day is ranked: the rank correlation of two is always -1 or 1."""

# Variances below rounding error: the series is constant and has no meaningful error.
_NO_VARIANCE = 1e-18


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Mean daily Spearman correlation of score and net return; `mean` and `t` are None where too little is known.

    Attributes:
        horizon: Sessions held.
        n: Pairs of score and return.
        n_dates: Days that could be ranked.
        mean: Mean of their correlations, in [-1, 1].
        t: The mean over its Newey-West error.
    """

    horizon: int
    n: int
    n_dates: int
    mean: float | None
    t: float | None

    @property
    def text(self) -> str:
        """The correlation in words, with its t and days."""
        horizon = f"{self.horizon} session{'' if self.horizon == 1 else 's'}"
        if self.mean is None or self.t is None:
            return f"{horizon}: too few days to rank ({self.n_dates})"
        text = f"{horizon}: mean daily IC {self.mean:+.3f}, t = {self.t:+.1f}, {self.n_dates} days"
        # Typographic minus signs: the only hyphens stand before numbers.
        return text.replace("-", "−")


def daily_spearman(pairs: pd.DataFrame) -> pd.Series:
    """Spearman's correlation of each day's scores and returns, tied values at their mean rank.

    Args:
        pairs: Columns `day`, `score`, `excess`, without missing values.

    Returns:
        Correlations in [-1, 1] by day, in order; a day with fewer than three companies, or on which all scores or all
        returns are equal, is left out.
    """
    # Spearman's correlation is Pearson's of the ranks, worked out for all days at once.
    columns = ["score", "excess"]
    ranks = pairs.groupby("day")[columns].rank().assign(day=pairs["day"])
    centred = ranks[columns] - ranks.groupby("day")[columns].transform("mean")
    products = centred.assign(
        day=pairs["day"],
        score_excess=centred["score"] * centred["excess"],
        score_squared=centred["score"] ** 2,
        excess_squared=centred["excess"] ** 2,
    )
    by_day = products.groupby("day", sort=True)[["score_excess", "score_squared", "excess_squared"]]
    sums = by_day.sum()
    enough = by_day.size() >= MIN_COMPANIES
    varies = (sums["score_squared"] > 0) & (sums["excess_squared"] > 0)
    sums = sums[enough & varies]
    return sums["score_excess"] / np.sqrt(sums["score_squared"] * sums["excess_squared"])


def rank_correlation(pairs: pd.DataFrame, horizon: int) -> RankCorrelation:
    """The mean of `daily_spearman` and its t, for returns over `horizon` sessions.

    The error takes `horizon` lags: returns of days less than a horizon apart overlap, and one lag more is for scores
    that rest on yesterday's news.

    Args:
        pairs: As for `daily_spearman`.
        horizon: Sessions held.
    """
    daily = daily_spearman(pairs).to_numpy(dtype=np.float64)
    mean = float(daily.mean()) if len(daily) else None
    error = newey_west_error(daily, horizon)
    t = None if mean is None or error is None else mean / error
    return RankCorrelation(horizon=horizon, n=len(pairs), n_dates=len(daily), mean=mean, t=t)


def newey_west_error(values: NDArray[np.float64], lags: int) -> float | None:
    """Standard error of the mean of a series, with Bartlett's weights on its autocovariances (Newey and West 1987).

    With residuals e_t: sqrt((g_0 + 2 sum_l (1 - l / (lags + 1)) g_l) / n), where g_l = sum_t e_t e_(t-l) / n.

    Args:
        values: Shape (n,), in chronological order.
        lags: Number of autocovariances, cut at the n - 1 that exist.

    Returns:
        None below three values, or where they are all equal.
    """
    n = len(values)
    if n < 3:
        return None
    residual = values - values.mean()
    variance = float(residual @ residual) / n
    for lag in range(1, min(lags, n - 1) + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * float(residual[lag:] @ residual[:-lag]) / n
    return math.sqrt(variance / n) if variance > _NO_VARIANCE else None
