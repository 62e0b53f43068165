"""Reads the data of research (`signals tune`, `signals record`): past windows' frames, and the prices after them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.prices.corrections import bars_as_of
from signals_pipeline.core.prices.earnings import EarningsSource
from signals_pipeline.core.record.forward_returns import ForwardReturns, forward_returns
from signals_pipeline.core.record.origin import Origin, provenance_of
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.research.replay import LIFECYCLES, ParameterSet, ReplayedSignals
from signals_pipeline.core.research.stored_evidence import StoredEvidence
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import SCORES, SENTIMENT
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.core.windows import Window, WindowError, window_for_key, window_starting
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.settings.strategy import Knobs

LONGEST_EXPIRY = timedelta(days=90)  # upper bound of the setting for a signal's expiry
# Calendar days that hold the sessions of the longest horizon after a window, holidays included.
MARGIN_AFTER = timedelta(days=2 * max(HORIZONS) + 10)
MARGIN_BEFORE = timedelta(days=5)  # the last session before the first window, holidays included

SCORE_COLUMNS = ["window_start", "symbol", "n_stories", "tone", "tone_confidence", "technical", "combined"]
SENTIMENT_COLUMNS = [
    *("window_start", "headline_id", "symbol", "known_at", "story_id", "told"),
    *("score", "confidence", "relevance", "novelty", "event"),
]


_SignalFields = tuple[datetime, str, str, str, float]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The resources that research reads."""

    store: Store
    market: MarketContext
    prices: PriceSource
    earnings: EarningsSource
    frames: WindowFrames


