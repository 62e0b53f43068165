"""What became of the signals: forward returns, raw and net of a benchmark, and the base rate of the same sessions.

A signal is entered at the first open after it was decided and left at the close of the horizon's last session. A
horizon whose close is not yet past, or whose bars are missing, has no outcome: nothing is filled in. Returns include
the dividends and splits of the sessions between: the entry is adjusted for those with an ex-date after it, up to the
exit session, whenever the outcome is computed.

Hit rates over outcomes are in `track_record`; the same returns for every company of every window in `forward_returns`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.prices.adjustment import span_factors
from signals_pipeline.core.prices.corrections import windows_by_bars
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.core.windows import Sessions, Window, instant64, window_containing

HORIZONS = (1, 3, 5, 10)
"""Sessions held, the entry session counted as the first: a day, half a week, a week and two weeks of trading."""

EQUAL_WEIGHT = "equal-weight watchlist"
"""Name of the benchmark where SPY has no bar."""


@dataclass(frozen=True, slots=True)
class SpanReturns:
    """Returns from the open of one session to the close of another, one row per span (entry, exit).

    Attributes:
        returns: Return of each symbol, shape (spans, symbols); NaN where a bar is missing.
        benchmark: Return of the benchmark, shape (spans,).
        has_spy: Whether the benchmark is SPY, rather than the equal-weight watchlist, shape (spans,).
        above: Share of the watchlist with a return above the benchmark's, shape (spans,); NaN without any return.
        below: Share below it, likewise.
    """

    returns: NDArray[np.float64]
    benchmark: NDArray[np.float64]
    has_spy: NDArray[np.bool_]
    above: NDArray[np.float64]
    below: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class RealisedOutcomes:
    """The outcomes that are known, and how many are not because a bar is missing.

    Attributes:
        frame: One row per (signal, horizon), in the dtypes of `tables.OUTCOMES`.
        without_bars: Number of outcomes that were due and left out because a bar they need is missing, by symbol.
    """

    frame: pd.DataFrame
    without_bars: dict[str, int]


def realised_outcomes(
    signals: Sequence[Signal],
    bars: pd.DataFrame,
    symbols: Sequence[str],
    sessions: Sessions,
    *,
    as_of: datetime,
    actions: pd.DataFrame | None = None,
    corrections: pd.DataFrame | None = None,
    watchlists: Mapping[datetime, Sequence[str]] | None = None,
) -> RealisedOutcomes:
    """The outcomes known before `as_of`.

    Base rate and equal-weight benchmark are taken over the watchlist of the signal's window, so that no outcome changes
    when a company leaves or joins the watchlist afterwards.

    Args:
        signals: Signals of any age, in any order.
        bars: Daily bars (symbol, session, open, close, ...) of the signals' companies, of the watchlists and, where
            there is one, of SPY.
        symbols: The watchlist of the windows that `watchlists` does not have.
        sessions: Trading sessions with their opens and closes.
        as_of: Only horizons whose exit session closed before this instant.
        actions: Splits and dividends by ex-date (`adjustment.ACTION_COLUMNS`); None leaves the bars unadjusted.
        corrections: Later values of bars (`corrections.CORRECTION_COLUMNS`); None where no bar was corrected. Those
            count that were seen before the end of the first window that knows the outcome.
        watchlists: Symbols of the watchlist by start of the window.

    Raises:
        AdjustmentError: an action can't be applied.
    """
    due = _due(signals, sessions, as_of)

    # Signals whose windows had the same watchlist are worked out together, of these outcomes that know the same bars.
    watchlist_of_window: Mapping[datetime, Sequence[str]] = watchlists or {}
    window_starts = pd.DatetimeIndex(due["window_start"]).to_pydatetime()
    places_by_watchlist: dict[tuple[str, ...], list[int]] = {}
    for place, window_start in enumerate(window_starts):
        watchlist = tuple(watchlist_of_window.get(window_start, symbols))
        places_by_watchlist.setdefault(watchlist, []).append(place)
    parts: list[pd.DataFrame] = []
    for watchlist, places in places_by_watchlist.items():
        for rows, known_bars in _by_known_bars(due.iloc[places], bars, corrections, sessions):
            parts.append(_with_returns(rows.reset_index(drop=True), known_bars, watchlist, sessions, actions))
    complete = pd.concat(parts, ignore_index=True) if parts else OUTCOMES.empty()

    missing = Counter(due["symbol"].tolist())
    missing.subtract(Counter(complete["symbol"].tolist()))
    without_bars = {symbol: count for symbol, count in sorted(missing.items()) if count}
    return RealisedOutcomes(OUTCOMES.conform(complete), without_bars)


def price_grids(
    bars: pd.DataFrame, columns: dict[str, int], sessions: Sessions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Opens and closes as (session, symbol); NaN where there is no bar with a positive price.

    Args:
        bars: Daily bars of any symbols and days.
        columns: Column of each symbol wanted.
        sessions: The rows.
    """
    wanted = bars[bars["symbol"].isin(columns)]
    days = sessions.dates.astype("datetime64[D]")
    bar_days = wanted["session"].to_numpy().astype("datetime64[D]")

    # A bar on a day without a session, such as a weekend, is ignored.
    row = np.asarray(np.searchsorted(days, bar_days), dtype=np.int64)
    in_calendar = row < len(days)
    on_session = np.zeros(len(bar_days), dtype=bool)
    on_session[in_calendar] = days[row[in_calendar]] == bar_days[in_calendar]
    row = row[on_session]
    column = wanted["symbol"].map(columns).to_numpy(dtype=np.int64)[on_session]

    def grid(field: str) -> NDArray[np.float64]:
        prices = wanted[field].to_numpy(dtype=np.float64)[on_session]
        values = np.full((len(days), len(columns)), np.nan)
        values[row, column] = np.where(prices > 0, prices, np.nan)
        return values

    return grid("open"), grid("close")


