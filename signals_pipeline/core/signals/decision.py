"""From scores to signals: the gates, the near misses, and the lifecycle of what passes.

Gates, in order and each counted: relevant news; confident tone; |combined| >= MIN_COMBINED_SCORE; tone and combined
score of one sign.

Lifecycle of a candidate that passed: `new`; `stronger` (|combined| up by 0.2 on a story not reported before, once per
New York day); `flipped` (the opposite type closes the active signal); otherwise a repeat, which is no signal. Of what
remains the MAX_SIGNALS largest |combined| are signals.
"""

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from signals_pipeline.core.dates import instant64
from signals_pipeline.core.tables import Columns
from signals_pipeline.core.windows import NEW_YORK, Window

SignalType = Literal["BUY", "SELL"]
Source = Literal["news_driven_ml", "technical"]
Row = Mapping[str, Any]

NEAR_MISS_MARGIN = 0.1
MAX_NEAR_MISSES = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company that passed the gates in one window, before the lifecycle is looked at.

    `confidence_score` is the tone confidence in [0, 1], never a chance of profit. With source `technical` the combined
    score is the technical score, and nothing that the model or the news said is carried along. `known_at` is when the
    newest of the headlines that it rests on became known; None where it rests on none.
    """

    window_start: datetime
    window_end: datetime
    symbol: str
    signal_type: SignalType
    combined_score: float
    tone: float
    confidence_score: float
    technical: float | None
    fresh: bool
    fragile: bool
    story_id: str
    news_title: str
    news_url: str
    contributions: str
    source: Source
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A company stopped at one late gate alone (`confident`, `threshold`, `agreement`, `cap`), the reason in words."""

    symbol: str
    gate: str
    combined_score: float
    tone: float
    technical: float | None
    news_title: str
    reason: str
    relevant: int | None = None


@dataclass(frozen=True, slots=True)
class Gated:
    """What the gates of one window gave: candidates and near misses, largest |combined| first, and counts a gate."""

    candidates: tuple[Candidate, ...]
    near_misses: tuple[NearMiss, ...]
    funnel: dict[str, int]


def gate(scores: Columns, window: Window, *, min_combined_score: float, generator: str) -> Gated:
    """Pass one window's companies through the gates.

    Args:
        scores: SCORES rows of this window, as `tables.columns_of`.
        window: The window.
        min_combined_score: Least |combined|, in [0, 1].
        generator: `news_driven`, or `technical`: the technical score alone, whatever the news and the model say.

    Returns:
        Candidates, at most five near misses, and how many headlines and companies were left after each gate.

    Raises:
        ValueError: a row is of another window, or the generator is unknown.
    """
    other = scores["window_start"][scores["window_start"] != instant64(window.start)]
    if len(other):
        raise ValueError(
            f"scores of window {other[0]} were given to the gates of {window.start}; pass one window's rows"
        )
    rows = _rows(scores)
    if generator == "news_driven":
        return _gate_news(rows, window, min_combined_score)
    if generator == "technical":
        return _gate_technical(rows, window, min_combined_score)
    raise ValueError(f"generator {generator!r} is unknown; choose news_driven or technical")


def largest(near_misses: Iterable[NearMiss]) -> tuple[NearMiss, ...]:
    """The five of largest |combined|, then by symbol."""
    return tuple(sorted(near_misses, key=lambda each: (-abs(each.combined_score), each.symbol))[:MAX_NEAR_MISSES])


def _gate_news(rows: Sequence[Row], window: Window, least: float) -> Gated:
    news = [row for row in rows if row["n_relevant"] > 0]
    toned = [row for row in news if row["n_stories"] > 0]
    over = [row for row in toned if abs(row["combined"]) >= least]
    agreeing = [row for row in over if _agrees(row)]
    funnel = {
        "headlines_tagged": sum(row["n_tagged"] for row in rows),
        "headlines_relevant": sum(row["n_relevant"] for row in rows),
        "headlines_confident": sum(row["n_confident"] for row in rows),
        "symbols_scored": len(rows),
        "symbols_with_news": len(news),
        "symbols_with_tone": len(toned),
        "symbols_over_threshold": len(over),
        "symbols_agreeing": len(agreeing),
        "candidates": len(agreeing),
    }
    return _gated(agreeing, [_near_miss_news(row, least) for row in news], funnel, window, "news_driven_ml")


def _gate_technical(rows: Sequence[Row], window: Window, least: float) -> Gated:
    priced = [_without_news(row) for row in rows if row["technical"] is not None]
    over = [row for row in priced if row["combined"] and abs(row["combined"]) >= least]
    funnel = {
        "symbols_scored": len(rows),
        "symbols_with_technical": len(priced),
        "symbols_over_threshold": len(over),
        "candidates": len(over),
    }
    near = [_below_threshold(row, least) for row in priced]
    return _gated(over, near, funnel, window, "technical")


