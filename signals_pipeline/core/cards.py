"""One signal told to its reader: why in words, what is left without each story, and how such signals did before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from signals_pipeline.core.record import RecordLine, record
from signals_pipeline.core.signals import Signal
from signals_pipeline.core.wording import sentences, shorten, signed, survives

LIVE_MODES = ("live", "catch_up")
"""Modes whose signals were decided while their outcome could not be known."""


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
    outcomes: pd.DataFrame,
    bars: pd.DataFrame,
) -> Card:
    """The card of one signal.

    Args:
        signal: The signal.
        company: Name of its company.
        mode: Mode of the run that decided it.
        knobs: The values in force (`min_combined_score`, `sentiment_weight`).
        before: The active signal that it flips or strengthens; None for a new one.
        outcomes: Outcomes known before the digest, with the column `mode` of the run behind each.
        bars: The symbol's bars of sessions closed before the digest, oldest first.
    """
    judged = signal.candidate
    parts = tuple(json.loads(judged.contributions))
    least = float(knobs["min_combined_score"])
    kept = [survives(part, parts, judged.signal_type, least) for part in parts if part["kind"] == "story"]
    last = bars.tail(60)
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
        sentences=sentences(signal, parts, kept, float(knobs["sentiment_weight"]), before),
        without=tuple(
            f"{signed(part['without'])}, {f'still {judged.signal_type}' if stays else 'no signal'}"
            for part, stays in zip(parts, kept, strict=False)  # stories come first
        ),
        record=similar(outcomes, judged.signal_type, signal.lifecycle),
        closes=tuple(last["close"].astype(float).tolist()),
        sessions=tuple(last["session"].dt.strftime("%Y-%m-%d").tolist()),
        decided_at=signal.decided_at,
        expires_at=signal.expires_at,
        mode=mode,
    )


def similar(outcomes: pd.DataFrame, signal_type: str, lifecycle: str) -> tuple[RecordLine, ...]:
    """The record of signals like this one: of the narrowest group with enough outcomes, live before backfilled.

    Groups are tried in this order: same type and lifecycle, live; same type, live; the same two, backfilled. Live
    and backfilled outcomes are never added up. With too few in each, the live record of the type says so.
    """
    same = outcomes[outcomes["signal_type"] == signal_type]
    live = same["mode"].isin(LIVE_MODES)
    groups = []
    for name, rows in (("live", same[live]), ("backfilled", same[~live])):
        groups.append((f"{lifecycle} {signal_type} signals, {name}", rows[rows["lifecycle"] == lifecycle]))
        groups.append((f"{signal_type} signals, {name}", rows))
    for label, rows in groups:
        lines = record(rows, label=label)
        if lines[0].enough:
            return lines
    return record(groups[1][1], label=groups[1][0])
