"""Scores and what came after them, for every company of every window: the basis of coefficients and replays.

`outcomes` has the same returns for signals alone; `information_coefficient`, `calibration` and `core.research` use
these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.prices.adjustment import span_factors
from signals_pipeline.core.record.outcomes import HORIZONS, price_grids, span_returns
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.core.windows import Sessions, Window, instant64


@dataclass(frozen=True, eq=False, slots=True)
class ScorePanel:
    """The scores of some windows as arrays (windows, symbols).

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
    combined: FloatArray
    tone: FloatArray
    confidence: FloatArray
    technical: FloatArray

    @classmethod
    def from_scores(cls, scores: pd.DataFrame, windows: Sequence[Window]) -> "ScorePanel":
        """The panel of some windows.

        Args:
            scores: SCORES rows (window_start, symbol, n_stories, tone, tone_confidence, technical, combined); those of
                other windows are left out.
            windows: In any order.
        """
        ordered = tuple(sorted(windows))
        symbols = tuple(sorted(set(scores["symbol"])))
        shape = len(ordered), len(symbols)
        all_rows = window_places(scores, ordered)
        wanted = all_rows >= 0
        rows = scores[wanted]
        row = all_rows[wanted]
        column = pd.Index(symbols, dtype="str").get_indexer(pd.Index(rows["symbol"], dtype="str"))

        def grid(name: str, present: NDArray[np.bool_]) -> FloatArray:
            values = np.full(shape, np.nan)
            values[row, column] = np.where(present, rows[name].to_numpy(dtype=np.float64), np.nan)
            return values

        # In SCORES a missing tone is 0, which in a panel would count as neutral.
        has_tone = rows["n_stories"].to_numpy() > 0
        has_technical = rows["technical"].notna().to_numpy()
        scored = np.zeros(shape, dtype=bool)
        scored[row, column] = True
        return cls(
            windows=ordered,
            symbols=symbols,
            scored=scored,
            combined=grid("combined", has_tone | has_technical),
            tone=grid("tone", has_tone),
            confidence=grid("tone_confidence", has_tone),
            technical=grid("technical", has_technical),
        )

    def rows(self, chosen: NDArray[np.bool_]) -> "ScorePanel":
        """The panel of some of its windows.

        Args:
            chosen: Which of them, shape (windows,).
        """
        return ScorePanel(
            windows=tuple(window for window, is_chosen in zip(self.windows, chosen, strict=True) if is_chosen),
            symbols=self.symbols,
            scored=self.scored[chosen],
            combined=self.combined[chosen],
            tone=self.tone[chosen],
            confidence=self.confidence[chosen],
            technical=self.technical[chosen],
        )


@dataclass(frozen=True, eq=False, slots=True)
class ForwardReturns:
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
    excess: dict[int, FloatArray]
    above: dict[int, FloatArray]
    below: dict[int, FloatArray]

    @property
    def last_before_open(self) -> NDArray[np.bool_]:
        """Which windows are the last before their entry session's open, shape (windows,)."""
        if not len(self.entry):
            return np.zeros(0, dtype=bool)
        return np.append(self.entry[1:] != self.entry[:-1], True)

    def rows(self, chosen: NDArray[np.bool_]) -> "ForwardReturns":
        """The returns after some of the windows: those that are chosen, shape (windows,)."""
        return ForwardReturns(
            entry=self.entry[chosen],
            days=self.days[chosen],
            excess={horizon: values[chosen] for horizon, values in self.excess.items()},
            above={horizon: values[chosen] for horizon, values in self.above.items()},
            below={horizon: values[chosen] for horizon, values in self.below.items()},
        )


