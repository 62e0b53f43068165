"""What of a vendor's answer may be stored: whole bars of real sessions, in step with stored ones, and their actions.

Each function says in words what it leaves out, so that nothing disappears unsaid.
"""

import numpy as np
import pandas as pd

from signals_pipeline.core.prices.adjustment import PRICES

_STEP = 0.05  # prices of one session differ by rounding; a split that only one side knows moves them by half or more


def out_of_step(answered: pd.DataFrame, stored: pd.DataFrame) -> dict[str, str]:
    """Symbols whose answer disagrees with stored bars of the same sessions, and the words for it.

    An answer that is adjusted for a split which it does not list yet looks so; it is in step again when it lists it.

    Args:
        answered: Bars as traded, made from the answer.
        stored: Bars as traded, stored before.
    """
    both = answered.merge(stored, on=["symbol", "session"], suffixes=("", "_stored"))
    ratio = (both["close"] / both["close_stored"]).groupby(both["symbol"]).median()
    wrong = ratio[(ratio - 1).abs() > _STEP]
    return {
        str(symbol): f"its answer is {value:.4g} times what is stored of the same sessions, as if adjusted for a split "
        "that it does not list; nothing of it is stored. If that stays so, delete the symbol's rows of daily_bar, "
        "corporate_action and bar_reach to take its history anew"
        for symbol, value in wrong.items()
    }


def unusable_bars(bars: pd.DataFrame, sessions: np.ndarray) -> tuple[pd.DataFrame, list[str]]:
    """Bars that are whole and of a session, and a line for each of the others.

    Args:
        bars: BAR_COLUMNS.
        sessions: The exchange's closed sessions, datetime64[us].
    """
    prices = bars[list(PRICES)]
    reasons = {
        "the exchange had no session": ~bars["session"].isin(sessions),
        "price missing or not positive": ~((prices > 0) & np.isfinite(prices)).all(axis=1),
        "high below low": bars["high"] < bars["low"],
        "volume missing or negative": ~((bars["volume"] >= 0) & np.isfinite(bars["volume"])),
    }
    problem = np.select(list(reasons.values()), list(reasons), default="")
    wrong = bars[problem != ""]
    lines = [
        f"{symbol} {session:%Y-%m-%d}: {what}, bar left out"
        for symbol, session, what in zip(wrong["symbol"], wrong["session"], problem[problem != ""], strict=True)
    ]
    return bars[problem == ""].reset_index(drop=True), lines


def unusable_actions(actions: pd.DataFrame, bars: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Actions that can be applied to the bars before them, and a line for each of the others."""
    priced = bars.sort_values(["symbol", "session"])
    closes = {str(symbol): rows for symbol, rows in priced.groupby("symbol")[["session", "close"]]}
    before = np.array(
        [
            _close_before(closes.get(symbol), session)
            for symbol, session in zip(actions["symbol"], actions["session"], strict=True)
        ]
    )
    value = actions["value"].to_numpy("float64")
    usable = np.isfinite(value) & (value > 0) & ((actions["kind"] == "split").to_numpy() | (value < before))
    lines = [
        f"{row['symbol']} {row['session']:%Y-%m-%d}: {row['kind']} of {row['value']:g} after a close of {close:g} "
        "can't be applied, left out"
        for row, close in zip(actions[~usable].to_dict("records"), before[~usable], strict=True)
    ]
    return actions[usable].reset_index(drop=True), lines


def _close_before(rows: pd.DataFrame | None, session: pd.Timestamp) -> float:
    """The last close before a session; infinite where there is none, so that nothing is measured against it."""
    at = 0 if rows is None else int(rows["session"].searchsorted(session))
    return float(rows["close"].iloc[at - 1]) if rows is not None and at else np.inf
