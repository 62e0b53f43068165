"""Prices adjusted for the splits and dividends known at an instant: those whose ex-date session had opened by then.

Bars are stored as traded. With c the last close before an ex-date, a split of k new shares per old share and a dividend
of d per share on that date multiply the prices of all earlier sessions by

    (1 / k) (1 - d k / c)        and their volumes by k,

d being paid on the new shares. Source: CRSP, Data Definitions, "Factor to Adjust Prices"; the dividend's factor is the
one with which Yahoo calculates its adjusted close. The factors of several ex-dates are multiplied from the newest back,
so that neither older actions nor the first bar loaded change a bit of the result. Technicals, outcomes and cards take
their prices from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Sessions, instant64

PRICES = ("open", "high", "low", "close")
BAR_COLUMNS = ("symbol", "session", *PRICES, "volume")
ACTION_COLUMNS = ("symbol", "session", "kind", "value")
CLOSE_COLUMNS = ("symbol", "session", "close")

_BEFORE_ALL = np.datetime64("0001-01-01", "D")


class AdjustmentError(SignalsError, ValueError):
    """A split or dividend can't be applied; the message is one line: which one, what is wrong, what to do."""


def no_bars() -> pd.DataFrame:
    """An empty frame of bars: symbol (str), session (datetime64[us]), prices and volume (float64)."""
    dtypes = {"symbol": "str", "session": "datetime64[us]", **dict.fromkeys((*PRICES, "volume"), "float64")}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})


def no_actions() -> pd.DataFrame:
    """An empty frame of actions: symbol (str), session (datetime64[us], the ex-date), kind (str), value (float64)."""
    dtypes = {"symbol": "str", "session": "datetime64[us]", "kind": "str", "value": "float64"}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})


def no_sources() -> pd.DataFrame:
    """An empty frame of the vendors of bars: symbol (str), session (datetime64[us]), source (str)."""
    dtypes = {"symbol": "str", "session": "datetime64[us]", "source": "str"}
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})


def no_closes() -> pd.DataFrame:
    """An empty frame of closes: symbol (str), session (datetime64[us], naive midnight), close (float64)."""
    return no_bars()[list(CLOSE_COLUMNS)]


def last_opened(sessions: Sessions, as_of: datetime) -> np.datetime64:
    """Date of the last session that opened before as_of (aware): the last ex-date known then."""
    opened_count = int(np.searchsorted(sessions.opens, instant64(as_of), side="left"))
    if not opened_count:
        return _BEFORE_ALL
    return sessions.dates[opened_count - 1].astype("datetime64[D]")


@dataclass(frozen=True, eq=False, slots=True)
class AdjustedBars:
    """One symbol's bars as traded, oldest first, and the factors of its splits and dividends.

    Attributes:
        days: Sessions, shape (n,), datetime64[D].
        columns: Prices and volume by name, those that the bars have, each of shape (n,), float64.
        ex_days: Ex-dates in order, shape (m,), datetime64[D].
        price_factors: What each ex-date multiplies earlier prices by, shape (m,).
        share_factors: What each ex-date multiplies earlier volumes by, shape (m,).
    """

    days: NDArray[np.datetime64]
    columns: Mapping[str, NDArray[np.float64]]
    ex_days: NDArray[np.datetime64]
    price_factors: NDArray[np.float64]
    share_factors: NDArray[np.float64]

    def count_ex_days(self, opened: np.datetime64) -> int:
        """How many ex-dates are known once this day's session has opened."""
        return int(np.searchsorted(self.ex_days, opened, side="right"))

    def adjusted(self, ex_day_count: int) -> Mapping[str, NDArray[np.float64]]:
        """The columns with the first `ex_day_count` ex-dates applied; without any, the very arrays as traded."""
        if not ex_day_count:
            return self.columns
        # A session is multiplied by the factors of all later ex-dates; after the last one by 1.
        next_ex_day = np.searchsorted(self.ex_days[:ex_day_count], self.days, side="right")
        price_factor = _products_of_rest(self.price_factors[:ex_day_count])[next_ex_day]
        share_factor = _products_of_rest(self.share_factors[:ex_day_count])[next_ex_day]

        columns: dict[str, NDArray[np.float64]] = {}
        for name, values in self.columns.items():
            columns[name] = values * (price_factor if name in PRICES else share_factor)
        return columns

    def traded_closes(self, ex_day_count: int) -> NDArray[np.float64]:
        """The closes that readers see elsewhere: as traded, restated for the splits among the first ex-dates alone.

        Without the splits a line of prices would have a cliff; dividends are left out, since no quote takes them out.
        """
        close = self.columns["close"]
        if not ex_day_count:
            return close
        next_ex_day = np.searchsorted(self.ex_days[:ex_day_count], self.days, side="right")
        return close / _products_of_rest(self.share_factors[:ex_day_count])[next_ex_day]


def adjusted_bars(bars: pd.DataFrame, actions: pd.DataFrame | None = None) -> dict[str, AdjustedBars]:
    """The bars of every symbol, each with the factors of its splits and dividends.

    Args:
        bars: Daily bars as traded, a symbol's oldest first: symbol, session, close and any other of BAR_COLUMNS.
        actions: Splits and dividends by ex-date (ACTION_COLUMNS); None where the source has none. Those of other
            symbols, and those not after a symbol's first bar, are left out.

    Raises:
        AdjustmentError: a dividend is not below the close before it, or a value is not positive.
    """
    days = bars["session"].to_numpy().astype("datetime64[D]")
    names = [name for name in (*PRICES, "volume") if name in bars.columns]
    columns = {name: bars[name].to_numpy("float64") for name in names}
    actions_by_symbol: dict[str, pd.DataFrame] = {}
    if actions is not None:
        actions_by_symbol = {str(symbol): rows for symbol, rows in actions.groupby("symbol", sort=False)}

    adjusted: dict[str, AdjustedBars] = {}
    for key, rows in bars.groupby("symbol", sort=False).indices.items():
        symbol = str(key)
        symbol_columns = {name: values[rows] for name, values in columns.items()}
        ex_days, price_factors, share_factors = _factors(
            symbol, days[rows], symbol_columns["close"], actions_by_symbol.get(symbol)
        )
        adjusted[symbol] = AdjustedBars(days[rows], symbol_columns, ex_days, price_factors, share_factors)
    return adjusted


