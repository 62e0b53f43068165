"""The look-ahead audit: replays a window on inputs cut at its end and on inputs poisoned after it.

Each replay runs the assets' own code on a scratch database with the history of other windows; the pipeline's own
database is only read. A source that uses the future before it delivers goes unseen. `core.checks.look_ahead` poisons
the inputs and compares the results.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from signals_pipeline.adapters.stores.tables import Mode
from signals_pipeline.core.checks import look_ahead as poison
from signals_pipeline.core.checks.look_ahead import Difference, Trace, first_difference
from signals_pipeline.core.news.feeds import NewsBatch, NewsSource, PriceSource
from signals_pipeline.core.prices.adjustment import last_opened
from signals_pipeline.core.prices.earnings import CollectionReport, EarningsCalendar, EarningsSource
from signals_pipeline.core.tables import STAGES
from signals_pipeline.core.windows import Sessions, Window, window_containing
from signals_pipeline.defs import scratch_databases
from signals_pipeline.defs.digest_composition import Composer
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.stage_replay import PipelineResources, replay

Replay = Callable[[Sequence[Window], PipelineResources, Mode], Mapping[str, pd.DataFrame]]
MODE: Mode = "backfill"
LATER_WINDOWS = 2  # replayed together with the audited one, with a poisoned history


@dataclass(frozen=True, slots=True)
class Leak:
    """One comparison with the replay on inputs cut at the window's end.

    Attributes:
        name: What was compared with it.
        difference: The first difference; None if there is none.
    """

    name: str
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class _News:
    """A news source whose batches are changed."""

    source: NewsSource
    change: Callable[[NewsBatch], NewsBatch]

    @property
    def name(self) -> str:
        return self.source.name

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        return self.change(self.source.fetch(start, end))


@dataclass(frozen=True, slots=True)
class _Prices:
    """A price source whose bars, corrections, actions and traded closes are changed."""

    source: PriceSource
    change_bars: Callable[[pd.DataFrame, Sequence[str]], pd.DataFrame]
    change_actions: Callable[[pd.DataFrame, Sequence[str]], pd.DataFrame]
    change_corrections: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
    change_closes: Callable[[pd.DataFrame, Sequence[str]], pd.DataFrame]

    @property
    def name(self) -> str:
        return self.source.name

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.change_bars(self.source.bars(symbols, start, end), symbols)

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        bars = self.source.bars(symbols, start, end)
        return self.change_corrections(self.source.corrections(symbols, start, end), bars)

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.change_actions(self.source.actions(symbols, start, end), symbols)

    def other_vendors(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.source.other_vendors(symbols, start, end)

    def traded_closes(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.change_closes(self.source.traded_closes(symbols, start, end), symbols)

    def notes(self) -> tuple[str, ...]:
        return self.source.notes()


@dataclass(frozen=True, slots=True)
class _Earnings:
    """A source of earnings dates whose calendar is changed; nothing is collected."""

    source: EarningsSource
    change: Callable[[EarningsCalendar, Sequence[str]], EarningsCalendar]

    @property
    def name(self) -> str:
        return self.source.name

    def calendar(self, symbols: Sequence[str]) -> EarningsCalendar:
        return self.change(self.source.calendar(symbols), symbols)

    def collect(self, symbols: Sequence[str]) -> CollectionReport:
        del symbols
        return CollectionReport()


def audit(
    window: Window, parts: PipelineResources, stored: Trace | None = None, *, run: Replay = replay
) -> tuple[Leak, ...]:
    """Replay a window in several ways and compare each with its replay on inputs cut at its end.

    Args:
        window: The window.
        parts: Knobs, sources, model, and the database with the history.
        stored: What a run has stored for the window; None if it was never run.
        run: Runs the assets.

    Returns:
        Comparisons for the inputs as they are now, for poisoned inputs, for poisoned inputs together with later
        windows, and for what is stored.
    """
    later = windows_after(window, LATER_WINDOWS)
    with _scratch(parts, window) as replay_traced:
        reference = replay_traced(_cut(parts, window), (window,), run, history="past")
        # Every trace must equal the reference: nothing after the window's end may show in it.
        poisoned = _poisoned(parts, window)
        traces = {
            "inputs as they are now": replay_traced(parts, (window,), run, history="all"),
            "inputs poisoned after the window": replay_traced(poisoned, (window,), run, history="poisoned"),
            "a run with later windows, poisoned": replay_traced(poisoned, (window, *later), run, history="poisoned"),
        }
    if stored is not None:
        traces["what is kept of the window"] = stored
    return tuple(Leak(name, first_difference(reference, trace)) for name, trace in traces.items())


def stored_trace(window: Window, store: Store, frames: Mapping[str, pd.DataFrame]) -> Trace:
    """What the database and the frames hold of a window that was run."""
    return Trace(frames, _records(window, store))


def _cut(parts: PipelineResources, window: Window) -> PipelineResources:
    last_closed, last_opened_day = _last_days(parts, window)
    prices = _Prices(
        parts.prices,
        lambda bars, _: poison.cut_days(bars, last_closed),
        lambda actions, _: poison.cut_days(actions, last_opened_day),
        lambda corrections, _: poison.cut_corrections(corrections, window.as_of),
        lambda closes, _: poison.cut_days(closes, last_closed),
    )
    news = _News(parts.news, lambda batch: poison.cut_news(batch, window.as_of))
    earnings = _Earnings(parts.earnings, lambda calendar, _: poison.cut_earnings(calendar, window.as_of))
    return replace(parts, news=news, prices=prices, earnings=earnings)


def _poisoned(parts: PipelineResources, window: Window) -> PipelineResources:
    last_closed, last_opened_day = _last_days(parts, window)
    prices = _Prices(
        parts.prices,
        lambda bars, symbols: poison.poison_bars(bars, last_closed, symbols),
        lambda actions, symbols: poison.poison_actions(actions, last_opened_day, symbols),
        lambda corrections, bars: poison.poison_corrections(corrections, bars, window.as_of),
        lambda closes, symbols: poison.poison_closes(closes, last_closed, symbols),
    )
    watchlist = parts.market.watchlist
    news = _News(parts.news, lambda batch: poison.poison_news(batch, window.as_of, watchlist))
    earnings = _Earnings(
        parts.earnings, lambda calendar, symbols: poison.poison_earnings(calendar, window.as_of, symbols)
    )
    return replace(parts, news=news, prices=prices, earnings=earnings)


def _last_days(parts: PipelineResources, window: Window) -> tuple[np.datetime64, np.datetime64]:
    """The days of the last session that had closed by the window's end, and of the last that had opened."""
    sessions: Sessions = parts.market.sessions((window,))
    closed = sessions.last_closed(window.as_of)
    if closed is None:
        raise ValueError(f"window {window.key}: no session closed before its end; the calendar starts too late")
    return np.datetime64(closed, "D"), last_opened(sessions, window.as_of)


