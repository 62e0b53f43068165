"""From scores to signals: the gates, the near misses, and the lifecycle of what passes.

Gates, in order and each counted: relevant news; confident tone; |combined| >= MIN_COMBINED_SCORE; tone and combined
score of one sign.

Lifecycle of a candidate that passed: `new`; `stronger` (|combined| up by 0.2 on a story not reported before, once per
New York day); `flipped` (the opposite type closes the active signal, once in FLIP_COOLDOWN_DAYS unless |combined| is
higher than before); otherwise a repeat, which is no signal. Of what remains the MAX_SIGNALS largest |combined| are
signals.

Scores come from `core.scoring`, the signal history is kept by `adapters.stores`, and `corrections` follows what
happens to a signal afterwards.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from signals_pipeline.core.signal_fields import (
    CandidateFields,
    CombinedScore,
    DecisionFields,
    Lifecycle,
    NewsTitle,
    SignalType,
    Source,
    Symbol,
    Technical,
    Tone,
)
from signals_pipeline.core.tables import ColumnArrays
from signals_pipeline.core.windows import NEW_YORK, Window, instant64

GateName = Literal["confident", "threshold", "agreement", "cooldown", "cap"]

Row = Mapping[str, Any]
"""One row of `tables.SCORES` as plain Python values, by column."""

# How far below the threshold a company still counts as a near miss: a third of the default threshold of 0.3.
NEAR_MISS_MARGIN = 0.1

# As many as a reader looks at; the digest has one line for each.
MAX_NEAR_MISSES = 5

# Growth of |combined| that is worth telling a reader who already has the signal: a tenth of the scale from -1 to 1.
STRONGER_BY = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate(CandidateFields):
    """A company that passed the gates in one window, before its lifecycle is determined.

    With source `technical` the combined score is the technical score, and nothing from the model or the news is
    carried along.
    """


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A company stopped at exactly one late gate.

    The scores and the title are those of a signal, see `signal_fields`.

    Attributes:
        gate: The gate: `confident`, `threshold`, `agreement`, `cooldown` or `cap`.
        reason: Why it was stopped, for readers.
        relevant: Number of relevant headlines, none of which carries tone; only at the gate `confident`.
    """

    symbol: Symbol
    gate: GateName
    combined_score: CombinedScore
    tone: Tone
    technical: Technical
    news_title: NewsTitle
    reason: str
    relevant: int | None = None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> "NearMiss":
        """The near miss of a stored JSON object; what a newer release added to it is left out."""
        return cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored})


