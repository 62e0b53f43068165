"""What became of the signals: forward returns, raw and net of a benchmark, beside the base rate of the same sessions.

A signal is entered at the first open after it was decided and left at the close of the horizon's last session. A
horizon whose close is not yet past, or whose bars are missing, has no outcome: nothing is filled in. Returns hold
the dividends and splits of the sessions between: the entry is adjusted for those with an ex-date after it, up to the
exit session, whenever the outcome is made.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.dates import instant64
from signals_pipeline.core.prices.adjustment import span_factors
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.core.windows import Sessions

HORIZONS = (1, 3, 5, 10)
"""Sessions held, the entry session counted as the first."""

EQUAL_WEIGHT = "equal-weight watchlist"


class Judged(Protocol):
    """What an outcome needs to know of a company's judgement in one window."""

    @property
    def window_start(self) -> datetime:
        """Start of the window, UTC."""
        ...

    @property
    def symbol(self) -> str:
        """Ticker."""
        ...

    @property
    def signal_type(self) -> str:
        """`BUY` or `SELL`."""
        ...

    @property
    def combined_score(self) -> float:
        """Combined score in [-1, 1]."""
        ...

    @property
    def confidence_score(self) -> float:
        """Tone confidence in [0, 1]."""
        ...


class Decided(Protocol):
    """What an outcome needs to know of a signal; `core.signals.Signal` is one."""

    @property
    def candidate(self) -> Judged:
        """What was judged."""
        ...

    @property
    def lifecycle(self) -> str:
        """`new`, `stronger` or `flipped`."""
        ...

    @property
    def decided_at(self) -> datetime:
        """When it was made, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Spans:
    """Returns from the open of one session to the close of another, for every (entry, exit) pair that is asked for.

    `returns` has one row a span and one column a symbol; `market` is the benchmark's return, `named` whether that is
    SPY's; `above` and `below` are the shares of the watchlist above and below it. NaN where bars are missing.
    """

    returns: NDArray[np.float64]
    market: NDArray[np.float64]
    named: NDArray[np.bool_]
    above: NDArray[np.float64]
    below: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class RealisedOutcomes:
    """The outcomes that are known, and those that are not for want of a bar.

    Attributes:
        frame: One row a (signal, horizon), in the dtypes of `tables.OUTCOMES`.
        without_bars: How many outcomes a symbol were due and left out because a bar they need is missing, by symbol.
    """

    frame: pd.DataFrame
    without_bars: dict[str, int]


def realised_outcomes(
    signals: Sequence[Decided],
    bars: pd.DataFrame,
    symbols: Sequence[str],
    sessions: Sessions,
    *,
    as_of: datetime,
    actions: pd.DataFrame | None = None,
) -> RealisedOutcomes:
    """The outcomes known before `as_of`.

    Args:
        signals: Signals of any age, in any order.
        bars: Daily bars (symbol, session, open, close, ...) of the watchlist and, where there is one, of SPY.
        symbols: The watchlist, over which base rate and equal-weight benchmark are taken.
        sessions: Trading sessions with their opens and closes.
        as_of: Only horizons whose exit session closed before this instant.
        actions: Splits and dividends by ex-date (`adjustment.ACTION_COLUMNS`); None where bars are to be taken as they
            are.

    Raises:
        AdjustmentError: an action that can't be applied.
    """
    due, kept = _outcomes(signals, bars, symbols, sessions, as_of=as_of, actions=actions)
    counts = Counter(due["symbol"].tolist())
    counts.subtract(Counter(kept["symbol"].tolist()))
    return RealisedOutcomes(
        OUTCOMES.conform(kept), {symbol: counts[symbol] for symbol in sorted(counts) if counts[symbol]}
    )


def _outcomes(
    signals: Sequence[Decided],
    bars: pd.DataFrame,
    symbols: Sequence[str],
    sessions: Sessions,
    *,
    as_of: datetime,
    actions: pd.DataFrame | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The (signal, horizon) rows that are due, and those of them that have all their bars, with their returns."""
    due = _due(signals, sessions, as_of)
    names = {name: place for place, name in enumerate(dict.fromkeys((*symbols, *due["symbol"], BENCHMARK)))}
    pairs, which = np.unique(due[["first", "last"]].to_numpy(dtype=np.int64), axis=0, return_inverse=True)
    which = which.reshape(-1)
    opens, closes = price_grids(bars, names, sessions)
    listed = np.array([names[name] for name in dict.fromkeys(symbols)], dtype=np.int64)
    entries = opens[pairs[:, 0]] * span_factors(bars, actions, names, sessions, pairs)
    spans = spans_of(closes[pairs[:, 1]] / entries - 1, listed, names[BENCHMARK])
    column = due["symbol"].map(names).to_numpy(dtype=np.int64)
    rise = due["signal_type"].to_numpy(dtype=object) == "BUY"
    raw, market = spans.returns[which, column], spans.market[which]
    net = np.where(rise, raw - market, market - raw)
    rows = due.assign(
        entry=entries[which, column],
        exit=closes[due["last"].to_numpy(), column],
        raw_return=raw,
        benchmark_return=market,
        net_return=net,
        hit=net > 0,
        base_rate=np.where(rise, spans.above[which], spans.below[which]),
        benchmark=np.where(spans.named[which], BENCHMARK, EQUAL_WEIGHT),
        entry_session=pd.DatetimeIndex(sessions.dates[due["first"].to_numpy()]).tz_localize(UTC),
        exit_session=pd.DatetimeIndex(sessions.dates[due["last"].to_numpy()]).tz_localize(UTC),
        known_at=pd.DatetimeIndex(sessions.closes[due["last"].to_numpy()]).tz_localize(UTC),
    )
    return due, rows[np.isfinite(net) & np.isfinite(rows["base_rate"].to_numpy())]


