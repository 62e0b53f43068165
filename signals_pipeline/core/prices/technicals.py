"""Where price stands: bounded technicals from daily bars of sessions that closed before as_of.

Each number comes from the symbol's last 600 bars, a fixed count, so that older data changes nothing. Bars are adjusted
for the splits and dividends known at as_of, so that a later one changes nothing either (core.adjustment), then prices
are divided by the last close, so that the currency's scale changes nothing. With C the last close (then 1),
ATR = ATR(14), r a daily log return and V a daily volume:

    rsi        Wilder RSI(14); 50 where closes did not move      c_rsi      (rsi - 50) / 50
    macd_atr   MACD(12, 26, 9) histogram / ATR                   c_macd     tanh(2 macd_atr)
    d_n        (C - SMA_n) / (ATR sqrt n), n = 20, 50, 200
    trend_atr  mean of the d_n that the bars allow               c_trend    mean of tanh(2 d_n)
    momentum   sum of the last 5 r / (sigma sqrt 5)              c_momentum tanh(momentum)
    volume_z   (ln(1+V) - mean) / deviation, last 20 sessions    c_volume   sign(last r) tanh(max(volume_z, 0) / 2)

sigma is the root mean square of the last 20 r: about zero, not about their mean, so that a steady climb counts as
movement. For a random walk C - SMA_n and the 5-day return grow with sqrt n and sqrt 5, which the divisors take out.
`technical` is the components' sum weighted by COMPONENT_WEIGHTS, in [-1, 1]. A divisor below 1e-9 of the close is no
movement but rounding: what it divides is then 0.

Sources: Wilder, New Concepts in Technical Trading Systems (1978), for RSI and ATR; Appel, Technical Analysis (2005),
for MACD; TA-Lib computes all three.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import isnan, nan, sqrt, tanh

import numpy as np
import pandas as pd
import talib

from signals_pipeline.core.chunks import MapChunks, chunked, map_serially
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.prices.adjustment import AdjustedBars, adjusted_bars, last_opened
from signals_pipeline.core.tables import TECHNICALS
from signals_pipeline.core.windows import Sessions, Window

MOST_BARS = 600
FEWEST_BARS = 60
MOMENTS_A_SHARE = 50
COMPONENT_WEIGHTS = {"rsi": 0.20, "macd": 0.25, "trend": 0.30, "momentum": 0.15, "volume": 0.10}

_AVERAGES = (20, 50, 200)
_FLAT = 1e-9
_NO_DAY = np.datetime64("NaT", "D")
_MEASURED = [column.name for column in TECHNICALS.columns if column.name not in TECHNICALS.key]


class BarsError(SignalsError, ValueError):
    """Bars or calendar can't carry technicals; the message is one line: which bar, what is wrong, what to do."""


def build(
    bars: pd.DataFrame,
    symbols: Sequence[str],
    windows: Sequence[Window],
    sessions: Sessions,
    actions: pd.DataFrame | None = None,
    *,
    map_chunks: MapChunks = map_serially,
) -> pd.DataFrame:
    """TECHNICALS of every (window, symbol), also of symbols without bars.

    Both windows of a day rest on the same last session and share one computation.

    Args:
        bars: Daily bars: symbol, session (naive midnight), high, low, close, volume; a symbol's bars oldest first.
        symbols: The watchlist's symbols.
        windows: Digest windows, in any order.
        sessions: Trading sessions that reach from before the first window to the last.
        actions: Splits and dividends by ex-date (`adjustment.ACTION_COLUMNS`); None where bars are to be taken as they
            are.
        map_chunks: Maps the work over chunks of windows; the rows do not depend on the chunks.

    Returns:
        A frame that conforms to TECHNICALS. Under 60 bars `technical` and its components are missing; raw values that
        the bars allow are given. Without bars everything is missing and `bars` is 0. `stale` marks a symbol whose last
        bar is older than the last closed session.

    Raises:
        BarsError: a bar used is out of order or has a price that is not positive or a volume below 0; no session closed
            before a window's end.
        AdjustmentError: an action that can't be applied.
        WindowError: the sessions end long before the last window.
    """
    if not windows or not symbols:
        return TECHNICALS.empty()
    # The last closed session and the last opened one: between two such pairs nothing new is known of prices.
    moments = np.column_stack(
        [_closed_days(windows, sessions), [last_opened(sessions, window.as_of) for window in windows]]
    )
    days, of_window = np.unique(moments, axis=0, return_inverse=True)
    histories = _histories(bars, symbols, days[-1, 0], actions)
    of_moment, shares = np.bincount(of_window), chunked(range(len(days)), MOMENTS_A_SHARE)
    made = map_chunks(
        partial(_rows, histories=histories, symbols=symbols),
        [days[list(share)] for share in shares],
        sizes=[int(of_moment[list(share)].sum()) for share in shares],
        unit="windows",
    )
    measured = pd.DataFrame.from_records([row for share in made for row in share], columns=_MEASURED)
    measured["session"] = pd.Series(measured["session"].to_numpy("datetime64[us]")).dt.tz_localize("UTC")
    picked = (of_window.reshape(-1, 1) * len(symbols) + np.arange(len(symbols))).ravel()
    starts = pd.Series([window.start for window in windows], dtype="datetime64[us, UTC]")
    keys = {"window_start": starts.repeat(len(symbols)).array, "symbol": list(symbols) * len(windows)}
    return TECHNICALS.conform(measured.iloc[picked].reset_index(drop=True).assign(**keys))


