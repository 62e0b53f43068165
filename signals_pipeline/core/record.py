"""The track record: hit rate with its interval and the base rate beside it, mean net return, rank correlation.

A number without its uncertainty is not shown: below 30 outcomes a line says "too few".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.outcomes import HORIZONS

ENOUGH = 30
"""Outcomes from which on a hit rate is shown."""


@dataclass(frozen=True, slots=True)
class RecordLine:
    """How signals of one kind did over one horizon.

    The interval takes the outcomes as independent (Wilson 1927). Signals entered in the same session share its market
    moves, and longer horizons overlap, so where `n_dates` lies well below `n` the true interval is wider; the error of
    the mean net return, which is clustered by entry session, shows by how much days matter.

    Attributes:
        label: Which signals, in words.
        horizon: Sessions held.
        n: Outcomes known.
        n_dates: Different entry sessions among them.
        hits: Outcomes with a net return above 0.
        hit_rate: hits / n; None without outcomes.
        low: Lower end of the Wilson 95% interval of the hit rate.
        high: Upper end.
        base_rate: Mean share of the watchlist that would have been a hit over the same sessions.
        mean_net_return: Mean net return, a fraction.
        clustered_se: Standard error of that mean, clustered by entry session; None with fewer than two of them.
        enough: n >= 30.
    """

    label: str
    horizon: int
    n: int
    n_dates: int
    hits: int
    hit_rate: float | None
    low: float
    high: float
    base_rate: float | None
    mean_net_return: float | None
    clustered_se: float | None
    enough: bool

    @property
    def held(self) -> str:
        """The horizon in words, such as `5 sessions`."""
        return f"{self.horizon} session{'' if self.horizon == 1 else 's'}"

    @property
    def text(self) -> str:
        """The line in words, with its n, interval and base rate."""
        if self.hit_rate is None or self.base_rate is None or not self.enough:
            return f"{self.held}: too few (n = {self.n})"
        return (
            f"{self.held}: {self.hits} of {self.n} ({self.hit_rate:.0%}, 95% interval "
            f"{100 * self.low:.0f} to {self.high:.0%}), base rate {self.base_rate:.0%}"
        )

    @property
    def net_text(self) -> str:
        """Mean net return with twice its clustered error, such as `mean net +0.12% ± 0.40%`; empty where too few."""
        if not self.enough or self.mean_net_return is None or self.clustered_se is None:
            return ""
        return f"mean net {self.mean_net_return:+.2%} ± {1.96 * self.clustered_se:.2%}".replace("-", "−")


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Mean daily Spearman correlation of score and net return; `mean` and `t` are None where too little is known."""

    horizon: int
    n: int
    n_dates: int
    mean: float | None
    t: float | None


def judged(lines: Sequence[RecordLine]) -> tuple[str, tuple[RecordLine, ...]]:
    """A group's record as its heading and the lines worth a row; the heading says all where nothing can be judged.

    Args:
        lines: One a horizon, of one label; the label ends with `, live` or `, backfilled`.
    """
    whose, _, standing = lines[0].label.rpartition(", ")
    known = [line for line in lines if line.n]
    if not known:
        return (f"No {standing} record yet." if whose.startswith("All") else f"No record of {whose} yet."), ()
    label = f"{lines[0].label[0].upper()}{lines[0].label[1:]}"
    if any(line.enough for line in known):
        return f"{label}, net of the market", tuple(lines)
    counts, held = (
        ", ".join(str(each) for each in of) for of in zip(*((at.n, at.horizon) for at in known), strict=True)
    )
    return f"{label}: too few to judge (n = {counts} after {held} session{'' if held == '1' else 's'})", ()


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927); (0, 1) without observations.

    Raises:
        ValueError: hits lies outside 0..n.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"hits = {hits} of n = {n}: hits must lie between 0 and n")
    if n == 0:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def clustered_error(values: NDArray[np.float64], clusters: NDArray[np.generic]) -> float | None:
    """Standard error of the mean of `values` (n,) whose errors may correlate within a cluster; None below two clusters.

    sqrt(G / (G - 1) x sum over clusters of (sum of residuals)^2) / n (Liang and Zeger 1986, for a mean).
    """
    _, place = np.unique(clusters, return_inverse=True)
    groups = int(place.max()) + 1 if len(place) else 0
    if groups < 2:
        return None
    sums = np.bincount(place, weights=values - values.mean(), minlength=groups)
    return float(np.sqrt(groups / (groups - 1) * np.square(sums).sum()) / len(values))