def forward_returns(
    windows: Sequence[Window],
    symbols: Sequence[str],
    watched: NDArray[np.bool_],
    bars: pd.DataFrame,
    sessions: Sessions,
    *,
    as_of: datetime,
    actions: pd.DataFrame | None = None,
) -> ForwardReturns:
    """What every company did after every window; the returns are those of `outcomes.realised_outcomes`.

    Args:
        windows: Oldest first.
        symbols: Columns wanted.
        watched: Which of the symbols were on each window's watchlist, shape (windows, symbols); base rate and
            equal-weight benchmark are taken over them.
        bars: Daily bars of all of them and, where there is one, of SPY.
        sessions: Trading sessions.
        as_of: Only horizons whose exit session closed before this instant.
        actions: As for `outcomes.realised_outcomes`.

    Raises:
        AdjustmentError: an action can't be applied.
    """
    # Entry: the first open strictly after the window's end.
    ends = _instants([window.as_of for window in windows])
    entry = np.asarray(np.searchsorted(sessions.opens, ends, side="right"), dtype=np.int64)
    closed = int(np.searchsorted(sessions.closes, instant64(as_of), side="left"))
    # One place after the calendar's end stands for a session that is not known.
    calendar = np.append(sessions.dates.astype("datetime64[D]"), np.datetime64("NaT"))

    columns: dict[str, int] = {}
    for symbol in (*symbols, BENCHMARK):
        columns.setdefault(symbol, len(columns))
    symbol_columns = np.array([columns[symbol] for symbol in symbols], dtype=np.int64)
    watchlists, watchlist_of_window = np.unique(watched, axis=0, return_inverse=True)
    watchlist_of_window = watchlist_of_window.reshape(-1)
    opens, closes = price_grids(bars, columns, sessions)

    forward = ForwardReturns(entry=entry, days=calendar[entry], excess={}, above={}, below={})
    for horizon in HORIZONS:
        exit_place = entry + horizon - 1
        # Entry 0 would be before the calendar's first open: the true entry session is not known.
        due = (entry > 0) & (exit_place < closed)
        excess = np.full((len(windows), len(symbols)), np.nan)
        above = np.full(len(windows), np.nan)
        below = np.full(len(windows), np.nan)

        # Windows with the same watchlist together: there are as many as the watchlist had changes.
        for number, watchlist in enumerate(watchlists):
            rows = due & (watchlist_of_window == number)
            pairs = np.column_stack([entry, exit_place])[rows]
            entries = opens[pairs[:, 0]] * span_factors(bars, actions, columns, sessions, pairs)
            returns = closes[pairs[:, 1]] / entries - 1
            spans = span_returns(returns, symbol_columns[watchlist], columns[BENCHMARK])
            excess[rows] = (spans.returns - spans.benchmark[:, None])[:, symbol_columns]
            above[rows] = spans.above
            below[rows] = spans.below
        forward.excess[horizon] = excess
        forward.above[horizon] = above
        forward.below[horizon] = below
    return forward


def pairs(values: FloatArray, forward: ForwardReturns, horizon: int) -> pd.DataFrame:
    """A score and what came after it, one row per company and entry session, for `information_coefficient`.

    Of the windows before one open only the last counts: a return is set against one score, the newest.

    Args:
        values: Scores (windows, symbols); NaN where there is none.
        forward: Returns of the same windows and symbols.
        horizon: Sessions held.

    Returns:
        Columns `day`, `score`, `excess`, without missing values, in the order of days.
    """
    excess = forward.excess[horizon]
    usable = np.isfinite(values) & np.isfinite(excess) & forward.last_before_open[:, None]
    row, column = np.nonzero(usable)
    return pd.DataFrame({"day": forward.days[row], "score": values[row, column], "excess": excess[row, column]})


def window_places(frame: pd.DataFrame, windows: Sequence[Window]) -> NDArray[np.int64]:
    """The position of each row's window among these, -1 where it is none of them."""
    starts = pd.DatetimeIndex([window.start for window in windows], dtype="datetime64[us, UTC]")
    return starts.get_indexer(pd.DatetimeIndex(frame["window_start"])).astype(np.int64)


def _instants(instants: Sequence[datetime]) -> NDArray[np.datetime64]:
    return np.array([instant64(instant) for instant in instants], dtype="datetime64[us]")
