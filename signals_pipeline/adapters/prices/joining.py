"""How a delivery joins bars that another vendor delivered before: only where both agree, so that no switch is a jump.

Two vendors may adjust differently, date an action differently, or mean different shares by one symbol. A symbol's
delivery is therefore compared with what is stored of the same sessions, and held back as a whole where it does not
fit. What is stored stays: the vendor of a bar is the one that first delivered it, and only that one corrects it.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

# Half a percent: one vendor's close is that of the listing exchange, another's the consolidated last trade. Already the
# smallest usual dividend, applied by one side only, is as large.
_TOLERANCE = 0.005

# The same split or dividend may be dated a few days apart; two of one kind within a week are one.
_SAME_ACTION = timedelta(days=7)


@dataclass(frozen=True, eq=False, slots=True)
class Joint:
    """What may be stored of a delivery beside another vendor's bars.

    Attributes:
        bars: Delivered bars of symbols that fit.
        actions: Delivered actions that are not another vendor's to tell.
        held_back: Why the other symbols do not fit.
        notes: What differs and was left as it is, one line each.
    """

    bars: pd.DataFrame
    actions: pd.DataFrame
    held_back: dict[str, str]
    notes: tuple[str, ...]


def join(
    bars: pd.DataFrame, actions: pd.DataFrame, stored: pd.DataFrame, stored_actions: pd.DataFrame, *, vendor: str
) -> Joint:
    """Fit a delivery to what other vendors have delivered.

    Args:
        bars: Delivered bars of settled sessions, as traded.
        actions: Delivered splits and dividends.
        stored: Stored bars from the delivery's first session on, as traded, with their `source`.
        stored_actions: Stored splits and dividends of the same time.
        vendor: Who delivers.
    """
    foreign = stored.loc[stored["source"] != vendor]
    if foreign.empty:
        return Joint(bars, actions, {}, ())
    both = bars.merge(foreign, on=["symbol", "session"], suffixes=("", "_stored"))
    both["ratio"] = both["close"] / both["close_stored"]

    # Every symbol with bars of others must have a session in common, and agree about those that it has.
    owners = foreign.sort_values("session").groupby("symbol")["source"].last()
    median_ratios = both.groupby("symbol")["ratio"].median()
    held_back: dict[str, str] = {}
    for symbol in sorted(set(bars["symbol"]) & set(owners.index)):
        owner = owners[symbol]
        if symbol not in median_ratios.index:
            held_back[symbol] = (
                f"{vendor} delivers none of the sessions that are stored from {owner}: nothing shows that its prices"
                " continue them, and nothing of it was stored"
            )
        elif abs(median_ratios[symbol] - 1) > _TOLERANCE:
            held_back[symbol] = (
                f"{vendor}'s prices are {median_ratios[symbol]:.4g} times those stored from {owner} for the same"
                " sessions; nothing of it was stored"
            )

    fits = ~bars["symbol"].isin(list(held_back))
    actions = actions.loc[~actions["symbol"].isin(list(held_back))]
    actions, notes_on_actions = _own_actions(actions, stored_actions, foreign, vendor=vendor)
    both = both.loc[~both["symbol"].isin(list(held_back))]
    notes = (*_differences(both, vendor=vendor), *notes_on_actions)
    return Joint(bars.loc[fits], actions, held_back, notes)


def _own_actions(
    actions: pd.DataFrame, stored: pd.DataFrame, foreign: pd.DataFrame, *, vendor: str
) -> tuple[pd.DataFrame, list[str]]:
    """Separate the actions that the delivering vendor has to tell from those of sessions that are another's.

    An action that both tell, dated differently, would otherwise be applied twice.

    Args:
        actions: Delivered actions of symbols that fit.
        stored: Stored actions.
        foreign: Stored bars of other vendors.
        vendor: Who delivers.

    Returns:
        The former, and one line for each of the latter that is not stored as it was delivered.
    """
    last_foreign = foreign.groupby("symbol")["session"].max()
    is_own = np.ones(len(actions), dtype=bool)
    notes: list[str] = []
    for position, row in enumerate(actions.itertuples(index=False)):
        same_kind = stored.loc[(stored["symbol"] == row.symbol) & (stored["kind"] == row.kind)]
        distance = (same_kind["session"] - row.session).abs()
        is_stored = bool(((distance == timedelta(0)) & np.isclose(same_kind["value"], row.value, rtol=0.01)).any())
        is_of_other = row.symbol in last_foreign.index and row.session <= last_foreign[row.symbol]
        is_repeated = row.symbol in last_foreign.index and bool((distance <= _SAME_ACTION).any())
        if not is_of_other and not is_repeated:
            continue
        is_own[position] = False
        if not is_stored:
            notes.append(
                f"{row.symbol} {row.session:%Y-%m-%d}: {vendor} tells a {row.kind} of {row.value:g} that the vendor of"
                " the stored bars does not, or dates or counts otherwise; what is stored stays"
            )
    return actions.loc[is_own].reset_index(drop=True), notes


def _differences(both: pd.DataFrame, *, vendor: str) -> list[str]:
    """One line about all closes of two vendors that differ by more than rounding; none where they agree.

    Args:
        both: Delivered bars of sessions that are stored from another vendor, and `ratio`, close over stored close.
        vendor: Who delivers.
    """
    differing = both.loc[(both["ratio"] - 1).abs() > 1e-4]
    if differing.empty:
        return []
    largest = differing.loc[(differing["ratio"] - 1).abs().idxmax()]
    line = (
        f"{vendor} and the vendor of the stored bars differ in {len(differing)} closes of"
        f" {differing['symbol'].nunique()} symbols, the most for {largest['symbol']} {largest['session']:%Y-%m-%d}:"
        f" {largest['close']:g} against {largest['close_stored']:g} from {largest['source']}; what is stored stays"
    )
    return [line]
