"""The look-ahead audit: a window made again from inputs cut at its end, and from inputs poisoned after it.

Each making runs the assets' own code on a scratch database that holds the history of other windows; the pipeline's own
is only read. What a source itself makes of the future, before it delivers, is out of sight.
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
from signals_pipeline.core.tables import STAGES
from signals_pipeline.core.windows import Sessions, Window, window_containing
from signals_pipeline.defs import scratch_databases
from signals_pipeline.defs.digest_composition import Composer
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.stage_replay import Parts, replay

Replay = Callable[[Sequence[Window], Parts, Mode], Mapping[str, pd.DataFrame]]
MODE: Mode = "backfill"
LATER_WINDOWS = 2  # run together with the audited one, and given a history of their own


@dataclass(frozen=True, slots=True)
class Leak:
    """One comparison with what the inputs cut at as_of gave: what it was, and the first difference; None: identical."""

    name: str
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class _News:
    """A source whose deliveries are changed on the way."""

    source: NewsSource
    change: Callable[[NewsBatch], NewsBatch]

    @property
    def name(self) -> str:
        return self.source.name

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        return self.change(self.source.fetch(start, end))


@dataclass(frozen=True, slots=True)
class _Prices:
    """A source whose bars and actions are changed on the way."""

    source: PriceSource
    change_bars: Callable[[pd.DataFrame, Sequence[str]], pd.DataFrame]
    change_actions: Callable[[pd.DataFrame, Sequence[str]], pd.DataFrame]

    @property
    def name(self) -> str:
        return self.source.name

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.change_bars(self.source.bars(symbols, start, end), symbols)

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.change_actions(self.source.actions(symbols, start, end), symbols)

    def notes(self) -> tuple[str, ...]:
        return self.source.notes()


def audit(window: Window, parts: Parts, stored: Trace | None = None, *, run: Replay = replay) -> tuple[Leak, ...]:
    """Make a window again in several ways and compare each with its making from inputs cut at its end.

    Args:
        window: The window.
        parts: Knobs, sources, model and the database to read the history from.
        stored: What is kept of the window; None where it was never run.
        run: Runs the assets.

    Returns:
        A finding for the inputs as they are now, for poisoned ones, for a run together with later windows on poisoned
        ones, and for what is kept.
    """
    later = following(window, LATER_WINDOWS)
    with _scratch(parts, window) as make:
        cut = make(_cut(parts, window), (window,), run, history="past")
        poisoned = _poisoned(parts, window)
        made = {
            "inputs as they are now": make(parts, (window,), run, history="all"),
            "inputs poisoned after the window": make(poisoned, (window,), run, history="poisoned"),
            "a run with later windows, poisoned": make(poisoned, (window, *later), run, history="poisoned"),
        }
    if stored is not None:
        made["what is kept of the window"] = stored
    return tuple(Leak(name, first_difference(cut, each)) for name, each in made.items())


def stored_trace(window: Window, store: Store, frames: Mapping[str, pd.DataFrame]) -> Trace:
    """What the database and the frames keep of a window that was run."""
    return Trace(frames, _recorded(window, store))


def _cut(parts: Parts, window: Window) -> Parts:
    closed, opened = _last_days(parts, window)
    prices = _Prices(
        parts.prices,
        lambda bars, _: poison.cut_days(bars, closed),
        lambda actions, _: poison.cut_days(actions, opened),
    )
    return replace(parts, news=_News(parts.news, lambda batch: poison.cut_news(batch, window.as_of)), prices=prices)


def _poisoned(parts: Parts, window: Window) -> Parts:
    closed, opened = _last_days(parts, window)
    prices = _Prices(
        parts.prices,
        lambda bars, symbols: poison.poison_bars(bars, closed, symbols),
        lambda actions, symbols: poison.poison_actions(actions, opened, symbols),
    )
    watchlist = parts.market.watchlist
    news = _News(parts.news, lambda batch: poison.poison_news(batch, window.as_of, watchlist))
    return replace(parts, news=news, prices=prices)


def _last_days(parts: Parts, window: Window) -> tuple[np.datetime64, np.datetime64]:
    """The last session that had closed by the window's end, and the last that had opened."""
    sessions: Sessions = parts.market.sessions((window,))
    closed = sessions.last_closed(window.as_of)
    if closed is None:
        raise ValueError(f"window {window.key}: no session closed before its end; the calendar begins too late")
    return np.datetime64(closed, "D"), last_opened(sessions, window.as_of)


def following(window: Window, count: int) -> tuple[Window, ...]:
    """The next windows after this one."""
    found: list[Window] = []
    for _ in range(count):
        found.append(window_containing((found[-1] if found else window).end))
    return tuple(found)


@contextmanager
def _scratch(parts: Parts, window: Window) -> Iterator[Callable[..., Trace]]:
    """A maker of traces, each on a scratch database of its own with the history asked for."""
    with scratch_databases.databases() as fresh:

        def make(changed: Parts, windows: Sequence[Window], run: Replay, *, history: scratch_databases.Kind) -> Trace:
            with fresh() as store:
                scratch_databases.copy_history(parts.store, store, None if history == "all" else window)
                if history == "poisoned":
                    scratch_databases.plant_history(store, window, following(window, LATER_WINDOWS), parts)
                scorer = scratch_databases.apart(parts.scorer, store)
                return _trace(window, replace(changed, store=store, scorer=scorer), windows, run)

        yield make


def _trace(window: Window, parts: Parts, windows: Sequence[Window], run: Replay) -> Trace:
    made = run(windows, parts, MODE)
    news = {"headlines": made["headlines"], "sentiment": made["sentiment"]}
    digest = Composer.for_windows(tuple(windows), parts.store, parts.market, parts.prices, **news).compose(window)
    own = {name: frame[frame["window_start"] == pd.Timestamp(window.start)] for name, frame in made.items()}
    told = {"digest": json.loads(digest.to_json())}
    return Trace({name: own[name] for name in STAGES if name in own}, _recorded(window, parts.store) | told)


def _recorded(window: Window, store: Store) -> dict[str, Any]:
    """What the database keeps of a window, but for what says by which run it was written."""
    run, entry = store.history.run(window), store.coverage.get(window)
    signals = store.history.between(window.end, window.end.replace(microsecond=1))
    return {
        "run": None if run is None else {name: value for name, value in asdict(run).items() if name != "mode"},
        "candidates": [asdict(each) for each in store.history.candidates(window)],
        "signals": [asdict(each) for each in signals],
        "evidence": None if entry is None else {"headlines": entry.headlines, "drops": dict(entry.drops)},
    }
