"""How sure a share or a mean is when outcomes of one day, and of days whose holding periods overlap, move together."""

import math

import numpy as np
from numpy.typing import NDArray

Z = 1.96
"""Two-sided 95% point of the normal distribution."""


def wilson(hits: float, n: float, z: float = Z) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927); (0, 1) without observations.

    Args:
        hits: Hits, in [0, n]; a fraction of a hit where `n` is an effective number.
        n: Observations, or their effective number.
        z: Point of the normal distribution.

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


def dated_error(values: NDArray[np.float64], days: NDArray[np.datetime64], held: int = 1) -> float | None:
    """As `clustered_error` by day, where days less than `held` sessions apart may correlate, too; None below two days.

    The cross products of days that are l weekdays apart enter with Bartlett's weight 1 - l / held (Driscoll and Kraay
    1998). Weekdays stand for sessions, so that over a holiday two days count as one session further apart than they
    are. The error is never below the one clustered by day alone: a negative covariance is no reason to be surer.

    Args:
        values: Shape (n,).
        days: Entry sessions, shape (n,).
        held: Sessions held.
    """
    dates, place = distinct(days)
    if len(dates) < 2:
        return None
    sums = np.bincount(place, weights=values - values.mean())
    own = float(np.square(sums).sum())
    total = own
    at = np.busday_count(dates[0], dates)
    for lag in range(1, held):
        later = np.minimum(np.searchsorted(at, at + lag), len(at) - 1)
        apart = at[later] - at == lag
        total += 2 * (1 - lag / held) * float(sums[apart] @ sums[later[apart]])
    return math.sqrt(len(dates) / (len(dates) - 1) * max(total, own)) / len(values)


def distinct(days: NDArray[np.datetime64]) -> tuple[NDArray[np.datetime64], NDArray[np.intp]]:
    """The distinct days, ascending, and the place of each given day among them; in order already, they aren't sorted.

    Args:
        days: Shape (n,).
    """
    whole = days.astype("datetime64[D]")
    if not len(whole) or (whole[1:] < whole[:-1]).any():
        return np.unique(whole, return_inverse=True)
    begins = np.append(True, whole[1:] != whole[:-1])
    return whole[begins], np.cumsum(begins) - 1


def effective_number(hits: NDArray[np.bool_], days: NDArray[np.datetime64], held: int = 1) -> float:
    """How many independent outcomes are worth as much as these n, in (0, n]; 0 without any.

    n / design effect x (t(n - 1) / t(G - 1))^2, t the 95% points of Student's distribution and G the number of days
    (Korn and Graubard 1998). The design effect is the variance of the hit rate, as `dated_error` has it, over that of
    independent outcomes (Kish 1965), at least 1. Where all or none are hits it can't be estimated, and a day counts as
    one outcome.
    """
    n = len(hits)
    if not n:
        return 0.0
    share = float(hits.mean())
    groups = len(distinct(days)[0])
    error = dated_error(hits.astype(np.float64), days, held)
    if error is None or share in (0.0, 1.0):
        return float(groups)
    design = max(1.0, error**2 * (n - 1) / (share * (1 - share)))
    return n / design * (student(n - 1) / student(groups - 1)) ** 2


def share_interval(hits: NDArray[np.bool_], days: NDArray[np.datetime64], held: int = 1) -> tuple[float, float]:
    """Wilson's 95% interval of a hit rate with the effective number of outcomes in place of n (Dean and Pagano 2015).

    Outcomes of as many days that don't overlap get Wilson's own interval; ten of one day count as little more than one.

    Args:
        hits: Which outcomes are hits, shape (n,).
        days: Their entry sessions, shape (n,).
        held: Sessions held.
    """
    n = effective_number(hits, days, held)
    return wilson(n * float(hits.mean()), n) if n else (0.0, 1.0)


def student(freedom: int) -> float:
    """Two-sided 95% point of Student's t with so many degrees of freedom, at least 1; to 0.004 from 3 on.

    Exact for 1 and 2, else the expansion of Fisher and Cornish (1960).
    """
    if freedom == 1:
        return math.tan(0.475 * math.pi)
    if freedom == 2:
        return 0.95 / math.sqrt(2 * 0.975 * 0.025)
    z, d = 1.959963984540054, float(freedom)
    terms = (
        (z**3 + z) / (4 * d),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * d**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * d**3),
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * d**4),
    )
    return z + sum(terms)