def _closed_days(windows: Sequence[Window], sessions: Sessions) -> np.ndarray:
    closed = [sessions.last_closed(window.as_of) for window in windows]
    if None in closed:
        window = windows[closed.index(None)]
        raise BarsError(
            f"window {window.key}: the calendar has no session before it; load the calendar from further back"
        )
    return np.array(closed, dtype="datetime64[D]")


class _History:
    """One symbol's bars as known at rising instants: adjusted once for each set of known actions, not for each day."""

    def __init__(self, tape: AdjustedBars) -> None:
        self.days = tape.days
        self._tape = tape
        self._known, self._columns = 0, tape.columns

    def as_of(self, opened: np.datetime64) -> Mapping[str, np.ndarray]:
        """high, low, close, volume (n,) float64, adjusted for what was known when this day's session had opened."""
        known = self._tape.known(opened)
        if known != self._known:
            self._known, self._columns = known, self._tape.adjusted(known)
        return self._columns


def _histories(
    bars: pd.DataFrame, symbols: Sequence[str], last: np.datetime64, actions: pd.DataFrame | None
) -> dict[str, _History]:
    used = bars[bars["symbol"].isin(symbols) & (bars["session"] <= last)]
    _check(used)
    return {symbol: _History(tape) for symbol, tape in adjusted_bars(used, actions).items()}


def _check(bars: pd.DataFrame) -> None:
    prices, volume = bars[["high", "low", "close"]].to_numpy("float64"), bars["volume"].to_numpy("float64")
    follows = bars.groupby("symbol", sort=False)["session"].diff()
    problems = {
        "price that is not positive": ~((prices > 0) & np.isfinite(prices)).all(axis=1),
        "volume that is not 0 or more": ~((volume >= 0) & np.isfinite(volume)),
        "session that repeats or goes back": (follows <= pd.Timedelta(0)).to_numpy(),
    }
    for problem, found in problems.items():
        if found.any():
            bar = bars.iloc[int(found.argmax())]
            where = f"{bar['symbol']} {bar['session']:%Y-%m-%d}"
            raise BarsError(f"bar {where} has a {problem}: repair or drop it in the price source")


def _rows(
    moments: np.ndarray, *, histories: Mapping[str, _History], symbols: Sequence[str]
) -> list[tuple[object, ...]]:
    """The columns _MEASURED at each moment (a closed and an opened day) of every symbol."""
    return [_row(histories.get(symbol), closed, opened) for closed, opened in moments for symbol in symbols]


def _row(history: _History | None, day: np.datetime64, opened: np.datetime64) -> tuple[object, ...]:
    """The columns _MEASURED of one symbol after the close of `day`, with what was known when `opened` had opened."""
    end = 0 if history is None else int(np.searchsorted(history.days, day, side="right"))
    if history is None or end == 0:
        return (_NO_DAY, True, 0, *[nan] * (len(_MEASURED) - 3))
    part = slice(max(0, end - MOST_BARS), end)
    known = history.as_of(opened)
    n, close = end - part.start, float(known["close"][end - 1])
    high, low, closes = (known[name][part] / close for name in ("high", "low", "close"))
    session = history.days[end - 1]
    return (session, bool(session < day), n, close, *_measure(high, low, closes, known["volume"][part]))


def _measure(high: np.ndarray, low: np.ndarray, close: np.ndarray, volume: np.ndarray) -> tuple[float, ...]:
    """Raw values, components and technical, from prices relative to the last close."""
    atr = float(talib.ATR(high, low, close, 14)[-1])
    histogram = float(talib.MACD(close, 12, 26, 9)[2][-1])
    rsi, macd = _rsi(close), _ratio(histogram, atr)
    distances = [_ratio(1 - float(close[-n:].mean()), atr * sqrt(n)) for n in _AVERAGES if n <= len(close)]
    momentum, volume_z = _momentum(close), _volume_z(volume)
    trend = sum(distances) / len(distances) if distances else nan
    raw = (rsi, macd, trend, momentum, volume_z)
    if len(close) < FEWEST_BARS:
        return (*raw, *[nan] * len(COMPONENT_WEIGHTS), nan)
    components = (
        (rsi - 50) / 50,
        tanh(2 * macd),
        sum(tanh(2 * distance) for distance in distances) / len(distances),
        tanh(momentum),
        float(np.sign(close[-1] - close[-2])) * tanh(max(volume_z, 0) / 2),
    )
    technical = sum(w * c for w, c in zip(COMPONENT_WEIGHTS.values(), components, strict=True))
    return (*raw, *components, technical)


def _rsi(close: np.ndarray) -> float:
    # ATR of bars without a range is Wilder's average of |change|: the sum of RSI's two averages. Where it vanishes,
    # TA-Lib answers 0, the most oversold value there is, for a price that did not move.
    moved = float(talib.ATR(close, close, close, 14)[-1])
    return 50.0 if moved < _FLAT else float(talib.RSI(close, 14)[-1])


def _momentum(close: np.ndarray) -> float:
    if len(close) < 21:
        return nan
    returns = np.diff(np.log(close[-21:]))
    sigma = sqrt(float(np.mean(returns**2)))
    return _ratio(float(returns[-5:].sum()), sigma * sqrt(5))


def _volume_z(volume: np.ndarray) -> float:
    if len(volume) < 20:
        return nan
    logs = np.log1p(volume[-20:])  # of 1 + volume, so that a session without trades has a logarithm
    return _ratio(float(logs[-1] - logs.mean()), float(logs.std()))


def _ratio(value: float, scale: float) -> float:
    if isnan(value):
        return nan
    return 0.0 if scale < _FLAT else value / scale
