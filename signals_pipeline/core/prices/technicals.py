"""Technicals: bounded indicators from daily bars of sessions that closed before as_of.

Each number comes from the symbol's last 600 bars, a fixed count, so that older data changes nothing. Bars are adjusted
for the splits and dividends known at as_of, so that a later one changes nothing either (`core.prices.adjustment`). Then
prices are divided by the last close, so that the currency's scale changes nothing. With C the last close (then 1),
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
from typing import NamedTuple

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.chunks import MapChunks, chunked, map_serially
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.prices.adjustment import AdjustedBars, adjusted_bars, last_opened
from signals_pipeline.core.prices.corrections import windows_by_bars
from signals_pipeline.core.tables import TECHNICALS, concat
from signals_pipeline.core.windows import Sessions, Window

# Three times the longest average; Wilder's and MACD's exponential averages have forgotten where they began by then.
MAX_BARS = 600

# Under three months of bars RSI, ATR and MACD still depend on where they began: no component is given.
MIN_BARS = 60

# Shares of the components in `technical`; they add up to 1. Trend and MACD, the slow ones, have more than half.
COMPONENT_WEIGHTS = {"rsi": 0.20, "macd": 0.25, "trend": 0.30, "momentum": 0.15, "volume": 0.10}

# Sessions that may be missing after the last bar. One is a bar that was refused or is late; beyond two, what the price
# has done since is not known, and its score of then would be shown beside news of today.
MAX_MISSING_SESSIONS = 2

MOMENTS_A_SHARE = 50  # moments per chunk of work

_ATR_PERIOD = 14  # Wilder (1978), also for RSI
_MACD_PERIODS = (12, 26, 9)  # Appel (2005): fast, slow, signal
_AVERAGE_PERIODS = (20, 50, 200)  # sessions; the customary short, medium and long averages
_VOLATILITY_SESSIONS = 20
_MOMENTUM_SESSIONS = 5
_VOLUME_SESSIONS = 20

# Prices are relative to the last close: a smaller divisor is rounding, not movement.
_FLAT = 1e-9

_NO_DAY = np.datetime64("NaT", "D")

Days = NDArray[np.datetime64]


class BarsError(SignalsError, ValueError):
    """Bars or calendar don't allow technicals; the message is one line: which bar, what is wrong, what to do."""


class _Indicators(NamedTuple):
    """Raw values, components and technical of one symbol; columns of TECHNICALS, nan where missing."""

    rsi: float = nan
    macd_atr: float = nan
    trend_atr: float = nan
    momentum: float = nan
    volume_z: float = nan
    c_rsi: float = nan
    c_macd: float = nan
    c_trend: float = nan
    c_momentum: float = nan
    c_volume: float = nan
    technical: float = nan


# What votes: the components and their sum.
_SCORED = (*(f"c_{name}" for name in COMPONENT_WEIGHTS), "technical")

_MEASURED = ["session", "stale", "bars", "close", *_Indicators._fields]


def build(
    bars: pd.DataFrame,
    symbols: Sequence[str],
    windows: Sequence[Window],
    sessions: Sessions,
    actions: pd.DataFrame | None = None,
    *,
    corrections: pd.DataFrame | None = None,
    map_chunks: MapChunks = map_serially,
) -> pd.DataFrame:
    """TECHNICALS of every (window, symbol), also of symbols without bars.

    Both windows of a day rest on the same last session and share one computation.

    Args:
        bars: Daily bars: symbol, session (naive midnight), high, low, close, volume; a symbol's bars oldest first.
        symbols: The watchlist's symbols.
        windows: Digest windows, in any order.
        sessions: Trading sessions that reach from before the first window to the last.
        actions: Splits and dividends by ex-date (`adjustment.ACTION_COLUMNS`); None where the bars need no adjustment.
        corrections: Later values of bars (`corrections.CORRECTION_COLUMNS`); None where no bar was corrected.
        map_chunks: Where the chunks of work are done; a row is the same whichever others are in its chunk.

    Returns:
        A frame that conforms to TECHNICALS. Under 60 bars, or where more than two sessions have closed since the last
        bar, `technical` and its components are missing; raw values that the bars allow are given. Without bars
        everything is missing and `bars` is 0. `stale` marks a symbol whose last bar is older than the last closed
        session.

    Raises:
        BarsError: a bar used is out of order or has a price that is not positive or a volume below 0; no session closed
            before a window's end.
        AdjustmentError: a split or dividend can't be applied.
        WindowError: the sessions end long before the last window.
    """
    if not windows or not symbols:
        return TECHNICALS.empty()
    frames: list[pd.DataFrame] = []
    for known_alike, known_bars in windows_by_bars(windows, bars, corrections):
        frames.append(_build(known_bars, symbols, known_alike, sessions, actions, map_chunks=map_chunks))
    return concat(TECHNICALS, frames)


