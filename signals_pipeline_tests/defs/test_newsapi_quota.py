"""What NewsAPI's budget has left, and when it runs out: in a run's metadata and in its metric."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.live_news import current_time, live_news_resource, newsapi_left
from signals_pipeline.defs.metrics import run_metrics_resource
from signals_pipeline.defs.resources import open_store
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.feed_documents import NOW, Item, newsapi
from signals_pipeline_tests.support.vendor_server import Reply, Vendor, vendor

BUDGET = 100
PACE = datetime(2026, 3, 10, 12, 30, 12, tzinfo=UTC)  # 62 calls since midnight: 38 more last until 16:10 in New York
PUBLISHED = (NOW - PACE).total_seconds() / 60 + 30  # half an hour before


@pytest.fixture
def house() -> Iterator[Vendor]:
    with vendor() as opened:
        opened.routes["/v2/everything"] = [Reply(newsapi([Item("Microsoft raises its dividend", PUBLISHED)]))]
        yield opened


def settings(folder: Path) -> Settings:
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), folder / 'signals.db')}"
    return Settings.checked(
        signals_deployment="local",
        signals_data_dir=folder,
        signals_database_url=url,
        signals_feeds="newsapi",
        signals_metrics="emf",
        newsapi_key="planted",
        newsapi_plan="business",
        newsapi_daily_calls=BUDGET,
    )


def spend(chosen: Settings, calls: int, at: datetime) -> None:
    store = open_store(chosen.database_url)
    assert SourceCallLedger(store.engine).reserve("newsapi", (Limit(BUDGET),), at, wanted=calls) == calls
    store.engine.dispose()


def collect(chosen: Settings, house: Vendor, now: Callable[[], datetime], **overrides: Any) -> str:
    """Run `headlines` of the newest window; what its metadata say of NewsAPI."""
    news = live_news_resource(chosen, origins={"https://newsapi.org": house.origin}, now=now)
    job = build_definitions(chosen, resource_overrides={"news": news, **overrides}).resolve_job_def("digest_job")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=newest_complete(now()).key,
            tags={"signals/mode": "manual"},
            asset_selection=[dg.AssetKey("headlines")],
        )
    (event,) = result.asset_materializations_for_node("headlines")
    feeds = event.metadata["feeds"].value
    assert isinstance(feeds, dict)
    return str(feeds["newsapi"])


def metric(printed: str) -> float:
    (told,) = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    return told["QuotaLeft"]


def test_what_is_left_and_when_it_runs_out(house: Vendor, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chosen, asked = settings(tmp_path), 3
    spend(chosen, 62 - asked, PACE)
    metrics = run_metrics_resource(
        enabled=True, stack="desk", deployment="local", quota_left=newsapi_left(chosen), now=lambda: PACE
    )
    said = collect(chosen, house, lambda: PACE, run_metrics=metrics)
    assert len(house.asked("/v2/everything")) == asked
    assert "NewsAPI: 38 left, runs out 16:10 ET" in said
    assert metric(capfd.readouterr().out) == 38


def test_every_call_of_a_run_counts_and_the_metric_says_what_is_left(
    house: Vendor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chosen = settings(tmp_path)
    spend(chosen, 60, current_time())
    said = collect(chosen, house, current_time)
    left = BUDGET - 60 - len(house.asked("/v2/everything"))
    assert left < BUDGET - 60
    assert f"NewsAPI: {left} left" in said
    assert metric(capfd.readouterr().out) == left
