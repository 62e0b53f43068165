"""What a replay and the record read: the stored frames of past windows, and the prices after them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.record.forward_returns import Forward, forward_returns
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.research.replay import LIFECYCLES, Replayed, Setting
from signals_pipeline.core.research.stored_evidence import Evidence
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import SCORES, SENTIMENT
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.core.windows import Window, WindowError, window_for_key, window_starting
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.settings.strategy import Knobs

LONGEST_EXPIRY = timedelta(days=90)
AFTER = timedelta(days=2 * max(HORIZONS) + 10)  # sessions of the longest horizon after a window, holidays included
BEFORE = timedelta(days=5)

SCORE_COLUMNS = ["window_start", "symbol", "n_stories", "tone", "tone_confidence", "technical", "combined"]
SENTIMENT_COLUMNS = [
    *("window_start", "headline_id", "symbol", "known_at", "story_id", "told"),
    *("score", "confidence", "relevance", "novelty"),
]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The resources that a look back needs."""

    store: Store
    market: MarketContext
    prices: PriceSource
    frames: WindowFrames


@dataclass(frozen=True, eq=False, slots=True)
class Past:
    """Windows that were run, what they rested on and what followed.

    Attributes:
        windows: Oldest first.
        evidence: Their stored frames.
        forward: Returns after them.
        before: Signals decided before the first of them that may still have been active.
        stored: Their signals as they are in the history.
    """

    windows: tuple[Window, ...]
    evidence: Evidence
    forward: Forward
    before: tuple[Signal, ...]
    stored: tuple[Signal, ...]

    @property
    def weeks(self) -> float:
        """Length of the time covered."""
        return (self.windows[-1].end - self.windows[0].start) / timedelta(weeks=1)

    def reproduced(self, replayed: Replayed, setting: int) -> bool:
        """Whether a setting's replay gives the signals of the history, scores included."""
        own = replayed.setting == setting
        each_of = (replayed.window, replayed.symbol, replayed.rise, replayed.lifecycle, replayed.combined)
        symbols = self.evidence.panel.symbols
        found = {
            (self.windows[window].start, symbols[symbol], "BUY" if rise else "SELL", LIFECYCLES[lifecycle], combined)
            for window, symbol, rise, lifecycle, combined in zip(*(each[own].tolist() for each in each_of), strict=True)
        }
        return found == {_said(each) for each in self.stored}


@contextmanager
def opened(resources: dict[str, Any]) -> Iterator[Inputs]:
    """The resources of a deployment (`definitions.build_resources`), as far as a look back needs them."""
    wanted = {name: resources[name] for name in ("store", "market", "prices")}
    with dg.build_resources(wanted) as found:
        yield Inputs(found.store, found.market, found.prices, resources["io_manager"])


def windows_run(store: Store, first: str | None, last: str | None, most: int) -> tuple[Window, ...]:
    """The newest `most` windows that were run, from the window with key `first` to `last` where they are given.

    Raises:
        WindowError: a key is no window, or none was run there.
    """
    start = window_for_key(first).start if first else datetime(1970, 1, 1, tzinfo=UTC)
    end = window_for_key(last).end if last else datetime(2199, 1, 1, tzinfo=UTC)
    found = tuple(window_starting(each) for each in store.history.windows_done(start, end))[-most:]
    if not found:
        span = f"from {first or 'the first'} to {last or 'the last'}"
        raise WindowError(f"no window was run {span}: make some with `signals run` or `signals backfill`")
    return found


def look_back(inputs: Inputs, windows: tuple[Window, ...], as_of: datetime) -> Past:
    """Read everything about these windows once.

    Args:
        inputs: Where from.
        windows: Oldest first.
        as_of: Only returns whose exit session closed before this instant.

    Raises:
        Failure: a window's frame is missing.
        SourceError: prices can't be had.
    """
    keys = [window.key for window in windows]
    scores, sentiment = (
        inputs.frames.columns(table, keys, names)
        for table, names in ((SCORES, SCORE_COLUMNS), (SENTIMENT, SENTIMENT_COLUMNS))
    )
    evidence = Evidence.from_frames(sentiment, scores, windows)
    watchlist = inputs.market.watchlist.symbols
    symbols = tuple(sorted({*evidence.panel.symbols, *watchlist, BENCHMARK}))
    span = (windows[0].start - BEFORE).date(), min(windows[-1].end + AFTER, as_of).date()
    forward = forward_returns(
        windows,
        evidence.panel.symbols,
        watchlist,
        inputs.prices.bars(symbols, *span),
        inputs.market.sessions(windows),
        as_of=as_of,
        actions=inputs.prices.actions(symbols, *span),
    )
    history = inputs.store.history
    first, ran = windows[0], {window.start for window in windows}
    before = history.between(first.end - LONGEST_EXPIRY, first.end)
    since = history.between(first.end, windows[-1].end + timedelta(microseconds=1))
    return Past(windows, evidence, forward, tuple(before), tuple(each for each in since if each.window_start in ran))


def setting_of(knobs: Knobs) -> Setting:
    """The knobs that a replay can turn."""
    stored = knobs.stored()
    return Setting(**{name: stored[name] for name in Setting.__dataclass_fields__})


def _said(signal: Signal) -> tuple[datetime, str, str, str, float]:
    return signal.window_start, signal.symbol, signal.signal_type, signal.lifecycle, signal.combined_score