def record(outcomes: pd.DataFrame, *, label: str) -> tuple[RecordLine, ...]:
    """The record of the given outcomes (rows of `tables.OUTCOMES`), one line a horizon."""
    return tuple(_of_rows(outcomes[outcomes["horizon"] == horizon], label, horizon) for horizon in HORIZONS)


def record_line(
    label: str,
    horizon: int,
    *,
    hits: int,
    net_returns: NDArray[np.float64],
    base_rates: NDArray[np.float64],
    entry_sessions: NDArray[np.datetime64],
) -> RecordLine:
    """The record of n outcomes of one horizon.

    Args:
        label: Which signals, in words.
        horizon: Sessions held.
        hits: How many of them were a hit.
        net_returns: Returns net of the benchmark, shape (n,), fractions.
        base_rates: Base rates in [0, 1], shape (n,).
        entry_sessions: Entry sessions, shape (n,).
    """
    n = len(net_returns)
    low, high = wilson(hits, n)
    return RecordLine(
        label=label,
        horizon=horizon,
        n=n,
        n_dates=len(np.unique(entry_sessions)),
        hits=hits,
        hit_rate=hits / n if n else None,
        low=low,
        high=high,
        base_rate=float(base_rates.mean()) if n else None,
        mean_net_return=float(net_returns.mean()) if n else None,
        clustered_se=clustered_error(net_returns, entry_sessions),
        enough=n >= ENOUGH,
    )


def _of_rows(rows: pd.DataFrame, label: str, horizon: int) -> RecordLine:
    return record_line(
        label,
        horizon,
        hits=int(rows["hit"].sum()),
        net_returns=rows["net_return"].to_numpy(dtype=np.float64),
        base_rates=rows["base_rate"].to_numpy(dtype=np.float64),
        entry_sessions=rows["entry_session"].dt.tz_localize(None).to_numpy(),
    )


def rank_ic(outcomes: pd.DataFrame, horizon: int) -> RankCorrelation:
    """Information coefficient: the Spearman correlation of score and return net of the benchmark, a day at a time.

    A day counts with at least three signals of which neither scores nor returns are all equal. `t` is the mean over its
    Newey-West error with horizon - 1 lags, since the returns of neighbouring days overlap.
    """
    rows = outcomes[outcomes["horizon"] == horizon]
    excess = rows["raw_return"] - rows["benchmark_return"]
    ranks = pd.DataFrame({"day": rows["entry_session"], "score": rows["combined_score"], "excess": excess})
    ranks[["score", "excess"]] = ranks.groupby("day")[["score", "excess"]].rank()
    centred = ranks[["score", "excess"]] - ranks.groupby("day")[["score", "excess"]].transform("mean")
    sums = centred.assign(
        day=ranks["day"],
        cross=centred["score"] * centred["excess"],
        ss=centred["score"] ** 2,
        ee=centred["excess"] ** 2,
    ).groupby("day", sort=True)[["cross", "ss", "ee"]]
    daily, sizes = sums.sum(), sums.size()
    daily = daily[(sizes >= 3) & (daily["ss"] > 0) & (daily["ee"] > 0)]
    values = (daily["cross"] / np.sqrt(daily["ss"] * daily["ee"])).to_numpy(dtype=np.float64)
    mean = float(values.mean()) if len(values) else None
    return RankCorrelation(horizon, len(rows), len(values), mean, _newey_west_t(values, horizon - 1))


def _newey_west_t(values: NDArray[np.float64], lags: int) -> float | None:
    """Mean over its standard error with Bartlett weights (Newey and West 1987); None where that has no meaning."""
    n = len(values)
    if n < 3:
        return None
    residual = values - values.mean()
    variance = float(residual @ residual) / n
    for lag in range(1, min(lags, n - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(residual[lag:] @ residual[:-lag]) / n
    return float(values.mean() / math.sqrt(variance / n)) if variance > 1e-18 else None
