"""Composition root: `build_definitions` assembles what Dagster sees; tests override pieces without patching."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from signals_pipeline import sample
from signals_pipeline.core.windows import window_containing, window_for_key
from signals_pipeline.defs.assets.digest import digest
from signals_pipeline.defs.assets.headlines import headlines
from signals_pipeline.defs.assets.outcomes import outcomes
from signals_pipeline.defs.assets.scores import scores
from signals_pipeline.defs.assets.sentiment import sentiment
from signals_pipeline.defs.assets.signals import signals
from signals_pipeline.defs.assets.technicals import technicals
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.jobs import DIGEST_JOB, digest_schedule
from signals_pipeline.defs.partitions import digest_windows
from signals_pipeline.defs.resources import (
    DeskResource,
    RecordedNewsResource,
    RecordedPricesResource,
    ScorerResource,
    knobs_resource,
    store_resource,
)
from signals_pipeline.settings import Deployment, Settings, SettingsError

ASSETS = [headlines, sentiment, technicals, scores, signals, outcomes, digest]


def build_definitions(settings: Settings, *, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Assets, job, schedule and resources of a deployment.

    Args:
        settings: Validated settings; `settings.signals_deployment` chooses the parts.
        resource_overrides: Resources to put in place of the deployment's, by key.

    Raises:
        SettingsError: the deployment lacks an input that it can't do without.
    """
    demo = settings.signals_deployment is Deployment.DEMO
    resources = {**build_resources(settings), **(resource_overrides or {})}
    return dg.Definitions(
        assets=_demo_assets() if demo else ASSETS,
        jobs=[DIGEST_JOB],
        schedules=[] if demo else [digest_schedule],
        resources=resources,
        executor=dg.in_process_executor,
    )


def build_resources(settings: Settings) -> dict[str, Any]:
    """Resources of a deployment by key."""
    demo = settings.signals_deployment is Deployment.DEMO
    news = settings.signals_news_path or (sample.HEADLINES if demo else None)
    prices = settings.signals_prices_path or (sample.PRICES if demo else None)
    if news is None or prices is None:
        name = "SIGNALS_NEWS_PATH" if news is None else "SIGNALS_PRICES_PATH"
        raise SettingsError(
            f"{name} is empty: a {settings.signals_deployment} deployment needs a recorded file to read"
        )
    knobs = knobs_resource(settings.knobs)
    store = store_resource(settings.database_url)
    return {
        "io_manager": WindowFrames(base=settings.frames_url),
        "knobs": knobs,
        "store": store,
        "scorer": ScorerResource(knobs=knobs, store=store, models_dir=str(settings.models_dir)),
        "news": RecordedNewsResource(path=str(news)),
        "prices": RecordedPricesResource(path=str(prices)),
        "desk": DeskResource(
            watchlist=str(settings.signals_watchlist or sample.WATCHLIST),
            deployment=settings.signals_deployment,
            digests_dir=str(settings.digests_dir),
        ),
    }


def _demo_assets() -> list[dg.AssetsDefinition]:
    """The assets over the sample's windows only, so that every partition in the UI holds something."""
    windows = digest_windows(sample.FIRST_WINDOW, window_containing(window_for_key(sample.LAST_WINDOW).end).key)
    mapped = dg.map_asset_specs(lambda spec: spec.replace_attributes(partitions_def=windows), ASSETS)
    return [asset for asset in mapped if isinstance(asset, dg.AssetsDefinition)]


defs = build_definitions(Settings.checked())
