"""The stored frames of some windows, arranged so that tone under other parameters is a few sums.

No text is scored again. `replay` decides windows from this; the formulas are those of `core.sentiment.tone` and
`core.scoring.tone_formula`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.arrays import BoolArray, FloatArray
from signals_pipeline.core.record.forward_returns import ScorePanel, window_places
from signals_pipeline.core.scoring.tone_formula import company_tone, sum_by_group
from signals_pipeline.core.sentiment.tone import headline_weight, market_age, recency_factor
from signals_pipeline.core.windows import Sessions, Window


@dataclass(frozen=True, eq=False, slots=True)
class ToneGrid:
    """Tone of every company in every window under one set of tone parameters, each (windows, symbols).

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
        hours: Age at the window's end, market hours.
        relevance: As in the SENTIMENT frame, like the rest.
        novelty: ...
        confidence: ...
        score: ...
        event: ..., shape (n,), of Python's own texts.
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
    event: NDArray[np.object_]
    old: BoolArray

    @classmethod
    def from_frames(
        cls,
        sentiment: pd.DataFrame,
        scores: pd.DataFrame,
        windows: Sequence[Window],
        sessions: Sessions,
    ) -> "StoredEvidence":
        """Arrange the SENTIMENT and SCORES rows of these windows.

        Args:
            sentiment: SENTIMENT rows.
            scores: SCORES rows.
            windows: The windows.
            sessions: Trading sessions, for the headlines' age.

        Raises:
            ValueError: a headline was not known before its window's end.
            WindowError: the sessions end long before the last window.
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
            hours=market_age(rows, window_ends, sessions),
            relevance=rows["relevance"].to_numpy(dtype=np.float64),
            novelty=rows["novelty"].to_numpy(dtype=np.float64),
            confidence=rows["confidence"].to_numpy(dtype=np.float64),
            score=rows["score"].to_numpy(dtype=np.float64),
            event=rows["event"].to_numpy(dtype=object),
            old=rows["told"].to_numpy(dtype=np.bool_),
        )

    def tones(self, min_confidence: float, half_life_hours: float, tone_events: Collection[str]) -> ToneGrid:
        """Tone under these parameters, by the formulas of `scores`, to the last bit."""
        # Headlines: their weights.
        recency = recency_factor(self.hours, half_life_hours)
        is_toned: BoolArray = np.isin(self.event.astype(np.str_), sorted(tone_events))
        weight = headline_weight(
            recency,
            self.relevance,
            self.novelty,
            self.confidence,
            carries_tone=is_toned & (self.confidence >= min_confidence),
        )
        carries_tone = weight > 0

        # Stories: weight, and whether none of the headlines that count belongs to an old story.
        n_stories = int(self.story[-1]) + 1 if len(self.story) else 0
        story_weight = sum_by_group(self.story, weight, n_stories)
        counts = story_weight > 0
        starts_story = np.append(True, self.story[1:] != self.story[:-1])[: len(self.story)]
        cell = self.cell[starts_story][counts]
        story_score = sum_by_group(self.story, weight * self.score, n_stories)[counts]
        is_fresh = np.bincount(self.story, weights=self.old & carries_tone)[counts] == 0

        # Companies: sums over their stories.
        size = self.panel.scored.size
        tone = company_tone(cell, story_weight[counts], story_score, size).tone
        has_tone = np.bincount(cell, minlength=size) > 0
        fresh = np.bincount(cell[is_fresh], minlength=size) > 0

        shape = self.panel.scored.shape
        return ToneGrid(tone.reshape(shape), has_tone.reshape(shape), fresh.reshape(shape))
