"""Prices as they were known at an instant: splits and dividends whose ex-date session had opened by then, no later one.

Bars are kept as traded. With c the last close before an ex-date, a split of k new shares for one old and a dividend of
d a share on that date multiply the prices of all earlier sessions by

    (1 / k) (1 - d k / c)        and their volumes by k,

d being paid on the new shares. Source: CRSP, Data Definitions, "Factor to Adjust Prices"; the dividend's factor is
the one with which Yahoo makes its adjusted close. The factors of one day's actions are multiplied from the newest back,
so that neither older actions nor the first bar loaded change a bit of the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.dates import instant64
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Sessions

PRICES = ("open", "high", "low", "close")
BAR_COLUMNS = ("symbol", "session", *PRICES, "volume")
ACTION_COLUMNS = ("symbol", "session", "kind", "value")
_BEFORE_ALL = np.datetime64("0001-01-01", "D")


class AdjustmentError(SignalsError, ValueError):
    """An action can't be applied; the message is one line: which one, what is wrong, what to do."""


def no_actions() -> pd.DataFrame:
    """An empty frame of actions: symbol (str), session (datetime64[us], the ex-date), kind (str), value (float64)."""
    types = {"symbol": "str", "session": "datetime64[us]", "kind": "str", "value": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def last_opened(sessions: Sessions, as_of: datetime) -> np.datetime64:
    """Date of the last session that opened before as_of (aware): the last ex-date known then."""
    at = int(np.searchsorted(sessions.opens, instant64(as_of), side="left"))
    return sessions.dates[at - 1].astype("datetime64[D]") if at else _BEFORE_ALL


@dataclass(frozen=True, eq=False, slots=True)
class AdjustedBars:
    """One symbol's bars as traded, oldest first, and the factors of its actions.

    Attributes:
        days: Sessions, shape (n,), datetime64[D].
        columns: Prices and volume by name, as far as they are there, each (n,) float64.
        ex_days: Ex-dates in order, shape (m,), datetime64[D].
        price_factors: What each multiplies earlier prices by, shape (m,).
        share_factors: What each multiplies earlier volumes by, shape (m,).
    """

    days: NDArray[np.datetime64]
    columns: Mapping[str, NDArray[np.float64]]
    ex_days: NDArray[np.datetime64]
    price_factors: NDArray[np.float64]
    share_factors: NDArray[np.float64]

    def known(self, opened: np.datetime64) -> int:
        """How many ex-dates are not after this day."""
        return int(np.searchsorted(self.ex_days, opened, side="right"))

    def adjusted(self, known: int) -> Mapping[str, NDArray[np.float64]]:
        """The columns with the first `known` ex-dates applied; with none of them the very bars."""
        if not known:
            return self.columns
        at = np.searchsorted(self.ex_days[:known], self.days, side="right")
        price, shares = (
            np.append(np.cumprod(factors[:known][::-1])[::-1], 1.0)[at]
            for factors in (self.price_factors, self.share_factors)
        )
        return {name: values * (price if name in PRICES else shares) for name, values in self.columns.items()}


def adjusted_bars(bars: pd.DataFrame, actions: pd.DataFrame | None = None) -> dict[str, AdjustedBars]:
    """The tape of every symbol that has bars.

    Args:
        bars: Daily bars as traded, a symbol's oldest first: symbol, session, close and any other of BAR_COLUMNS.
        actions: Splits and dividends by ex-date (ACTION_COLUMNS); None where the source gives none. Those of other
            symbols, and those before a symbol's first bar, are left out.

    Raises:
        AdjustmentError: a dividend is not below the close before it, or a value is not positive.
    """
    days = bars["session"].to_numpy().astype("datetime64[D]")
    columns = {name: bars[name].to_numpy("float64") for name in (*PRICES, "volume") if name in bars.columns}
    events: dict[str, pd.DataFrame] = {}
    if actions is not None:
        events = {str(symbol): rows for symbol, rows in actions.groupby("symbol", sort=False)}
    found = {}
    for symbol, at in bars.groupby("symbol", sort=False).indices.items():
        own = {name: values[at] for name, values in columns.items()}
        factors = _factors(str(symbol), days[at], own["close"], events.get(str(symbol)))
        found[str(symbol)] = AdjustedBars(days[at], own, *factors)
    return found


def span_factors(
    bars: pd.DataFrame,
    actions: pd.DataFrame | None,
    names: Mapping[str, int],
    sessions: Sessions,
    spans: NDArray[np.int64],
) -> NDArray[np.float64]:
    """What turns the price at a span's first session into one that compares with the price at its last.

    Args:
        bars: Daily bars as traded, in any order.
        actions: Splits and dividends by ex-date; None where bars are to be taken as they are.
        names: The column of each symbol.
        sessions: Trading sessions.
        spans: Places of first and last session, shape (s, 2).

    Returns:
        The product of the factors with an ex-date after the first session and up to the last, (s, symbols).

    Raises:
        AdjustmentError: an action that can't be applied.
    """
    factors = np.ones((len(spans), len(names)))
    if actions is None or actions.empty or not len(spans):
        return factors
    days = sessions.dates.astype("datetime64[D]")
    daily = np.ones((len(days) + 1, len(names)))  # the last row takes ex-dates after the calendar
    known = bars[bars["symbol"].isin(names)].sort_values(["symbol", "session"], kind="stable")
    for symbol, tape in adjusted_bars(known, actions).items():
        np.multiply.at(daily[:, names[symbol]], np.searchsorted(days, tape.ex_days), tape.price_factors)
    for step in range(1, int((spans[:, 1] - spans[:, 0]).max()) + 1):
        held = spans[:, 0] + step <= spans[:, 1]
        factors[held] *= daily[spans[held, 0] + step]
    return factors


def as_traded(bars: pd.DataFrame, actions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and actions as they were on their day, from an answer that is adjusted for all splits that it lists.

    Args:
        bars: BAR_COLUMNS, split-adjusted up to the answer.
        actions: ACTION_COLUMNS; dividends a split-adjusted share.

    Returns:
        Both in the same order, prices and dividends multiplied by the ratios of all later splits, volumes divided.
    """
    splits = actions[actions["kind"] == "split"]
    bar_ratio, action_ratio = _later_splits(bars, splits), _later_splits(actions, splits)
    traded = bars.copy()
    traded[list(PRICES)] = bars[list(PRICES)].mul(bar_ratio, axis=0)
    traded["volume"] = bars["volume"] / bar_ratio
    paid = (actions["kind"] == "dividend").to_numpy()
    return traded, actions.assign(value=actions["value"] * np.where(paid, action_ratio, 1.0))


def _later_splits(frame: pd.DataFrame, splits: pd.DataFrame) -> NDArray[np.float64]:
    """Of each row's symbol, the product of the ratios of all splits after its session."""
    ratios = np.ones(len(frame))
    symbol, session = frame["symbol"].to_numpy(), frame["session"].to_numpy()
    for name, ex_date, value in zip(
        splits["symbol"], splits["session"].to_numpy(), splits["value"].to_numpy("float64"), strict=True
    ):
        ratios[(symbol == name) & (session < ex_date)] *= value
    return ratios


def _factors(
    symbol: str, days: NDArray[np.datetime64], close: NDArray[np.float64], actions: pd.DataFrame | None
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.float64]]:
    """Ex-dates after the first bar, and each one's factors on prices and on shares."""
    events: dict[np.datetime64, dict[str, float]] = {}
    if actions is not None:
        ex_dates = actions["session"].to_numpy().astype("datetime64[D]")
        for day, kind, value in zip(ex_dates, actions["kind"], actions["value"], strict=True):
            if day > days[0]:
                events.setdefault(day, {})[str(kind)] = float(value)
    ordered = sorted(events)
    before = close[np.searchsorted(days, np.array(ordered, dtype="datetime64[D]"), side="left") - 1]
    shares = np.array([events[day].get("split", 1.0) for day in ordered], dtype=np.float64)
    paid = np.array([events[day].get("dividend", 0.0) for day in ordered], dtype=np.float64)
    kept = 1.0 - paid * shares / before
    possible = (shares > 0) & (paid >= 0) & (kept > 0) & np.isfinite(kept)
    if not possible.all():
        wrong = int(np.argmin(possible))
        raise AdjustmentError(
            f"{symbol} {ordered[wrong]}: a split of {shares[wrong]:g} and a dividend of {paid[wrong]:g} can't be "
            f"applied to a close of {before[wrong]:g}; correct or delete the row of corporate_action"
        )
    return np.array(ordered, dtype="datetime64[D]"), kept / shares, shares
