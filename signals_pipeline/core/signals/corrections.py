"""What becomes of an active signal when a headline behind it is edited or withdrawn.

The window that decided the signal keeps what was known then; the window in which the edit became known tells its reader
which signal rested on the old text, and what its score would be without it and with the new one. The combined score is
that of `core.scoring.scores`, from the headlines stored with the signal.

Signals are decided in `decision`; corrections are put into words in `core.digest.wording`.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pandas as pd

from signals_pipeline.core.scoring.tone_formula import shrunk_tone
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import is_in
from signals_pipeline.core.text import readable

Parts = Sequence[Mapping[str, Any]]
"""A signal's contributions as stored with it: stories with their headlines, and technical components."""

Member = Mapping[str, Any]
"""One headline of a story as stored with the signal."""


@dataclass(frozen=True, slots=True)
class Tone:
    """What a text says of one company: score in [-1, 1] and confidence in [0, 1]."""

    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Revision:
    """The text now behind a link; `title` is empty where it was withdrawn.

    Attributes:
        url: The link.
        title: The title.
        known_at: When a collector first saw it, UTC.
        tones: What it says of each company that it carries tone for, by symbol.
    """

    url: str
    title: str
    known_at: datetime
    tones: Mapping[str, Tone]


@dataclass(frozen=True, slots=True)
class Change:
    """A headline behind a signal whose text has changed; `new_title` is empty where it was withdrawn."""

    title: str
    new_title: str
    url: str
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """An active signal and what became of the headlines that it rests on.

    Attributes:
        signal: The signal, as it was decided.
        changes: The headlines that were edited or withdrawn, by known_at.
        without: Combined score without them.
        with_new: Combined score with their new texts in their place; None where all were withdrawn.
        stands_without: Whether the signal would still be made without them.
        stands_with_new: Whether it would with the new texts; False where all were withdrawn.
    """

    signal: Signal
    changes: tuple[Change, ...]
    without: float
    with_new: float | None
    stands_without: bool
    stands_with_new: bool


def revisions(headlines: pd.DataFrame, sentiment: pd.DataFrame) -> dict[datetime, tuple[Revision, ...]]:
    """The texts that a collector first saw in each window, by known_at; a window without any is left out.

    Args:
        headlines: HEADLINES rows of any windows.
        sentiment: SENTIMENT rows of the same windows.

    Returns:
        By the window's start, UTC.
    """
    # A reconstructed row was never observed, and one known before the window's start is evidence from an earlier one.
    observed = (headlines["url"] != "") & ~headlines["reconstructed"]
    first_seen_here = headlines["known_at"] >= headlines["window_start"]
    rows = headlines.loc[observed & first_seen_here, ["window_start", "known_at", "url", "title", "headline_id"]]
    # A headline has one row per company.
    rows = rows.drop_duplicates().sort_values(["window_start", "known_at", "headline_id", "url", "title"])

    tones = _tones_by_headline(sentiment[is_in(sentiment["headline_id"], rows["headline_id"])])
    by_window: dict[int, list[Revision]] = defaultdict(list)
    for window_start, known_at, url, title, headline_id in zip(
        _microseconds(rows["window_start"]),
        rows["known_at"].dt.to_pydatetime(),
        rows["url"].tolist(),
        rows["title"].tolist(),
        rows["headline_id"].tolist(),
        strict=True,
    ):
        headline_tones = tones.get((window_start, headline_id), {})
        by_window[window_start].append(Revision(url, title, known_at, headline_tones))

    result: dict[datetime, tuple[Revision, ...]] = {}
    for window_start, window_revisions in by_window.items():
        start = pd.Timestamp(window_start, unit="us", tz=UTC).to_pydatetime()
        result[start] = tuple(window_revisions)
    return result


def find_corrections(
    active: Iterable[Signal], unreported: Iterable[Revision], *, min_combined_score: float
) -> tuple[Correction, ...]:
    """The active signals that rest on a text which has changed since they were decided, by symbol.

    Args:
        active: Active signals.
        unreported: Revisions that no digest has reported yet, oldest first; the last of several behind a link counts.
        min_combined_score: MIN_COMBINED_SCORE.
    """
    latest = {revision.url: revision for revision in unreported}
    result: list[Correction] = []
    for signal in sorted(active, key=lambda signal: signal.symbol):
        correction = _correction(signal, latest, min_combined_score)
        if correction is not None:
            result.append(correction)
    return tuple(result)