def span_returns(returns: NDArray[np.float64], watchlist: NDArray[np.int64], spy: int) -> SpanReturns:
    """Benchmark and base rates of every span.

    Args:
        returns: Shape (spans, symbols).
        watchlist: Columns of the watchlist's symbols.
        spy: Column of SPY.
    """
    watched = returns[:, watchlist]
    has_return = np.isfinite(watched)
    # NaN where no company has a return, so that shares over it are NaN too.
    size = np.where(has_return.any(axis=1), has_return.sum(axis=1), np.nan)
    equal_weight = np.where(has_return, watched, 0.0).sum(axis=1) / size
    has_spy = np.isfinite(returns[:, spy])
    benchmark = np.where(has_spy, returns[:, spy], equal_weight)
    above = (has_return & (watched > benchmark[:, None])).sum(axis=1) / size
    below = (has_return & (watched < benchmark[:, None])).sum(axis=1) / size
    return SpanReturns(returns, benchmark, has_spy, above, below)


def _due(signals: Sequence[Signal], sessions: Sessions, as_of: datetime) -> pd.DataFrame:
    """The (signal, horizon) rows whose exit session closed before `as_of`.

    A signal older than the calendar's first open is left out: its entry session is not known.

    Returns:
        Columns of the signal, `horizon`, and `entry_place` and `exit_place`: places of its sessions in the calendar.
    """
    candidates = [signal.candidate for signal in signals]
    frame = pd.DataFrame(
        {
            "window_start": _utc([candidate.window_start for candidate in candidates]),
            "symbol": pd.Series([candidate.symbol for candidate in candidates], dtype="str"),
            "signal_type": pd.Series([candidate.signal_type for candidate in candidates], dtype="str"),
            "lifecycle": pd.Series([signal.lifecycle for signal in signals], dtype="str"),
            "combined_score": np.array([candidate.combined_score for candidate in candidates], dtype=np.float64),
            "confidence_score": np.array([candidate.confidence_score for candidate in candidates], dtype=np.float64),
            "decided_at": _utc([signal.decided_at for signal in signals]),
        }
    )
    # Entry: the first open strictly after the decision.
    decided_at = pd.DatetimeIndex(frame["decided_at"]).tz_localize(None).to_numpy()
    frame["entry_place"] = np.searchsorted(sessions.opens, decided_at, side="right")
    frame = frame.merge(pd.DataFrame({"horizon": HORIZONS}), how="cross")
    frame["exit_place"] = frame["entry_place"] + frame["horizon"] - 1
    closed = int(np.searchsorted(sessions.closes, instant64(as_of), side="left"))
    due = (frame["entry_place"] > 0) & (frame["exit_place"] < closed)
    return frame[due].reset_index(drop=True)


