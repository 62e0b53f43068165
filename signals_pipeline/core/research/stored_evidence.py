"""The stored frames of some windows, arranged so that tone under other parameters is a few sums.

No text is scored again. `replay` decides windows from this; the formulas are those of `core.scoring.scores`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.arrays import BoolArray, FloatArray
from signals_pipeline.core.record.forward_returns import ScorePanel, window_places
from signals_pipeline.core.scoring.scores import SHRINKAGE
from signals_pipeline.core.sentiment.tone import age_hours, headline_weight, recency_factor
from signals_pipeline.core.windows import Window


@dataclass(frozen=True, eq=False, slots=True)
class ToneGrid:
    """Tone of every company in every window under one half-life and minimum confidence, each (windows, symbols).

    Attributes:
        tone: Shrunk tone, 0 without a story.
        has_tone: Whether a story carries tone.
        fresh: Whether one of them began in the window.
    """

    tone: FloatArray
    has_tone: BoolArray
    fresh: BoolArray


@dataclass(frozen=True, eq=False, slots=True)
class StoredEvidence:
    """The stored frames of some windows, arranged for replays: scores as a panel, headlines in the order of summation.

    Attributes:
        panel: Scores; a replay uses which companies were scored and their technical score.
        cell: Place of each headline in the flattened panel, window by window.
        story: Running number of each headline's story.
        hours: Age at the window's end.
        relevance: As in the SENTIMENT frame, like the rest.
        novelty: ...
        confidence: ...
        score: ...
        old: Whether the story began before the window.
    """

    panel: ScorePanel
    cell: NDArray[np.int64]
    story: NDArray[np.int64]
    hours: FloatArray
    relevance: FloatArray
    novelty: FloatArray
    confidence: FloatArray
    score: FloatArray
    old: BoolArray

    @classmethod
    def from_frames(cls, sentiment: pd.DataFrame, scores: pd.DataFrame, windows: Sequence[Window]) -> "StoredEvidence":
        """Arrange the SENTIMENT and SCORES rows of these windows.

        Raises:
            ValueError: a headline was not known before its window's end.
        """
        panel = ScorePanel.from_scores(scores, windows)
        n_symbols = len(panel.symbols)
        row = window_places(sentiment, panel.windows)
        column = pd.Index(panel.symbols, dtype="str").get_indexer(pd.Index(sentiment["symbol"], dtype="str"))

        # Headlines of other windows, and of companies that were not scored, take no part.
        used = (row >= 0) & (column >= 0)
        used[used] = panel.scored[row[used], column[used]]
        rows = sentiment.loc[used].assign(cell=row[used] * n_symbols + column[used])
        # In the order in which `scores` adds them up, so that sums agree to the last bit.
        rows = rows.sort_values(["cell", "story_id", "known_at", "headline_id"], ignore_index=True)
        cell = rows["cell"].to_numpy(dtype=np.int64)

        starts_story = ~rows.duplicated(["cell", "story_id"]).to_numpy()
        ends = pd.DatetimeIndex([window.as_of for window in panel.windows], dtype="datetime64[us, UTC]")
        window_ends = ends.take(cell // max(n_symbols, 1))
        return cls(
            panel=panel,
            cell=cell,
            story=np.asarray(np.cumsum(starts_story) - 1, dtype=np.int64),
            hours=age_hours(rows, window_ends),
            relevance=rows["relevance"].to_numpy(dtype=np.float64),
            novelty=rows["novelty"].to_numpy(dtype=np.float64),
            confidence=rows["confidence"].to_numpy(dtype=np.float64),
            score=rows["score"].to_numpy(dtype=np.float64),
            old=rows["told"].to_numpy(dtype=np.bool_),
        )

    def tones(self, min_confidence: float, half_life_hours: float) -> ToneGrid:
        """Tone under these two parameters, by the formulas of `scores`, to the last bit.

        With A_k the sum of story k's headline weights and s_k their mean score: tone = sum A_k s_k / sum A_k x
        n / (n + SHRINKAGE), n = (sum A_k)^2 / sum A_k^2 the effective number of stories (Kish 1965).
        """
        # Headlines: their weights.
        recency = recency_factor(self.hours, half_life_hours)
        weight = headline_weight(recency, self.relevance, self.novelty, self.confidence, min_confidence)
        carries_tone = weight > 0

        # Stories: weight, mean score, and whether none of the headlines that count belongs to an old story.
        story_weight = np.bincount(self.story, weights=weight)
        counts = story_weight > 0
        starts_story = np.append(True, self.story[1:] != self.story[:-1])[: len(self.story)]
        cell = self.cell[starts_story][counts]
        story_score = np.bincount(self.story, weights=weight * self.score)[counts] / story_weight[counts]
        story_weight = story_weight[counts]
        is_fresh = np.bincount(self.story, weights=self.old & carries_tone)[counts] == 0

        # Companies: sums over their stories, relative to the largest so that squares of tiny weights don't vanish.
        size = self.panel.scored.size
        largest = np.zeros(size)
        np.maximum.at(largest, cell, story_weight)
        relative = story_weight / largest[cell]
        total = np.bincount(cell, relative, size)
        total_squares = np.bincount(cell, relative**2, size)
        total_scores = np.bincount(cell, relative * story_score, size)
        has_tone = total_squares > 0
        effective = np.divide(total**2, total_squares, out=np.zeros(size), where=has_tone)
        mean = np.divide(total_scores, total, out=np.zeros(size), where=has_tone)
        tone = mean * effective / (effective + SHRINKAGE)
        fresh = np.bincount(cell[is_fresh], minlength=size) > 0

        shape = self.panel.scored.shape
        return ToneGrid(tone.reshape(shape), has_tone.reshape(shape), fresh.reshape(shape))