@dataclass(frozen=True, slots=True)
class GateResult:
    """What one window's companies came to at the gates.

    Attributes:
        candidates: Companies that passed, largest |combined| first.
        near_misses: The largest near misses, largest |combined| first.
        funnel: Headlines and companies left after each gate, in the order of the gates.
    """

    candidates: tuple[Candidate, ...]
    near_misses: tuple[NearMiss, ...]
    funnel: dict[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal(DecisionFields):
    """A candidate that became a signal."""

    candidate: Candidate

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
    """One window's decision.

    Attributes:
        signals: The window's signals, largest |combined| first.
        repeats: Candidates that repeat an active signal, each with that signal.
        refused: Candidates whose flip the cool-down refused, each with the active signal that stays.
        capped: Candidates beyond the maximum number of signals.
        closed: Active signals that a flip of this window closed.
        funnel: Number of repeats, refused flips, capped candidates and signals.
    """

    signals: tuple[Signal, ...]
    repeats: tuple[tuple[Candidate, Signal], ...]
    refused: tuple[tuple[Candidate, Signal], ...]
    capped: tuple[Candidate, ...]
    closed: tuple[Signal, ...]
    funnel: dict[str, int]


def apply_gates(scores: ColumnArrays, window: Window, *, min_combined_score: float, generator: str) -> GateResult:
    """Pass one window's companies through the gates.

    Args:
        scores: SCORES rows of this window, as `tables.columns_of`.
        window: The window.
        min_combined_score: Minimum |combined|, in [0, 1].
        generator: `news_driven`, or `technical`: the technical score alone, whatever the news and the model say.

    Returns:
        Candidates, at most five near misses, and how many headlines and companies were left after each gate.

    Raises:
        ValueError: a row belongs to another window, or the generator is unknown.
    """
    starts = scores["window_start"]
    foreign = starts[starts != instant64(window.start)]
    if len(foreign):
        raise ValueError(
            f"scores of window {foreign[0]} were passed to the gates of {window.start}; pass one window's rows"
        )
    rows = _rows(scores)
    if generator == "news_driven":
        return _gate_news(rows, window, min_combined_score)
    if generator == "technical":
        return _gate_technical(rows, window, min_combined_score)
    raise ValueError(f"unknown generator {generator!r}; choose news_driven or technical")


def decide(
    candidates: Iterable[Candidate],
    active: Iterable[Signal],
    window: Window,
    *,
    expiry_days: float,
    max_signals: int,
    flip_cooldown_days: float,
) -> Decision:
    """Determine the lifecycle of every candidate.

    Args:
        candidates: This window's, at most one per symbol, in any order.
        active: Earlier signals in any order, as far back as expiry and cool-down reach; those of this window, and those
            decided at or after its end, are ignored.
        window: The window; its end is when the signals are decided.
        expiry_days: Days that a signal stays active.
        max_signals: Maximum signals per window. A candidate beyond it leaves no trace: a capped flip closes nothing.
        flip_cooldown_days: Days in which a company's signal flips at most once unless |combined| is higher than before.

    Returns:
        The decision; the same arguments always give the same.
    """
    decided_at = window.as_of
    expires_at = decided_at + timedelta(days=expiry_days)

    # A window that is decided again must not see its own earlier signals.
    earlier = [signal for signal in active if signal.window_start != window.start]
    live = _unexpired(earlier, decided_at, expiry_days)
    active_signals = active_at(live, decided_at, expiry_days)
    recent = _unexpired(earlier, decided_at, flip_cooldown_days)
    flipped_recently = {signal.symbol for signal in recent if signal.lifecycle == "flipped"}

    # A company's signal is reported as stronger once per New York day, so that a busy day does not mail it twice.
    today = _new_york_day(decided_at)
    strengthened_today: set[str] = set()
    for signal in live:
        if signal.lifecycle == "stronger" and _new_york_day(signal.decided_at) == today:
            strengthened_today.add(signal.symbol)

    # Repeats and refused flips do not count towards the maximum, so they are set aside before the cap.
    moves: list[Signal] = []
    repeats: list[tuple[Candidate, Signal]] = []
    refused: list[tuple[Candidate, Signal]] = []
    for candidate in sorted(candidates, key=_by_size):
        previous = active_signals.get(candidate.symbol)
        if previous is not None and _repeats(candidate, previous, strengthened_today):
            repeats.append((candidate, previous))
        elif previous is not None and _is_refused_flip(candidate, previous, flipped_recently):
            refused.append((candidate, previous))
        else:
            lifecycle = _lifecycle(candidate, previous)
            signal = Signal(candidate=candidate, lifecycle=lifecycle, decided_at=decided_at, expires_at=expires_at)
            moves.append(signal)

    signals = moves[:max_signals]
    capped = moves[max_signals:]
    flipped = [signal.symbol for signal in signals if signal.lifecycle == "flipped"]
    return Decision(
        signals=tuple(signals),
        repeats=tuple(repeats),
        refused=tuple(refused),
        capped=tuple(signal.candidate for signal in capped),
        closed=tuple(active_signals[symbol] for symbol in flipped),
        funnel={
            "repeats": len(repeats),
            "refused_flips": len(refused),
            "capped": len(capped),
            "signals": len(signals),
        },
    )


def active_at(history: Iterable[Signal], as_of: datetime, expiry_days: float) -> dict[str, Signal]:
    """The active signal of each symbol: its latest one decided in (as_of - expiry_days, as_of), by symbol.

    A flip so closes the opposite signal, and a stronger one takes the place of the one before.
    """
    latest = _latest(_unexpired(history, as_of, expiry_days))
    return dict(sorted(latest.items()))


def expired_in(history: Iterable[Signal], window: Window, expiry_days: float) -> tuple[Signal, ...]:
    """Signals that expired in (window.start, window.end] with no later signal of their symbol, by symbol."""
    expiry = timedelta(days=expiry_days)
    latest = _latest(signal for signal in history if signal.decided_at < window.as_of)
    expired: list[Signal] = []
    for _, signal in sorted(latest.items()):
        if window.start < signal.decided_at + expiry <= window.end:
            expired.append(signal)
    return tuple(expired)


def near_misses_of_window(near_misses: Iterable[NearMiss], decision: Decision) -> tuple[NearMiss, ...]:
    """The five largest of the gates' near misses, of the refused flips and of what the maximum number stopped."""
    stopped: list[NearMiss] = []
    for candidate, previous in decision.refused:
        reason = (
            f"flipped to {previous.signal_type} too recently, "
            f"and {candidate.combined_score:+.2f} is no stronger than {previous.combined_score:+.2f}"
        )
        stopped.append(_stopped_candidate(candidate, "cooldown", reason))
    for candidate in decision.capped:
        reason = f"outside the top {len(decision.signals)} of this digest"
        stopped.append(_stopped_candidate(candidate, "cap", reason))
    return _largest((*near_misses, *stopped))


def _stopped_candidate(candidate: Candidate, gate_name: GateName, reason: str) -> NearMiss:
    """The near miss of a candidate that passed the gates of the scores and was stopped afterwards."""
    return NearMiss(
        symbol=candidate.symbol,
        gate=gate_name,
        combined_score=candidate.combined_score,
        tone=candidate.tone,
        technical=candidate.technical,
        news_title=candidate.news_title,
        # The only hyphens of a reason stand before numbers: typographic minus signs for readers.
        reason=reason.replace("-", "−"),
    )


def _gate_news(rows: Sequence[Row], window: Window, threshold: float) -> GateResult:
    """The gates of the news-driven generator."""
    # Gate 1: a headline is relevant to the company.
    with_news = [row for row in rows if row["n_relevant"] > 0]
    # Gate 2: a story carries tone: its event type has one, and the model is confident.
    with_tone = [row for row in with_news if row["n_stories"] > 0]
    # Gate 3: the combined score is large enough.
    over_threshold = [row for row in with_tone if abs(row["combined"]) >= threshold]
    # Gate 4: prices do not outvote the news.
    agreeing = [row for row in over_threshold if _agrees(row)]
    funnel = {
        "headlines_tagged": sum(row["n_tagged"] for row in rows),
        "headlines_relevant": sum(row["n_relevant"] for row in rows),
        "headlines_eventful": sum(row["n_eventful"] for row in rows),
        "headlines_confident": sum(row["n_confident"] for row in rows),
        "symbols_scored": len(rows),
        "symbols_with_news": len(with_news),
        "symbols_with_tone": len(with_tone),
        "symbols_over_threshold": len(over_threshold),
        "symbols_agreeing": len(agreeing),
        "candidates": len(agreeing),
    }
    near_misses = [_news_near_miss(row, threshold) for row in with_news]
    return _result(agreeing, near_misses, funnel, window, "news_driven_ml")


def _gate_technical(rows: Sequence[Row], window: Window, threshold: float) -> GateResult:
    """The gates of the technical generator: a technical score, and one that is large enough."""
    priced = [_without_news(row) for row in rows if row["technical"] is not None]
    # A score of 0 has no direction, so it is no candidate even with a threshold of 0.
    over_threshold = [row for row in priced if row["combined"] and abs(row["combined"]) >= threshold]
    funnel = {
        "symbols_scored": len(rows),
        "symbols_with_technical": len(priced),
        "symbols_over_threshold": len(over_threshold),
        "candidates": len(over_threshold),
    }
    near_misses = [_threshold_near_miss(row, threshold) for row in priced]
    return _result(over_threshold, near_misses, funnel, window, "technical")


def _result(
    passed: Sequence[Row],
    near_misses: Iterable[NearMiss | None],
    funnel: dict[str, int],
    window: Window,
    source: Source,
) -> GateResult:
    candidates = [_candidate(row, window, source) for row in passed]
    candidates.sort(key=_by_size)
    return GateResult(
        candidates=tuple(candidates),
        near_misses=_largest(miss for miss in near_misses if miss is not None),
        funnel=funnel,
    )


def _agrees(row: Row) -> bool:
    """Whether tone and combined score have the same sign, and neither is 0."""
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
        event=row["event"] or None,
        reaction=row["reaction"],
        known_at=row["known_at"],
    )