def _build(
    bars: pd.DataFrame,
    symbols: Sequence[str],
    windows: Sequence[Window],
    sessions: Sessions,
    actions: pd.DataFrame | None,
    *,
    map_chunks: MapChunks,
) -> pd.DataFrame:
    """The same for windows that know the same bars."""
    # A moment is the last closed and the last opened session of a window, and the oldest whose bar is recent enough.
    # Nothing new is known about prices between two windows with the same moment, so each distinct one is computed once.
    closed = _closed_days(windows, sessions)
    opened = [last_opened(sessions, window.as_of) for window in windows]
    window_moments = np.column_stack([closed, opened, _oldest_recent_days(closed, sessions)])
    moments, moment_of_window = np.unique(window_moments, axis=0, return_inverse=True)
    newest_closed = moments[-1, 0]
    histories = _histories(bars, symbols, newest_closed, actions)

    # Compute the moments in chunks; progress is counted in windows.
    windows_per_moment = np.bincount(moment_of_window)
    shares = chunked(range(len(moments)), MOMENTS_A_SHARE)
    results = map_chunks(
        partial(_rows, histories=histories, symbols=symbols),
        [moments[list(share)] for share in shares],
        sizes=[int(windows_per_moment[list(share)].sum()) for share in shares],
        unit="windows",
    )
    rows: list[tuple[object, ...]] = []
    for result in results:
        rows.extend(result)
    measured = pd.DataFrame.from_records(rows, columns=_MEASURED)
    measured["session"] = pd.Series(measured["session"].to_numpy("datetime64[us]")).dt.tz_localize("UTC")

    # Give each window the rows of its moment: one per symbol, in the order of the symbols.
    first_row = moment_of_window.reshape(-1, 1) * len(symbols)
    row = (first_row + np.arange(len(symbols))).ravel()
    starts = pd.Series([window.start for window in windows], dtype="datetime64[us, UTC]")
    frame = measured.iloc[row].reset_index(drop=True)
    frame["window_start"] = starts.repeat(len(symbols)).array
    frame["symbol"] = list(symbols) * len(windows)
    return TECHNICALS.conform(frame)


def _closed_days(windows: Sequence[Window], sessions: Sessions) -> Days:
    """The last session that closed before each window's end, shape (windows,), datetime64[D]."""
    closed = [sessions.last_closed(window.as_of) for window in windows]
    for window, day in zip(windows, closed, strict=True):
        if day is None:
            raise BarsError(
                f"window {window.key}: the calendar has no session before it; load the calendar from further back"
            )
    return np.array(closed, dtype="datetime64[D]")


def _oldest_recent_days(closed: Days, sessions: Sessions) -> Days:
    """The session MAX_MISSING_SESSIONS before each closed one, or the calendar's first, shape (windows,)."""
    days = sessions.dates.astype("datetime64[D]")
    positions = np.searchsorted(days, closed) - MAX_MISSING_SESSIONS
    return days[np.maximum(positions, 0)]


class _History:
    """One symbol's bars as known at successive moments.

    The columns are adjusted anew only when another ex-date has become known, not for every moment.
    """

    def __init__(self, bars: AdjustedBars) -> None:
        self.days = bars.days
        self._bars = bars
        self._ex_day_count = 0
        self._columns = bars.columns

    def as_of(self, opened: np.datetime64) -> Mapping[str, FloatArray]:
        """high, low, close, volume (n,), adjusted for what was known when this day's session had opened."""
        ex_day_count = self._bars.count_ex_days(opened)
        if ex_day_count != self._ex_day_count:
            self._ex_day_count = ex_day_count
            self._columns = self._bars.adjusted(ex_day_count)
        return self._columns


def _histories(
    bars: pd.DataFrame,
    symbols: Sequence[str],
    last: np.datetime64,
    actions: pd.DataFrame | None,
) -> dict[str, _History]:
    """The history of each symbol that has bars up to the last day."""
    used = bars[bars["symbol"].isin(symbols) & (bars["session"] <= last)]
    _check(used)
    return {symbol: _History(symbol_bars) for symbol, symbol_bars in adjusted_bars(used, actions).items()}


def _check(bars: pd.DataFrame) -> None:
    """Refuse bars that no market can have made.

    Raises:
        BarsError: names the first such bar.
    """
    prices, volume = bars[["high", "low", "close"]].to_numpy("float64"), bars["volume"].to_numpy("float64")
    is_price = (prices > 0) & np.isfinite(prices)
    is_volume = (volume >= 0) & np.isfinite(volume)
    step = bars.groupby("symbol", sort=False)["session"].diff()
    problems = {
        "price that is not positive": ~is_price.all(axis=1),
        "volume that is not 0 or more": ~is_volume,
        "session that repeats or goes back": (step <= pd.Timedelta(0)).to_numpy(),
    }
    for problem, affected in problems.items():
        if affected.any():
            bar = bars.iloc[int(affected.argmax())]
            where = f"{bar['symbol']} {bar['session']:%Y-%m-%d}"
            raise BarsError(f"bar {where} has a {problem}: correct or delete it in the price source")


