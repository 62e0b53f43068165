"""Past windows decided again under other parameters, from the stored frames: no text is scored again.

Tone, gates and lifecycle are those of `core.scoring.scores` and `core.signals.decision`, computed on arrays so that a
hundred parameter sets over a year take seconds; a replay with the parameters that were used gives the signals that are
in the history. What a stored frame no longer holds can't be varied: how far back headlines were collected, and the
sentiment model. `tuning` evaluates the replayed signals.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import numpy as np

from signals_pipeline.core.arrays import BoolArray, FloatArray, IntArray
from signals_pipeline.core.event_types import TONE_EVENTS
from signals_pipeline.core.research.stored_evidence import StoredEvidence, ToneGrid
from signals_pipeline.core.signal_fields import Lifecycle
from signals_pipeline.core.signals.decision import STRONGER_BY, Signal
from signals_pipeline.core.windows import NEW_YORK, Window

LIFECYCLES: tuple[Lifecycle, ...] = ("new", "stronger", "flipped")
_NEW, _STRONGER, _FLIPPED = range(3)

# Earlier than every window; halved so that subtracting an expiry cannot overflow.
_NEVER = np.iinfo(np.int64).min // 2

# Instants and durations are whole microseconds, as in the stored frames.
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, order=True, slots=True)
class ParameterSet:
    """The parameters that a replay can vary, in the units of the configuration table."""

    sentiment_weight: float
    min_combined_score: float
    min_sentiment_confidence: float
    tone_half_life_hours: float
    signal_expiry_days: float
    max_signals: int
    signal_generator: str = "news_driven"
    # Trials written down before a replay could vary these have the defaults.
    tone_events: str = ",".join(TONE_EVENTS)
    flip_cooldown_days: float = 2.0


@dataclass(frozen=True, eq=False, slots=True)
class ReplayedSignals:
    """The signals under all parameter sets, one entry per signal, windows in order.

    Attributes:
        setting: Place of its parameter set.
        window: Place of its window.
        symbol: Place of its symbol.
        rise: Whether it is a BUY.
        lifecycle: Place in LIFECYCLES.
        combined: Combined score.
    """

    setting: IntArray
    window: IntArray
    symbol: IntArray
    rise: BoolArray
    lifecycle: IntArray
    combined: FloatArray


def replay_signals(
    evidence: StoredEvidence, settings: Sequence[ParameterSet], before: Iterable[Signal] = ()
) -> ReplayedSignals:
    """Decide every window again under every parameter set, oldest first, each set with a history of its own.

    Args:
        evidence: The stored frames, without a gap between the windows.
        settings: Parameter sets.
        before: Signals decided before the first window, active at first under every parameter set.
    """
    panel = evidence.panel
    parameters = _Parameters.from_settings(evidence, settings)
    history = _History.from_signals(len(settings), panel.symbols, before)
    decisions: list[ReplayedSignals] = []
    for place, window in enumerate(panel.windows):
        decisions.append(parameters.decide(place, window, history))
    return _concatenated(decisions)


@dataclass(frozen=True, eq=False, slots=True)
class _Parameters:
    """The parameter sets as columns that broadcast over symbols, and the tones that they ask for.

    Attributes:
        technical: Technical scores, (windows, symbols).
        tones: One per distinct combination of minimum confidence, half-life and event types.
        tone_place: Place in `tones` of each set, shape (settings,).
        sentiment_weight: Shape (settings, 1), like the rest.
        min_combined_score: ...
        expiry: In microseconds.
        cooldown: Of flips, in microseconds.
        max_signals: ...
        technical_only: Whether the generator is the technical one.
    """

    technical: FloatArray
    tones: tuple[ToneGrid, ...]
    tone_place: IntArray
    sentiment_weight: FloatArray
    min_combined_score: FloatArray
    expiry: IntArray
    cooldown: IntArray
    max_signals: IntArray
    technical_only: BoolArray

    @classmethod
    def from_settings(cls, evidence: StoredEvidence, settings: Sequence[ParameterSet]) -> "_Parameters":
        # Tones take most of the time, and many parameter sets share theirs.
        tone_parameters = [
            (setting.min_sentiment_confidence, setting.tone_half_life_hours, tuple(setting.tone_events.split(",")))
            for setting in settings
        ]
        distinct = list(dict.fromkeys(tone_parameters))
        expiries = [timedelta(days=setting.signal_expiry_days) // _MICROSECOND for setting in settings]
        cooldowns = [timedelta(days=setting.flip_cooldown_days) // _MICROSECOND for setting in settings]
        technical_only = [setting.signal_generator == "technical" for setting in settings]
        return cls(
            technical=evidence.panel.technical,
            tones=tuple(evidence.tones(*parameters) for parameters in distinct),
            tone_place=np.array([distinct.index(parameters) for parameters in tone_parameters], dtype=np.int64),
            sentiment_weight=np.array([[setting.sentiment_weight] for setting in settings]),
            min_combined_score=np.array([[setting.min_combined_score] for setting in settings]),
            expiry=np.array([[expiry] for expiry in expiries], dtype=np.int64),
            cooldown=np.array([[cooldown] for cooldown in cooldowns], dtype=np.int64),
            max_signals=np.array([[setting.max_signals] for setting in settings], dtype=np.int64),
            technical_only=np.array([[flag] for flag in technical_only], dtype=bool),
        )

    def candidates(self, place: int) -> tuple[FloatArray, BoolArray, BoolArray]:
        """One window's combined scores, which pass the gates, and which have a fresh story; (settings, symbols)."""
        tone = np.array([tones.tone[place] for tones in self.tones])[self.tone_place]
        has_tone = np.array([tones.has_tone[place] for tones in self.tones])[self.tone_place]
        fresh = np.array([tones.fresh[place] for tones in self.tones])[self.tone_place]
        technical = self.technical[place][None, :]
        has_technical = np.isfinite(technical)

        # Scores, news-driven and technical.
        technical_part = np.where(has_technical, (1 - self.sentiment_weight) * technical, 0.0)
        news_driven: FloatArray = self.sentiment_weight * tone + technical_part
        combined = np.where(self.technical_only, np.where(has_technical, technical, 0.0), news_driven)

        # Gates.
        agrees: BoolArray = has_tone & (np.sign(tone) == np.sign(combined))
        eligible = np.where(self.technical_only, has_technical, agrees)
        passes: BoolArray = eligible & (combined != 0) & (np.abs(combined) >= self.min_combined_score)
        return combined, passes, fresh & ~self.technical_only

    def decide(self, place: int, window: Window, history: "_History") -> ReplayedSignals:
        """One window's signals under every parameter set, entered into the history."""
        combined, passes, fresh = self.candidates(place)
        side = np.sign(combined)
        now = _microseconds(window.as_of)
        day = _day(window.as_of)

        # Lifecycle, as `decision.decide` has it.
        active = history.decided_at > now - self.expiry
        same_type = active & (history.side == side)
        strengthened_today = (history.stronger_at > now - self.expiry) & (history.stronger_day == day)
        larger = np.abs(combined) >= np.abs(history.combined) + STRONGER_BY
        stronger = same_type & larger & fresh & ~strengthened_today
        flipped_recently = history.flipped_at > now - self.cooldown
        higher = np.abs(combined) > np.abs(history.combined)
        refused = active & ~same_type & flipped_recently & ~higher
        moves = passes & ~refused & (~same_type | stronger)
        signals = _largest(moves, np.abs(combined), self.max_signals)
        lifecycle = np.where(~active, _NEW, np.where(same_type, _STRONGER, _FLIPPED))

        history.enter(signals, side, combined, window.as_of, lifecycle)
        setting, symbol = np.nonzero(signals)
        return ReplayedSignals(
            setting=setting,
            window=np.full(len(setting), place, dtype=np.int64),
            symbol=symbol,
            rise=side[signals] > 0,
            lifecycle=lifecycle[signals],
            combined=combined[signals],
        )


