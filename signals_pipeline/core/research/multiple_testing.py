"""Whether the best of many rules is better than the best that chance gives of as many.

The rules' signals are shifted along the calendar, all by the same number of sessions and wrapping round its end, and
evaluated by what followed there. That keeps which companies they name, how often, how signals cluster on a day and
rules resemble each other, and how returns overlap; it removes only their timing. Where signals know nothing of what
follows, the true position is like any other, so the share of positions whose best rule is at least as good as the best
in truth is a p value, however few the sessions (randomisation test: Lehmann and Romano 2005, section 15.2; shifts as in
Andrzejak et al. 2003). Taking the best of all rules, each in units of its own error, at every position corrects for
having tried them all (Westfall and Young 1993).

`tuning` builds the bets from replayed signals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.core.arrays import FloatArray

# Sums in another order differ in the last digits; positions that are equal must stay equal.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Bets:
    """What the rules bet on, each distinct bet once.

    Attributes:
        session: Place of the entry session, shape (bets,).
        symbol: Place of the symbol, shape (bets,).
        rise: Whether the bet is on a rise against the benchmark, shape (bets,).
        rules: Share of a rule's bets that each bet makes up, shape (bets, rules).
    """

    session: NDArray[np.int64]
    symbol: NDArray[np.int64]
    rise: NDArray[np.bool_]
    rules: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class RealityCheck:
    """How the best rule compares with chance.

    Attributes:
        t: By how many of its errors each rule's gain lies above its mean over all positions, shape (rules,).
        p: Share of positions, the true one among them, at which the best rule reaches the largest t.
        threshold: The t that the best rule reaches at one position in twenty.
    """

    t: FloatArray
    p: float
    threshold: float


def reality_check(bets: Bets, excess: FloatArray, above: FloatArray, below: FloatArray) -> RealityCheck:
    """Compare what the rules gain with what they gain at every other position in the calendar.

    A rule's gain is its mean of hit less base rate; a bet whose return is not known counts as 0.

    Args:
        bets: Bets; every rule has some.
        excess: Return less the benchmark's, (sessions, symbols); NaN where not known.
        above: Share of the watchlist above the benchmark, shape (sessions,).
        below: Share below it.
    """
    n_sessions = len(excess)
    n_rules = bets.rules.shape[1]
    gains = np.empty((n_sessions, n_rules))
    for shift in range(n_sessions):
        session = (bets.session + shift) % n_sessions
        moves = excess[session, bets.symbol]
        hits = np.where(bets.rise, moves > 0, moves < 0)
        base_rates = np.where(bets.rise, above[session], below[session])
        gain = np.where(np.isfinite(moves), hits - base_rates, 0.0)
        gains[shift] = gain @ bets.rules

    # Each rule in units of its own error, so that a rule with few bets does not win by its noise.
    error = gains.std(axis=0)
    t = np.divide(gains - gains.mean(axis=0), error, out=np.zeros_like(gains), where=error > 0)
    # Position 0 is the true one.
    best = t.max(axis=1)
    p = np.count_nonzero(best >= best[0] - _ROUNDING) / n_sessions
    return RealityCheck(t=t[0], p=float(p), threshold=float(np.quantile(best, 0.95)))
