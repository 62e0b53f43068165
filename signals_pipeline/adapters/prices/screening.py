"""What may be stored of a vendor's delivery: whole bars of real sessions that agree with stored ones, and actions.

Each function reports what it leaves out, so that nothing disappears silently. Requests are made in `live`.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.prices.adjustment import PRICES

# 5 percent: prices of one session differ by rounding only; a split that one side does not know halves them or more.
_TOLERANCE = 0.05


def out_of_step(delivered: pd.DataFrame, stored: pd.DataFrame) -> dict[str, str]:
    """Symbols whose delivery disagrees with stored bars of the same sessions, and the reason for people.

    This is what a delivery looks like that is adjusted for a split which it does not list yet. Once the split is
    listed, the delivery agrees again.

    Args:
        delivered: Delivered bars as traded.
        stored: Stored bars as traded.
    """
    both = delivered.merge(stored, on=["symbol", "session"], suffixes=("", "_stored"))
    median_ratio = (both["close"] / both["close_stored"]).groupby(both["symbol"]).median()
    disagreeing = median_ratio[(median_ratio - 1).abs() > _TOLERANCE]
    reasons: dict[str, str] = {}
    for symbol, ratio in disagreeing.items():
        reasons[str(symbol)] = (
            f"its prices are {ratio:.4g} times the stored ones of the same sessions, as if adjusted for a split that is"
            " not listed; nothing of it was stored. If this persists, delete the symbol's rows of daily_bar,"
            " corporate_action and bar_reach to fetch its history anew"
        )
    return reasons


def unusable_bars(bars: pd.DataFrame, sessions: NDArray[np.datetime64]) -> tuple[pd.DataFrame, list[str]]:
    """Separate bars that are whole and of a session from the others.

    Args:
        bars: BAR_COLUMNS.
        sessions: The exchange's closed sessions, datetime64[us].

    Returns:
        The usable bars, and one line per other bar.
    """
    prices = bars[list(PRICES)]
    are_prices_valid = ((prices > 0) & np.isfinite(prices)).all(axis=1)
    is_volume_valid = (bars["volume"] >= 0) & np.isfinite(bars["volume"])
    reasons = {
        "the exchange had no session": ~bars["session"].isin(sessions),
        "price missing or not positive": ~are_prices_valid,
        "high below low": bars["high"] < bars["low"],
        "volume missing or negative": ~is_volume_valid,
    }
    # The first reason that applies to each bar; empty where none does.
    reason = np.select(list(reasons.values()), list(reasons), default="")
    is_usable: NDArray[np.bool_] = reason == ""

    rejected = bars.loc[~is_usable]
    lines: list[str] = []
    for symbol, session, text in zip(rejected["symbol"], rejected["session"], reason[~is_usable], strict=True):
        lines.append(f"{symbol} {session:%Y-%m-%d}: {text}, bar left out")
    return bars.loc[is_usable].reset_index(drop=True), lines


def unusable_actions(actions: pd.DataFrame, bars: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Separate actions that can be applied to the bars before them from the others.

    A split ratio must be positive; a dividend must be positive and smaller than the last close before it.

    Args:
        actions: ACTION_COLUMNS.
        bars: BAR_COLUMNS of the same symbols.

    Returns:
        The usable actions, and one line per other action.
    """
    sorted_bars = bars.sort_values(["symbol", "session"])
    groups = sorted_bars.groupby("symbol")[["session", "close"]]
    closes_by_symbol = {str(symbol): rows for symbol, rows in groups}
    closes_before: list[float] = []
    for symbol, session in zip(actions["symbol"], actions["session"], strict=True):
        closes_before.append(_close_before(closes_by_symbol.get(str(symbol)), session))
    close_before = np.array(closes_before)

    value = actions["value"].to_numpy("float64")
    is_split = (actions["kind"] == "split").to_numpy()
    is_positive = np.isfinite(value) & (value > 0)
    is_smaller_than_close = value < close_before
    is_usable: NDArray[np.bool_] = is_positive & (is_split | is_smaller_than_close)

    rejected = actions.loc[~is_usable]
    lines: list[str] = []
    for symbol, session, kind, amount, close in zip(
        rejected["symbol"],
        rejected["session"],
        rejected["kind"],
        rejected["value"],
        close_before[~is_usable],
        strict=True,
    ):
        lines.append(
            f"{symbol} {session:%Y-%m-%d}: {kind} of {amount:g} after a close of {close:g} can't be applied, left out"
        )
    return actions.loc[is_usable].reset_index(drop=True), lines


def _close_before(rows: pd.DataFrame | None, session: pd.Timestamp) -> float:
    """The last close before a session; infinite where there is none, so that every dividend is smaller."""
    position = 0 if rows is None else int(rows["session"].searchsorted(session))
    if rows is None or position == 0:
        return np.inf
    return float(rows["close"].iloc[position - 1])