def span_factors(
    bars: pd.DataFrame,
    actions: pd.DataFrame | None,
    names: Mapping[str, int],
    sessions: Sessions,
    spans: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Factors that make the price at a span's first session comparable with the price at its last.

    Args:
        bars: Daily bars as traded, in any order.
        actions: Splits and dividends by ex-date; None where the bars need no adjustment.
        names: The column of each symbol in the result.
        sessions: Trading sessions.
        spans: Positions of first and last session, shape (s, 2).

    Returns:
        The product of the factors with an ex-date after the first session and up to the last, (s, symbols).

    Raises:
        AdjustmentError: a split or dividend can't be applied.
    """
    factors = np.ones((len(spans), len(names)))
    if actions is None or actions.empty or not len(spans):
        return factors

    # The factors of each session; the last row takes the ex-dates after the calendar.
    days = sessions.dates.astype("datetime64[D]")
    daily_factors = np.ones((len(days) + 1, len(names)))
    wanted = bars[bars["symbol"].isin(names)].sort_values(["symbol", "session"], kind="stable")
    for symbol, symbol_bars in adjusted_bars(wanted, actions).items():
        session = np.searchsorted(days, symbol_bars.ex_days)
        np.multiply.at(daily_factors[:, names[symbol]], session, symbol_bars.price_factors)

    # Multiply session by session, for all spans that are long enough at a time.
    first, last = spans[:, 0], spans[:, 1]
    longest = int((last - first).max())
    for step in range(1, longest + 1):
        reaches = first + step <= last
        factors[reaches] *= daily_factors[first[reaches] + step]
    return factors


def as_traded(bars: pd.DataFrame, actions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Undo the split adjustment of a vendor's response: bars and actions as they were on their day.

    Args:
        bars: BAR_COLUMNS, adjusted for all splits of the response.
        actions: ACTION_COLUMNS; dividends per split-adjusted share.

    Returns:
        Both in the same order, prices and dividends multiplied by the ratios of all later splits, volumes divided.
    """
    splits = actions[actions["kind"] == "split"]
    bar_ratio = later_split_ratios(bars, splits)
    traded = bars.copy()
    traded[list(PRICES)] = bars[list(PRICES)].mul(bar_ratio, axis=0)
    traded["volume"] = bars["volume"] / bar_ratio

    is_dividend = (actions["kind"] == "dividend").to_numpy()
    action_ratio = np.where(is_dividend, later_split_ratios(actions, splits), 1.0)
    return traded, actions.assign(value=actions["value"] * action_ratio)


def later_split_ratios(frame: pd.DataFrame, splits: pd.DataFrame) -> NDArray[np.float64]:
    """For each row, the product of the ratios of all splits of its symbol after its session, shape (rows,)."""
    ratios = np.ones(len(frame))
    symbols, sessions = frame["symbol"].to_numpy(), frame["session"].to_numpy()
    ex_dates, values = splits["session"].to_numpy(), splits["value"].to_numpy("float64")
    for symbol, ex_date, value in zip(splits["symbol"], ex_dates, values, strict=True):
        is_before = (symbols == symbol) & (sessions < ex_date)
        ratios[is_before] *= value
    return ratios


def _factors(
    symbol: str,
    days: NDArray[np.datetime64],
    close: NDArray[np.float64],
    actions: pd.DataFrame | None,
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.float64]]:
    """One symbol's ex-dates after its first bar, and the factors of each on prices and on shares."""
    # A split and a dividend may have the same ex-date.
    events: dict[np.datetime64, dict[str, float]] = {}
    if actions is not None:
        ex_dates = actions["session"].to_numpy().astype("datetime64[D]")
        for day, kind, value in zip(ex_dates, actions["kind"], actions["value"], strict=True):
            if day > days[0]:
                events.setdefault(day, {})[str(kind)] = float(value)
    ordered = sorted(events)
    ex_days = np.array(ordered, dtype="datetime64[D]")

    # The formula of the module: k new shares per old share, d the dividend, c the last close before the ex-date.
    k = np.array([events[day].get("split", 1.0) for day in ordered], dtype=np.float64)
    d = np.array([events[day].get("dividend", 0.0) for day in ordered], dtype=np.float64)
    c = close[np.searchsorted(days, ex_days, side="left") - 1]
    dividend_factor = 1.0 - d * k / c

    is_possible = (k > 0) & (d >= 0) & (dividend_factor > 0) & np.isfinite(dividend_factor)
    if not is_possible.all():
        wrong = int(np.argmin(is_possible))
        raise AdjustmentError(
            f"{symbol} {ordered[wrong]}: a split of {k[wrong]:g} and a dividend of {d[wrong]:g} can't be "
            f"applied to a close of {c[wrong]:g}; correct or delete the row of corporate_action"
        )
    return ex_days, dividend_factor / k, k


def _products_of_rest(factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The product of each factor and all after it, multiplied from the last back, and 1 at the end, shape (m + 1,)."""
    products = np.cumprod(factors[::-1])[::-1]
    return np.append(products, 1.0)
