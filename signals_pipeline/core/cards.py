"""One signal told to its reader: why in words, what is left without each story, and how such signals did before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from signals_pipeline.core.dates import day
from signals_pipeline.core.record import ENOUGH, RecordLine
from signals_pipeline.core.signals import Signal
from signals_pipeline.core.tallies import ANY, Standing, Tallies
from signals_pipeline.core.wording import sentences, shorten, signed, survives

CLOSES = 60
"""Closes on a card, at most."""


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


def card(
    signal: Signal,
    *,
    company: str,
    mode: str,
    knobs: Mapping[str, Any],
    before: Signal | None,
    record: tuple[RecordLine, ...],
    closes: tuple[float, ...],
    sessions: tuple[str, ...],
    stale_since: date | None = None,
) -> Card:
    """The card of one signal.

    Args:
        signal: The signal.
        company: Name of its company.
        mode: Mode of the run that decided it.
        knobs: The values in force (`min_combined_score`, `sentiment_weight`).
        before: The active signal that it flips or strengthens, or the one that expired just before it; None for others.
        record: How similar signals did, as known before the digest (see `similar`).
        closes: The symbol's last closes before the digest, oldest first.
        sessions: Their dates, ISO.
        stale_since: Date of the last bar where later sessions have none; None where price is up to date.
    """
    judged = signal.candidate
    parts = tuple(_told(part) for part in json.loads(judged.contributions))
    least = float(knobs["min_combined_score"])
    kept = [survives(part, parts, judged.signal_type, least) for part in parts if part["kind"] == "story"]
    said = sentences(signal, parts, kept, float(knobs["sentiment_weight"]), before)
    return Card(
        symbol=judged.symbol,
        company=company,
        signal_type=judged.signal_type,
        lifecycle=signal.lifecycle,
        combined_score=judged.combined_score,
        tone=judged.tone,
        confidence_score=judged.confidence_score,
        technical=judged.technical,
        fragile=judged.fragile,
        fresh=judged.fresh,
        source=judged.source,
        contributions=parts,
        news_title=judged.news_title,
        news_url=judged.news_url,
        # Behind what changed: a mail cuts long reasons at their end.
        sentences=(*said[:1], *_stale(stale_since), *said[1:]),
        without=tuple(
            f"{signed(part['without'])}, {f'still {judged.signal_type}' if stays else 'no signal'}"
            for part, stays in zip(parts, kept, strict=False)  # stories come first
        ),
        record=record,
        closes=closes,
        sessions=sessions,
        decided_at=signal.decided_at,
        expires_at=signal.expires_at,
        mode=mode,
    )


def _told(part: Mapping[str, Any]) -> dict[str, Any]:
    """A contribution as the digest keeps it: single headlines are for corrections, not for readers."""
    return {name: value for name, value in part.items() if name != "members"}


def _stale(since: date | None) -> list[str]:
    if since is None:
        return []
    return [f"Prices are stale: the last bar is of {day(since, year=True)}, later sessions are missing."]


def similar(tallies: Tallies, as_of: datetime, signal_type: str, lifecycle: str) -> tuple[RecordLine, ...]:
    """The record of signals like this one: of the narrowest group with enough outcomes, live before backfilled.

    Groups are tried in this order: same type and lifecycle, live; same type, live; the same two, backfilled. Live
    and backfilled outcomes are never added up. With too few in each, the record of the type says so: the live one, or
    the backfilled one while nothing live is known.
    """
    order: tuple[tuple[Standing, str], ...] = (
        *(("live", lifecycle), ("live", ANY)),
        *(("backfilled", lifecycle), ("backfilled", ANY)),
    )
    enough = (each for each in order if tallies.known(as_of, each[0], signal_type, each[1]) >= ENOUGH)
    live, backfilled = (tallies.known(as_of, each, signal_type) for each in ("live", "backfilled"))
    standing, kind = next(enough, order[3] if backfilled and not live else order[1])
    label = f"{kind} {signal_type} signals, {standing}".lstrip()
    return tallies.record(as_of, label, standing, signal_type, kind)
