"""Past windows decided anew under other knobs, from the stored frames: no text is scored again.

Tone, gates and lifecycle are those of `scores`, `gates` and `signals`, worked on arrays so that a hundred settings over
a year take seconds; a replay with the knobs that were used gives the signals that are in the history. What a stored
frame no longer holds can't be turned: how far back headlines were looked for, and the sentiment model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.core.record.forward_returns import Reals
from signals_pipeline.core.research.stored_evidence import Evidence, Marks, Tones
from signals_pipeline.core.signals.decision import STRONGER_BY, Lifecycle, Signal
from signals_pipeline.core.windows import NEW_YORK, Window

LIFECYCLES: tuple[Lifecycle, ...] = ("new", "stronger", "flipped")

_NEVER = np.iinfo(np.int64).min // 2
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, order=True, slots=True)
class Setting:
    """The knobs that a replay can turn, in the units of the configuration table."""

    sentiment_weight: float
    min_combined_score: float
    min_sentiment_confidence: float
    tone_half_life_hours: float
    signal_expiry_days: float
    max_signals: int
    signal_generator: str = "news_driven"


@dataclass(frozen=True, eq=False, slots=True)
class Replayed:
    """The signals of all settings, one entry a signal, windows in order.

    Attributes:
        setting: Place of its setting.
        window: Place of its window.
        symbol: Place of its symbol.
        rise: Whether it is a BUY.
        lifecycle: Place in LIFECYCLES.
        combined: Combined score.
    """

    setting: NDArray[np.int64]
    window: NDArray[np.int64]
    symbol: NDArray[np.int64]
    rise: Marks
    lifecycle: NDArray[np.int64]
    combined: Reals


def replay(evidence: Evidence, settings: Sequence[Setting], before: Iterable[Signal] = ()) -> Replayed:
    """Decide every window anew under every setting, oldest first, each setting with a history of its own.

    Args:
        evidence: The stored frames, without a gap between the windows.
        settings: Knobs.
        before: Signals decided before the first window, active at first under every setting.
    """
    panel = evidence.panel
    market = _Desk.of(evidence, settings)
    history = _History.of(len(settings), panel.symbols, before)
    found = [market.decide(at, window, history) for at, window in enumerate(panel.windows)]
    parts = [np.concatenate([each[field] for each in found]) for field in range(6)] if found else [np.zeros(0)] * 6
    whole = [part.astype(np.int64) for part in parts[:5]]
    return Replayed(whole[0], whole[1], whole[2], whole[3] > 0, whole[4], parts[5].astype(np.float64))


@dataclass(frozen=True, eq=False, slots=True)
class _Desk:
    """The settings as columns, and the tones that they ask for."""

    technical: Reals
    tones: tuple[Tones, ...]
    which: NDArray[np.int64]
    weight: Reals
    least: Reals
    expiry: NDArray[np.int64]
    most: NDArray[np.int64]
    by_price: Marks

    @classmethod
    def of(cls, evidence: Evidence, settings: Sequence[Setting]) -> "_Desk":
        asked = [(each.min_sentiment_confidence, each.tone_half_life_hours) for each in settings]
        different = list(dict.fromkeys(asked))
        return cls(
            evidence.panel.technical,
            tuple(evidence.tones(*each) for each in different),
            np.array([different.index(each) for each in asked], dtype=np.int64),
            np.array([[each.sentiment_weight] for each in settings]),
            np.array([[each.min_combined_score] for each in settings]),
            np.array([[timedelta(days=each.signal_expiry_days) // _MICROSECOND] for each in settings], dtype=np.int64),
            np.array([[each.max_signals] for each in settings], dtype=np.int64),
            np.array([[each.signal_generator == "technical"] for each in settings], dtype=bool),
        )

    def candidates(self, at: int) -> tuple[Reals, Marks, Marks]:
        """Combined score, what passes the gates, and what has a fresh story, each (settings, symbols)."""
        tone, told, fresh = (
            np.array([getattr(each, name)[at] for each in self.tones])[self.which] for name in ("tone", "told", "fresh")
        )
        price = self.technical[at][None, :]
        priced = np.isfinite(price)
        combined = self.weight * tone + np.where(priced, (1 - self.weight) * price, 0.0)
        combined = np.where(self.by_price, np.where(priced, price, 0.0), combined)
        agrees = np.where(self.by_price, priced, told & (np.sign(tone) == np.sign(combined)))
        return combined, agrees & (combined != 0) & (np.abs(combined) >= self.least), fresh & ~self.by_price

    def decide(self, at: int, window: Window, history: "_History") -> tuple[NDArray[np.generic], ...]:
        """One window's signals under every setting, entered into the history."""
        combined, passed, fresh = self.candidates(at)
        now, day = _instant(window.as_of), _day(window.as_of)
        side = np.sign(combined)
        live = history.decided > now - self.expiry
        same = live & (history.side == side)
        updated = (history.stronger > now - self.expiry) & (history.stronger_day == day)
        louder = np.abs(combined) >= np.abs(history.combined) + STRONGER_BY
        moves = passed & (~same | (louder & fresh & ~updated))
        kept = _largest(moves, np.abs(combined), self.most)
        lifecycle = np.where(~live, 0, np.where(same, 1, 2))
        setting, symbol = np.nonzero(kept)
        signals = (setting, np.full(len(setting), at), symbol, side[kept] > 0, lifecycle[kept], combined[kept])
        history.enter(kept, side, combined, window.as_of, stronger=kept & (lifecycle == 1))
        return signals


@dataclass(frozen=True, eq=False, slots=True)
class _History:
    """The latest signal of every symbol under every setting, and when it last grew stronger."""

    side: Reals
    combined: Reals
    decided: NDArray[np.int64]
    stronger: NDArray[np.int64]
    stronger_day: NDArray[np.int64]

    @classmethod
    def of(cls, settings: int, symbols: Sequence[str], before: Iterable[Signal]) -> "_History":
        shape = settings, len(symbols)
        whole = [np.full(shape, _NEVER, dtype=np.int64) for _ in range(3)]
        history = cls(np.zeros(shape), np.zeros(shape), *whole)
        places = {symbol: place for place, symbol in enumerate(symbols)}
        for each in sorted((each for each in before if each.symbol in places), key=lambda each: each.decided_at):
            kept = np.zeros(shape, dtype=bool)
            kept[:, places[each.symbol]] = True
            side, combined = np.full(shape, np.sign(each.combined_score)), np.full(shape, each.combined_score)
            history.enter(kept, side, combined, each.decided_at, stronger=kept & (each.lifecycle == "stronger"))
        return history

    def enter(self, kept: Marks, side: Reals, combined: Reals, decided_at: datetime, *, stronger: Marks) -> None:
        now = _instant(decided_at)
        self.side[kept], self.combined[kept], self.decided[kept] = side[kept], combined[kept], now
        self.stronger[stronger], self.stronger_day[stronger] = now, _day(decided_at)


def _largest(moves: Marks, size: Reals, most: NDArray[np.int64]) -> Marks:
    """The `most` largest moves of each row, by symbol on a tie."""
    if (moves.sum(axis=1, keepdims=True) <= most).all():
        return moves
    order = np.argsort(np.where(moves, -size, np.inf), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return moves & (rank < most)


def _instant(instant: datetime) -> int:
    return (instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


def _day(instant: datetime) -> int:
    return instant.astimezone(NEW_YORK).date().toordinal()
