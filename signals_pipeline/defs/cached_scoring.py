"""The sentiment model behind its cache: a text is scored once ever for a model revision."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.adapters.model.running import TITLES
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.core.sentiment.tone import LABELS
from signals_pipeline.core.tables import among

CHUNK = 512  # texts kept together: what an interrupted run has in hand
_log = logging.getLogger(__name__)


class Model(Protocol):
    """What scoring needs of a loaded model."""

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        """Logits of shape (n, 3), columns negative, neutral, positive."""
        ...


@dataclass(frozen=True, slots=True)
class ScoringReport:
    """What one call of `Scorer.score` did: texts scored now, texts from the cache, seconds in the model."""

    scored: int
    cached: int
    seconds: float

    @property
    def rate(self) -> float:
        """Texts scored a second, the writing of the cache included; 0 where none was."""
        return self.scored / self.seconds if self.scored else 0.0


@dataclass(frozen=True, slots=True)
class Scorer:
    """A prepared model folder and the cache. The model is loaded only when a text is not in the cache.

    Attributes:
        name: "finbert" or "compact".
        revision: Content-derived revision, part of the cache key.
        quantisation: Arithmetic of the weights, e.g. "int8".
        folder: The model folder.
        load: Loads the model from the folder.
        cache: Where logits are kept.
        fallback: Why this is not the model first asked for; empty where it is.
    """

    name: str
    revision: str
    quantisation: str
    folder: Path
    load: Callable[[Path], Model]
    cache: ScoreCache
    fallback: str = ""

    @property
    def announcement(self) -> str:
        """The log line by which operators know which generator runs on which model."""
        return f"Generating NEWS-DRIVEN trading signals (ML-powered with {TITLES.get(self.name, self.name)})"

    @property
    def description(self) -> str:
        """Model, arithmetic and revision as shown to readers."""
        arithmetic, _, _detail = self.quantisation.partition(":")
        return f"{self.name} {arithmetic} @{self.revision}"

    def scorable(self, headlines: pd.DataFrame) -> pd.DataFrame:
        """The headlines whose tone is asked for: all of them."""
        return headlines

    def score(self, texts: pd.Series) -> tuple[pd.DataFrame, ScoringReport]:
        """Logits of every text.

        Args:
            texts: Texts indexed by their hash, no hash twice.

        Returns:
            Frame of float32 with columns negative, neutral, positive, a row a text in the order given, the same whether
            a text came from the model or from the cache; and what was done for it.
        """
        known = self.cache.get(texts.index.tolist(), self.revision)
        wanted = texts[~among(texts.index, known.index)]
        started = time.perf_counter()
        fresh = [known, *self._chunks(wanted)]
        report = ScoringReport(len(wanted), len(known), time.perf_counter() - started)
        return pd.concat([part for part in fresh if len(part)]).loc[texts.index] if len(texts) else known, report

    def _chunks(self, texts: pd.Series) -> Iterator[pd.DataFrame]:
        """Score texts in order of length, so that equal lengths run together, and say how far it is."""
        ordered = texts.iloc[np.argsort(texts.str.len().to_numpy(), kind="stable")]
        letters, done = max(int(ordered.str.len().sum()), 1), 0
        started = time.perf_counter()
        for at in range(0, len(ordered), CHUNK):
            chunk = ordered.iloc[at : at + CHUNK]
            yield self._score_chunk(chunk)
            done += int(chunk.str.len().sum())
            seconds = time.perf_counter() - started
            left = seconds * (letters - done) / max(done, 1)
            scored = at + len(chunk)
            _log.info(
                "Scored %d of %d headlines, %.0f a second, about %.0f s left",
                scored,
                len(ordered),
                scored / seconds,
                left,
            )

    def _score_chunk(self, texts: pd.Series) -> pd.DataFrame:
        logits = self.load(self.folder).logits(texts.tolist())
        frame = pd.DataFrame(logits, index=texts.index, columns=list(LABELS))
        self.cache.put(frame, self.revision)  # kept chunk by chunk, so that an interrupted run loses little
        return frame


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """In place of a `Scorer` where signals are made without ML: no model folder is read, nothing is scored."""

    revision: str = "none"
    quantisation: str = "none"
    description: str = "none: technical generator"
    fallback: str = ""
    announcement: str = "Generating TECHNICAL trading signals (no model: SIGNAL_GENERATOR=technical)"

    def scorable(self, headlines: pd.DataFrame) -> pd.DataFrame:
        """The headlines whose tone is asked for: none."""
        return headlines.iloc[:0]

    def score(self, texts: pd.Series) -> tuple[pd.DataFrame, ScoringReport]:
        """Logits of no text at all.

        Raises:
            ValueError: a text was given.
        """
        if len(texts):
            raise ValueError(f"{len(texts)} texts to score, but SIGNAL_GENERATOR=technical asks no model")
        return pd.DataFrame(columns=list(LABELS), dtype="float32"), ScoringReport(0, 0, 0.0)
