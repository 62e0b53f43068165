"""The stored frames of some windows, arranged so that tone under other knobs is a few sums; no text is scored again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.record.forward_returns import Panel, Reals, window_places
from signals_pipeline.core.scoring.scores import SHRINKAGE
from signals_pipeline.core.sentiment.tone import age_hours, recency_of, weight_of
from signals_pipeline.core.windows import Window

Marks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Tones:
    """Tone of every company in every window under one half-life and least confidence, each (windows, symbols).

    Attributes:
        tone: Shrunk tone, 0 without a story.
        told: Whether a story carries tone.
        fresh: Whether one of them began in the window.
    """

    tone: Reals
    told: Marks
    fresh: Marks


@dataclass(frozen=True, eq=False, slots=True)
class Evidence:
    """The stored frames of some windows, arranged for replays: scores as a panel, headlines in the order of summation.

    Attributes:
        panel: Scores; of them a replay takes who was scored and the technical score.
        cell: Place of each headline in the panel, window by window.
        story: Running number of each headline's story.
        hours: Age at the window's end.
        relevance: As in the SENTIMENT frame, like the rest.
        novelty: ...
        confidence: ...
        score: ...
        old: Whether the story began before the window.
    """

    panel: Panel
    cell: NDArray[np.int64]
    story: NDArray[np.int64]
    hours: Reals
    relevance: Reals
    novelty: Reals
    confidence: Reals
    score: Reals
    old: Marks

    @classmethod
    def of(cls, sentiment: pd.DataFrame, scores: pd.DataFrame, windows: Sequence[Window]) -> "Evidence":
        """Arrange the SENTIMENT and SCORES rows of these windows.

        Raises:
            ValueError: a headline was not known before its window's end.
        """
        panel = Panel.of(scores, windows)
        row = window_places(sentiment, panel.windows)
        column = pd.Index(panel.symbols, dtype="str").get_indexer(pd.Index(sentiment["symbol"], dtype="str"))
        kept = (row >= 0) & (column >= 0)
        kept[kept] = panel.scored[row[kept], column[kept]]
        rows = sentiment.loc[kept].assign(cell=row[kept] * len(panel.symbols) + column[kept])
        rows = rows.sort_values(["cell", "story_id", "known_at", "headline_id"], ignore_index=True)
        ends = pd.DatetimeIndex([window.as_of for window in panel.windows], dtype="datetime64[us, UTC]")
        cell = rows["cell"].to_numpy(dtype=np.int64)
        return cls(
            panel=panel,
            cell=cell,
            story=np.asarray(np.cumsum(~rows.duplicated(["cell", "story_id"]).to_numpy()) - 1, dtype=np.int64),
            hours=age_hours(rows, ends[cell // max(len(panel.symbols), 1)]),
            relevance=rows["relevance"].to_numpy(dtype=np.float64),
            novelty=rows["novelty"].to_numpy(dtype=np.float64),
            confidence=rows["confidence"].to_numpy(dtype=np.float64),
            score=rows["score"].to_numpy(dtype=np.float64),
            old=rows["told"].to_numpy(dtype=np.bool_),
        )

    def tones(self, min_confidence: float, half_life_hours: float) -> Tones:
        """Tone under these two knobs, by the formulas of `scores`, to the last bit."""
        recency = recency_of(self.hours, half_life_hours)
        weight = weight_of(recency, self.relevance, self.novelty, self.confidence, min_confidence)
        carrying = weight > 0
        of_story = np.bincount(self.story, weights=weight)
        weighed = of_story > 0
        first = np.append(True, self.story[1:] != self.story[:-1])[: len(self.story)]
        cell, mass = self.cell[first][weighed], of_story[weighed]
        mean = np.bincount(self.story, weights=weight * self.score)[weighed] / mass
        fresh = np.bincount(self.story, weights=self.old & carrying)[weighed] == 0
        shape, size = self.panel.scored.shape, self.panel.scored.size
        largest = np.zeros(size)
        np.maximum.at(largest, cell, mass)
        share = mass / largest[cell]
        linear, square, toned = (np.bincount(cell, part, size) for part in (share, share**2, share * mean))
        told = square > 0
        number = np.divide(linear**2, square, out=np.zeros(size), where=told)
        tone = np.divide(toned, linear, out=np.zeros(size), where=told) * number / (number + SHRINKAGE)
        new = np.bincount(cell[fresh], minlength=size) > 0
        return Tones(tone.reshape(shape), told.reshape(shape), new.reshape(shape))