def rescore(parts: Parts, tone: float, replacements: Mapping[str, Tone | None]) -> tuple[float, float]:
    """Tone and combined score of a signal had the headlines behind some links said something else.

    Args:
        parts: Its contributions.
        tone: Its tone, not 0.
        replacements: By link what its text says instead; None where it carries no tone.

    Returns:
        Tone and combined score, both in [-1, 1].
    """
    stories = [part for part in parts if part["kind"] == "story"]
    # The weight of tone in the combined score is not stored with a signal, but follows from it.
    tone_share = math.fsum(part["contribution"] for part in stories) / tone
    technical = math.fsum(part["contribution"] for part in parts if part["kind"] == "technical")

    weights: list[float] = []
    weighted_scores: list[float] = []
    for part in stories:
        weight, score = _story_tone(part, replacements)
        weights.append(weight)
        weighted_scores.append(weight * score)
    new_tone = shrunk_tone(math.fsum(weights), math.fsum(weighted_scores))
    return new_tone, tone_share * new_tone + technical


def _correction(signal: Signal, latest: Mapping[str, Revision], min_combined_score: float) -> Correction | None:
    """The correction of one signal, or None where nothing that it rests on has changed."""
    parts = _parsed(signal.candidate.contributions)
    changes: dict[str, Change] = {}
    for part in parts:
        # Signals stored before headlines were kept with them have no members.
        for member in part.get("members", ()):
            revision = latest.get(member["url"])
            if revision is None or revision.known_at < signal.decided_at:
                continue
            if _differs(member["title"], revision.title):
                changes[member["url"]] = Change(member["title"], revision.title, member["url"], revision.known_at)
    if not changes:
        return None

    tone = signal.candidate.tone
    withdrawn: dict[str, Tone | None] = dict.fromkeys(changes)
    edited = {url: latest[url].tones.get(signal.symbol) for url in changes}
    tone_without, combined_without = rescore(parts, tone, withdrawn)
    tone_with_new, combined_with_new = rescore(parts, tone, edited)
    any_new_text = any(change.new_title for change in changes.values())
    stands_with_new = _stands(signal, tone_with_new, combined_with_new, min_combined_score)
    return Correction(
        signal=signal,
        changes=tuple(sorted(changes.values(), key=lambda change: (change.known_at, change.url))),
        without=combined_without,
        with_new=combined_with_new if any_new_text else None,
        stands_without=_stands(signal, tone_without, combined_without, min_combined_score),
        stands_with_new=any_new_text and stands_with_new,
    )


# A signal is active for days, and each digest of a range asks for it again.
@lru_cache(maxsize=1_024)
def _parsed(contributions: str) -> Parts:
    return json.loads(contributions)


def _differs(title: str, new_title: str) -> bool:
    """Whether a reader would see another text; case and markup don't count."""
    return readable(title).casefold() != readable(new_title).casefold()


def _stands(signal: Signal, tone: float, combined: float, min_combined_score: float) -> bool:
    """Whether tone and combined score would still pass the gates in the signal's direction."""
    side = 1.0 if signal.signal_type == "BUY" else -1.0
    return side * combined >= min_combined_score and side * combined > 0 and side * tone > 0


def _story_tone(story: Mapping[str, Any], replacements: Mapping[str, Tone | None]) -> tuple[float, float]:
    """Weight A_k and mean score s_k of a story with some of its headlines replaced."""
    members: Sequence[Member] = story["members"]
    if not any(member["url"] in replacements for member in members):
        # The stored numbers, to the last bit.
        return story["weight"], story["tone"]
    weights: list[float] = []
    weighted_scores: list[float] = []
    for member in members:
        weight, score = _headline_tone(member, replacements)
        weights.append(weight)
        weighted_scores.append(weight * score)
    total = math.fsum(weights)
    mean = math.fsum(weighted_scores) / total if total > 0 else 0.0
    return total, mean


def _headline_tone(member: Member, replacements: Mapping[str, Tone | None]) -> tuple[float, float]:
    """Weight and score of one headline; a weight is recency x relevance x novelty x confidence."""
    if member["url"] not in replacements:
        return member["weight"], member["score"]
    tone = replacements[member["url"]]
    if tone is None:
        return 0.0, 0.0
    return member["weight"] / member["confidence"] * tone.confidence, tone.score


def _tones_by_headline(sentiment: pd.DataFrame) -> dict[tuple[int, str], dict[str, Tone]]:
    """What each headline says of each company it carries tone for.

    Returns:
        By window_start (microseconds since 1970) and headline_id, then by symbol.
    """
    tones: dict[tuple[int, str], dict[str, Tone]] = defaultdict(dict)
    rows = sentiment[sentiment["weight"] > 0]
    for window_start, headline_id, symbol, score, confidence in zip(
        _microseconds(rows["window_start"]),
        rows["headline_id"].tolist(),
        rows["symbol"].tolist(),
        rows["score"].tolist(),
        rows["confidence"].tolist(),
        strict=True,
    ):
        tones[window_start, headline_id][symbol] = Tone(score, confidence)
    return tones


def _microseconds(instants: pd.Series) -> list[int]:
    """Microseconds since 1970: integers are compared and hashed faster than timestamps."""
    return instants.dt.as_unit("us").astype("int64").tolist()