def _by_known_bars(
    due: pd.DataFrame, bars: pd.DataFrame, corrections: pd.DataFrame | None, sessions: Sessions
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """The due rows in groups that know the same corrections, each with the bars that it knows."""
    if corrections is None or corrections.empty or due.empty:
        return [(due, bars)]
    window_of_place: dict[int, Window] = {}
    places = due["exit_place"].unique()
    for place, close in zip(places.tolist(), sessions.closes[places].tolist(), strict=True):
        window_of_place[place] = window_containing(close.replace(tzinfo=UTC))
    groups: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    for windows, known_bars in windows_by_bars(list(window_of_place.values()), bars, corrections):
        places = [place for place, window in window_of_place.items() if window in windows]
        groups.append((due.loc[due["exit_place"].isin(places)], known_bars))
    return groups


def _utc(instants: list[datetime]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(instants, dtype="datetime64[us, UTC]")


def _with_returns(
    due: pd.DataFrame,
    bars: pd.DataFrame,
    symbols: Sequence[str],
    sessions: Sessions,
    actions: pd.DataFrame | None,
) -> pd.DataFrame:
    """The due rows that have all their bars, with their returns, hit, base rate, sessions and `known_at`."""
    columns: dict[str, int] = {}
    for symbol in (*symbols, *due["symbol"], BENCHMARK):
        columns.setdefault(symbol, len(columns))
    watchlist = np.array([columns[symbol] for symbol in dict.fromkeys(symbols)], dtype=np.int64)

    # Many signals share a span of sessions, so each is worked out once for all symbols.
    places = due[["entry_place", "exit_place"]].to_numpy(dtype=np.int64)
    pairs, span = np.unique(places, axis=0, return_inverse=True)
    span = span.reshape(-1)
    opens, closes = price_grids(bars, columns, sessions)
    entries = opens[pairs[:, 0]] * span_factors(bars, actions, columns, sessions, pairs)
    spans = span_returns(closes[pairs[:, 1]] / entries - 1, watchlist, columns[BENCHMARK])

    # A SELL gains what its company loses against the benchmark.
    column = due["symbol"].map(columns).to_numpy(dtype=np.int64)
    is_buy = due["signal_type"].to_numpy(dtype=object) == "BUY"
    raw_return = spans.returns[span, column]
    benchmark_return = spans.benchmark[span]
    excess = raw_return - benchmark_return
    net_return = np.where(is_buy, excess, benchmark_return - raw_return)
    base_rate = np.where(is_buy, spans.above[span], spans.below[span])

    entry_place = due["entry_place"].to_numpy()
    exit_place = due["exit_place"].to_numpy()
    rows = due.assign(
        entry=entries[span, column],
        exit=closes[exit_place, column],
        raw_return=raw_return,
        benchmark_return=benchmark_return,
        net_return=net_return,
        hit=net_return > 0,
        base_rate=base_rate,
        benchmark=np.where(spans.has_spy[span], BENCHMARK, EQUAL_WEIGHT),
        entry_session=pd.DatetimeIndex(sessions.dates[entry_place]).tz_localize(UTC),
        exit_session=pd.DatetimeIndex(sessions.dates[exit_place]).tz_localize(UTC),
        known_at=pd.DatetimeIndex(sessions.closes[exit_place]).tz_localize(UTC),
    )
    complete: pd.DataFrame = rows[np.isfinite(net_return) & np.isfinite(base_rate)]
    return complete
