"""Signals, outcomes, prices and names, indexed once for the digests of many windows.

Every lookup takes an instant, and its result holds nothing of that instant or later. `composition` builds digests
from it; reading the stores is the caller's part.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

import numpy as np
import pandas as pd

from signals_pipeline.core.prices.adjustment import AdjustedBars, adjusted_bars, last_opened
from signals_pipeline.core.record.outcome_index import OutcomeIndex
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import Sessions, Window

# Start of the window, symbol, signal type.
_SignalKey = tuple[datetime, str, str]


@dataclass(frozen=True, eq=False, slots=True)
class RealisedReturn:
    """What one signal returned net of the benchmark over a horizon.

    Attributes:
        known_at: When the return became known, UTC.
        horizon: Sessions held.
        net_return: Return net of the benchmark, a fraction.
    """

    known_at: datetime
    horizon: int
    net_return: float


@dataclass(frozen=True, eq=False, slots=True)
class DigestContext:
    """Everything that digests draw on, of any age; `build` makes one.

    Attributes:
        history: Signals by decided_at.
        decided_at: The decided_at of each signal in `history`, for binary search.
        modes: Mode of the run behind each window, by window start; a missing one counts as `backfill`.
        window_starts: The window starts in `modes`, in order.
        outcome_index: Outcomes by group.
        returns: Realised returns by signal, longest horizon first.
        prices: Closes by symbol, as traded, with the splits and dividends that adjust them.
        watchlist: The companies' names.
        sessions: Trading sessions.
    """

    history: tuple[Signal, ...]
    decided_at: tuple[datetime, ...]
    modes: Mapping[datetime, str]
    window_starts: tuple[datetime, ...]
    outcome_index: OutcomeIndex
    returns: Mapping[_SignalKey, Sequence[RealisedReturn]]
    prices: Mapping[str, AdjustedBars]
    watchlist: Watchlist
    sessions: Sessions

    @classmethod
    def build(
        cls,
        *,
        history: Sequence[Signal],
        modes: Mapping[datetime, str],
        outcomes: pd.DataFrame,
        bars: pd.DataFrame,
        watchlist: Watchlist,
        sessions: Sessions,
        actions: pd.DataFrame | None = None,
    ) -> Self:
        """Index the inputs, which may come in any order.

        Args:
            history: Signals of all windows.
            modes: Mode of the run behind each window, by window start; a missing one counts as `backfill`.
            outcomes: OUTCOMES rows.
            bars: Daily bars.
            watchlist: The companies' names.
            sessions: Trading sessions, up to the one after the last window that gets a digest.
            actions: Splits and dividends by ex-date; None where bars are to be taken as they are.
        """
        ordered = sorted(history, key=lambda signal: signal.decided_at)
        ordered_bars = bars.sort_values(["symbol", "session"], kind="stable")
        return cls(
            history=tuple(ordered),
            decided_at=tuple(signal.decided_at for signal in ordered),
            modes=modes,
            window_starts=tuple(sorted(modes)),
            outcome_index=OutcomeIndex.from_outcomes(outcomes, modes),
            returns=_returns_by_signal(outcomes),
            prices=adjusted_bars(ordered_bars, actions),
            watchlist=watchlist,
            sessions=sessions,
        )

    def signals(self, after: datetime, before: datetime) -> tuple[Signal, ...]:
        """Signals with after < decided_at < before, by decided_at."""
        first = bisect_right(self.decided_at, after)
        end = bisect_left(self.decided_at, before)
        return self.history[first:end]

    def caught_up(self, window: Window) -> frozenset[datetime]:
        """Starts of the caught-up windows directly before this one: no digest was sent for them."""
        starts: list[datetime] = []
        position = bisect_left(self.window_starts, window.start)
        for start in reversed(self.window_starts[:position]):
            if self.modes[start] != "catch_up":
                break
            starts.append(start)
        return frozenset(starts)

    def last_return(self, signal: Signal, as_of: datetime) -> RealisedReturn | None:
        """The signal's return over its longest horizon known before as_of; None where none was known."""
        returns = self.returns.get((signal.window_start, signal.symbol, signal.signal_type), ())
        for realised in returns:  # longest horizon first
            if realised.known_at < as_of:
                return realised
        return None

    def last_closes(self, symbol: str, as_of: datetime, count: int) -> tuple[tuple[float, ...], tuple[str, ...]]:
        """The symbol's last closes of sessions that closed before as_of, with their ISO dates.

        At most `count` closes, oldest first, adjusted for the splits and dividends known at as_of.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        last_session = self.sessions.last_closed(as_of)
        bars = self.prices.get(symbol)
        if last_session is None or bars is None:
            return (), ()

        last_day = np.datetime64(last_session, "D")
        end = int(np.searchsorted(bars.days, last_day, side="right"))
        rows = slice(max(0, end - count), end)

        # Splits and dividends count from the open of their ex-date, not from its close.
        known_actions = bars.count_ex_days(last_opened(self.sessions, as_of))
        closes = bars.adjusted(known_actions)["close"][rows].tolist()
        dates = np.datetime_as_string(bars.days[rows]).tolist()
        return tuple(closes), tuple(dates)

    def stale_since(self, symbol: str, as_of: datetime) -> date | None:
        """Date of the symbol's last bar where a later session closed before as_of; None where prices are up to date.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        last_session = self.sessions.last_closed(as_of)
        _, dates = self.last_closes(symbol, as_of, 1)
        last_bar = date.fromisoformat(dates[0]) if dates else None
        return None if last_bar == last_session else last_bar

    def company(self, symbol: str) -> str:
        """The company's name; the symbol where it has left the watchlist."""
        if symbol not in self.watchlist:
            return symbol
        return self.watchlist.company(symbol).name


def _returns_by_signal(outcomes: pd.DataFrame) -> dict[_SignalKey, list[RealisedReturn]]:
    """Realised returns of each signal, longest horizon first."""
    rows = outcomes.sort_values("horizon", ascending=False, kind="stable")
    window_starts = pd.DatetimeIndex(rows["window_start"]).to_pydatetime()
    known_at = pd.DatetimeIndex(rows["known_at"]).to_pydatetime()
    columns = zip(
        window_starts,
        rows["symbol"].tolist(),
        rows["signal_type"].tolist(),
        known_at,
        rows["horizon"].tolist(),
        rows["net_return"].tolist(),
        strict=True,
    )
    returns: dict[_SignalKey, list[RealisedReturn]] = defaultdict(list)
    for window_start, symbol, signal_type, known, horizon, net_return in columns:
        returns[window_start, symbol, signal_type].append(RealisedReturn(known, horizon, net_return))
    return dict(returns)
