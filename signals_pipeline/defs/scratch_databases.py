"""Databases for making a window again beside the pipeline's own: the history as of an instant, or a poisoned one."""

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
from signals_pipeline.defs.cached_scoring import Scorer, SwitchedOff
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.defs.stage_replay import Parts

Kind = Literal["past", "all", "poisoned"]
# Parents first.
_COPIED = (window_run, coverage, signal_candidate, signal_history, signal_outcome)


class _ReadThrough(ScoreCache):
    """A cache that knows what another knows, and keeps what is new to itself."""

    def __init__(self, under: ScoreCache, store: Store) -> None:
        super().__init__(store.engine)
        self._under = under

    def get(self, hashes: Iterable[str], model_revision: str) -> pd.DataFrame:
        """The logits that either knows; see `ScoreCache.get`."""
        wanted = set(hashes)
        own = super().get(wanted, model_revision)
        known = self._under.get(wanted - set(own.index), model_revision)
        return pd.concat([own, known]).sort_index() if len(own) else known


@contextmanager
def databases() -> Iterator[Callable[[], AbstractContextManager[Store]]]:
    """A maker of empty SQLite databases at head; each is gone when it is left."""
    with tempfile.TemporaryDirectory() as folder:
        template, path = Path(folder) / "template.db", Path(folder) / "scratch.db"
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


def apart(scorer: Scorer | SwitchedOff, store: Store) -> Scorer | SwitchedOff:
    """The scorer with a cache of its own over the one that it has: planted texts stay out of the pipeline's."""
    return scorer if isinstance(scorer, SwitchedOff) else replace(scorer, cache=_ReadThrough(scorer.cache, store))


def copy_history(source: Store, target: Store, before: Window | None) -> None:
    """Copy the history: all of it, or what was there before a window and known before its end."""
    with read_transaction(source.engine) as read, write_transaction(target.engine) as write:
        for table in _COPIED:
            query = sa.select(table)
            if before is not None:
                query = query.where(table.c.window_start < before.start)
                if table is signal_outcome:
                    query = query.where(table.c.known_at < before.as_of)
            rows = [dict(row) for row in read.execute(query).mappings()]
            if rows:
                write.execute(sa.insert(table), rows)


def plant_history(store: Store, window: Window, later: Sequence[Window], parts: Parts) -> None:
    """A history of later windows that contradicts every signal, and outcomes that became known too late."""
    with write_transaction(store.engine) as connection:
        known = connection.execute(sa.select(signal_history).order_by(signal_history.c.id.desc()).limit(50)).mappings()
        earlier = [dict(row) for row in known]
        for each in later:
            connection.execute(sa.insert(window_run), _planted_run(each, parts))
            signals = [_planted_signal(each, symbol, at) for at, symbol in enumerate(parts.market.watchlist.symbols)]
            connection.execute(sa.insert(signal_history), signals)
        wanted = {(row["window_start"], row["symbol"], row["signal_type"], 10): row for row in earlier}
        keys = [signal_outcome.c[name] for name in ("window_start", "symbol", "signal_type", "horizon")]
        missing = wanted.keys() - {tuple(row) for row in connection.execute(sa.select(*keys))}
        if missing:
            connection.execute(sa.insert(signal_outcome), [_planted_outcome(wanted[key], window) for key in missing])


def _planted_run(window: Window, parts: Parts) -> dict[str, Any]:
    return {
        "window_start": window.start, "window_end": window.end, "history_start": window.start, "mode": "live",
        "model": "planted", "knobs": parts.knobs.stored(), "funnel": {}, "near_misses": [],
        "decided_at": window.end, "updated_at": window.end,
    }  # fmt: skip


def _planted_signal(window: Window, symbol: str, at: int) -> dict[str, Any]:
    score = 0.99 if at % 2 else -0.99
    return {
        "window_start": window.start, "window_end": window.end, "symbol": symbol,
        "signal_type": "BUY" if score > 0 else "SELL", "combined_score": score, "tone": score,
        "confidence_score": 0.99, "technical": None, "fresh": True, "fragile": True, "story_id": "planted",
        "news_title": "Planted", "news_url": "", "contributions": "[]", "source": "news_driven_ml", "known_at": None,
        "lifecycle": "new", "model": "planted", "mode": "live", "decided_at": window.end,
        "expires_at": window.end + timedelta(days=90), "created_at": window.end,
    }  # fmt: skip


def _planted_outcome(row: Mapping[str, Any], window: Window) -> dict[str, Any]:
    same = ("window_start", "symbol", "signal_type", "decided_at", "combined_score", "confidence_score", "lifecycle")
    return {name: row[name] for name in same} | {
        "horizon": 10, "entry_session": window.start, "exit_session": window.end, "entry": 1.0, "exit": 100.0,
        "raw_return": 99.0, "benchmark_return": 0.0, "net_return": 99.0, "hit": True, "base_rate": 0.5,
        "benchmark": "planted", "known_at": window.as_of,
    }  # fmt: skip
