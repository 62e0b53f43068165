"""Corrections of daily bars: which value of a session counts at an instant.

A vendor may correct a bar after it was delivered. Both values are kept: a window that ended before the correction was
first seen keeps reading the value of before, so that running it again gives the same; later ones read the correction.
Deliveries are compared in `validation`, corrections stored by `adapters.stores.bars`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.prices.adjustment import BAR_COLUMNS, AdjustedBars, adjusted_bars, no_bars
from signals_pipeline.core.windows import Window, instant64

CORRECTION_COLUMNS = (*BAR_COLUMNS, "first_seen_at")


def no_corrections() -> pd.DataFrame:
    """An empty frame of corrections: BAR_COLUMNS and first_seen_at (datetime64[us, UTC])."""
    return no_bars().assign(first_seen_at=pd.Series(dtype="datetime64[us, UTC]"))


def bars_as_of(bars: pd.DataFrame, corrections: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The bars with the newest correction of each that was first seen before as_of, in the same order.

    Args:
        bars: Daily bars as first seen: symbol, session and any other of BAR_COLUMNS.
        corrections: CORRECTION_COLUMNS, in any order; those of other sessions and symbols are left out.
        as_of: An aware instant.
    """
    known = corrections.loc[corrections["first_seen_at"] < as_of]
    if known.empty:
        return bars
    newest = known.sort_values("first_seen_at", kind="stable").drop_duplicates(["symbol", "session"], keep="last")
    positions = pd.MultiIndex.from_frame(bars[["symbol", "session"]]).get_indexer(
        pd.MultiIndex.from_frame(newest[["symbol", "session"]])
    )
    is_there = positions >= 0
    corrected = bars.copy()
    for name in bars.columns.drop(["symbol", "session"]):
        values = bars[name].to_numpy(copy=True)
        values[positions[is_there]] = newest[name].to_numpy()[is_there]
        corrected[name] = values
    return corrected


def windows_by_bars(
    windows: Sequence[Window], bars: pd.DataFrame, corrections: pd.DataFrame | None
) -> list[tuple[list[Window], pd.DataFrame]]:
    """The windows, oldest first, in groups that know the same corrections, each with the bars that it knows."""
    ordered = sorted(windows, key=lambda window: window.start)
    if corrections is None or corrections.empty:
        return [(ordered, bars)]
    seen = _first_seen(corrections)
    groups: list[tuple[list[Window], pd.DataFrame]] = []
    for _, group in groupby(ordered, key=lambda window: _known_count(seen, window.as_of)):
        part = list(group)
        groups.append((part, bars_as_of(bars, corrections, part[-1].as_of)))
    return groups


class BarVersions:
    """Bars with their splits and dividends, as known at successive instants.

    Args:
        bars: Daily bars as first seen; a symbol's bars oldest first.
        actions: Splits and dividends by ex-date (`adjustment.ACTION_COLUMNS`); None where the bars need no adjustment.
        corrections: CORRECTION_COLUMNS; None where no bar was corrected.
    """

    def __init__(
        self, bars: pd.DataFrame, actions: pd.DataFrame | None, corrections: pd.DataFrame | None = None
    ) -> None:
        self._bars = bars
        self._actions = actions
        self._corrections = no_corrections() if corrections is None else corrections
        self._seen = _first_seen(self._corrections)
        # Only the version of the last call: callers go through windows in order, and a version takes megabytes.
        self._known_count = -1
        self._version: Mapping[str, AdjustedBars] = {}

    def as_of(self, as_of: datetime) -> Mapping[str, AdjustedBars]:
        """The bars of each symbol as known at an aware instant, with their splits and dividends of any date.

        Raises:
            AdjustmentError: a split or dividend can't be applied.
        """
        known_count = _known_count(self._seen, as_of)
        if known_count != self._known_count:
            self._version = adjusted_bars(bars_as_of(self._bars, self._corrections, as_of), self._actions)
            self._known_count = known_count
        return self._version


def _first_seen(corrections: pd.DataFrame) -> NDArray[np.datetime64]:
    """The distinct instants at which corrections were first seen, in order, as `instant64` writes them."""
    return np.unique(corrections["first_seen_at"].dt.tz_localize(None).to_numpy().astype("datetime64[us]"))


def _known_count(first_seen: NDArray[np.datetime64], as_of: datetime) -> int:
    """How many of the instants are before as_of."""
    return int(np.searchsorted(first_seen, instant64(as_of), side="left"))
