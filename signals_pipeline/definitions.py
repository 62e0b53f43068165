"""Composition root: `build_definitions` assembles what Dagster loads.

Tests replace resources by its argument, without patching. What the parts do is in `defs`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from signals_pipeline import sample
from signals_pipeline.core.news.feeds import NewsSource, PriceSource
from signals_pipeline.core.prices.earnings import EarningsSource
from signals_pipeline.core.windows import window_containing, window_for_key
from signals_pipeline.defs.alerts import operator_told, silence_sensor, waiting_sensor
from signals_pipeline.defs.assets.delivery import delivery
from signals_pipeline.defs.assets.digest import digest
from signals_pipeline.defs.assets.earnings import earnings
from signals_pipeline.defs.assets.headlines import headlines
from signals_pipeline.defs.assets.outcomes import outcomes
from signals_pipeline.defs.assets.publication import Publisher, publication
from signals_pipeline.defs.assets.scores import scores
from signals_pipeline.defs.assets.sentiment import sentiment
from signals_pipeline.defs.assets.signals import signals
from signals_pipeline.defs.assets.technicals import technicals
from signals_pipeline.defs.checks import HEALTH_JOB, health_schedule, newest_window_present, window_checks
from signals_pipeline.defs.dispatch import mailing_resource
from signals_pipeline.defs.earnings_source import LiveEarningsResource, RecordedEarningsResource, no_earnings_resource
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.jobs import DIGEST_JOB, digest_schedule
from signals_pipeline.defs.leases import leasing_executor
from signals_pipeline.defs.live_news import live_news_resource, newsapi_left
from signals_pipeline.defs.live_prices import LivePricesResource, second_vendor_resource
from signals_pipeline.defs.metrics import failed_run_sensor, run_metrics_resource
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, digest_windows
from signals_pipeline.defs.resources import (
    MarketContextResource,
    RecordedNewsResource,
    RecordedPricesResource,
    knobs_resource,
    scorer_resource,
    store_resource,
    worker_pool_resource,
)
from signals_pipeline.defs.sensors import CHECKED_DELIVERY_JOB, DELIVERY_JOB, delivery_retry, digest_failed
from signals_pipeline.defs.slot_waits import correct_slot_waits
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment, EarningsVendor

ASSETS = [headlines, sentiment, technicals, scores, signals, outcomes, digest, delivery, earnings]


def build_definitions(settings: Settings, *, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Assets, job, schedule and resources of a deployment.

    Args:
        settings: Validated settings; `signals_deployment` among them chooses the parts.
        resource_overrides: Resources by key that replace those of the deployment.

    Raises:
        SettingsError: a setting that the deployment needs is missing.
    """
    correct_slot_waits()
    demo = settings.signals_deployment is Deployment.DEMO
    assets = [*ASSETS, publication] if settings.signals_publish_url else ASSETS
    resources = {**build_resources(settings), **(resource_overrides or {})}
    return dg.Definitions(
        assets=_demo_assets(assets) if demo else assets,
        asset_checks=[window_checks(_demo_windows() if demo else DIGEST_WINDOWS), newest_window_present],
        jobs=[DIGEST_JOB, DELIVERY_JOB, CHECKED_DELIVERY_JOB, HEALTH_JOB],
        schedules=[] if demo else _schedules(settings),
        sensors=[] if demo else _sensors(settings),
        resources=resources,
        executor=leasing_executor,
    )


def build_resources(settings: Settings) -> dict[str, Any]:
    """Resources of a deployment by key."""
    knobs = knobs_resource(settings.knobs)
    store = store_resource(settings.database_url)
    return {
        "io_manager": WindowFrames(base=settings.frames_url),
        "worker_pool": worker_pool_resource,
        "knobs": knobs,
        "store": store,
        "scorer": scorer_resource(settings.models_dir),
        "news": _news(settings),
        "prices": _prices(settings, store),
        "earnings": _earnings(settings, store),
        "mailing": mailing_resource(settings),
        "run_metrics": _run_metrics(settings),
        "publisher": dg.ResourceDefinition(
            lambda _: _publisher(settings), description="Publishes pages, API and feed."
        ),
        "market": MarketContextResource(
            watchlist=str(settings.signals_watchlist or sample.WATCHLIST),
            deployment=settings.signals_deployment,
            digests_dir=str(settings.digests_dir),
        ),
    }


