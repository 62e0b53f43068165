"""The track record: hit rate with its interval and base rate, mean net return, rank correlation.

Outcomes of one day move together, and so do those whose holding periods overlap: intervals and errors are clustered.
A number without its uncertainty is not shown: below 30 outcomes a line says "too few". `OutcomeIndex` sorts outcomes by
group once, so that the record of any group as of any instant is a slice and not a search: a range of digests asks for a
record per card and window. Outcomes themselves come from `outcomes`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.intervals import Z, distinct_days, hit_rate_interval, overlap_robust_error
from signals_pipeline.core.record.information_coefficient import RankCorrelation, rank_correlation
from signals_pipeline.core.record.origin import Generation, Origin, Provenance, rows_by_origin
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.tables import KNOWN_OUTCOMES, OUTCOMES
from signals_pipeline.core.windows import instant64

ENOUGH_OUTCOMES = 30
"""Outcomes from which on a hit rate is shown: with fewer, its interval is wider than a third of the scale."""

MIN_ENTRY_SESSIONS = 10
"""Entry sessions from which on a difference from the base rate is tested: clustered errors of fewer are unreliable."""

# News moves prices within days; a hit rate beyond these is more often a leak of the future than skill.
SUSPECT = 0.55
SUSPECT_HORIZON = 5
LOOK_AHEAD = "look-ahead until proven otherwise"


@dataclass(frozen=True, slots=True)
class RecordLine:
    """How signals of one group did over one horizon.

    Signals entered in the same session share its market moves, and longer horizons overlap. Interval and error are
    clustered by entry session, overlapping ones included (`intervals.hit_rate_interval`): ten signals of one day don't
    count as ten.

    Attributes:
        label: Which signals, in words.
        horizon: Sessions held.
        n: Outcomes known.
        n_dates: Different entry sessions among them.
        hits: Outcomes with a net return above 0.
        hit_rate: hits / n; None without outcomes.
        low: Lower end of the clustered Wilson 95% interval of the hit rate.
        high: Upper end.
        base_rate: Mean share of the watchlist that would have been a hit over the same sessions.
        mean_net_return: Mean net return, a fraction.
        clustered_se: Standard error of that mean, clustered likewise; None with fewer than two entry sessions.
        enough: n >= 30.
        provenance: Whether the signals are live or backfilled; None where both or not known (older digests).
        signal_group: The group within them, such as `new BUY signals`; None for all signals.
    """

    label: str
    horizon: int
    n: int
    n_dates: int
    hits: int
    hit_rate: float | None
    low: float
    high: float
    base_rate: float | None
    mean_net_return: float | None
    clustered_se: float | None
    enough: bool
    provenance: Provenance | None = None
    signal_group: str | None = None

    @property
    def horizon_text(self) -> str:
        """The horizon in words, such as `5 sessions`."""
        return f"{self.horizon} session{'' if self.horizon == 1 else 's'}"

    @property
    def suspect(self) -> bool:
        """Better than news can be expected to do: above 55% within 5 sessions, the interval above the base rate."""
        if self.hit_rate is None or self.base_rate is None or not self.enough:
            return False
        if self.horizon > SUSPECT_HORIZON:
            return False
        return self.hit_rate > SUSPECT and self.low > self.base_rate

    @property
    def text(self) -> str:
        """The line in words, with its n, interval and base rate."""
        if self.hit_rate is None or self.base_rate is None or not self.enough:
            return f"{self.horizon_text}: too few (n = {self.n})"
        interval = f"95% interval {100 * self.low:.0f} to {self.high:.0%}"
        warning = f"; {LOOK_AHEAD}" if self.suspect else ""
        return (
            f"{self.horizon_text}: {self.hits} of {self.n} ({self.hit_rate:.0%}, {interval}), "
            f"base rate {self.base_rate:.0%}{warning}"
        )

    @property
    def net_text(self) -> str:
        """Mean net return with its 95% half-width, such as `mean net +0.12% ± 0.40%`; empty where too few."""
        if not self.enough or self.mean_net_return is None or self.clustered_se is None:
            return ""
        mean = f"{self.mean_net_return:+.2%}".replace("-", "−")
        return f"mean net {mean} ± {Z * self.clustered_se:.2%}"


def record_section(lines: Sequence[RecordLine]) -> tuple[str, tuple[RecordLine, ...]]:
    """A group's record as its heading and the lines worth a row.

    Args:
        lines: One per horizon, of one group.

    Returns:
        The heading, and all lines where one of them has enough outcomes; otherwise none, as the heading says it all.
    """
    first = lines[0]
    with_outcomes = [line for line in lines if line.n]
    if not with_outcomes:
        return _nothing_yet(first), ()
    heading = _capitalised(first.label)
    if any(line.enough for line in with_outcomes):
        return f"{heading}, net of the market", tuple(lines)

    # Too few everywhere: how many there are, for the horizons that have any.
    counts = ", ".join(str(line.n) for line in with_outcomes)
    if len(with_outcomes) == 1:
        horizons = with_outcomes[0].horizon_text
    else:
        horizons = ", ".join(str(line.horizon) for line in with_outcomes) + " sessions"
    return f"{heading}: too few to judge (n = {counts} after {horizons})", ()


def record_sections(lines: Iterable[RecordLine]) -> list[tuple[str, tuple[RecordLine, ...]]]:
    """`record_section` for each run of lines with one label, in their order."""
    return [record_section(tuple(group)) for _, group in groupby(lines, key=lambda line: line.label)]


def track_record(
    outcomes: pd.DataFrame, *, label: str, provenance: Provenance | None = None, signal_group: str | None = None
) -> tuple[RecordLine, ...]:
    """The track record of the given outcomes, one line per horizon.

    Args:
        outcomes: Rows of `tables.OUTCOMES`.
        label: As in `RecordLine`, like the rest.
        provenance: ...
        signal_group: ...
    """
    lines: list[RecordLine] = []
    for horizon in HORIZONS:
        rows = outcomes[outcomes["horizon"] == horizon]
        line = record_line(
            label,
            horizon,
            hits=rows["hit"].to_numpy(dtype=np.bool_),
            net_returns=rows["net_return"].to_numpy(dtype=np.float64),
            base_rates=rows["base_rate"].to_numpy(dtype=np.float64),
            entry_sessions=rows["entry_session"].dt.tz_localize(None).to_numpy(),
            provenance=provenance,
            signal_group=signal_group,
        )
        lines.append(line)
    return tuple(lines)


def records_by_origin(outcomes: pd.DataFrame) -> dict[Origin, tuple[RecordLine, ...]]:
    """The track record of all signals of each origin that occurs, one line per horizon; see `rows_by_origin`.

    Args:
        outcomes: Rows of `tables.KNOWN_OUTCOMES`.
    """
    records: dict[Origin, tuple[RecordLine, ...]] = {}
    for origin, rows in rows_by_origin(outcomes).items():
        label = f"All signals, {origin.words}"
        records[origin] = track_record(rows, label=label, provenance=origin.provenance)
    return records


def record_line(
    label: str,
    horizon: int,
    *,
    hits: NDArray[np.bool_],
    net_returns: NDArray[np.float64],
    base_rates: NDArray[np.float64],
    entry_sessions: NDArray[np.datetime64],
    provenance: Provenance | None = None,
    signal_group: str | None = None,
) -> RecordLine:
    """The track record of n outcomes of one horizon.

    Args:
        label: Which signals, in words.
        horizon: Sessions held.
        hits: Which of them were a hit, shape (n,).
        net_returns: Returns net of the benchmark, shape (n,), fractions.
        base_rates: Base rates in [0, 1], shape (n,).
        entry_sessions: Entry sessions, shape (n,).
        provenance: Whether the signals are live or backfilled; None where both.
        signal_group: The group within them; None for all signals.
    """
    n = len(net_returns)
    low, high = hit_rate_interval(hits, entry_sessions, horizon)
    return RecordLine(
        label=label,
        horizon=horizon,
        n=n,
        n_dates=len(distinct_days(entry_sessions)[0]),
        hits=int(hits.sum()),
        hit_rate=float(hits.mean()) if n else None,
        low=low,
        high=high,
        base_rate=float(base_rates.mean()) if n else None,
        mean_net_return=float(net_returns.mean()) if n else None,
        clustered_se=overlap_robust_error(net_returns, entry_sessions, horizon),
        enough=n >= ENOUGH_OUTCOMES,
        provenance=provenance,
        signal_group=signal_group,
    )


def rank_ic(outcomes: pd.DataFrame, horizon: int) -> RankCorrelation:
    """Information coefficient among signals alone, by entry session.

    `forward_returns.pairs` has all companies with a score, signal or not.

    Args:
        outcomes: Rows of `tables.OUTCOMES`.
        horizon: Sessions held.
    """
    # Not the net return, whose sign follows the signal's: the score has a sign of its own.
    rows = outcomes[outcomes["horizon"] == horizon]
    excess = rows["raw_return"] - rows["benchmark_return"]
    pairs = pd.DataFrame({"day": rows["entry_session"], "score": rows["combined_score"], "excess": excess})
    return rank_correlation(pairs, horizon)


def _nothing_yet(line: RecordLine) -> str:
    """The heading of a group without any outcome."""
    if line.provenance is None:
        return f"{_capitalised(line.label)}: no outcomes yet."
    if line.signal_group is None:
        return f"No {line.provenance} record yet."
    return f"No record of {line.signal_group} yet."


def _capitalised(text: str) -> str:
    # Not str.capitalize, which would lower the rest.
    return text[:1].upper() + text[1:]


ANY = ""
"""Stands for every signal type, or every lifecycle."""

GroupKey = tuple[Origin, str, str]
"""Origin, signal type or ANY, lifecycle or ANY."""


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
    def from_outcomes(cls, outcomes: pd.DataFrame) -> Self:
        """Index KNOWN_OUTCOMES rows, in any order."""
        # Sorted by known_at, so that what was known at an instant is the head of every series.
        rows = outcomes.sort_values(["known_at", *KNOWN_OUTCOMES.key], kind="stable")
        groups: dict[GroupKey, Mapping[int, OutcomeSeries]] = {}
        for origin, part in rows_by_origin(rows).items():
            groups[origin, ANY, ANY] = _by_horizon(part)
            for signal_type, same_type in part.groupby("signal_type"):
                groups[origin, str(signal_type), ANY] = _by_horizon(same_type)
                for lifecycle, same_lifecycle in same_type.groupby("lifecycle"):
                    groups[origin, str(signal_type), str(lifecycle)] = _by_horizon(same_lifecycle)
        return cls(groups)

    def known(self, as_of: datetime, origin: Origin, signal_type: str = ANY, lifecycle: str = ANY) -> int:
        """Number of the group's outcomes over the shortest horizon known before `as_of`."""
        shortest = HORIZONS[0]
        return self._series((origin, signal_type, lifecycle), shortest).count_before(as_of)

    def known_of_others(self, as_of: datetime, generation: Generation) -> int:
        """`known` of all signals that another generator or model made."""
        others = [
            origin
            for origin, signal_type, lifecycle in self.groups
            if signal_type == lifecycle == ANY and origin.generation != generation
        ]
        return sum(self.known(as_of, origin) for origin in others)

    def record(
        self, as_of: datetime, label: str, origin: Origin, signal_type: str = ANY, lifecycle: str = ANY
    ) -> tuple[RecordLine, ...]:
        """The group's record of outcomes known before `as_of`, one line per horizon."""
        group = (origin, signal_type, lifecycle)
        return tuple(self._line(group, label, horizon, as_of) for horizon in HORIZONS)

    def _line(self, group: GroupKey, label: str, horizon: int, as_of: datetime) -> RecordLine:
        series = self._series(group, horizon)
        n = series.count_before(as_of)
        key = (group, label, horizon, n)
        line = self._lines.get(key)
        if line is None:
            origin, signal_type, lifecycle = group
            line = series.line(
                n,
                label=label,
                horizon=horizon,
                provenance=origin.provenance,
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