@dataclass(frozen=True, eq=False, slots=True)
class _History:
    """The latest signal of every symbol under every parameter set, each (settings, symbols); arrays are updated.

    Attributes:
        side: 1 for a BUY, -1 for a SELL, 0 without a signal.
        combined: Combined score.
        decided_at: Microseconds since 1970.
        stronger_at: When it last grew stronger, likewise.
        stronger_day: The New York day of that, as an ordinal.
        flipped_at: When it last flipped, in microseconds since 1970.
    """

    side: FloatArray
    combined: FloatArray
    decided_at: IntArray
    stronger_at: IntArray
    stronger_day: IntArray
    flipped_at: IntArray

    @classmethod
    def from_signals(cls, n_settings: int, symbols: Sequence[str], signals: Iterable[Signal]) -> "_History":
        """The history after these signals, the same under every parameter set."""
        shape = n_settings, len(symbols)
        history = cls(
            side=np.zeros(shape),
            combined=np.zeros(shape),
            decided_at=np.full(shape, _NEVER, dtype=np.int64),
            stronger_at=np.full(shape, _NEVER, dtype=np.int64),
            stronger_day=np.full(shape, _NEVER, dtype=np.int64),
            flipped_at=np.full(shape, _NEVER, dtype=np.int64),
        )
        columns = {symbol: column for column, symbol in enumerate(symbols)}
        for signal in sorted(signals, key=lambda signal: signal.decided_at):
            column = columns.get(signal.symbol)
            if column is None:
                continue
            entered = np.zeros(shape, dtype=bool)
            entered[:, column] = True
            combined = np.full(shape, signal.combined_score)
            lifecycle = np.full(shape, LIFECYCLES.index(signal.lifecycle), dtype=np.int64)
            history.enter(entered, np.sign(combined), combined, signal.decided_at, lifecycle)
        return history

    def enter(
        self,
        signals: BoolArray,
        side: FloatArray,
        combined: FloatArray,
        decided_at: datetime,
        lifecycle: IntArray,
    ) -> None:
        """Replace the latest signals by these.

        Args:
            signals: Where there is a new signal.
            side: Its side.
            combined: Its combined score.
            decided_at: When all of them were decided.
            lifecycle: Its place in LIFECYCLES.
        """
        now = _microseconds(decided_at)
        self.side[signals] = side[signals]
        self.combined[signals] = combined[signals]
        self.decided_at[signals] = now
        stronger = signals & (lifecycle == _STRONGER)
        self.stronger_at[stronger] = now
        self.stronger_day[stronger] = _day(decided_at)
        self.flipped_at[signals & (lifecycle == _FLIPPED)] = now


def _concatenated(parts: Sequence[ReplayedSignals]) -> ReplayedSignals:
    """The signals of several windows in one."""
    if not parts:
        nothing = np.zeros(0, dtype=np.int64)
        return ReplayedSignals(nothing, nothing, nothing, np.zeros(0, dtype=bool), nothing, np.zeros(0))
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(ReplayedSignals)
    }
    return ReplayedSignals(**columns)


def _largest(moves: BoolArray, size: FloatArray, maximum: IntArray) -> BoolArray:
    """The largest moves of each row, at most its `maximum`; equal ones by symbol."""
    if (moves.sum(axis=1, keepdims=True) <= maximum).all():
        return moves
    # Descending by size; a stable sort leaves equal ones in the order of symbols.
    order = np.argsort(np.where(moves, -size, np.inf), axis=1, kind="stable")
    rank = np.empty_like(order)
    ascending: IntArray = np.broadcast_to(np.arange(order.shape[1], dtype=np.int64), order.shape)
    np.put_along_axis(rank, order, ascending, axis=1)
    return moves & (rank < maximum)


def _microseconds(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


def _day(instant: datetime) -> int:
    """The New York day, as an ordinal."""
    return instant.astimezone(NEW_YORK).date().toordinal()