def _due(signals: Sequence[Decided], sessions: Sessions, as_of: datetime) -> pd.DataFrame:
    """One row a (signal, horizon) whose exit session closed before `as_of`, with the sessions' places.

    A signal older than the calendar's first open is left out: its entry session can't be told.
    """
    frame = pd.DataFrame(
        {
            "window_start": pd.DatetimeIndex(
                [each.candidate.window_start for each in signals], dtype="datetime64[us, UTC]"
            ),
            "symbol": pd.Series([each.candidate.symbol for each in signals], dtype="str"),
            "signal_type": pd.Series([each.candidate.signal_type for each in signals], dtype="str"),
            "lifecycle": pd.Series([each.lifecycle for each in signals], dtype="str"),
            "combined_score": np.array([each.candidate.combined_score for each in signals], dtype=np.float64),
            "confidence_score": np.array([each.candidate.confidence_score for each in signals], dtype=np.float64),
            "decided_at": pd.DatetimeIndex([each.decided_at for each in signals], dtype="datetime64[us, UTC]"),
        }
    )
    decided = pd.DatetimeIndex(frame["decided_at"]).tz_localize(None).to_numpy()
    frame["first"] = np.searchsorted(sessions.opens, decided, side="right")
    frame = frame.merge(pd.DataFrame({"horizon": HORIZONS}), how="cross")
    frame["last"] = frame["first"] + frame["horizon"] - 1
    past = int(np.searchsorted(sessions.closes, instant64(as_of), side="left"))
    return frame[(frame["first"] > 0) & (frame["last"] < past)].reset_index(drop=True)


def price_grids(
    bars: pd.DataFrame, names: dict[str, int], sessions: Sessions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Opens and closes as (session, symbol); NaN where there is no bar with a positive price."""
    known = bars[bars["symbol"].isin(names)]
    dates = known["session"].to_numpy().astype("datetime64[D]")
    days = sessions.dates.astype("datetime64[D]")
    row = np.searchsorted(days, dates)
    trading = np.zeros(len(dates), dtype=bool)
    inside = row < len(days)
    trading[inside] = days[row[inside]] == dates[inside]
    column = known["symbol"].map(names).to_numpy(dtype=np.int64)
    grids = []
    for field in ("open", "close"):
        grid = np.full((len(days), len(names)), np.nan)
        values = known[field].to_numpy(dtype=np.float64)
        grid[row[trading], column[trading]] = np.where(values > 0, values, np.nan)[trading]
        grids.append(grid)
    return grids[0], grids[1]


def spans_of(returns: NDArray[np.float64], listed: NDArray[np.int64], spy: int) -> Spans:
    """Benchmark and base rates of every span from the returns (span, symbol) and the watchlist's columns."""
    watched = returns[:, listed]
    counted = np.isfinite(watched)
    size = np.where(counted.any(axis=1), counted.sum(axis=1), np.nan)
    equal = np.where(counted, watched, 0.0).sum(axis=1) / size
    named = np.isfinite(returns[:, spy])
    market = np.where(named, returns[:, spy], equal)
    above = (counted & (watched > market[:, None])).sum(axis=1) / size
    below = (counted & (watched < market[:, None])).sum(axis=1) / size
    return Spans(returns, market, named, above, below)
