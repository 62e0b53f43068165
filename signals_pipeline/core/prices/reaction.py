"""Reaction: how far a company's price has moved since a headline, in average true ranges.

For a headline that became known at t, with C the close and ATR the average true range of 14 sessions (Wilder, 1978):

    reaction = (C of the last session closed before as_of - C of the last session closed before t) / ATR before t

The range is that before the headline, so that the move is not measured with itself. Prices are adjusted for the splits
and dividends known at as_of. Where no session closed between t and as_of nothing can be told, and the reaction is
missing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.arrays import BoolArray, FloatArray, IntArray
from signals_pipeline.core.prices.adjustment import AdjustedBars
from signals_pipeline.core.prices.corrections import BarVersions
from signals_pipeline.core.prices.technicals import MAX_BARS, average_true_range
from signals_pipeline.core.windows import Sessions

# From this move on, in the signal's direction, a headline counts as in the price already: a usual day's whole range.
ALREADY_MOVED = 1.0

# Prices are relative to the close before the headline: a smaller range is rounding, not movement.
_FLAT = 1e-9


@dataclass(frozen=True, eq=False)
class PriceHistory:
    """Daily bars and the exchange's sessions.

    Attributes:
        bars: Daily bars as traded: symbol, session (naive midnight), high, low, close; a symbol's bars oldest first.
        actions: Splits and dividends by ex-date (`adjustment.ACTION_COLUMNS`); None where the bars need no adjustment.
        sessions: Trading sessions that reach from before the first headline to the last window.
        corrections: Later values of bars (`corrections.CORRECTION_COLUMNS`); None where no bar was corrected.
    """

    bars: pd.DataFrame
    actions: pd.DataFrame | None
    sessions: Sessions
    corrections: pd.DataFrame | None = None

    @cached_property
    def versions(self) -> BarVersions:
        """The bars of each symbol with their adjustment, as known at an instant."""
        return BarVersions(self.bars, self.actions, self.corrections)


def reactions(symbols: pd.Series, known_at: pd.Series, as_of: pd.DatetimeIndex, prices: PriceHistory) -> FloatArray:
    """Return the reaction to headlines, in ATRs, shape (n,).

    Args:
        symbols: The company of each headline.
        known_at: When each became known, UTC; missing where there is no headline.
        as_of: The instant of each that nothing later than may be used, UTC.
        prices: Bars and sessions.

    Returns:
        NaN where there is no headline, no session closed since, or a session's bar is missing.

    Raises:
        AdjustmentError: A split or dividend can't be applied.
    """
    sessions = prices.sessions
    days = sessions.dates.astype("datetime64[D]")
    moves = np.full(len(symbols), np.nan)
    if not len(days):
        return moves

    # The sessions to compare: the last that closed before the headline, and before as_of.
    instants = known_at.to_numpy(dtype="datetime64[us]")
    ends = as_of.to_numpy(dtype="datetime64[us]")
    base: IntArray = np.asarray(np.searchsorted(sessions.closes, instants, side="left"), dtype=np.int64) - 1
    latest: IntArray = np.asarray(np.searchsorted(sessions.closes, ends, side="left"), dtype=np.int64) - 1
    # An ex-date is known once its session has opened.
    opened: IntArray = np.asarray(np.searchsorted(sessions.opens, ends, side="left"), dtype=np.int64) - 1

    is_known: BoolArray = np.logical_not(np.isnat(instants))
    is_comparable: BoolArray = is_known & (base >= 0) & (latest > base)
    names: list[str] = symbols.tolist()
    for row in np.flatnonzero(is_comparable).tolist():
        bars = prices.versions.as_of(as_of[row]).get(names[row])
        if bars is not None:
            moves[row] = _move(bars, days, int(base[row]), int(latest[row]), int(opened[row]))
    return moves


def has_moved_already(reaction: float, signal_type: str) -> bool:
    """Return whether a reaction has taken the direction of a BUY or SELL by a usual day's range or more."""
    side = 1.0 if signal_type == "BUY" else -1.0
    return side * reaction >= ALREADY_MOVED


def _move(
    bars: AdjustedBars,
    days: NDArray[np.datetime64],
    base: int,
    latest: int,
    opened: int,
) -> float:
    """Return the move between the closes of two sessions over the ATR at the first; NaN where a bar is missing.

    Args:
        bars: The company's bars.
        days: Dates of the calendar's sessions.
        base: Place of the session before the headline in `days`.
        latest: Place of the last closed session.
        opened: Place of the last opened session: the last ex-date known.
    """
    first = _place(bars.days, days[base])
    last = _place(bars.days, days[latest])
    if first is None or last is None:
        return np.nan

    # As many bars as the technicals use, so that older ones change nothing.
    columns = bars.adjusted(bars.count_ex_days(days[opened]))
    used = slice(max(0, first + 1 - MAX_BARS), first + 1)
    close = float(columns["close"][first])
    atr = average_true_range(
        high=columns["high"][used] / close,
        low=columns["low"][used] / close,
        close=columns["close"][used] / close,
    )
    # NaN under 15 bars, too.
    if not atr > _FLAT:
        return np.nan
    return (float(columns["close"][last]) / close - 1.0) / atr


def _place(days: NDArray[np.datetime64], day: np.datetime64) -> int | None:
    """Return the place of a session's bar; None where it has none."""
    place = int(np.searchsorted(days, day))
    has_bar = place < len(days) and days[place] == day
    return place if has_bar else None
