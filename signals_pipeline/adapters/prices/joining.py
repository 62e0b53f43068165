"""How a delivery joins bars that another vendor delivered before: only where both agree, so that no switch is a jump.

Two vendors may adjust differently, date an action differently, or mean different shares by one symbol. A symbol's
delivery is therefore compared with what is stored of the same sessions, and held back as a whole where it does not
fit. What is stored stays: the vendor of a bar is the one that first delivered it, and only that one corrects it.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.prices.adjustment import ACTION_COLUMNS
from signals_pipeline.core.prices.validation import ROUNDING

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
    ratios: FloatArray = both["close"].to_numpy("float64") / both["close_stored"].to_numpy("float64")
    both = both.assign(ratio=ratios)

    # Every symbol with bars of others must have a session in common, and agree about those that it has.
    median_ratios = {str(symbol): float(value) for symbol, value in both.groupby("symbol")["ratio"].median().items()}
    last_sessions, owners = _last_of_others(foreign)
    held_back: dict[str, str] = {}
    for symbol in sorted(set(bars["symbol"]) & set(owners)):
        owner, ratio = owners[symbol], median_ratios.get(symbol)
        if ratio is None:
            held_back[symbol] = (
                f"{vendor} delivers none of the sessions that are stored from {owner}: nothing shows that its prices"
                " continue them, and nothing of it was stored"
            )
        elif abs(ratio - 1) > _TOLERANCE:
            held_back[symbol] = (
                f"{vendor}'s prices are {ratio:.4g} times those stored from {owner} for the same sessions; nothing of"
                " it was stored"
            )

    fitting = bars.loc[~bars["symbol"].isin(list(held_back))]
    compared = both.loc[~both["symbol"].isin(list(held_back))]
    own, notes_on_actions = _own_actions(
        actions.loc[~actions["symbol"].isin(list(held_back))], stored_actions, last_sessions, vendor=vendor
    )
    return Joint(fitting, own, held_back, (*_differences(compared, vendor=vendor), *notes_on_actions))


def _last_of_others(foreign: pd.DataFrame) -> tuple[dict[str, pd.Timestamp], dict[str, str]]:
    """The last session that another vendor delivered, and that vendor, by symbol.

    Args:
        foreign: Stored bars of other vendors.
    """
    last_sessions: dict[str, pd.Timestamp] = {}
    owners: dict[str, str] = {}
    for symbol, session, source in zip(foreign["symbol"], foreign["session"], foreign["source"], strict=True):
        if symbol not in last_sessions or session > last_sessions[symbol]:
            last_sessions[symbol] = session
            owners[symbol] = source
    return last_sessions, owners


def _own_actions(
    actions: pd.DataFrame, stored: pd.DataFrame, last_sessions: Mapping[str, pd.Timestamp], *, vendor: str
) -> tuple[pd.DataFrame, list[str]]:
    """Separate the actions that the delivering vendor has to tell from those of sessions that are another's.

    An action that both tell, dated differently, would otherwise be applied twice.

    Args:
        actions: Delivered actions of symbols that fit.
        stored: Stored actions.
        last_sessions: The last session that another vendor delivered, by symbol.
        vendor: Who delivers.

    Returns:
        The former, and one line for each of the latter that is not stored as it was delivered.
    """
    known: defaultdict[tuple[str, str], list[tuple[pd.Timestamp, float]]] = defaultdict(list)
    for symbol, session, kind, value in zip(*(stored[name] for name in ACTION_COLUMNS), strict=True):
        known[symbol, kind].append((session, value))

    is_own: list[bool] = []
    notes: list[str] = []
    for symbol, session, kind, value in zip(*(actions[name] for name in ACTION_COLUMNS), strict=True):
        last = last_sessions.get(symbol)
        same_kind = known[symbol, kind]
        is_repeated = any(abs(session - other) <= _SAME_ACTION for other, _ in same_kind)
        is_own.append(last is None or (session > last and not is_repeated))
        if is_own[-1]:
            continue
        is_stored = any(session == other and math.isclose(value, told, rel_tol=0.01) for other, told in same_kind)
        if not is_stored:
            notes.append(
                f"{symbol} {session:%Y-%m-%d}: {vendor} tells a {kind} of {value:g} that the vendor of the stored bars"
                " does not, or dates or counts otherwise; what is stored stays"
            )
    return actions.loc[is_own].reset_index(drop=True), notes


def _differences(both: pd.DataFrame, *, vendor: str) -> list[str]:
    """One line about all closes of two vendors that differ by more than rounding; none where they agree.

    Args:
        both: Delivered bars of sessions that are stored from another vendor, and `ratio`, close over stored close.
        vendor: Who delivers.
    """
    distance: FloatArray = np.abs(both["ratio"].to_numpy("float64") - 1)
    count = int((distance > ROUNDING).sum())
    if not count:
        return []
    symbols = both.loc[distance > ROUNDING, "symbol"].nunique()
    most = both.to_dict("records")[int(distance.argmax())]
    line = (
        f"{vendor} and the vendor of the stored bars differ in {count} closes of {symbols} symbols, the most for"
        f" {most['symbol']} {most['session']:%Y-%m-%d}: {most['close']:g} against {most['close_stored']:g} from"
        f" {most['source']}; what is stored stays"
    )
    return [line]