def _without_news(row: Row) -> Row:
    """The row as the technical generator sees it: combined is the technical score, and only it contributes."""
    components = [part for part in json.loads(row["contributions"]) if part["kind"] == "technical"]
    # In a combined score a component counts less by the share of tone; here its weight is the whole.
    components = [{**part, "contribution": part["weight"] * part["component"]} for part in components]
    return {
        **row,
        "combined": row["technical"],
        "contributions": json.dumps(components, sort_keys=True, separators=(",", ":"), allow_nan=False),
        "tone": 0.0,
        "tone_confidence": 0.0,
        "fresh": False,
        "fragile": False,
        "story_id": "",
        "news_title": "",
        "news_url": "",
        "event": "",
        "reaction": None,
        "known_at": None,
    }


def _news_near_miss(row: Row, threshold: float) -> NearMiss | None:
    """The near miss of a company with news, if exactly one gate stopped it."""
    combined: float = row["combined"]
    tone: float = row["tone"]
    over_threshold = abs(combined) >= threshold
    if row["n_stories"] == 0:
        if not over_threshold:
            return None
        relevant: int = row["n_relevant"]
        reason = f"0 of {relevant} relevant headlines carry a confident tone; price alone gives {combined:+.2f}"
        return _near_miss(row, "confident", reason, relevant=relevant)
    if _agrees(row):
        return _threshold_near_miss(row, threshold)
    if not over_threshold:
        return None
    stance = f"tone {tone:+.2f} points the other way" if tone else "the tone is neutral"
    return _near_miss(row, "agreement", f"combined {combined:+.2f}, but {stance}")