def _rows(
    moments: Days,
    *,
    histories: Mapping[str, _History],
    symbols: Sequence[str],
) -> list[tuple[object, ...]]:
    """The columns _MEASURED at each moment (a closed, an opened and the oldest recent day) of every symbol."""
    rows: list[tuple[object, ...]] = []
    for closed, opened, oldest_recent in moments:
        rows.extend(_row(histories.get(symbol), closed, opened, oldest_recent) for symbol in symbols)
    return rows


def _row(
    history: _History | None,
    closed: np.datetime64,
    opened: np.datetime64,
    oldest_recent: np.datetime64,
) -> tuple[object, ...]:
    """The columns _MEASURED of one symbol after the close of `closed`, with what was known when `opened` had opened.

    Where the last bar is from before `oldest_recent`, there is no score.
    """
    end = 0 if history is None else int(np.searchsorted(history.days, closed, side="right"))
    if history is None or end == 0:
        return (_NO_DAY, True, 0, nan, *_Indicators())

    # The last bars, relative to the last close.
    columns = history.as_of(opened)
    used = slice(max(0, end - MAX_BARS), end)
    last_close = float(columns["close"][end - 1])
    indicators = _indicators(
        high=columns["high"][used] / last_close,
        low=columns["low"][used] / last_close,
        close=columns["close"][used] / last_close,
        volume=columns["volume"][used],
    )
    session = history.days[end - 1]
    is_stale = bool(session < closed)
    if session < oldest_recent:
        indicators = indicators._replace(**dict.fromkeys(_SCORED, nan))
    return (session, is_stale, end - used.start, last_close, *indicators)


def _indicators(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray) -> _Indicators:
    """Raw values, components and technical, from prices relative to the last close. Formulas: see the module."""
    atr = average_true_range(high, low, close)
    _, _, histogram = talib.MACD(close, *_MACD_PERIODS)
    distances: list[float] = []
    for n in _AVERAGE_PERIODS:
        if n <= len(close):
            average = float(close[-n:].mean())
            distances.append(_ratio(1 - average, atr * sqrt(n)))
    raw = _Indicators(
        rsi=_rsi(close),
        macd_atr=_ratio(float(histogram[-1]), atr),
        trend_atr=sum(distances) / len(distances) if distances else nan,
        momentum=_momentum(close),
        volume_z=_volume_z(volume),
    )
    if len(close) < MIN_BARS:
        return raw

    # Bound each to [-1, 1]. High volume confirms the direction of the day; low volume says nothing.
    bounded_distances = [tanh(2 * distance) for distance in distances]
    day_direction = float(np.sign(close[-1] - close[-2]))
    components = {
        "rsi": (raw.rsi - 50) / 50,
        "macd": tanh(2 * raw.macd_atr),
        "trend": sum(bounded_distances) / len(bounded_distances),
        "momentum": tanh(raw.momentum),
        "volume": day_direction * tanh(max(raw.volume_z, 0) / 2),
    }
    technical = sum(weight * components[name] for name, weight in COMPONENT_WEIGHTS.items())
    return raw._replace(
        c_rsi=components["rsi"],
        c_macd=components["macd"],
        c_trend=components["trend"],
        c_momentum=components["momentum"],
        c_volume=components["volume"],
        technical=technical,
    )


def average_true_range(high: FloatArray, low: FloatArray, close: FloatArray) -> float:
    """Return Wilder's ATR(14) at the last bar, in the unit of the prices; nan under 15 bars."""
    return float(talib.ATR(high, low, close, _ATR_PERIOD)[-1])


def _rsi(close: FloatArray) -> float:
    # ATR of bars without a range is Wilder's average of |change|: the sum of RSI's two averages. Where it vanishes,
    # TA-Lib returns 0, the most oversold value there is, for a price that did not move.
    average_change = float(talib.ATR(close, close, close, _ATR_PERIOD)[-1])
    if average_change < _FLAT:
        return 50.0
    return float(talib.RSI(close, _ATR_PERIOD)[-1])


def _momentum(close: FloatArray) -> float:
    """The last 5 days' log return in units of its standard deviation, nan under 21 closes."""
    if len(close) <= _VOLATILITY_SESSIONS:
        return nan
    returns = np.diff(np.log(close[-_VOLATILITY_SESSIONS - 1 :]))
    sigma = sqrt(float(np.mean(returns**2)))
    recent_return = float(returns[-_MOMENTUM_SESSIONS:].sum())
    return _ratio(recent_return, sigma * sqrt(_MOMENTUM_SESSIONS))


def _volume_z(volume: FloatArray) -> float:
    """The z-score of the last session's log volume, nan under 20 sessions."""
    if len(volume) < _VOLUME_SESSIONS:
        return nan
    # Of 1 + volume, so that a session without trades has a logarithm.
    logs = np.log1p(volume[-_VOLUME_SESSIONS:])
    return _ratio(float(logs[-1] - logs.mean()), float(logs.std()))


def _ratio(value: float, divisor: float) -> float:
    """The quotient, 0 where the divisor is rounding, nan where the value is missing."""
    if isnan(value):
        return nan
    if divisor < _FLAT:
        return 0.0
    return value / divisor
