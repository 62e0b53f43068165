"""Whether daily bars can be what a market made, and how a delivery differs from what was delivered before.

Values that a vendor delivers are stored for good, so they are checked first: each bar by itself, against its
neighbours, and against the stored bar of its session. Nothing is repaired here, and callers name what is left out.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.arrays import BoolArray, FloatArray
from signals_pipeline.core.prices.adjustment import PRICES, later_split_ratios

# A cent on a price of a hundred: what vendors round, and what applying a split ratio and undoing it leaves.
ROUNDING = 1e-4

# Volumes grow for days by trades that are reported late; a hundredth moves no score.
LATE_TRADES = 0.01

# No share moves twentyfold within a session, while a price in another unit (pence for pounds, cents for dollars) is off
# by a hundred. A fall that is real, such as after a halt, passes once four sessions in a row have ended down there.
UNIT_JUMP = 20.0

# A week of sessions on either side: their median stays right with two wrong ones among them.
_NEIGHBOURS = 5


def bar_problems(bars: pd.DataFrame) -> NDArray[np.str_]:
    """The first reason why each row is no bar, shape (rows,); empty where it is one.

    Args:
        bars: open, high, low, close and volume; what could not be read is missing.
    """
    prices = bars[list(PRICES)].to_numpy("float64")
    volume = bars["volume"].to_numpy("float64")
    high, low = bars["high"].to_numpy("float64"), bars["low"].to_numpy("float64")
    inner = bars[["open", "close"]].to_numpy("float64")
    is_price: BoolArray = (prices > 0) & np.isfinite(prices)
    is_above: BoolArray = inner > (high * (1 + ROUNDING))[:, None]
    is_below: BoolArray = inner < (low * (1 - ROUNDING))[:, None]
    problems: dict[str, BoolArray] = {
        "price missing or not positive": np.logical_not(np.all(is_price, axis=1)),
        "high below low": high < low,
        "open or close outside of low to high": np.any(is_above | is_below, axis=1),
        f"high is more than {UNIT_JUMP:g} times low": high > low * UNIT_JUMP,
        "volume missing or negative": ~((volume >= 0) & np.isfinite(volume)),
    }
    return np.select(list(problems.values()), list(problems), default="")


def unit_jumps(bars: pd.DataFrame, splits: pd.DataFrame) -> FloatArray:
    """How many times the close of its neighbours each close is, where that is a jump; 1 elsewhere, shape (rows,).

    Its neighbours are the five sessions before and the five after; their median is made comparable by the splits
    between. Closes further off than UNIT_JUMP in either direction are jumps.

    Args:
        bars: symbol, session and close (positive) as traded, sorted by symbol and session.
        splits: Splits by ex-date (`adjustment.ACTION_COLUMNS`).
    """
    adjusted = bars["close"].to_numpy("float64") / later_split_ratios(bars, splits)
    logarithms = pd.Series(np.log(adjusted), index=bars.index)
    neighbours: dict[int, pd.Series] = {}
    for distance in (*range(-_NEIGHBOURS, 0), *range(1, _NEIGHBOURS + 1)):
        neighbours[distance] = logarithms.groupby(bars["symbol"]).shift(distance)
    # A symbol's only bar has no neighbour to differ from.
    median = pd.DataFrame(neighbours).median(axis=1).fillna(logarithms)
    distance_from_median = (logarithms - median).to_numpy()
    is_jump = np.abs(distance_from_median) > np.log(UNIT_JUMP)
    return np.where(is_jump, np.exp(distance_from_median), 1.0)


def corrections_of(delivered: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The delivered bars that differ from the stored bars of their sessions by more than rounding.

    Args:
        delivered: BAR_COLUMNS as traded.
        stored: BAR_COLUMNS as traded, each session once.

    Returns:
        The columns of `delivered`, the stored values with the suffix `_stored`, and `only_volume`: no price differs.
    """
    both = delivered.merge(stored, on=["symbol", "session"], suffixes=("", "_stored"))
    is_price_different = np.zeros(len(both), dtype=bool)
    for name in PRICES:
        is_price_different |= _differs(both[name], both[f"{name}_stored"], ROUNDING)
    is_volume_different = _differs(both["volume"], both["volume_stored"], LATE_TRADES)
    both = both.assign(only_volume=~is_price_different)
    return both.loc[is_price_different | is_volume_different].reset_index(drop=True)


def _differs(values: pd.Series, stored: pd.Series, tolerance: float) -> BoolArray:
    return ((values - stored).abs() > tolerance * stored.abs()).to_numpy()
