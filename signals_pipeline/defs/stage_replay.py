"""The assets' own code over some windows, outside a Dagster run: what audits and simulations run, step by step."""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.adapters.stores.tables import Mode
from signals_pipeline.adapters.worker_pool import WorkerPool
from signals_pipeline.core.news.feeds import NewsSource, PriceSource
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.assets.headlines import headlines
from signals_pipeline.defs.assets.outcomes import outcomes
from signals_pipeline.defs.assets.scores import scores
from signals_pipeline.defs.assets.sentiment import sentiment
from signals_pipeline.defs.assets.signals import signals
from signals_pipeline.defs.assets.technicals import technicals
from signals_pipeline.defs.cached_scoring import Scorer, SwitchedOff
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.settings.strategy import Knobs

FRAMES = (headlines, sentiment, technicals, scores)
RECORDS = (signals, outcomes)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the assets ask for by name: knobs, sources, watchlist, model and database."""

    knobs: Knobs
    news: NewsSource
    prices: PriceSource
    market: MarketContext
    store: Store
    scorer: Scorer | SwitchedOff
    beside: WorkerPool = field(default_factory=WorkerPool)


@dataclass(frozen=True, slots=True)
class _Context:
    """As much of a run's context as the assets look at; what they would show in the UI goes nowhere."""

    partition_keys: list[str]
    run: SimpleNamespace
    log: logging.Logger = field(default_factory=lambda: logging.getLogger(__name__))
    shown: list[Mapping[str, Any]] = field(default_factory=list)

    def add_asset_metadata(self, metadata: Mapping[str, Any], **_: object) -> None:
        """Keep what the asset says of a window."""
        self.shown.append(metadata)


def replay(windows: Sequence[Window], parts: Parts, mode: Mode) -> dict[str, pd.DataFrame]:
    """Run every asset up to `outcomes` over these windows and record what they decide in the parts' database.

    Args:
        windows: Neighbours, oldest first.
        parts: What the assets work on.
        mode: What the run is; in a live one only the newest window is live.

    Returns:
        The frames of the stages by name, each over all the windows.
    """
    context = _context(windows, mode)
    made: dict[str, Any] = {}
    for asset in FRAMES:
        made[asset.key.path[-1]] = _run(asset, context, parts, made).value
    record(windows, parts, mode, made)
    return made


def record(
    windows: Sequence[Window],
    parts: Parts,
    mode: Mode,
    frames: Mapping[str, pd.DataFrame],
    *,
    assets: Sequence[dg.AssetsDefinition] = RECORDS,
) -> None:
    """Run only assets that record, on frames that are there; see `replay`."""
    context = _context(windows, mode)
    for asset in assets:
        _run(asset, context, parts, frames)


def _context(windows: Sequence[Window], mode: Mode) -> _Context:
    tags = {MODE_TAG: mode, RANGE_START_TAG: windows[0].key}
    return _Context([window.key for window in windows], SimpleNamespace(tags=tags))


def _run(asset: dg.AssetsDefinition, context: _Context, parts: Parts, made: Mapping[str, Any]) -> Any:  # noqa: ANN401
    # Without the limits of a run: an audit is no run, and may take its time.
    body: Callable[..., Any] = inspect.unwrap(asset.op.compute_fn.decorated_fn)  # pyright: ignore[reportFunctionMemberAccess]
    wanted = list(inspect.signature(body).parameters)[1:]
    return body(context, **{name: made[name] if name in made else getattr(parts, name) for name in wanted})
