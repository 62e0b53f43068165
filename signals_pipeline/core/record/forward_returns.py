"""Scores and what came after them, for every company of every window: the ground of coefficients and replays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.dates import instant64
from signals_pipeline.core.prices.adjustment import span_factors
from signals_pipeline.core.record.outcomes import HORIZONS, price_grids, spans_of
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.core.windows import Sessions, Window

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Panel:
    """The scores of some windows as arrays (window, symbol).

    Attributes:
        windows: Oldest first.
        symbols: Sorted.
        scored: Whether the company was scored in the window.
        combined: Combined score; NaN where there is neither tone nor technicals.
        tone: Tone; NaN where no headline carries one.
        confidence: Tone confidence; NaN likewise.
        technical: Technical score; NaN where missing.
    """

    windows: tuple[Window, ...]
    symbols: tuple[str, ...]
    scored: NDArray[np.bool_]
    combined: Reals
    tone: Reals
    confidence: Reals
    technical: Reals

    @classmethod
    def of(cls, scores: pd.DataFrame, windows: Sequence[Window]) -> "Panel":
        """The panel of SCORES rows (window_start, symbol, n_stories, tone, tone_confidence, technical, combined)."""
        order = tuple(sorted(windows))
        symbols = tuple(sorted(set(scores["symbol"])))
        row = window_places(scores, order)
        column = pd.Index(symbols, dtype="str").get_indexer(pd.Index(scores["symbol"], dtype="str"))
        kept = row >= 0
        told = scores["n_stories"].to_numpy() > 0
        known = told | scores["technical"].notna().to_numpy()

        def grid(name: str, where: NDArray[np.bool_]) -> Reals:
            values = np.full((len(order), len(symbols)), np.nan)
            values[row[kept], column[kept]] = np.where(where, scores[name].to_numpy(dtype=np.float64), np.nan)[kept]
            return values

        scored = np.zeros((len(order), len(symbols)), dtype=bool)
        scored[row[kept], column[kept]] = True
        every = np.ones(len(scores), dtype=bool)
        tone, confidence = grid("tone", told), grid("tone_confidence", told)
        return cls(order, symbols, scored, grid("combined", known), tone, confidence, grid("technical", every))


@dataclass(frozen=True, eq=False, slots=True)
class Forward:
    """Returns net of the benchmark after each window, by horizon.

    Attributes:
        entry: Place of each window's entry session in the calendar, shape (windows,).
        days: Date of that session, shape (windows,), datetime64[D]; NaT where the calendar ends before.
        excess: By horizon: return less the benchmark's, (windows, symbols); NaN where not known or without a bar.
        above: By horizon: share of the watchlist above the benchmark, shape (windows,).
        below: By horizon: share below it.
    """

    entry: NDArray[np.int64]
    days: NDArray[np.datetime64]
    excess: dict[int, Reals]
    above: dict[int, Reals]
    below: dict[int, Reals]

    @property
    def newest(self) -> NDArray[np.bool_]:
        """Which windows are the last before their entry session's open, shape (windows,)."""
        return np.append(self.entry[1:] != self.entry[:-1], True) if len(self.entry) else np.zeros(0, dtype=bool)


def forward_returns(
    windows: Sequence[Window],
    symbols: Sequence[str],
    watchlist: Sequence[str],
    bars: pd.DataFrame,
    sessions: Sessions,
    *,
    as_of: datetime,
    actions: pd.DataFrame | None = None,
) -> Forward:
    """What every company did after every window; the returns are those of `outcomes.mature`.

    Args:
        windows: Oldest first.
        symbols: Columns wanted.
        watchlist: Companies over which base rate and equal-weight benchmark are taken.
        bars: Daily bars of all of them and, where there is one, of SPY.
        sessions: Trading sessions.
        as_of: Only horizons whose exit session closed before this instant.
        actions: As for `outcomes.mature`.

    Raises:
        AdjustmentError: an action that can't be applied.
    """
    entry = np.searchsorted(sessions.opens, _instants([window.as_of for window in windows]), side="right")
    past = int(np.searchsorted(sessions.closes, _instants([as_of])[0], side="left"))
    names = {name: place for place, name in enumerate(dict.fromkeys((*symbols, *watchlist, BENCHMARK)))}
    columns, listed = (np.array([names[each] for each in which], dtype=np.int64) for which in (symbols, watchlist))
    opens, closes = price_grids(bars, names, sessions)
    empty = np.full(len(windows), np.nan)
    found = Forward(entry, np.append(sessions.dates.astype("datetime64[D]"), np.datetime64("NaT"))[entry], {}, {}, {})
    for horizon in HORIZONS:
        last = entry + horizon - 1
        due = (entry > 0) & (last < past)
        pairs = np.column_stack([entry, last])[due]
        entries = opens[pairs[:, 0]] * span_factors(bars, actions, names, sessions, pairs)
        spans = spans_of(closes[pairs[:, 1]] / entries - 1, listed, names[BENCHMARK])
        found.excess[horizon] = np.full((len(windows), len(symbols)), np.nan)
        found.excess[horizon][due] = (spans.returns - spans.market[:, None])[:, columns]
        for side, share in ((found.above, spans.above), (found.below, spans.below)):
            side[horizon] = empty.copy()
            side[horizon][due] = share
    return found


def pairs(values: Reals, forward: Forward, horizon: int) -> pd.DataFrame:
    """A score and what came after it, one row a company and entry session, for `coefficients`.

    Of the windows before one open only the last counts: a return is set against one score, the newest.

    Args:
        values: Scores (windows, symbols); NaN where there is none.
        forward: Returns of the same windows and symbols.
        horizon: Sessions held.

    Returns:
        Columns `day`, `score`, `excess`, without missing values, in the order of days.
    """
    excess = forward.excess[horizon]
    row, column = np.nonzero(np.isfinite(values) & np.isfinite(excess) & forward.newest[:, None])
    return pd.DataFrame({"day": forward.days[row], "score": values[row, column], "excess": excess[row, column]})


def window_places(frame: pd.DataFrame, windows: Sequence[Window]) -> NDArray[np.int64]:
    """The place of each row's window among these, -1 where it is none of them."""
    starts = pd.DatetimeIndex([window.start for window in windows], dtype="datetime64[us, UTC]")
    return starts.get_indexer(pd.DatetimeIndex(frame["window_start"])).astype(np.int64)


def _instants(instants: Sequence[datetime]) -> NDArray[np.datetime64]:
    return np.array([*map(instant64, instants)], dtype="datetime64[us]")