def windows_after(window: Window, count: int) -> tuple[Window, ...]:
    """The next windows after this one."""
    windows = [window]
    for _ in range(count):
        windows.append(window_containing(windows[-1].end))
    return tuple(windows[1:])


@contextmanager
def _scratch(parts: PipelineResources, window: Window) -> Iterator[Callable[..., Trace]]:
    """A function that replays windows on a scratch database with a kind of history, and returns the window's trace."""
    with scratch_databases.databases() as fresh:

        def replay_traced(
            changed: PipelineResources, windows: Sequence[Window], run: Replay, *, history: scratch_databases.Kind
        ) -> Trace:
            with fresh() as store:
                scratch_databases.copy_history(parts.store, store, None if history == "all" else window)
                if history == "poisoned":
                    scratch_databases.plant_history(store, window, windows_after(window, LATER_WINDOWS), parts)
                scorer = scratch_databases.isolated_scorer(parts.scorer, store)
                return _trace(window, replace(changed, store=store, scorer=scorer), windows, run)

        yield replay_traced


def _trace(window: Window, parts: PipelineResources, windows: Sequence[Window], run: Replay) -> Trace:
    frames = run(windows, parts, MODE)
    composer = Composer.for_windows(
        tuple(windows),
        parts.store,
        parts.market,
        parts.prices,
        parts.earnings,
        headlines=frames["headlines"],
        sentiment=frames["sentiment"],
    )
    digest = composer.compose(window)

    # Other windows are replayed only for their influence on this one.
    rows_of_window: dict[str, pd.DataFrame] = {}
    for name in STAGES:
        if name in frames:
            frame = frames[name]
            rows_of_window[name] = frame[frame["window_start"] == pd.Timestamp(window.start)]
    records = _records(window, parts.store)
    records["digest"] = json.loads(digest.to_json())
    return Trace(rows_of_window, records)


def _records(window: Window, store: Store) -> dict[str, Any]:
    """What the database holds of a window, without the mode of the run that wrote it."""
    run = store.history.run(window)
    run_fields = None if run is None else asdict(run)
    if run_fields is not None:
        del run_fields["mode"]
        # The scores have the same companies; a run from before the watchlist was stored has none here.
        del run_fields["watchlist"]

    entry = store.coverage.get(window)
    evidence = None if entry is None else {"headlines": entry.headlines, "drops": dict(entry.drops)}
    signals = store.history.between(window.end, window.end.replace(microsecond=1))  # decided at the window's end
    return {
        "run": run_fields,
        "candidates": [asdict(candidate) for candidate in store.history.candidates(window)],
        "signals": [asdict(signal) for signal in signals],
        "evidence": evidence,
    }
