"""Outcomes indexed by group, so that the record of any group as of any instant is a slice and not a search.

A digest asks for a record per card, and a range of digests asks at every window. `track_record` defines the lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.dates import instant64
from signals_pipeline.core.record.outcomes import HORIZONS, LIVE_MODES, Provenance
from signals_pipeline.core.record.track_record import RecordLine, record_line
from signals_pipeline.core.tables import OUTCOMES

ANY = ""
"""Stands for every signal type, or every lifecycle."""

GroupKey = tuple[Provenance, str, str]
"""Provenance, signal type or ANY, lifecycle or ANY."""


@dataclass(frozen=True, eq=False, slots=True)
class OutcomeSeries:
    """Outcomes of one group over one horizon in the order in which they became known, ties by key.

    Attributes:
        known_at: When each became known, shape (n,), datetime64[us], UTC without zone, ascending.
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
    def from_rows(cls, rows: pd.DataFrame) -> Self:
        """The series of OUTCOMES rows of one horizon, sorted by known_at."""
        return cls(
            known_at=_instants(rows["known_at"]),
            net_returns=rows["net_return"].to_numpy(dtype=np.float64),
            base_rates=rows["base_rate"].to_numpy(dtype=np.float64),
            entry_sessions=_instants(rows["entry_session"]),
            hits=rows["hit"].to_numpy(dtype=np.bool_),
        )

    def count_before(self, as_of: datetime) -> int:
        """Number of outcomes known before `as_of` (aware)."""
        return int(np.searchsorted(self.known_at, instant64(as_of), side="left"))

    def line(self, n: int, *, label: str, horizon: int, provenance: Provenance, signal_group: str | None) -> RecordLine:
        """The record of the first n."""
        return record_line(
            label,
            horizon,
            hits=self.hits[:n],
            net_returns=self.net_returns[:n],
            base_rates=self.base_rates[:n],
            entry_sessions=self.entry_sessions[:n],
            provenance=provenance,
            signal_group=signal_group,
        )


LineKey = tuple[GroupKey, str, int, int]
"""Group, label, horizon and number of outcomes."""


@dataclass(frozen=True, eq=False, slots=True)
class OutcomeIndex:
    """The outcomes of every group that occurs, by group and horizon."""

    groups: Mapping[GroupKey, Mapping[int, OutcomeSeries]]

    # Cache: the cards of a digest share lines, and so do the digests between two closes.
    _lines: dict[LineKey, RecordLine] = field(default_factory=dict[LineKey, RecordLine], repr=False)

    @classmethod
    def from_outcomes(cls, outcomes: pd.DataFrame, modes: Mapping[datetime, str]) -> Self:
        """Index OUTCOMES rows.

        Args:
            outcomes: The rows, in any order.
            modes: Mode of the run behind each window, by window start; one that is not there counts as `backfill`.
        """
        # Sorted by known_at, so that what was known at an instant is the head of every series.
        rows = outcomes.sort_values(["known_at", *OUTCOMES.key], kind="stable")
        starts = pd.DatetimeIndex(rows["window_start"]).to_pydatetime()
        live = np.array([modes.get(start) in LIVE_MODES for start in starts], dtype=bool)
        # Live and backfilled outcomes are never added up.
        by_provenance: dict[Provenance, pd.DataFrame] = {"live": rows[live], "backfilled": rows[~live]}

        groups: dict[GroupKey, Mapping[int, OutcomeSeries]] = {}
        for provenance, part in by_provenance.items():
            groups[provenance, ANY, ANY] = _by_horizon(part)
            for signal_type, same_type in part.groupby("signal_type"):
                groups[provenance, str(signal_type), ANY] = _by_horizon(same_type)
                for lifecycle, same_lifecycle in same_type.groupby("lifecycle"):
                    groups[provenance, str(signal_type), str(lifecycle)] = _by_horizon(same_lifecycle)
        return cls(groups)

    def known(self, as_of: datetime, provenance: Provenance, signal_type: str = ANY, lifecycle: str = ANY) -> int:
        """Number of the group's outcomes over the shortest horizon known before `as_of`."""
        shortest = HORIZONS[0]
        return self._series((provenance, signal_type, lifecycle), shortest).count_before(as_of)

    def record(
        self, as_of: datetime, label: str, provenance: Provenance, signal_type: str = ANY, lifecycle: str = ANY
    ) -> tuple[RecordLine, ...]:
        """The group's record of outcomes known before `as_of`, one line per horizon."""
        group = (provenance, signal_type, lifecycle)
        return tuple(self._line(group, label, horizon, as_of) for horizon in HORIZONS)

    def _line(self, group: GroupKey, label: str, horizon: int, as_of: datetime) -> RecordLine:
        series = self._series(group, horizon)
        n = series.count_before(as_of)
        key = (group, label, horizon, n)
        line = self._lines.get(key)
        if line is None:
            provenance, signal_type, lifecycle = group
            line = series.line(
                n,
                label=label,
                horizon=horizon,
                provenance=provenance,
                signal_group=_group_words(signal_type, lifecycle),
            )
            self._lines[key] = line
        return line

    def _series(self, group: GroupKey, horizon: int) -> OutcomeSeries:
        # A group without any outcome has no entry.
        by_horizon = self.groups.get(group)
        return _NO_OUTCOMES if by_horizon is None else by_horizon[horizon]


def _by_horizon(rows: pd.DataFrame) -> dict[int, OutcomeSeries]:
    return {horizon: OutcomeSeries.from_rows(rows[rows["horizon"] == horizon]) for horizon in HORIZONS}


def _group_words(signal_type: str, lifecycle: str) -> str | None:
    """The group within a provenance, such as `new BUY signals`; None for all signals."""
    words = [word for word in (lifecycle, signal_type) if word != ANY]
    return " ".join([*words, "signals"]) if words else None


def _instants(column: pd.Series) -> NDArray[np.datetime64]:
    return pd.DatetimeIndex(column).tz_localize(None).to_numpy()


_NO_OUTCOMES = OutcomeSeries.from_rows(OUTCOMES.empty())