@dataclass(frozen=True, eq=False, slots=True)
class ResearchData:
    """Windows that were run, their evidence and what followed.

    Attributes:
        windows: Oldest first.
        evidence: Their stored sentiment and scores.
        forward: Returns after them.
        before: Signals decided before the first window that may still have been active in it.
        stored: Their signals in the history.
    """

    windows: tuple[Window, ...]
    evidence: StoredEvidence
    forward: ForwardReturns
    before: tuple[Signal, ...]
    stored: tuple[Signal, ...]

    @property
    def weeks(self) -> float:
        """Time covered, in weeks."""
        return (self.windows[-1].end - self.windows[0].start) / timedelta(weeks=1)

    def compare(self, replayed: ReplayedSignals, setting: int) -> "Comparison":
        """Compare the signals that the replay of a setting gives with those of the history."""
        rows = replayed.setting == setting
        columns = (replayed.window, replayed.symbol, replayed.rise, replayed.lifecycle, replayed.combined)
        symbols = self.evidence.panel.symbols
        replayed_signals: set[_SignalFields] = set()
        for window, symbol, rise, lifecycle, combined in zip(
            *(column[rows].tolist() for column in columns), strict=True
        ):
            start = self.windows[window].start
            signal_type = "BUY" if rise else "SELL"
            replayed_signals.add((start, symbols[symbol], signal_type, LIFECYCLES[lifecycle], combined))
        stored_signals = {_fields(signal) for signal in self.stored}

        # Window, symbol and direction, whatever lifecycle and score.
        replayed_keys = {fields[:3] for fields in replayed_signals}
        stored_keys = {fields[:3] for fields in stored_signals}
        return Comparison(
            is_same=replayed_signals == stored_signals,
            replayed=len(replayed_keys),
            both=len(replayed_keys & stored_keys),
            added=len(replayed_keys - stored_keys),
            gone=len(stored_keys - replayed_keys),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A replay's signals against those of the history; a signal is a window, a company and a direction.

    Attributes:
        is_same: Whether they are exactly the same, lifecycles and scores included.
        replayed: Signals of the replay.
        both: Those that the history has, too.
        added: Those that only the replay has.
        gone: Signals that only the history has.
    """

    is_same: bool
    replayed: int
    both: int
    added: int
    gone: int


@contextmanager
def open_inputs(resources: dict[str, Any]) -> Iterator[Inputs]:
    """Open those resources of a deployment (`definitions.build_resources`) that research reads."""
    selected = {name: resources[name] for name in ("store", "market", "prices", "earnings")}
    with dg.build_resources(selected) as built:
        yield Inputs(built.store, built.market, built.prices, built.earnings, resources["io_manager"])


def windows_run(store: Store, first: str | None, last: str | None, maximum: int) -> tuple[Window, ...]:
    """Windows that were run, oldest first.

    Args:
        store: The database.
        first: Key of the first window; None for no bound.
        last: Key of the last window; None for no bound.
        maximum: Maximum number of windows; the newest are returned.

    Raises:
        WindowError: a key is not that of a window, or no window was run between them.
    """
    start = window_for_key(first).start if first else datetime(1970, 1, 1, tzinfo=UTC)
    end = window_for_key(last).end if last else datetime(2199, 1, 1, tzinfo=UTC)
    windows = [window_starting(window_start) for window_start in store.history.recorded_window_starts(start, end)]
    if not windows:
        span = f"from {first or 'the first'} to {last or 'the last'}"
        raise WindowError(f"no window was run {span}: run some with `signals run` or `signals backfill`")
    return tuple(windows[-maximum:])


def origins_of(store: Store, windows: tuple[Window, ...]) -> dict[Window, Origin]:
    """The origin of each window's signals and scores, of windows that were run."""
    origins: dict[Window, Origin] = {}
    for window in windows:
        run = store.history.run(window)
        if run is not None:
            origins[window] = Origin(provenance_of(run.mode), run.generation)
    return origins


def read_research_data(inputs: Inputs, windows: tuple[Window, ...], as_of: datetime) -> ResearchData:
    """Read everything about windows at once.

    Args:
        inputs: The resources to read from.
        windows: Oldest first.
        as_of: Only returns whose exit session closed before this instant are used.

    Raises:
        Failure: a window's frame is missing.
        SourceError: the price source fails.
    """
    keys = [window.key for window in windows]
    scores = inputs.frames.columns(SCORES, keys, SCORE_COLUMNS)
    sentiment = inputs.frames.columns(SENTIMENT, keys, SENTIMENT_COLUMNS)
    sessions = inputs.market.sessions(windows)
    evidence = StoredEvidence.from_frames(sentiment, scores, windows, sessions)
    symbols = tuple(sorted({*evidence.panel.symbols, BENCHMARK}))
    first_day = (windows[0].start - MARGIN_BEFORE).date()
    last_day = min(windows[-1].end + MARGIN_AFTER, as_of).date()
    corrections = inputs.prices.corrections(symbols, first_day, last_day)
    forward = forward_returns(
        windows,
        evidence.panel.symbols,
        # Every company of a window's watchlist was scored in it.
        evidence.panel.scored,
        bars_as_of(inputs.prices.bars(symbols, first_day, last_day), corrections, as_of),
        sessions,
        as_of=as_of,
        actions=inputs.prices.actions(symbols, first_day, last_day),
    )
    history = inputs.store.history
    first_end = windows[0].end
    before = history.between(first_end - LONGEST_EXPIRY, first_end)
    # Between the first and the last window there may be some that are not among these.
    starts = {window.start for window in windows}
    signals = history.between(first_end, windows[-1].end + timedelta(microseconds=1))
    own_signals = [signal for signal in signals if signal.window_start in starts]
    return ResearchData(windows, evidence, forward, tuple(before), tuple(own_signals))


def setting_of(knobs: Knobs) -> ParameterSet:
    """The knobs that a replay can vary."""
    stored = knobs.stored()
    return ParameterSet(**{name: stored[name] for name in ParameterSet.__dataclass_fields__})


def _fields(signal: Signal) -> _SignalFields:
    """What a replay must reproduce of a signal."""
    return signal.window_start, signal.symbol, signal.signal_type, signal.lifecycle, signal.combined_score
