"""Runs the assets' own code over windows outside a Dagster run, for audits, simulations and benchmarks."""

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
from signals_pipeline.core.prices.earnings import EarningsSource, NoEarnings
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

FRAME_ASSETS = (headlines, sentiment, technicals, scores)
RECORD_ASSETS = (signals, outcomes)  # these write to the database


@dataclass(frozen=True, slots=True)
class PunctualMailing:
    """Stands for the mail settings, of which the assets before `digest` ask only whether they are late."""

    def is_too_late(self, window: Window) -> bool:
        """Never: a replay takes the place of a run at the window's end."""
        del window
        return False


@dataclass(frozen=True, slots=True)
class PipelineResources:
    """The resources of the assets, by their keys."""

    knobs: Knobs
    news: NewsSource
    prices: PriceSource
    market: MarketContext
    store: Store
    scorer: Scorer | SwitchedOff
    earnings: EarningsSource = field(default_factory=NoEarnings)
    worker_pool: WorkerPool = field(default_factory=WorkerPool)
    mailing: PunctualMailing = field(default_factory=PunctualMailing)


@dataclass(frozen=True, slots=True)
class _Context:
    """The part of a run's context that the assets use; metadata is collected and shown nowhere."""

    partition_keys: list[str]
    run: SimpleNamespace
    log: logging.Logger = field(default_factory=lambda: logging.getLogger(__name__))
    metadata: list[Mapping[str, Any]] = field(default_factory=list)

    def add_asset_metadata(self, metadata: Mapping[str, Any], **_: object) -> None:
        """Collect the metadata of a window."""
        self.metadata.append(metadata)


def replay(windows: Sequence[Window], parts: PipelineResources, mode: Mode) -> dict[str, pd.DataFrame]:
    """Run every asset up to `outcomes` over windows; signals and outcomes are written to the database in `parts`.

    Args:
        windows: Consecutive windows, oldest first.
        parts: The resources of the assets.
        mode: Mode of the run; in a live one only the newest window is live.

    Returns:
        The frame of each stage by name, over all windows.
    """
    context = _context(windows, mode)
    frames: dict[str, Any] = {}
    for asset in FRAME_ASSETS:
        frames[asset.key.path[-1]] = _run(asset, context, parts, frames).value
    record(windows, parts, mode, frames)
    return frames


def record(
    windows: Sequence[Window],
    parts: PipelineResources,
    mode: Mode,
    frames: Mapping[str, pd.DataFrame],
    *,
    assets: Sequence[dg.AssetsDefinition] = RECORD_ASSETS,
) -> None:
    """Run only the assets that write to the database, on existing frames; see `replay`."""
    context = _context(windows, mode)
    for asset in assets:
        _run(asset, context, parts, frames)


def _context(windows: Sequence[Window], mode: Mode) -> _Context:
    tags = {MODE_TAG: mode, RANGE_START_TAG: windows[0].key}
    return _Context([window.key for window in windows], SimpleNamespace(tags=tags))


def _run(asset: dg.AssetsDefinition, context: _Context, parts: PipelineResources, frames: Mapping[str, Any]) -> Any:  # noqa: ANN401
    # Unwrapped from `with_limits`: the time limits are those of a run, and an audit may take longer.
    body: Callable[..., Any] = inspect.unwrap(asset.op.compute_fn.decorated_fn)  # pyright: ignore[reportFunctionMemberAccess]
    names = list(inspect.signature(body).parameters)[1:]  # without the context
    inputs: dict[str, Any] = {}
    for name in names:
        inputs[name] = frames[name] if name in frames else getattr(parts, name)
    return body(context, **inputs)
