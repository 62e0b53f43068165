"""The track record of one origin cut by symbol, publisher, event, reaction, lifecycle and reports while held.

With enough slices some of them look good by chance: a slice is called different only where that survives Benjamini and
Hochberg's correction over all slices looked at. The lines themselves are those of `track_record`.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.intervals import overlap_robust_error
from signals_pipeline.core.prices.reaction import has_moved_already
from signals_pipeline.core.record.track_record import ENOUGH_OUTCOMES, MIN_ENTRY_SESSIONS, RecordLine, record_line

FALSE_DISCOVERIES = 0.05
"""Expected share of slices called different although they are not."""

NO_STORY = "no story"
"""Publisher of signals that rest on no story: those of the technical generator."""

EARNINGS = "earnings"
"""The dimension that exists only where an earnings calendar knows of a holding period."""

DIMENSIONS = ("symbol", "publisher", "event", "reaction", "lifecycle", EARNINGS)

NOT_RECORDED = "not recorded"
"""Event and reaction of signals that rest on no story, or were decided before these were recorded."""


REPORTS_UNKNOWN = "unknown"
"""Holding periods of which no earnings calendar can tell whether the company reported."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The track record of signals that share a value.

    Attributes:
        dimension: One of DIMENSIONS.
        line: Their record; its label is the value.
        p: Two-sided p value of the difference from the base rate; None where there is too little to test.
        different: Whether it is called different at a false discovery rate of 5%.
    """

    dimension: str
    line: RecordLine
    p: float | None
    different: bool

    @property
    def text(self) -> str:
        """The slice in words."""
        conclusion = "; differs from its base rate" if self.different else ""
        return f"{self.line.label}: {self.line.text}{conclusion}"


@dataclass(frozen=True, slots=True)
class Slices:
    """All slices of a track record, those with most outcomes first within each dimension."""

    horizon: int
    slices: tuple[Slice, ...]

    @property
    def remark(self) -> str:
        """How many slices there are, and how many of them differ."""
        tested = sum(part.p is not None for part in self.slices)
        different = [part.line.label for part in self.slices if part.different]
        return (
            f"{len(self.slices)} slices, {tested} of them with {ENOUGH_OUTCOMES} outcomes or more; different from the "
            f"base rate at a false discovery rate of {FALSE_DISCOVERIES:.0%}: {', '.join(different) or 'none'}"
        )


def publisher_of(contributions: str) -> str:
    """The publisher of the story that carries most of a signal; `no story` where there is none.

    Args:
        contributions: The JSON list of a score, largest story first.
    """
    for part in json.loads(contributions):
        if part["kind"] == "story":
            return str(part["source"])
    return NO_STORY


def reaction_of(reaction: float | None, signal_type: str, event: str | None) -> str:
    """Whether the price had moved in a signal's direction before its digest, in words.

    Args:
        reaction: Move since the headline in ATRs; None or NaN where no session had closed since.
        signal_type: `BUY` or `SELL`.
        event: Event type of the leading story; None where the signal rests on none, or it was not recorded.
    """
    if not event:
        return NOT_RECORDED
    if reaction is None or math.isnan(reaction):
        return "no session since"
    return "already moved" if has_moved_already(reaction, signal_type) else "not moved"


def reports_while_held(has_reported: bool | None) -> str:
    """Whether a company reported while its shares were held, in words.

    Args:
        has_reported: As `earnings.EarningsCalendar.reported_between` says; None where it can't be told.
    """
    if has_reported is None:
        return REPORTS_UNKNOWN
    return "report while held" if has_reported else "no report while held"


def slice_record(outcomes: pd.DataFrame, horizon: int) -> Slices:
    """Cut the outcomes of one horizon by each dimension.

    Args:
        outcomes: Rows of `tables.OUTCOMES` of one origin with the further columns `publisher`, `event`, `reaction`
            (of `reaction_of`) and `earnings` (of `reports_while_held`).
        horizon: Sessions held.
    """
    rows = outcomes[outcomes["horizon"] == horizon]
    dimensions: list[str] = []
    lines: list[RecordLine] = []
    p_values: list[float | None] = []
    for dimension in DIMENSIONS:
        # Without any calendar the slice would be the whole record, counted as one more that is looked at.
        if dimension == EARNINGS and set(rows[EARNINGS]) <= {REPORTS_UNKNOWN}:
            continue
        parts = [_tested(str(value), part, horizon) for value, part in rows.groupby(dimension, sort=True)]
        # Most outcomes first; a stable sort keeps equal ones in the order of their values.
        parts.sort(key=lambda part: -part[0].n)
        for line, p in parts:
            dimensions.append(dimension)
            lines.append(line)
            p_values.append(p)

    # All dimensions are tested together: what counts is how many slices a reader looks at.
    different = discoveries(p_values, FALSE_DISCOVERIES)
    columns = zip(dimensions, lines, p_values, different, strict=True)
    return Slices(horizon, tuple(Slice(*row) for row in columns))


def discoveries(p_values: Sequence[float | None], rate: float) -> list[bool]:
    """Which p values are discoveries at a false discovery rate (Benjamini and Hochberg 1995).

    With m p values in ascending order, the largest k with p_(k) <= rate x k / m decides: the k smallest are
    discoveries.

    Args:
        p_values: In any order; None is no discovery and does not count towards m.
        rate: Maximum false discovery rate.
    """
    ascending = np.array(sorted(p for p in p_values if p is not None))
    m = len(ascending)
    passing = np.flatnonzero(ascending <= rate * np.arange(1, m + 1) / max(m, 1))
    if not len(passing):
        return [False for _ in p_values]
    limit = float(ascending[passing[-1]])
    return [p is not None and p <= limit for p in p_values]


def _tested(label: str, rows: pd.DataFrame, horizon: int) -> tuple[RecordLine, float | None]:
    """The line of a slice and its p value, None where there is too little to test."""
    hits = rows["hit"].to_numpy(dtype=np.bool_)
    base_rates = rows["base_rate"].to_numpy(dtype=np.float64)
    days: NDArray[np.datetime64] = rows["entry_session"].dt.tz_localize(None).to_numpy()
    line = record_line(
        label,
        horizon,
        hits=hits,
        net_returns=rows["net_return"].to_numpy(dtype=np.float64),
        base_rates=base_rates,
        entry_sessions=days,
    )
    gains = hits - base_rates
    error = overlap_robust_error(gains, days, horizon)
    # An error of 0 means that every outcome was as the base rate has it: nothing to test.
    if not line.enough or line.n_dates < MIN_ENTRY_SESSIONS or not error:
        return line, None
    # Two-sided p value of the normal distribution.
    return line, math.erfc(abs(float(gains.mean())) / error / math.sqrt(2))
