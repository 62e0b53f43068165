"""Runs of the asset `headlines` over live news from a local server."""

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from signals_pipeline import sample
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.defs.assets.headlines import headlines
from signals_pipeline.defs.live_news import live_news_resource
from signals_pipeline.defs.resources import (
    MarketContextResource,
    knobs_resource,
    store_resource,
    worker_pool_resource,
)
from signals_pipeline.defs.stage_limits import RETRY_SECONDS_TAG
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.vendor_server import Vendor

WINDOW = newest_complete(datetime.now(UTC))  # live feeds are asked now: the window must be the newest one


def settings(folder: Path, **more: object) -> Settings:
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), folder / 'signals.db')}"
    given = {"signals_deployment": "local", "signals_data_dir": folder, "signals_database_url": url, **more}
    return Settings.checked(**given)


def materialize(
    chosen: Settings, house: Vendor, mode: str = "live", tags: Mapping[str, str] | None = None
) -> tuple[dg.ExecuteInProcessResult, dg.DagsterInstance]:
    instance = dg.DagsterInstance.ephemeral()
    resources = {
        "knobs": knobs_resource(chosen.knobs),
        "store": store_resource(chosen.database_url),
        "market": MarketContextResource(
            watchlist=str(sample.WATCHLIST), deployment="local", digests_dir=str(chosen.digests_dir)
        ),
        "news": live_news_resource(chosen, origins={"https://newsapi.org": house.origin}),
        "io_manager": dg.mem_io_manager,
        "worker_pool": worker_pool_resource,
    }
    result = dg.materialize(
        [headlines],
        resources=resources,
        instance=instance,
        partition_key=WINDOW.key,
        tags={"signals/mode": mode, RETRY_SECONDS_TAG: "0.001", **(tags or {})},
        raise_on_error=False,
    )
    return result, instance
