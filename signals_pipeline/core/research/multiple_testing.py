"""Whether the best of many rules is better than chance makes the best of as many.

The rules' signals are moved along the calendar, all by the same number of sessions and round its end, and judged by
what followed there. That keeps which companies they name, how often, how signals crowd on a day and rules resemble each
other, and how returns overlap; it takes away only that they came at the right time. Where signals know nothing of what
follows, the true position is like any other, so the share of positions whose best rule is at least as good as the best
in truth is a p value however few the sessions (randomisation test: Lehmann and Romano 2005, section 15.2; shifts as in
Andrzejak et al. 2003). Taking the best of all rules, each in units of its own error, at every position pays for having
tried them all (Westfall and Young 1993).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Bets:
    """What rules bet on, each different bet once.

    Attributes:
        session: Place of the entry session, shape (bets,).
        symbol: Place of the symbol, likewise.
        rise: Whether on a rise against the benchmark, likewise.
        rules: How often each rule made it, shape (bets, rules).
    """

    session: NDArray[np.int64]
    symbol: NDArray[np.int64]
    rise: NDArray[np.bool_]
    rules: Reals


@dataclass(frozen=True, eq=False, slots=True)
class RealityCheck:
    """How the best rule stands against chance.

    Attributes:
        t: By how many of its errors each rule's gain lies above its mean over all positions, shape (rules,).
        p: Share of positions, the true one among them, at which the best rule reaches the largest t.
        threshold: The t that the best rule reaches at one position of twenty.
    """

    t: Reals
    p: float
    threshold: float


def reality_check(bets: Bets, excess: Reals, above: Reals, below: Reals) -> RealityCheck:
    """Check what rules gain: hits less base rates, a bet whose return is not known counting for nothing.

    Args:
        bets: Bets; every rule made some.
        excess: Return less the benchmark's, (sessions, symbols); NaN where not known.
        above: Share of the watchlist above the benchmark, shape (sessions,).
        below: Share below it.
    """
    sessions = len(excess)
    gains = np.empty((sessions, bets.rules.shape[1]))
    for shift in range(sessions):
        at = (bets.session + shift) % sessions
        moved = excess[at, bets.symbol]
        hit = np.where(bets.rise, moved > 0, moved < 0)
        gained = np.where(np.isfinite(moved), hit - np.where(bets.rise, above[at], below[at]), 0.0)
        gains[shift] = gained @ bets.rules
    error = gains.std(axis=0)
    t = np.divide(gains - gains.mean(axis=0), error, out=np.zeros_like(gains), where=error > 0)
    best = t.max(axis=1)
    # Rounding must not part what is equal.
    p = np.count_nonzero(best >= best[0] - 1e-9) / sessions
    return RealityCheck(t[0], float(p), float(np.quantile(best, 0.95)))
