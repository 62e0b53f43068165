"""The digest as a value: everything that the e-mail, the pages and the API say, and its exact JSON.

Nothing here computes: `composition` does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, Self

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.record.track_record import RecordLine
from signals_pipeline.core.signals.decision import NearMiss
from signals_pipeline.core.text import shorten

VERSION = 1
_JSON_TYPES = (str, float, int, bool, type(None), dict)
DigestKind = Literal["full", "quiet", "degraded"]


class DigestError(SignalsError, ValueError):
    """A stored digest can't be read; the message is one line."""


@dataclass(frozen=True, slots=True)
class Card:
    """One signal as the digest tells it.

    Attributes:
        symbol: Ticker.
        company: Its name.
        signal_type: `BUY` or `SELL`.
        lifecycle: `new`, `stronger` or `flipped`.
        combined_score: In [-1, 1]; the contributions sum to it.
        tone: In [-1, 1].
        confidence_score: Tone confidence in [0, 1], never a chance of profit.
        technical: In [-1, 1]; None where there are too few bars.
        fragile: It rests on a single story.
        fresh: At least one story began in its window.
        source: `news_driven_ml` or `technical`.
        contributions: One a story, largest first, then one a technical component.
        news_title: Title of the leading story.
        news_url: Its link; empty where there is none.
        sentences: Why, in words.
        without: One a story: the score without it and what would be left, such as `+0.24, no signal`.
        record: How similar signals did, one line a horizon.
        closes: Last closes before the digest, at most 60, oldest first.
        sessions: Their dates, ISO.
        decided_at: When it was decided, UTC.
        expires_at: When it stops being active, UTC.
        mode: Mode of the run that decided it.
    """

    symbol: str
    company: str
    signal_type: str
    lifecycle: str
    combined_score: float
    tone: float
    confidence_score: float
    technical: float | None
    fragile: bool
    fresh: bool
    source: str
    contributions: tuple[dict[str, Any], ...]
    news_title: str
    news_url: str
    sentences: tuple[str, ...]
    without: tuple[str, ...]
    record: tuple[RecordLine, ...]
    closes: tuple[float, ...]
    sessions: tuple[str, ...]
    decided_at: datetime
    expires_at: datetime
    mode: str

    @property
    def stories(self) -> tuple[dict[str, Any], ...]:
        """Contributions of stories, largest first."""
        return tuple(part for part in self.contributions if part["kind"] == "story")

    @property
    def components(self) -> tuple[dict[str, Any], ...]:
        """Contributions of technical components."""
        return tuple(part for part in self.contributions if part["kind"] == "technical")

    @property
    def leave_one_out(self) -> tuple[str, ...]:
        """One sentence a story, such as `Without “title…”: +0.24, no signal.`."""
        told = zip(self.stories, self.without, strict=True)
        return tuple(f"Without “{shorten(part['title'], 60)}”: {left}." for part, left in told)


@dataclass(frozen=True, slots=True)
class ActiveLine:
    """An earlier signal that is still active, or that has just expired.

    Attributes:
        symbol: Ticker.
        company: Its name.
        signal_type: `BUY` or `SELL`.
        combined_score: Combined score when it was decided.
        now: Combined score of this window where the company passed the gates again (a repeat); None otherwise.
        news_title: Title of its leading story.
        decided_at: When it was decided, UTC.
        expires_at: When it stops being active, UTC.
        horizon: Longest horizon whose outcome is known, in sessions; None where there is none yet.
        net_return: Its return net of the benchmark over that horizon, + a success; None where there is none yet.
    """

    symbol: str
    company: str
    signal_type: str
    combined_score: float
    now: float | None
    news_title: str
    decided_at: datetime
    expires_at: datetime
    horizon: int | None
    net_return: float | None