def _news(settings: Settings) -> dg.ConfigurableResource[NewsSource] | dg.ResourceDefinition:
    """The recorded file that is set, or the sample in the demo; otherwise the live feeds."""
    demo = settings.signals_deployment is Deployment.DEMO
    recorded = settings.signals_news_path or (sample.HEADLINES if demo else None)
    if recorded:
        return RecordedNewsResource(path=str(recorded), timezone=settings.news_timezone)
    return live_news_resource(settings)


def _prices(settings: Settings, store: dg.ResourceDefinition) -> dg.ConfigurableResource[PriceSource]:
    """The recorded file that is set, or the sample in the demo; otherwise the live vendor."""
    demo = settings.signals_deployment is Deployment.DEMO
    recorded = settings.signals_prices_path or (sample.PRICES if demo else None)
    if recorded:
        return RecordedPricesResource(path=str(recorded))
    return LivePricesResource(
        store=store,
        second=second_vendor_resource(
            settings.tiingo_key,
            timeout_seconds=settings.prices_timeout_seconds,
            spacing_seconds=settings.prices_spacing_seconds,
            concurrency=settings.prices_concurrency,
        ),
        cache_dir=str((settings.signals_data_dir / "yfinance").absolute()),
        timeout_seconds=settings.prices_timeout_seconds,
        spacing_seconds=settings.prices_spacing_seconds,
        concurrency=settings.prices_concurrency,
    )


def _earnings(
    settings: Settings, store: dg.ResourceDefinition
) -> dg.ConfigurableResource[EarningsSource] | dg.ResourceDefinition:
    """The recorded file that is set; otherwise the live calendar where prices are live, and none where they are not."""
    if settings.signals_earnings_path:
        return RecordedEarningsResource(path=str(settings.signals_earnings_path))
    has_live_prices = settings.signals_prices_path is None and settings.signals_deployment is not Deployment.DEMO
    if not has_live_prices or settings.earnings_source is EarningsVendor.OFF:
        return no_earnings_resource
    return LiveEarningsResource(
        store=store,
        cache_dir=str((settings.signals_data_dir / "yfinance").absolute()),
        timeout_seconds=settings.prices_timeout_seconds,
        spacing_seconds=settings.prices_spacing_seconds,
        concurrency=settings.prices_concurrency,
    )


def _publisher(settings: Settings) -> Publisher:
    from signals_pipeline.web.publication import SitePublisher  # noqa: PLC0415 - the web application, for this step alone

    return SitePublisher(settings)


def _run_metrics(settings: Settings) -> dg.ResourceDefinition:
    recorded = settings.signals_news_path or settings.signals_deployment is Deployment.DEMO
    return run_metrics_resource(
        enabled=settings.reports_metrics,
        deployment=settings.signals_deployment.value,
        stack=settings.signals_stack,
        quota_left=None if recorded else newsapi_left(settings),
    )


def _schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    # A release puts production to work. On a developer's machine a schedule would mail real readers unasked.
    starts_on = settings.signals_deployment is Deployment.PRODUCTION
    return [digest_schedule(starts_on=starts_on), health_schedule]


def _sensors(settings: Settings) -> list[dg.SensorDefinition]:
    metrics = [failed_run_sensor(stack=settings.signals_stack)] if settings.reports_metrics else []
    silence = silence_sensor(quiet_runs=settings.quiet_runs_alert)
    waiting = waiting_sensor(stack=settings.signals_stack if settings.reports_metrics else None)
    return [digest_failed, delivery_retry, operator_told, waiting, silence, *metrics]


def _demo_assets(assets: list[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The assets over the sample's windows only, so that no partition in the UI is empty for lack of news."""
    mapped = dg.map_asset_specs(lambda spec: spec.replace_attributes(partitions_def=_demo_windows()), assets)
    return [asset for asset in mapped if isinstance(asset, dg.AssetsDefinition)]


def _demo_windows() -> dg.TimeWindowPartitionsDefinition:
    return digest_windows(sample.FIRST_WINDOW, window_containing(window_for_key(sample.LAST_WINDOW).end).key)


defs = build_definitions(Settings.checked())
