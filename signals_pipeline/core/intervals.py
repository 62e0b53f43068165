"""How certain a share or a mean is when outcomes of one day, and of days with overlapping holding periods, correlate.

Standard errors and intervals only; what they are taken of is in `core.record` and `core.research`.
"""

import math

import numpy as np
from numpy.typing import NDArray

Z = 1.96
"""Two-sided 95% point of the normal distribution."""


def wilson_interval(hits: float, n: float, z: float = Z) -> tuple[float, float]:
    """Wilson score interval of a share (Wilson 1927); (0, 1) without observations.

    With p = hits / n, it is (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).

    Args:
        hits: Hits, in [0, n]; may be fractional where `n` is an effective sample size.
        n: Observations, or their effective number.
        z: Point of the normal distribution.

    Raises:
        ValueError: hits lies outside 0..n.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"hits = {hits} of n = {n}: hits must lie between 0 and n")
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    spread = z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half_width = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    # Rounding may carry an end past 0 or 1.
    return max(0.0, centre - half_width), min(1.0, centre + half_width)


def overlap_robust_error(
    values: NDArray[np.float64], days: NDArray[np.datetime64], sessions_held: int = 1
) -> float | None:
    """Standard error of a mean of returns that share days or holding periods; None below two days.

    Residuals are summed per day, as errors clustered by day do (Liang and Zeger 1986): with G days and residual sums
    S_g, the error is sqrt(G / (G - 1) x sum S_g^2) / n. The cross products of days that are l weekdays apart, less than
    `sessions_held`, are added with Bartlett's weight 1 - l / sessions_held (Driscoll and Kraay 1998).

    Weekdays stand for sessions, so over a holiday two days count as one session further apart than they are. The error
    is never below the one clustered by day alone: a negative covariance is no reason for a narrower interval.

    Args:
        values: Shape (n,).
        days: Entry sessions, shape (n,).
        sessions_held: Sessions from entry to exit, both counted.
    """
    dates, position = distinct_days(days)
    if len(dates) < 2:
        return None
    sums = np.bincount(position, weights=values - values.mean())
    within_days = float(np.square(sums).sum())

    # Days as a running number of weekdays, so that a weekend does not separate Friday from Monday.
    weekday = np.busday_count(dates[0], dates)
    total = within_days
    for lag in range(1, sessions_held):
        # The day `lag` weekdays after each day, where there is one.
        later = np.minimum(np.searchsorted(weekday, weekday + lag), len(weekday) - 1)
        exists = weekday[later] - weekday == lag
        total += 2 * (1 - lag / sessions_held) * float(sums[exists] @ sums[later[exists]])
    return math.sqrt(len(dates) / (len(dates) - 1) * max(total, within_days)) / len(values)


def distinct_days(days: NDArray[np.datetime64]) -> tuple[NDArray[np.datetime64], NDArray[np.intp]]:
    """The distinct days, ascending, and the position of each given day among them.

    Args:
        days: Shape (n,).
    """
    whole = days.astype("datetime64[D]")
    if not len(whole) or (whole[1:] < whole[:-1]).any():
        return np.unique(whole, return_inverse=True)
    # In ascending order already, as outcomes mostly are: no sorting needed.
    is_first = np.append(True, whole[1:] != whole[:-1])
    return whole[is_first], np.cumsum(is_first) - 1


def effective_sample_size(hits: NDArray[np.bool_], days: NDArray[np.datetime64], sessions_held: int = 1) -> float:
    """Number of independent outcomes that carry as much information as these n, in (0, n]; 0 without any.

    n / design effect x (t(n - 1) / t(G - 1))^2, with t the 95% points of Student's distribution and G the number of
    days (Korn and Graubard 1998). The design effect is the variance of the hit rate, from `overlap_robust_error`, over
    that of independent outcomes (Kish 1965), at least 1. Where all or none are hits it can't be estimated, and a day
    counts as one outcome.

    Args:
        hits: Which outcomes are hits, shape (n,).
        days: Their entry sessions, shape (n,).
        sessions_held: Sessions from entry to exit, both counted.
    """
    n = len(hits)
    if not n:
        return 0.0
    share = float(hits.mean())
    n_days = len(distinct_days(days)[0])
    error = overlap_robust_error(hits.astype(np.float64), days, sessions_held)
    if error is None or share in (0.0, 1.0):
        return float(n_days)
    design_effect = max(1.0, error**2 * (n - 1) / (share * (1 - share)))
    # An error estimated from few days is itself uncertain.
    few_days = (student_t(n - 1) / student_t(n_days - 1)) ** 2
    return n / design_effect * few_days


def hit_rate_interval(
    hits: NDArray[np.bool_], days: NDArray[np.datetime64], sessions_held: int = 1
) -> tuple[float, float]:
    """Wilson's 95% interval of a hit rate with the effective sample size in place of n (Dean and Pagano 2015).

    Outcomes on n days that don't overlap get Wilson's own interval; ten on one day count as little more than one.

    Args:
        hits: Which outcomes are hits, shape (n,).
        days: Their entry sessions, shape (n,).
        sessions_held: Sessions from entry to exit, both counted.
    """
    n = effective_sample_size(hits, days, sessions_held)
    if not n:
        return 0.0, 1.0
    return wilson_interval(n * float(hits.mean()), n)


def student_t(degrees_of_freedom: int) -> float:
    """Two-sided 95% point of Student's t distribution; within 0.004 from 3 degrees of freedom on.

    Exact for 1 and 2, otherwise the expansion around the normal point of Fisher and Cornish (1960).

    Args:
        degrees_of_freedom: At least 1.
    """
    if degrees_of_freedom == 1:
        return math.tan(0.475 * math.pi)
    if degrees_of_freedom == 2:
        return 0.95 / math.sqrt(2 * 0.975 * 0.025)
    # The normal point to full precision, not the rounded 1.96: the expansion starts from it.
    z = 1.959963984540054
    d = float(degrees_of_freedom)
    terms = (
        (z**3 + z) / (4 * d),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * d**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * d**3),
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * d**4),
    )
    return z + sum(terms)
