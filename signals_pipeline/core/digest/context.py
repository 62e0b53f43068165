"""What the digests of many windows draw on, arranged once.

Everything that it gives is asked for by an instant, and nothing of that instant or later is in the answer.
"""

import itertools
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

_Key = tuple[datetime, str, str]  # start of the window, symbol, signal type


@dataclass(frozen=True, eq=False, slots=True)
class Return:
    """What one signal returned net of the benchmark over a horizon, and from when on that was known (UTC)."""

    known_at: datetime
    horizon: int
    net_return: float


@dataclass(frozen=True, eq=False, slots=True)
class DigestContext:
    """Signals, outcomes and closes of any age; see `of`.

    Attributes:
        history: Signals by decided_at.
        decided: Their decided_at.
        modes: Mode of the run behind each window, by window start; one that is not there counts as `backfill`.
        starts: The window starts among them, in order.
        tallies: Outcomes by group.
        returns: Outcomes by signal, longest horizon first.
        prices: Closes by symbol, as traded, with the splits and dividends that adjust them.
        watchlist: For the companies' names.
        sessions: Trading sessions.
    """

    history: tuple[Signal, ...]
    decided: tuple[datetime, ...]
    modes: Mapping[datetime, str]
    starts: tuple[datetime, ...]
    outcome_index: OutcomeIndex
    returns: Mapping[_Key, Sequence[Return]]
    prices: Mapping[str, AdjustedBars]
    watchlist: Watchlist
    sessions: Sessions

    @classmethod
    def of(
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
        """Arrange what is there, in whatever order it comes.

        Args:
            history: Signals of all windows.
            modes: Mode of the run behind each window, by window start; one that is not there counts as `backfill`.
            outcomes: OUTCOMES rows.
            bars: Daily bars.
            watchlist: For the companies' names.
            sessions: Trading sessions, up to the one after the last window that a digest is made of.
            actions: Splits and dividends by ex-date; None where bars are to be taken as they are.
        """
        ordered = sorted(history, key=lambda each: each.decided_at)
        return cls(
            history=tuple(ordered),
            decided=tuple(each.decided_at for each in ordered),
            modes=modes,
            starts=tuple(sorted(modes)),
            outcome_index=OutcomeIndex.from_outcomes(outcomes, modes),
            returns=_returns(outcomes),
            prices=adjusted_bars(bars.sort_values(["symbol", "session"], kind="stable"), actions),
            watchlist=watchlist,
            sessions=sessions,
        )

    def signals(self, after: datetime, before: datetime) -> tuple[Signal, ...]:
        """Signals with after < decided_at < before, by decided_at."""
        return self.history[bisect_right(self.decided, after) : bisect_left(self.decided, before)]

    def caught_up(self, window: Window) -> frozenset[datetime]:
        """Starts of the windows directly before this one that were caught up: no digest was sent of them."""
        earlier = (self.starts[at] for at in range(bisect_left(self.starts, window.start) - 1, -1, -1))
        return frozenset(itertools.takewhile(lambda start: self.modes[start] == "catch_up", earlier))

    def last_return(self, signal: Signal, as_of: datetime) -> Return | None:
        """What the signal returned over its longest horizon known before as_of; None where none was."""
        found = self.returns.get((signal.window_start, signal.symbol, signal.signal_type), ())
        return next((each for each in found if each.known_at < as_of), None)

    def last_closes(self, symbol: str, as_of: datetime, count: int) -> tuple[tuple[float, ...], tuple[str, ...]]:
        """The symbol's last closes of sessions closed before as_of, at most `count`, oldest first, and their ISO dates.

        They are adjusted for the splits and dividends known at as_of.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        closed = self.sessions.last_closed(as_of)
        tape = self.prices.get(symbol)
        if closed is None or tape is None:
            return (), ()
        end = int(np.searchsorted(tape.days, np.datetime64(closed, "D"), side="right"))
        shown = slice(max(0, end - count), end)
        values = tape.adjusted(tape.known(last_opened(self.sessions, as_of)))["close"]
        return tuple(values[shown].tolist()), tuple(np.datetime_as_string(tape.days[shown]).tolist())

    def stale_since(self, symbol: str, as_of: datetime) -> date | None:
        """Date of the symbol's last bar where a later session closed before as_of; None where it has the last one's.

        Raises:
            WindowError: the calendar does not reach as_of.
        """
        closed = self.sessions.last_closed(as_of)
        _, dates = self.last_closes(symbol, as_of, 1)
        last = date.fromisoformat(dates[0]) if dates else None
        return None if last == closed else last

    def company(self, symbol: str) -> str:
        """The company's name; the symbol where it has left the watchlist."""
        return self.watchlist.company(symbol).name if symbol in self.watchlist else symbol


def _returns(outcomes: pd.DataFrame) -> dict[_Key, list[Return]]:
    rows = outcomes.sort_values("horizon", ascending=False, kind="stable")
    starts, known = (pd.DatetimeIndex(rows[name]).to_pydatetime() for name in ("window_start", "known_at"))
    keys = zip(starts, rows["symbol"].tolist(), rows["signal_type"].tolist(), strict=True)
    found: dict[_Key, list[Return]] = defaultdict(list)
    for key, *values in zip(keys, known, rows["horizon"].tolist(), rows["net_return"].tolist(), strict=True):
        found[key].append(Return(*values))
    return dict(found)