def _gated(
    passed: Sequence[Row], near: Iterable[NearMiss | None], funnel: dict[str, int], window: Window, source: Source
) -> Gated:
    ranked = sorted(passed, key=lambda row: (-abs(row["combined"]), row["symbol"]))
    candidates = tuple(_candidate(row, window, source) for row in ranked)
    return Gated(candidates, largest(each for each in near if each is not None), funnel)


def _agrees(row: Row) -> bool:
    return row["combined"] != 0 and _sign(row["tone"]) == _sign(row["combined"])


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _candidate(row: Row, window: Window, source: Source) -> Candidate:
    return Candidate(
        window_start=window.start,
        window_end=window.end,
        symbol=row["symbol"],
        signal_type="BUY" if row["combined"] > 0 else "SELL",
        combined_score=row["combined"],
        tone=row["tone"],
        confidence_score=row["tone_confidence"],
        technical=row["technical"],
        fresh=row["fresh"],
        fragile=row["fragile"],
        story_id=row["story_id"],
        news_title=row["news_title"],
        news_url=row["news_url"],
        contributions=row["contributions"],
        source=source,
        known_at=row["known_at"],
    )


def _without_news(row: Row) -> Row:
    """The row as the technical generator sees it: combined is the technical score, and only it contributes."""
    parts = [each for each in json.loads(row["contributions"]) if each["kind"] == "technical"]
    rescaled = [{**each, "contribution": each["weight"] * each["component"]} for each in parts]
    contributions = json.dumps(rescaled, sort_keys=True, separators=(",", ":"), allow_nan=False)
    nothing = {"tone": 0.0, "tone_confidence": 0.0, "fresh": False, "fragile": False}
    no_text = {"story_id": "", "news_title": "", "news_url": "", "known_at": None}
    return {**row, **nothing, **no_text, "combined": row["technical"], "contributions": contributions}


def _near_miss_news(row: Row, least: float) -> NearMiss | None:
    """The near miss of a company with news, if one gate alone stopped it."""
    combined, tone = row["combined"], row["tone"]
    over = abs(combined) >= least
    if row["n_stories"] == 0:
        reason = f"0 of {row['n_relevant']} relevant headlines sure enough; price alone gives {combined:+.2f}"
        return replace(_near_miss(row, "confident", reason), relevant=row["n_relevant"]) if over else None
    if _agrees(row):
        return _below_threshold(row, least)
    if not over:
        return None
    stance = f"tone {tone:+.2f} points the other way" if tone else "the tone is neutral"
    return _near_miss(row, "agreement", f"combined {combined:+.2f}, but {stance}")


def _below_threshold(row: Row, least: float) -> NearMiss | None:
    combined = row["combined"]
    if not combined or not least - NEAR_MISS_MARGIN <= abs(combined) < least:
        return None
    needed = math.copysign(least, combined)
    # Two decimals, or as many as it takes to tell the two apart.
    digits = next(each for each in itertools.count(2) if f"{combined:.{each}f}" != f"{needed:.{each}f}")
    return _near_miss(row, "threshold", f"combined {combined:+.{digits}f}, needs {needed:.{digits}f}")


def _near_miss(row: Row, gate_name: str, reason: str) -> NearMiss:
    told = reason.replace("-", "−")  # the only hyphens of a reason stand before numbers
    return NearMiss(row["symbol"], gate_name, row["combined"], row["tone"], row["technical"], row["news_title"], told)


def _rows(scores: Columns) -> list[Row]:
    """Rows as plain Python values, a missing technical score or instant as None."""
    columns = {name: values.tolist() for name, values in scores.items()}
    columns["technical"] = [None if math.isnan(value) else value for value in columns["technical"]]
    columns["known_at"] = [value and value.replace(tzinfo=UTC) for value in columns["known_at"]]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


Lifecycle = Literal["new", "stronger", "flipped"]

STRONGER_BY = 0.2


@dataclass(frozen=True, slots=True)
class Signal:
    """A candidate that became a signal: its lifecycle, when it was decided (the window's end) and when it expires."""

    candidate: Candidate
    lifecycle: Lifecycle
    decided_at: datetime
    expires_at: datetime

    @property
    def symbol(self) -> str:
        """The company's symbol."""
        return self.candidate.symbol

    @property
    def signal_type(self) -> SignalType:
        """BUY or SELL."""
        return self.candidate.signal_type

    @property
    def combined_score(self) -> float:
        """Combined score in [-1, 1]."""
        return self.candidate.combined_score

    @property
    def window_start(self) -> datetime:
        """Start of the window that it was decided in."""
        return self.candidate.window_start


