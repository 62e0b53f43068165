"""The sentiment model behind its score cache: a model revision scores each text once."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from signals_pipeline.adapters.model.inference import DISPLAY_NAMES, ScoredText, Scores
from signals_pipeline.core.sentiment.tone import LABELS
from signals_pipeline.core.tables import is_in

CHUNK = 512  # texts scored and cached together: what an interrupted run loses at most
_log = logging.getLogger(__name__)


class Model(Protocol):
    """The part of a loaded model that scoring uses."""

    def score(self, texts: Sequence[ScoredText]) -> Scores:
        """Logits, shape (n, 3), and event types of texts."""
        ...


class Cache(Protocol):
    """A cache of scores by text hash and model revision; `adapters.stores.score_cache.ScoreCache` is the database's."""

    def get(self, hashes: Iterable[str], model_revision: str) -> pd.DataFrame:
        """The scores that are in the cache."""
        ...

    def put(self, scores: pd.DataFrame, model_revision: str) -> None:
        """Store scores."""
        ...


@dataclass(frozen=True, slots=True)
class ScoringReport:
    """What one call of `Scorer.score` did.

    Attributes:
        scored: Number of texts that a model scored.
        cached: Number of texts whose scores were in the cache.
        seconds: Time to score and to write the cache.
        cut_spans: Number of scored texts that were cut before the company's name, and so were scored as a whole.
    """

    scored: int
    cached: int
    seconds: float
    cut_spans: int = 0

    @property
    def rate(self) -> float:
        """Texts scored per second, writing the cache included; 0 if none was scored."""
        return self.scored / self.seconds if self.scored else 0.0

    def plus(self, other: "ScoringReport") -> "ScoringReport":
        """The report of both calls."""
        return ScoringReport(
            self.scored + other.scored,
            self.cached + other.cached,
            self.seconds + other.seconds,
            self.cut_spans + other.cut_spans,
        )


@dataclass(frozen=True, slots=True)
class Scorer:
    """A prepared model and the score cache. The model is loaded only for texts that are not in the cache.

    Attributes:
        name: The model's name, e.g. "finbert" or "compact".
        revision: Content-derived revision, part of the cache key.
        quantisation: Arithmetic of the weights, e.g. "int8".
        folder: The model folder.
        load: Loads the model from the folder.
        cache: Cache of the scores.
        fallback: Why another model than the preferred one is used; empty if this is the preferred one.
        origin: Repository, commit and kind of the checkpoint that the model was made from; empty for the compact one.
        companion: Scores texts with a span, and the event of every text, where this model has no heads for them; None
            where it has both.
    """

    name: str
    revision: str
    quantisation: str
    folder: Path
    load: Callable[[Path], Model]
    cache: Cache
    fallback: str = ""
    origin: str = ""
    companion: "Scorer | None" = None

    @property
    def announcement(self) -> str:
        """Log line that names the generator and its model."""
        return f"Generating NEWS-DRIVEN trading signals (ML-powered with {DISPLAY_NAMES.get(self.name, self.name)})"

    @property
    def description(self) -> str:
        """Model, arithmetic, revision and origin, as shown to readers; with the companion's where there is one."""
        arithmetic, _, _ = self.quantisation.partition(":")
        made_from = f" from {self.origin}" if self.origin else ""
        own = f"{self.name} {arithmetic} @{self.revision}{made_from}"
        return f"{own} with {self.companion.description}" if self.companion else own

    def scorable(self, headlines: pd.DataFrame) -> pd.DataFrame:
        """The headlines that are scored: all of them."""
        return headlines

    def score(self, texts: pd.DataFrame) -> tuple[pd.DataFrame, ScoringReport]:
        """Logits and event types of every text.

        Args:
            texts: Columns text and span, indexed by their hash, no hash twice.

        Returns:
            A frame with columns negative, neutral, positive (float32) and event (text, empty where no model has an
            event head), one row per text in the order given, the same whether a text came from the model or from the
            cache; and a report of the work done.
        """
        if self.companion is None:
            return self._score_alone(texts)

        # The companion's scores of every text, the logits of whole texts replaced by this model's.
        scores, companion_report = self.companion.score(texts)
        whole, own_report = self._score_alone(texts[texts["span"] == ""])
        scores.loc[whole.index, list(LABELS)] = whole[list(LABELS)]
        return scores, own_report.plus(companion_report)

    def _score_alone(self, texts: pd.DataFrame) -> tuple[pd.DataFrame, ScoringReport]:
        """The same by this model for all of these texts."""
        cached = self.cache.get(texts.index.tolist(), self.revision)
        uncached = texts[~is_in(texts.index, cached.index)]
        started = time.perf_counter()
        chunks = list(self._score_in_chunks(uncached))
        seconds = time.perf_counter() - started
        cut_spans = sum(chunk_cut_spans for _, chunk_cut_spans in chunks)
        if cut_spans:
            _log.warning("%d headlines were cut before the company's name and scored as a whole", cut_spans)
        report = ScoringReport(len(uncached), len(cached), seconds, cut_spans)
        if texts.empty:
            return cached, report
        frames = [frame for frame in (cached, *(chunk for chunk, _ in chunks)) if len(frame)]
        return pd.concat(frames).loc[texts.index], report

    def _score_in_chunks(self, texts: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, int]]:
        """Score texts chunk by chunk and log the progress; each chunk's frame and its number of cut spans.

        They are ordered by length, because a batch takes as long as its longest text.
        """
        ordered = texts.iloc[np.argsort(texts["text"].str.len().to_numpy(), kind="stable")]
        # The time left is estimated from characters: later texts are longer and take longer.
        total_characters = int(ordered["text"].str.len().sum())
        done_characters = 0
        started = time.perf_counter()
        for first in range(0, len(ordered), CHUNK):
            chunk = ordered.iloc[first : first + CHUNK]
            yield self._score_chunk(chunk)

            scored = first + len(chunk)
            done_characters += int(chunk["text"].str.len().sum())
            seconds = time.perf_counter() - started
            seconds_left = seconds * (total_characters - done_characters) / max(done_characters, 1)
            _log.info(
                "Scored %d of %d headlines, %.0f per second, about %.0f s left",
                scored,
                len(ordered),
                scored / seconds,
                seconds_left,
            )

    def _score_chunk(self, texts: pd.DataFrame) -> tuple[pd.DataFrame, int]:
        pairs = zip(texts["text"].tolist(), texts["span"].tolist(), strict=True)
        scores = self.load(self.folder).score([ScoredText(text, span) for text, span in pairs])
        frame = pd.DataFrame(scores.logits, index=texts.index, columns=list(LABELS))
        frame["event"] = pd.Series(scores.events, index=texts.index, dtype="str")
        self.cache.put(frame, self.revision)  # chunk by chunk, so that an interrupted run loses little
        return frame, scores.cut_spans


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

    def score(self, texts: pd.DataFrame) -> tuple[pd.DataFrame, ScoringReport]:
        """An empty frame of scores.

        Raises:
            ValueError: there is a text to score.
        """
        if len(texts):
            raise ValueError(f"{len(texts)} texts to score, but SIGNAL_GENERATOR=technical uses no model")
        scores = pd.DataFrame(columns=list(LABELS), dtype="float32")
        scores["event"] = pd.Series(dtype="str")
        return scores, ScoringReport(0, 0, 0.0)
