"""The sentiment model behind its score cache: a model revision scores each text once."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.adapters.model.inference import DISPLAY_NAMES
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.core.sentiment.tone import LABELS
from signals_pipeline.core.tables import is_in

CHUNK = 512  # texts scored and cached together: what an interrupted run loses at most
_log = logging.getLogger(__name__)


class Model(Protocol):
    """The part of a loaded model that scoring uses."""

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """Logits of shape (n, 3), columns negative, neutral, positive."""
        ...


@dataclass(frozen=True, slots=True)
class ScoringReport:
    """What one call of `Scorer.score` did.

    Attributes:
        scored: Number of texts that the model scored.
        cached: Number of texts whose logits were in the cache.
        seconds: Time to score and to write the cache.
    """

    scored: int
    cached: int
    seconds: float

    @property
    def rate(self) -> float:
        """Texts scored per second, writing the cache included; 0 if none was scored."""
        return self.scored / self.seconds if self.scored else 0.0


@dataclass(frozen=True, slots=True)
class Scorer:
    """A prepared model and the score cache. The model is loaded only for texts that are not in the cache.

    Attributes:
        name: The model's name, e.g. "finbert" or "compact".
        revision: Content-derived revision, part of the cache key.
        quantisation: Arithmetic of the weights, e.g. "int8".
        folder: The model folder.
        load: Loads the model from the folder.
        cache: Cache of the logits.
        fallback: Why another model than the preferred one is used; empty if this is the preferred one.
        origin: Repository, commit and kind of the checkpoint that the model was made from; empty for the compact one.
    """

    name: str
    revision: str
    quantisation: str
    folder: Path
    load: Callable[[Path], Model]
    cache: ScoreCache
    fallback: str = ""
    origin: str = ""

    @property
    def announcement(self) -> str:
        """Log line that names the generator and its model."""
        return f"Generating NEWS-DRIVEN trading signals (ML-powered with {DISPLAY_NAMES.get(self.name, self.name)})"

    @property
    def description(self) -> str:
        """Model, arithmetic, revision and origin, as shown to readers."""
        arithmetic, _, _ = self.quantisation.partition(":")
        made_from = f" from {self.origin}" if self.origin else ""
        return f"{self.name} {arithmetic} @{self.revision}{made_from}"

    def scorable(self, headlines: pd.DataFrame) -> pd.DataFrame:
        """The headlines that are scored: all of them."""
        return headlines

    def score(self, texts: pd.Series) -> tuple[pd.DataFrame, ScoringReport]:
        """Logits of every text.

        Args:
            texts: Texts indexed by their hash, no hash twice.

        Returns:
            A float32 frame with columns negative, neutral, positive and one row per text in the order given, the same
            whether a text came from the model or from the cache; and a report of the work done.
        """
        cached = self.cache.get(texts.index.tolist(), self.revision)
        uncached = texts[~is_in(texts.index, cached.index)]
        started = time.perf_counter()
        scored = list(self._score_in_chunks(uncached))
        report = ScoringReport(len(uncached), len(cached), time.perf_counter() - started)
        if texts.empty:
            return cached, report
        frames = [frame for frame in (cached, *scored) if len(frame)]
        return pd.concat(frames).loc[texts.index], report

    def _score_in_chunks(self, texts: pd.Series) -> Iterator[pd.DataFrame]:
        """Score texts chunk by chunk and log the progress.

        They are ordered by length, because a batch takes as long as its longest text.
        """
        ordered = texts.iloc[np.argsort(texts.str.len().to_numpy(), kind="stable")]
        # The time left is estimated from characters: later texts are longer and take longer.
        total_characters = int(ordered.str.len().sum())
        done_characters = 0
        started = time.perf_counter()
        for first in range(0, len(ordered), CHUNK):
            chunk = ordered.iloc[first : first + CHUNK]
            yield self._score_chunk(chunk)

            scored = first + len(chunk)
            done_characters += int(chunk.str.len().sum())
            seconds = time.perf_counter() - started
            seconds_left = seconds * (total_characters - done_characters) / max(done_characters, 1)
            _log.info(
                "Scored %d of %d headlines, %.0f per second, about %.0f s left",
                scored,
                len(ordered),
                scored / seconds,
                seconds_left,
            )

    def _score_chunk(self, texts: pd.Series) -> pd.DataFrame:
        logits = self.load(self.folder).logits(texts.tolist())
        frame = pd.DataFrame(logits, index=texts.index, columns=list(LABELS))
        self.cache.put(frame, self.revision)  # chunk by chunk, so that an interrupted run loses little
        return frame


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """Stands in for `Scorer` when signals are generated without ML: reads no model and scores nothing."""

    revision: str = "none"
    quantisation: str = "none"
    description: str = "none: technical generator"
    fallback: str = ""
    announcement: str = "Generating TECHNICAL trading signals (no model: SIGNAL_GENERATOR=technical)"

    def scorable(self, headlines: pd.DataFrame) -> pd.DataFrame:
        """The headlines that are scored: none."""
        return headlines.iloc[:0]

    def score(self, texts: pd.Series) -> tuple[pd.DataFrame, ScoringReport]:
        """An empty frame of logits.

        Raises:
            ValueError: there is a text to score.
        """
        if len(texts):
            raise ValueError(f"{len(texts)} texts to score, but SIGNAL_GENERATOR=technical uses no model")
        return pd.DataFrame(columns=list(LABELS), dtype="float32"), ScoringReport(0, 0, 0.0)