@dataclass(frozen=True, slots=True)
class Decision:
    """One window's signals; the repeats with the active signal each repeats; the capped; and what a flip closed."""

    signals: tuple[Signal, ...]
    repeats: tuple[tuple[Candidate, Signal], ...]
    capped: tuple[Candidate, ...]
    closed: tuple[Signal, ...]
    funnel: dict[str, int]


def decide(
    candidates: Iterable[Candidate], active: Iterable[Signal], window: Window, *, expiry_days: float, max_signals: int
) -> Decision:
    """Give every candidate its place in the lifecycle.

    Args:
        candidates: This window's, at most one a symbol, in any order.
        active: Earlier signals in any order; those of this window, decided at or after its end, or expired are ignored.
        window: The window; its end is when the signals are decided.
        expiry_days: Days that a signal stays active.
        max_signals: Most signals of a window. A candidate beyond it leaves no trace: a capped flip closes nothing.

    Returns:
        The decision; the same arguments always give the same.
    """
    ranked = sorted(candidates, key=lambda each: (-abs(each.combined_score), each.symbol))
    live = [each for each in _live(active, window.as_of, expiry_days) if each.window_start != window.start]
    standing = active_at(live, window.as_of, expiry_days)
    day = _new_york_day(window.as_of)
    updated = {each.symbol for each in live if each.lifecycle == "stronger" and _new_york_day(each.decided_at) == day}
    moves: list[Signal] = []
    repeats: list[tuple[Candidate, Signal]] = []
    for each in ranked:
        before = standing.get(each.symbol)
        if before is not None and _repeats(each, before, updated=each.symbol in updated):
            repeats.append((each, before))
        else:
            expires_at = window.as_of + timedelta(days=expiry_days)
            moves.append(Signal(each, _lifecycle(each, before), window.as_of, expires_at))
    kept, capped = moves[:max_signals], moves[max_signals:]
    return Decision(
        signals=tuple(kept),
        repeats=tuple(repeats),
        capped=tuple(each.candidate for each in capped),
        closed=tuple(standing[each.symbol] for each in kept if each.lifecycle == "flipped"),
        funnel={"repeats": len(repeats), "capped": len(capped), "signals": len(kept)},
    )


def near_misses_with_capped(near_misses: Iterable[NearMiss], decision: Decision) -> tuple[NearMiss, ...]:
    """The near misses of the gates and those that the cap stopped: the five of largest |combined|."""
    reason = f"outside the top {len(decision.signals)} of this digest"
    capped = (
        NearMiss(each.symbol, "cap", each.combined_score, each.tone, each.technical, each.news_title, reason)
        for each in decision.capped
    )
    return largest((*near_misses, *capped))


def active_at(history: Iterable[Signal], as_of: datetime, expiry_days: float) -> dict[str, Signal]:
    """The active signal of each symbol: its latest one decided in (as_of - expiry_days, as_of), by symbol.

    A flip so closes the opposite signal, and a stronger one takes the place of the one before.
    """
    latest = {each.symbol: each for each in sorted(_live(history, as_of, expiry_days), key=_sequence)}
    return dict(sorted(latest.items()))


def expired_in(history: Iterable[Signal], window: Window, expiry_days: float) -> tuple[Signal, ...]:
    """Signals whose time ran out in (window.start, window.end] with no later signal of their symbol, by symbol."""
    expiry = timedelta(days=expiry_days)
    past = sorted((each for each in history if each.decided_at < window.as_of), key=_sequence)
    latest = {each.symbol: each for each in past}
    return tuple(
        latest[name] for name in sorted(latest) if window.start < latest[name].decided_at + expiry <= window.end
    )


def _live(history: Iterable[Signal], as_of: datetime, expiry_days: float) -> list[Signal]:
    oldest = as_of - timedelta(days=expiry_days)
    return [each for each in history if oldest < each.decided_at < as_of]


def _repeats(candidate: Candidate, before: Signal, *, updated: bool) -> bool:
    """Whether it says the active signal again; `updated`: a stronger signal of the symbol was decided that day."""
    louder = abs(candidate.combined_score) >= abs(before.combined_score) + STRONGER_BY
    stronger = louder and candidate.fresh and not updated
    return candidate.signal_type == before.signal_type and not stronger


def _lifecycle(candidate: Candidate, before: Signal | None) -> Lifecycle:
    """The place of a candidate that is no repeat."""
    if before is None:
        return "new"
    return "stronger" if candidate.signal_type == before.signal_type else "flipped"


def _sequence(signal: Signal) -> tuple[datetime, datetime, str]:
    return signal.decided_at, signal.window_start, signal.signal_type


def _new_york_day(instant: datetime) -> date:
    return instant.astimezone(NEW_YORK).date()
