"""Outcomes arranged once so that the record of any group, as it was known at any instant, is a cut and not a search."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.dates import instant64
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.record.track_record import RecordLine, record_line
from signals_pipeline.core.tables import OUTCOMES

Provenance = Literal["live", "backfilled"]
PROVENANCES: tuple[Provenance, ...] = ("live", "backfilled")
LIVE_MODES = ("live", "catch_up")
"""Modes whose signals were decided while their outcome could not be known."""

ANY = ""


@dataclass(frozen=True, eq=False, slots=True)
class OutcomeSeries:
    """Outcomes of one group over one horizon in the order in which they became known, ties by key.

    Attributes:
        known_at: When each became known, shape (n,), datetime64[us], UTC without zone, never falling.
        net_returns: Returns net of the benchmark, shape (n,), fractions.
        base_rates: Base rates in [0, 1], shape (n,).
        entry_sessions: Dates of the entry sessions, shape (n,), datetime64[us].
        hits: Which of them were a hit, shape (n,).
    """

    known_at: NDArray[np.datetime64]
    net_returns: NDArray[np.float64]
    base_rates: NDArray[np.float64]
    entry_sessions: NDArray[np.datetime64]
    hits: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Self:
        """The tally of OUTCOMES rows of one horizon, sorted by known_at."""
        return cls(
            known_at=_instants(rows["known_at"]),
            net_returns=rows["net_return"].to_numpy(dtype=np.float64),
            base_rates=rows["base_rate"].to_numpy(dtype=np.float64),
            entry_sessions=_instants(rows["entry_session"]),
            hits=rows["hit"].to_numpy(dtype=np.bool_),
        )

    def known(self, as_of: datetime) -> int:
        """How many were known before `as_of` (aware)."""
        return int(np.searchsorted(self.known_at, instant64(as_of), side="left"))

    def line(self, label: str, horizon: int, n: int) -> RecordLine:
        """The record of the first n."""
        return record_line(
            label,
            horizon,
            hits=self.hits[:n],
            net_returns=self.net_returns[:n],
            base_rates=self.base_rates[:n],
            entry_sessions=self.entry_sessions[:n],
        )


@dataclass(frozen=True, eq=False, slots=True)
class OutcomeIndex:
    """The tallies of every group that occurs: (standing, signal type, lifecycle), `ANY` for all, then horizon."""

    groups: Mapping[tuple[Provenance, str, str], Mapping[int, OutcomeSeries]]
    # Lines made already: the cards of a digest share them, and the digests between two closes do.
    _lines: dict[tuple[OutcomeSeries, str, int, int], RecordLine] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, outcomes: pd.DataFrame, modes: Mapping[datetime, str]) -> Self:
        """The tallies of OUTCOMES rows.

        Args:
            outcomes: The rows, in any order.
            modes: Mode of the run behind each window, by window start; one that is not there counts as `backfill`.
        """
        rows = outcomes.sort_values(["known_at", *OUTCOMES.key], kind="stable")
        starts = pd.DatetimeIndex(rows["window_start"]).to_pydatetime()
        live = np.array([modes.get(start) in LIVE_MODES for start in starts], dtype=bool)
        groups: dict[tuple[Provenance, str, str], Mapping[int, OutcomeSeries]] = {}
        parts: tuple[tuple[Provenance, pd.DataFrame], ...] = (("live", rows[live]), ("backfilled", rows[~live]))
        for standing, among in parts:
            groups[standing, ANY, ANY] = _horizons(among)
            for signal_type, same in among.groupby("signal_type"):
                groups[standing, str(signal_type), ANY] = _horizons(same)
                for lifecycle, alike in same.groupby("lifecycle"):
                    groups[standing, str(signal_type), str(lifecycle)] = _horizons(alike)
        return cls(groups)

    def known(self, as_of: datetime, standing: Provenance, signal_type: str = ANY, lifecycle: str = ANY) -> int:
        """How many of the group's outcomes over the shortest horizon were known before `as_of`."""
        return self._tally(HORIZONS[0], standing, signal_type, lifecycle).known(as_of)

    def record(
        self, as_of: datetime, label: str, standing: Provenance, signal_type: str = ANY, lifecycle: str = ANY
    ) -> tuple[RecordLine, ...]:
        """The group's record of outcomes known before `as_of`, one line a horizon."""
        return tuple(
            self._line(self._tally(horizon, standing, signal_type, lifecycle), label, horizon, as_of)
            for horizon in HORIZONS
        )

    def _line(self, tally: OutcomeSeries, label: str, horizon: int, as_of: datetime) -> RecordLine:
        key = (tally, label, horizon, tally.known(as_of))
        if key not in self._lines:
            self._lines[key] = tally.line(*key[1:])
        return self._lines[key]

    def _tally(self, horizon: int, standing: Provenance, signal_type: str, lifecycle: str) -> OutcomeSeries:
        return self.groups.get((standing, signal_type, lifecycle), {}).get(horizon, _NOTHING)


def _horizons(rows: pd.DataFrame) -> dict[int, OutcomeSeries]:
    return {horizon: OutcomeSeries.of(rows[rows["horizon"] == horizon]) for horizon in HORIZONS}


def _instants(column: pd.Series) -> NDArray[np.datetime64]:
    return pd.DatetimeIndex(column).tz_localize(None).to_numpy()


_NOTHING = OutcomeSeries.of(OUTCOMES.empty())
