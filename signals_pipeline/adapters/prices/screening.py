"""What may be stored of a vendor's delivery: whole bars of real sessions, corrections of stored ones, and actions.

Each function reports what it leaves out or changes, so that nothing happens silently. Requests are made in `live`, the
rules about values are in `core.prices.validation`.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.prices.adjustment import BAR_COLUMNS, PRICES
from signals_pipeline.core.prices.validation import bar_problems, corrections_of, unit_jumps

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
            " bar_correction, corporate_action and bar_reach to fetch its history anew"
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
    # The first reason that applies to each bar; empty where none does.
    is_session = bars["session"].isin(sessions).to_numpy()
    reason = np.where(is_session, bar_problems(bars), "the exchange had no session")
    is_usable: NDArray[np.bool_] = reason == ""

    rejected = bars.loc[~is_usable]
    lines: list[str] = []
    for symbol, session, text in zip(rejected["symbol"], rejected["session"], reason[~is_usable], strict=True):
        lines.append(f"{symbol} {session:%Y-%m-%d}: {text}, bar left out")
    return bars.loc[is_usable].reset_index(drop=True), lines


def without_unit_jumps(
    bars: pd.DataFrame, stored: pd.DataFrame, actions: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """Separate bars whose close is far from those of the sessions around it, as in another unit, from the others.

    They are asked for again with the next session. One that is right, such as after a fall to a hundredth, is stored
    once later sessions confirm it.

    Args:
        bars: Delivered bars, usable otherwise.
        stored: Stored bars from the delivery's first session on, with their corrections.
        actions: Delivered actions.

    Returns:
        The other bars, and one line per bar left out.
    """
    # What is delivered takes the place of what is stored, so that a wrong stored bar does not refuse the right ones.
    together = pd.concat([stored.assign(is_delivered=False), bars.assign(is_delivered=True)], ignore_index=True)
    together = together.drop_duplicates(["symbol", "session"], keep="last")
    together = together.sort_values(["symbol", "session"], ignore_index=True)
    splits = actions.loc[(actions["kind"] == "split") & (actions["value"] > 0) & np.isfinite(actions["value"])]
    together["times"] = unit_jumps(together, splits)

    delivered = together.loc[together["is_delivered"]]
    is_jump = delivered["times"] != 1.0
    lines = [
        f"{row.symbol} {row.session:%Y-%m-%d}: the close of {row.close:g} is {row.times:.3g} times that of the sessions"
        " around it and no split says so, bar left out and asked for again"
        for row in delivered.loc[is_jump].itertuples()
    ]
    return delivered.loc[~is_jump, list(BAR_COLUMNS)].reset_index(drop=True), lines


def corrections(bars: pd.DataFrame, stored: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Delivered bars of stored sessions that differ from what is stored, and lines about them.

    Args:
        bars: Delivered bars that may be stored.
        stored: Stored bars, with their corrections so far.

    Returns:
        The corrected bars (BAR_COLUMNS); one line for each with another price, and one for all other volumes together.
    """
    differing = corrections_of(bars, stored)
    lines: list[str] = []
    for row in differing.loc[~differing["only_volume"]].to_dict("records"):
        changes = [
            f"{name} {row[name]:g} instead of {row[f'{name}_stored']:g}"
            for name in PRICES
            if row[name] != row[f"{name}_stored"]
        ]
        lines.append(
            f"{row['symbol']} {row['session']:%Y-%m-%d}: corrected by the vendor: {', '.join(changes)}; later windows"
            " use it, earlier ones what they had"
        )

    # Vendors complete the volume of most companies on the day after: a line for each would hide the others.
    volumes = differing.loc[differing["only_volume"]]
    if not volumes.empty:
        first = volumes.iloc[0]
        lines.append(
            f"{len(volumes)} volumes of {volumes['symbol'].nunique()} symbols were corrected by the vendor, such as"
            f" {first['symbol']} {first['session']:%Y-%m-%d}: {first['volume']:.0f} instead of"
            f" {first['volume_stored']:.0f}"
        )
    return differing[list(BAR_COLUMNS)], lines


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