@dataclass(frozen=True, slots=True)
class CorrectedLine:
    """An active signal that rests on a headline which was edited or withdrawn since.

    Attributes:
        symbol: Ticker.
        company: Its name.
        signal_type: `BUY` or `SELL`.
        combined_score: Combined score when it was decided.
        without: Combined score without what was edited or withdrawn.
        with_new: Combined score with the new texts; None where everything was withdrawn.
        sentences: What changed and what is left, in words.
        decided_at: When it was decided, UTC.
        known_at: When the last of the changes was seen, UTC.
    """

    symbol: str
    company: str
    signal_type: str
    combined_score: float
    without: float
    with_new: float | None
    sentences: tuple[str, ...]
    decided_at: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Digest:
    """What one window's reader is told.

    Attributes:
        version: Version of this form.
        window_key: Key of the window.
        label: The window in words, with dates.
        as_of: The window's end, UTC: nothing later is in it.
        kind: `full`; `quiet` without anything new; `degraded` where sources failed or minutes are not covered.
        mode: `live`, `catch_up`, `backfill` or `manual`.
        deployment: `demo`, `local` or `production`.
        subject: What is inside, one line.
        preheader: The line that inboxes show after the subject.
        coverage: The coverage ledger.
        model: Sentiment model, quantisation and revision.
        market: Whether the market is open, and which session comes next.
        new: Cards of new signals, largest |combined| first.
        changed: Cards of flipped and stronger signals.
        from_missed: Cards of signals decided in windows that were caught up since the last digest.
        corrected: Active signals that rest on a headline which was edited or withdrawn since the last digest.
        still_active: Earlier signals in force.
        expired: Signals that ended in this window.
        near_misses: Companies stopped at exactly one late gate.
        funnel: Headlines and companies left after each gate.
        knobs: The values in force.
        record: How all signals did, live and backfilled apart.
        notes: Remarks for the reader, one sentence each.
    """

    version: int
    window_key: str
    label: str
    as_of: datetime
    kind: DigestKind
    mode: str
    deployment: str
    subject: str
    preheader: str
    coverage: Coverage
    model: str
    market: str
    new: tuple[Card, ...]
    changed: tuple[Card, ...]
    from_missed: tuple[Card, ...]
    still_active: tuple[ActiveLine, ...]
    expired: tuple[ActiveLine, ...]
    near_misses: tuple[NearMiss, ...]
    funnel: dict[str, int]
    knobs: dict[str, Any]
    record: tuple[RecordLine, ...]
    notes: tuple[str, ...]
    corrected: tuple[CorrectedLine, ...] = ()

    def to_json(self) -> str:
        """The digest as JSON with sorted keys; floats and instants survive exactly, NaN is refused (ValueError)."""
        return json.dumps(_plain(self), sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The digest that `to_json` wrote.

        Raises:
            DigestError: the text is no digest, or one of another version.
        """
        try:
            stored = json.loads(text)
        except ValueError as error:
            raise DigestError(f"stored digest is not JSON ({error}); compose the window again") from error
        version = stored.get("version") if isinstance(stored, dict) else None
        if version != VERSION:
            raise DigestError(
                f"stored digest has version {version!r}, this code reads {VERSION}; compose the window again"
            )
        many = {"new": _card, "changed": _card, "from_missed": _card, "still_active": _active, "expired": _active}
        listed = {name: tuple(read(item) for item in stored[name]) for name, read in many.items()}
        return cls(
            **{
                **stored,
                **listed,
                "as_of": datetime.fromisoformat(stored["as_of"]),
                "corrected": tuple(_corrected(item) for item in stored.get("corrected", ())),
                "coverage": Coverage.from_dict(stored["coverage"]),
                "near_misses": tuple(NearMiss(**item) for item in stored["near_misses"]),
                "record": tuple(RecordLine(**item) for item in stored["record"]),
                "notes": tuple(stored["notes"]),
            }
        )


def _plain(value: object) -> object:
    """Nested dataclasses, tuples and instants as JSON types."""
    if type(value) in _JSON_TYPES:  # nearly every value
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Coverage):
        return value.to_dict()
    if is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in _names(type(value))}
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _instants(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {**stored, **{name: datetime.fromisoformat(stored[name]) for name in ("decided_at", "expires_at")}}


def _active(stored: Mapping[str, Any]) -> ActiveLine:
    return ActiveLine(**_instants(stored))


def _corrected(stored: Mapping[str, Any]) -> CorrectedLine:
    instants = {name: datetime.fromisoformat(stored[name]) for name in ("decided_at", "known_at")}
    return CorrectedLine(**{**stored, **instants, "sentences": tuple(stored["sentences"])})


def _card(stored: Mapping[str, Any]) -> Card:
    lists = ("contributions", "sentences", "without", "closes", "sessions")
    lines = tuple(RecordLine(**item) for item in stored["record"])
    return Card(**{**_instants(stored), **{name: tuple(stored[name]) for name in lists}, "record": lines})
