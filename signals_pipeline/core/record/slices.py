"""The record cut by symbol, publisher, lifecycle and model, and which of the cuts differ by more than chance.

Cut a record often enough and some part of it looks good: a slice is called different only where that survives
Benjamini and Hochberg's correction over all slices looked at.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.intervals import dated_error
from signals_pipeline.core.record.track_record import ENOUGH, LEAST_DATES, RecordLine, record_line

FALSE_DISCOVERIES = 0.05
NO_STORY = "no story"

DIMENSIONS = ("symbol", "publisher", "lifecycle", "model")


@dataclass(frozen=True, slots=True)
class Slice:
    """The record of signals that share a value.

    Attributes:
        dimension: One of DIMENSIONS.
        line: Their record; its label is the value.
        p: How often chance gives as large a difference from the base rate, either way; None where too few to judge.
        different: Whether it is called different at a false discovery rate of 5%.
    """

    dimension: str
    line: RecordLine
    p: float | None
    different: bool

    @property
    def text(self) -> str:
        """The slice in words."""
        verdict = "; differs from its base rate" if self.different else ""
        return f"{self.line.label}: {self.line.text}{verdict}"


@dataclass(frozen=True, slots=True)
class Slices:
    """All slices of a record, those with most outcomes first within each dimension."""

    horizon: int
    slices: tuple[Slice, ...]

    @property
    def remark(self) -> str:
        """How many were looked at, and how many of them differ."""
        judged = sum(each.p is not None for each in self.slices)
        different = [each.line.label for each in self.slices if each.different]
        return (
            f"{len(self.slices)} slices looked at, {judged} of them with {ENOUGH} outcomes or more; different from the "
            f"base rate at a false discovery rate of {FALSE_DISCOVERIES:.0%}: {', '.join(different) or 'none'}"
        )


def publisher_of(contributions: str) -> str:
    """The publisher of the story that carries most of a signal, from its contributions; `no story` where none does.

    Args:
        contributions: The JSON list of a score.
    """
    stories = (each for each in json.loads(contributions) if each["kind"] == "story")
    return next((str(each["source"]) for each in stories), NO_STORY)


def sliced(outcomes: pd.DataFrame, horizon: int) -> Slices:
    """Cut the outcomes of one horizon by each dimension.

    Args:
        outcomes: Rows of `tables.OUTCOMES`, with `publisher` and `model` besides.
        horizon: Sessions held.
    """
    rows = outcomes[outcomes["horizon"] == horizon]
    found: list[tuple[str, RecordLine, float | None]] = []
    for dimension in DIMENSIONS:
        parts = [_judged(str(value), part, horizon) for value, part in rows.groupby(dimension, sort=True)]
        found += [(dimension, *each) for each in sorted(parts, key=lambda each: -each[0].n)]
    different = discoveries([p for *_, p in found], FALSE_DISCOVERIES)
    cut = zip(found, different, strict=True)
    return Slices(horizon, tuple(Slice(dimension, line, p, mark) for (dimension, line, p), mark in cut))


def discoveries(chances: Sequence[float | None], rate: float) -> list[bool]:
    """Which p values count as discoveries (Benjamini and Hochberg 1995); None is none and counts for nothing.

    The largest k with p_(k) <= rate x k / m decides: the k smallest are discoveries.
    """
    known = np.array(sorted(each for each in chances if each is not None))
    passed = np.flatnonzero(known <= rate * np.arange(1, len(known) + 1) / max(len(known), 1))
    limit = float(known[passed[-1]]) if len(passed) else -1.0
    return [each is not None and each <= limit for each in chances]


def _judged(label: str, rows: pd.DataFrame, horizon: int) -> tuple[RecordLine, float | None]:
    hits = rows["hit"].to_numpy(dtype=np.bool_)
    base = rows["base_rate"].to_numpy(dtype=np.float64)
    days: NDArray[np.datetime64] = rows["entry_session"].dt.tz_localize(None).to_numpy()
    net = rows["net_return"].to_numpy(dtype=np.float64)
    line = record_line(label, horizon, hits=hits, net_returns=net, base_rates=base, entry_sessions=days)
    error = dated_error(hits - base, days, horizon)
    if not line.enough or line.n_dates < LEAST_DATES or not error:
        return line, None
    return line, math.erfc(abs(float((hits - base).mean())) / error / math.sqrt(2))
