"""Scratch databases for audits and simulations: a copy of the history as of an instant, or a poisoned one.

The pipeline's own database is only read. What runs on them is in `stage_replay` and `look_ahead_audit`.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.adapters.stores.tables import (
    coverage,
    signal_candidate,
    signal_history,
    signal_outcome,
    window_run,
)
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.cached_scoring import Cache, Scorer, SwitchedOff
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.defs.stage_replay import PipelineResources

Kind = Literal["past", "all", "poisoned"]

# Parents before the tables whose foreign keys refer to them.
_COPIED_TABLES = (window_run, coverage, signal_candidate, signal_history, signal_outcome)


PLANTED_OUTCOMES = 50  # the newest signals, which a card's hit rate is most likely to use
PLANTED_HORIZON = 10  # sessions; the longest horizon, whose outcomes come last


class _ReadThrough(ScoreCache):
    """A score cache over another one: it reads both, and writes only to itself."""

    def __init__(self, underlying: Cache, store: Store) -> None:
        super().__init__(store.engine)
        self._underlying = underlying

    def get(self, hashes: Iterable[str], model_revision: str) -> pd.DataFrame:
        """The scores that are in either cache; see `ScoreCache.get`."""
        wanted = set(hashes)
        own = super().get(wanted, model_revision)
        underlying = self._underlying.get(wanted - set(own.index), model_revision)
        return pd.concat([own, underlying]).sort_index() if len(own) else underlying


@contextmanager
def databases() -> Iterator[Callable[[], AbstractContextManager[Store]]]:
    """A function that opens an empty, migrated SQLite database; one at a time, and deleted when it is closed."""
    with tempfile.TemporaryDirectory() as folder:
        # Migrated once and copied: the migrations take longer than most replays.
        template = Path(folder) / "template.db"
        path = Path(folder) / "scratch.db"
        upgrade(f"sqlite:///{template}")

        @contextmanager
        def fresh() -> Iterator[Store]:
            shutil.copy(template, path)
            store = open_store(f"sqlite:///{path}")
            try:
                yield store
            finally:
                store.engine.dispose()
                path.unlink()

        yield fresh


def isolated_scorer(scorer: Scorer | SwitchedOff, store: Store) -> Scorer | SwitchedOff:
    """The scorer with a cache in a scratch database over its own: planted texts stay out of the pipeline's cache."""
    if isinstance(scorer, SwitchedOff):
        return scorer
    companion = scorer.companion
    if companion is not None:
        companion = replace(companion, cache=_ReadThrough(companion.cache, store))
    return replace(scorer, cache=_ReadThrough(scorer.cache, store), companion=companion)


def copy_history(source: Store, target: Store, before: Window | None) -> None:
    """Copy signals, outcomes and coverage from one database to another.

    Args:
        source: The database to read.
        target: An empty database.
        before: Copy only rows of windows before this one, and of them only what was known at its end; None for all.
    """
    with read_transaction(source.engine) as read, write_transaction(target.engine) as write:
        for table in _COPIED_TABLES:
            query = sa.select(table)
            if before is not None:
                query = query.where(table.c.window_start < before.start)
                if table is signal_outcome:
                    query = query.where(table.c.known_at < before.as_of)
            rows = [dict(row) for row in read.execute(query).mappings()]
            if rows:
                write.execute(sa.insert(table), rows)


def plant_history(store: Store, window: Window, later: Sequence[Window], parts: PipelineResources) -> None:
    """Write a poisoned history: signals of later windows for every symbol, and outcomes known only at the window's end.

    Args:
        store: A scratch database with the history before the window.
        window: The audited window.
        later: Windows after it that get a run and signals.
        parts: Knobs and watchlist.
    """
    with write_transaction(store.engine) as connection:
        newest_signals = sa.select(signal_history).order_by(signal_history.c.id.desc()).limit(PLANTED_OUTCOMES)
        earlier = [dict(row) for row in connection.execute(newest_signals).mappings()]

        for later_window in later:
            connection.execute(sa.insert(window_run), _planted_run(later_window, parts))
            signals = [
                _planted_signal(later_window, symbol, number)
                for number, symbol in enumerate(parts.market.watchlist.symbols)
            ]
            connection.execute(sa.insert(signal_history), signals)

        # An outcome over the longest horizon for each of the newest signals that has none yet.
        signal_by_key = {
            (row["window_start"], row["symbol"], row["signal_type"], PLANTED_HORIZON): row for row in earlier
        }
        key_columns = [signal_outcome.c[name] for name in ("window_start", "symbol", "signal_type", "horizon")]
        existing_keys = {tuple(row) for row in connection.execute(sa.select(*key_columns))}
        outcomes = [
            _planted_outcome(signal, window) for key, signal in signal_by_key.items() if key not in existing_keys
        ]
        if outcomes:
            connection.execute(sa.insert(signal_outcome), outcomes)


def _planted_run(window: Window, parts: PipelineResources) -> dict[str, Any]:
    return {
        "window_start": window.start, "window_end": window.end, "history_start": window.start, "mode": "live",
        "model": "planted", "knobs": parts.knobs.stored(), "funnel": {}, "near_misses": [],
        "decided_at": window.end, "updated_at": window.end,
    }  # fmt: skip


def _planted_signal(window: Window, symbol: str, number: int) -> dict[str, Any]:
    score = 0.99 if number % 2 else -0.99  # buy and sell in turn
    return {
        "window_start": window.start, "window_end": window.end, "symbol": symbol,
        "signal_type": "BUY" if score > 0 else "SELL", "combined_score": score, "tone": score,
        "confidence_score": 0.99, "technical": None, "fresh": True, "fragile": True, "story_id": "planted",
        "news_title": "Planted", "news_url": "", "contributions": "[]", "source": "news_driven_ml", "known_at": None,
        "lifecycle": "new", "model": "planted", "mode": "live", "decided_at": window.end,
        "expires_at": window.end + timedelta(days=90), "created_at": window.end,
    }  # fmt: skip


def _planted_outcome(signal: Mapping[str, Any], window: Window) -> dict[str, Any]:
    copied_columns = (
        "window_start",
        "symbol",
        "signal_type",
        "decided_at",
        "combined_score",
        "confidence_score",
        "lifecycle",
    )
    return {name: signal[name] for name in copied_columns} | {
        "horizon": PLANTED_HORIZON, "entry_session": window.start, "exit_session": window.end,
        "entry": 1.0, "exit": 100.0,
        "raw_return": 99.0, "benchmark_return": 0.0, "net_return": 99.0, "hit": True, "base_rate": 0.5,
        "benchmark": "planted", "known_at": window.as_of,
    }  # fmt: skip
