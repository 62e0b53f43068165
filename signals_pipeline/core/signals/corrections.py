"""What becomes of an active signal when a headline behind it is edited or withdrawn.

The window that decided the signal keeps what was known then; the window in which the edit became known tells its reader
which signal rested on the old text, and what its score would be without it and with the new one. The combined score is
that of `scores`, from the headlines kept with the signal: with the sum A_k of story k's headline weights and s_k their
mean score, tone = sum A_k s_k / sum A_k * n / (n + 0.5), n = (sum A_k)^2 / sum A_k^2 (Kish, 1965, section 11.7).
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

from signals_pipeline.core.scoring.scores import SHRINKAGE
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import among
from signals_pipeline.core.text import readable

Parts = Sequence[Mapping[str, Any]]
Member = Mapping[str, Any]

_BY_TIME = ["known_at", "headline_id", "url", "title"]


@dataclass(frozen=True, slots=True)
class Tone:
    """What a text says of one company: score in [-1, 1] and confidence in [0, 1]."""

    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Revision:
    """A text as it stands behind a link; `title` is empty where it was withdrawn.

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
    """A headline behind a signal that no longer reads as it did; `new_title` is empty where it was withdrawn."""

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
        By the window's start.
    """
    seen = (headlines["url"] != "") & ~headlines["reconstructed"] & (headlines["known_at"] >= headlines["window_start"])
    rows = headlines.loc[seen, ["window_start", "known_at", "url", "title", "headline_id"]].drop_duplicates()
    rows = rows.sort_values(["window_start", *_BY_TIME])
    tones = _tones(sentiment[among(sentiment["headline_id"], rows["headline_id"])])
    known_at = rows["known_at"].dt.to_pydatetime()
    columns = (rows[name].tolist() for name in ("url", "title", "headline_id"))
    found: dict[int, list[Revision]] = defaultdict(list)
    for start, at, url, title, identity in zip(_ticks(rows["window_start"]), known_at, *columns, strict=True):
        found[start].append(Revision(url, title, at, tones.get((start, identity), {})))
    return {pd.Timestamp(start, unit="us", tz=UTC).to_pydatetime(): tuple(each) for start, each in found.items()}


def corrections(standing: Iterable[Signal], known: Iterable[Revision], *, least: float) -> tuple[Correction, ...]:
    """The active signals that rest on a text which has changed since they were decided, by symbol.

    Args:
        standing: Active signals.
        known: What the reader has not been told yet, oldest first; of several texts behind a link the last counts.
        least: MIN_COMBINED_SCORE.
    """
    by_url = {each.url: each for each in known}
    found = (_correction(each, by_url, least) for each in sorted(standing, key=lambda each: each.symbol))
    return tuple(each for each in found if each is not None)


def rescored(parts: Parts, tone: float, replaced: Mapping[str, Tone | None]) -> tuple[float, float]:
    """Tone and combined score of a signal had the headlines behind some links said something else.

    Args:
        parts: Its contributions.
        tone: Its tone, not 0.
        replaced: By link what its text says instead; None where it carries no tone.

    Returns:
        Tone and combined score, both in [-1, 1].
    """
    stories = [part for part in parts if part["kind"] == "story"]
    # The share of tone in the score is not kept with a signal, but follows from it.
    share = math.fsum(part["contribution"] for part in stories) / tone
    price = math.fsum(part["contribution"] for part in parts if part["kind"] == "technical")
    weighed = [_weighed(part, replaced) for part in stories]
    weight = math.fsum(each for each, _ in weighed)
    if weight <= 0:
        return 0.0, price
    largest = max(each for each, _ in weighed)
    relative = [each / largest for each, _ in weighed]  # lest squares of tiny weights vanish
    effective = math.fsum(relative) ** 2 / math.fsum(each**2 for each in relative)
    mean = math.fsum(each * said for each, (_, said) in zip(relative, weighed, strict=True)) / math.fsum(relative)
    new_tone = mean * effective / (effective + SHRINKAGE)
    return new_tone, share * new_tone + price


def _correction(signal: Signal, by_url: Mapping[str, Revision], least: float) -> Correction | None:
    parts = _parts(signal.candidate.contributions)
    changed: dict[str, tuple[Member, Revision]] = {}
    for member in (each for part in parts for each in part.get("members", ())):  # none in rows of earlier revisions
        revision = by_url.get(member["url"])
        if (
            revision is not None
            and revision.known_at >= signal.decided_at
            and _differs(member["title"], revision.title)
        ):
            changed[member["url"]] = (member, revision)
    if not changed:
        return None
    tone = signal.candidate.tone
    withdrawn = dict.fromkeys(changed)
    edited = {url: revision.tones.get(signal.symbol) for url, (_, revision) in changed.items()}
    without, with_new = (rescored(parts, tone, each) for each in (withdrawn, edited))
    any_text = any(revision.title for _, revision in changed.values())
    return Correction(
        signal=signal,
        changes=tuple(
            sorted((_change(*each) for each in changed.values()), key=lambda each: (each.known_at, each.url))
        ),
        without=without[1],
        with_new=with_new[1] if any_text else None,
        stands_without=_stands(signal, *without, least),
        stands_with_new=any_text and _stands(signal, *with_new, least),
    )


@lru_cache(maxsize=1_024)  # a signal stands for days: a range's digests ask for it window after window
def _parts(contributions: str) -> Parts:
    return json.loads(contributions)


def _change(member: Member, revision: Revision) -> Change:
    return Change(member["title"], revision.title, member["url"], revision.known_at)


def _differs(title: str, other: str) -> bool:
    return readable(title).casefold() != readable(other).casefold()


def _stands(signal: Signal, tone: float, combined: float, least: float) -> bool:
    """Whether tone and combined score would still pass the gates in the signal's direction."""
    side = 1.0 if signal.signal_type == "BUY" else -1.0
    return side * combined >= least and side * combined > 0 and side * tone > 0


def _weighed(part: Mapping[str, Any], replaced: Mapping[str, Tone | None]) -> tuple[float, float]:
    """Weight A_k and mean score s_k of a story with some of its headlines replaced."""
    if not any(member["url"] in replaced for member in part["members"]):
        return part["weight"], part["tone"]
    said = [_says(member, replaced) for member in part["members"]]
    weight = math.fsum(each for each, _ in said)
    return weight, math.fsum(each * score for each, score in said) / weight if weight > 0 else 0.0


def _says(member: Member, replaced: Mapping[str, Tone | None]) -> tuple[float, float]:
    """Weight and score of one headline; a weight is recency x relevance x novelty x confidence."""
    if member["url"] not in replaced:
        return member["weight"], member["score"]
    tone = replaced[member["url"]]
    if tone is None:
        return 0.0, 0.0
    return member["weight"] / member["confidence"] * tone.confidence, tone.score


def _tones(sentiment: pd.DataFrame) -> dict[tuple[int, str], dict[str, Tone]]:
    """What a headline says in a window of each company it carries tone for, by window_start (ticks) and headline_id."""
    found: dict[tuple[int, str], dict[str, Tone]] = defaultdict(dict)
    rows = sentiment[sentiment["weight"] > 0]
    columns = (rows[name].tolist() for name in ("headline_id", "symbol", "score", "confidence"))
    for start, identity, symbol, score, confidence in zip(_ticks(rows["window_start"]), *columns, strict=True):
        found[start, identity][symbol] = Tone(score, confidence)
    return found


def _ticks(instants: pd.Series) -> list[int]:
    """Microseconds since 1970: numbers are compared and hashed sooner than instants."""
    return instants.dt.as_unit("us").astype("int64").tolist()