def _threshold_near_miss(row: Row, threshold: float) -> NearMiss | None:
    """The near miss of a company whose combined score lies within the margin below the threshold."""
    combined: float = row["combined"]
    if combined == 0 or not threshold - NEAR_MISS_MARGIN <= abs(combined) < threshold:
        return None
    required = math.copysign(threshold, combined)
    # Two decimals, or as many as it takes to show that the two differ.
    decimals = 2
    while f"{combined:.{decimals}f}" == f"{required:.{decimals}f}":
        decimals += 1
    return _near_miss(row, "threshold", f"combined {combined:+.{decimals}f}, needs {required:.{decimals}f}")


def _near_miss(row: Row, gate_name: GateName, reason: str, *, relevant: int | None = None) -> NearMiss:
    return NearMiss(
        symbol=row["symbol"],
        gate=gate_name,
        combined_score=row["combined"],
        tone=row["tone"],
        technical=row["technical"],
        news_title=row["news_title"],
        # The only hyphens of a reason stand before numbers: typographic minus signs for readers.
        reason=reason.replace("-", "−"),
        relevant=relevant,
    )


def _largest(near_misses: Iterable[NearMiss]) -> tuple[NearMiss, ...]:
    """The near misses of largest |combined|, at most MAX_NEAR_MISSES; equal ones by symbol."""
    return tuple(sorted(near_misses, key=_by_size)[:MAX_NEAR_MISSES])


def _by_size(scored: Candidate | NearMiss) -> tuple[float, str]:
    """Sort key: largest |combined| first, then by symbol, so that the order never depends on the input's."""
    return -abs(scored.combined_score), scored.symbol


def _rows(scores: ColumnArrays) -> list[Row]:
    """Rows as plain Python values, a missing number or instant as None."""
    columns: dict[str, list[Any]] = {name: values.tolist() for name, values in scores.items()}
    for name in ("technical", "reaction"):
        columns[name] = [None if math.isnan(value) else value for value in columns[name]]
    columns["known_at"] = [value and value.replace(tzinfo=UTC) for value in columns["known_at"]]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _repeats(candidate: Candidate, previous: Signal, strengthened_today: set[str]) -> bool:
    """Whether the candidate only repeats the active signal: same type, and not stronger by enough on fresh news."""
    if candidate.signal_type != previous.signal_type:
        return False
    larger = abs(candidate.combined_score) >= abs(previous.combined_score) + STRONGER_BY
    stronger = larger and candidate.fresh and candidate.symbol not in strengthened_today
    return not stronger


def _is_refused_flip(candidate: Candidate, previous: Signal, flipped_recently: set[str]) -> bool:
    """Whether the candidate would flip a signal that flipped not long ago, without a higher |combined| than it has."""
    if candidate.signal_type == previous.signal_type:
        return False
    is_higher = abs(candidate.combined_score) > abs(previous.combined_score)
    return candidate.symbol in flipped_recently and not is_higher


def _lifecycle(candidate: Candidate, previous: Signal | None) -> Lifecycle:
    """The lifecycle of a candidate that is no repeat."""
    if previous is None:
        return "new"
    if candidate.signal_type == previous.signal_type:
        return "stronger"
    return "flipped"


def _unexpired(history: Iterable[Signal], as_of: datetime, expiry_days: float) -> list[Signal]:
    """Signals decided in (as_of - expiry_days, as_of); also those of a cool-down of so many days."""
    oldest = as_of - timedelta(days=expiry_days)
    return [signal for signal in history if oldest < signal.decided_at < as_of]


def _latest(history: Iterable[Signal]) -> dict[str, Signal]:
    """The latest signal of each symbol."""
    latest: dict[str, Signal] = {}
    for signal in sorted(history, key=_chronological):
        latest[signal.symbol] = signal
    return latest


def _chronological(signal: Signal) -> tuple[datetime, datetime, str]:
    """Sort key by decision; window and type break ties, so that the order never depends on the input's."""
    return signal.decided_at, signal.window_start, signal.signal_type


def _new_york_day(instant: datetime) -> date:
    return instant.astimezone(NEW_YORK).date()
