"""Information coefficient: how the order of scores and the order of later returns agree, a day at a time."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEAST_COMPANIES = 3
"""Companies from which on a day can be ranked."""


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
        """The correlation in words, with its error and days."""
        held = f"{self.horizon} session{'' if self.horizon == 1 else 's'}"
        if self.mean is None or self.t is None:
            return f"{held}: too few days to rank ({self.n_dates})"
        return f"{held}: mean daily IC {self.mean:+.3f}, t = {self.t:+.1f}, {self.n_dates} days".replace("-", "−")


def daily_spearman(pairs: pd.DataFrame) -> pd.Series:
    """Spearman's correlation of each day's scores and returns, tied values at their mean rank.

    Args:
        pairs: Columns `day`, `score`, `excess`, without missing values.

    Returns:
        Correlations in [-1, 1] by day, in order; a day with fewer than three companies, or on which all scores or all
        returns are equal, is left out.
    """
    columns = ["score", "excess"]
    ranks = pairs.groupby("day")[columns].rank().assign(day=pairs["day"])
    centred = ranks[columns] - ranks.groupby("day")[columns].transform("mean")
    products = centred.assign(
        day=pairs["day"],
        cross=centred["score"] * centred["excess"],
        ss=centred["score"] ** 2,
        ee=centred["excess"] ** 2,
    )
    days = products.groupby("day", sort=True)[["cross", "ss", "ee"]]
    sums = days.sum()
    sums = sums[(days.size() >= LEAST_COMPANIES) & (sums["ss"] > 0) & (sums["ee"] > 0)]
    return sums["cross"] / np.sqrt(sums["ss"] * sums["ee"])


def rank_correlation(pairs: pd.DataFrame, horizon: int) -> RankCorrelation:
    """The mean of `daily_spearman` and its t, for returns over `horizon` sessions."""
    return summarised(daily_spearman(pairs), horizon, len(pairs))


def summarised(daily: pd.Series, horizon: int, n: int) -> RankCorrelation:
    """Mean and t of daily correlations over `horizon` sessions, made from n pairs.

    The error takes `horizon` lags: returns of days less than a horizon apart overlap, and one lag more is for scores
    that rest on yesterday's news.
    """
    values = daily.to_numpy(dtype=np.float64)
    mean = float(values.mean()) if len(values) else None
    error = newey_west_error(values, horizon)
    return RankCorrelation(horizon, n, len(values), mean, None if mean is None or error is None else mean / error)


def newey_west_error(values: NDArray[np.float64], lags: int) -> float | None:
    """Standard error of the mean of a series, with Bartlett's weights on its autocovariances (Newey and West 1987).

    Args:
        values: Shape (n,), in time's order.
        lags: Autocovariances taken, at most n - 1 are there.

    Returns:
        None below three values or where they don't move.
    """
    n = len(values)
    if n < 3:
        return None
    residual = values - values.mean()
    variance = float(residual @ residual) / n
    for lag in range(1, min(lags, n - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(residual[lag:] @ residual[:-lag]) / n
    return math.sqrt(variance / n) if variance > 1e-18 else None
