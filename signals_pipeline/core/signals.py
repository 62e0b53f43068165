"""The lifecycle of signals: what a candidate is, given what is already active.

`new`; `stronger` (|combined| up by 0.2 on a story not told before, once a New York day); `flipped` (the opposite type
closes the active one); else a repeat. Of what is left the MAX_SIGNALS largest |combined| are signals. The gates before
this are in `gates`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from signals_pipeline.core.gates import Candidate, Gated, NearMiss, SignalType, Source, gate, largest
from signals_pipeline.core.windows import NEW_YORK, Window

__all__ = [
    "Candidate",
    "Decision",
    "Gated",
    "Lifecycle",
    "NearMiss",
    "Signal",
    "SignalType",
    "Source",
    "active_at",
    "decide",
    "expired_in",
    "gate",
    "near_misses_with_capped",
]

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
