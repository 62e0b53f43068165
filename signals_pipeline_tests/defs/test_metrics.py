"""Metrics of real runs: one line a run whatever its end, none for a backfill, the dead told by the sensor."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.metrics import REPORTED_TAG, failed_run_sensor, is_backfill, run_metrics_resource
from signals_pipeline.defs.partitions import (
    BACKFILL_TAG,
    DEPLOYMENT_TAG,
    MODE_TAG,
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
)
from signals_pipeline.defs.resources import Store
from signals_pipeline_tests.support.pipeline import TestPipeline

WINDOW = window_for_key("2015-02-05-17:30")
AT = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def telling(tmp_path: Path) -> Any:
    with TestPipeline.open(tmp_path, signals_metrics="emf", signals_stack="desk-1") as opened:
        yield opened


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if '"_aws"' in line]


def run_tags(pipeline: TestPipeline) -> dict[str, str]:
    return dict(pipeline.instance.get_runs(limit=1)[0].tags)


def test_a_run_tells_once_what_it_did(telling: TestPipeline, capfd: pytest.CaptureFixture[str]) -> None:
    telling.run([WINDOW], mode="manual")
    [told] = lines(capfd.readouterr().out)
    assert told["Stack"] == "desk-1"
    assert told["SignalsGenerated"] == len(telling.history())
    assert told["ConsecutiveEmptyRuns"] == (0 if telling.history() else 1)
    assert (told["ErrorRate"], told["Heartbeat"]) == (0, 1)
    assert 1 / 3 < told["MLConfidence"] <= 1
    assert told["SignalGenerationTime"] >= 0
    assert told["MemoryUsed"] > 50
    assert "QuotaLeft" not in told  # recorded files count no calls
    assert run_tags(telling)[REPORTED_TAG] == "by the run"


def test_a_failed_run_tells_its_error_and_does_not_beat(
    tmp_path: Path, telling: TestPipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "prices.csv"
    damaged.write_text("symbol,session\n")
    telling.settings = telling.settings.model_copy(update={"signals_prices_path": damaged})
    assert telling.refusal([WINDOW], mode="manual") != "not refused"
    [told] = lines(capfd.readouterr().out)
    assert 0 < told["ErrorRate"] < 100
    assert not {"Heartbeat", "SignalsGenerated"} & set(told)
    assert run_tags(telling)[REPORTED_TAG] == "by the run"


@pytest.mark.parametrize("mode", ["backfill", None])
def test_a_backfill_and_a_run_that_is_not_to_tell_are_silent(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], mode: str | None
) -> None:
    metrics = "emf" if mode else "off"
    with TestPipeline.open(tmp_path, signals_metrics=metrics) as pipeline:
        pipeline.run([WINDOW], mode=mode or "manual")
        assert REPORTED_TAG not in run_tags(pipeline)
        assert run_tags(pipeline)[DEPLOYMENT_TAG] == "demo"
    assert lines(capfd.readouterr().out) == []


@pytest.mark.parametrize(
    ("tags", "mode"),
    [
        ({PARTITION_TAG: WINDOW.key}, "manual"),
        ({RANGE_START_TAG: WINDOW.key, RANGE_END_TAG: WINDOW.key}, "backfill"),
        ({PARTITION_TAG: WINDOW.key, MODE_TAG: "live"}, "live"),
    ],
)
def test_a_run_of_the_ui_is_found_by_its_mode_too(telling: TestPipeline, tags: dict[str, str], mode: str) -> None:
    job = build_definitions(telling.settings).resolve_job_def("digest_job")
    only = [dg.AssetKey("headlines")]
    assert job.execute_in_process(instance=telling.instance, tags=tags, asset_selection=only).success
    assert run_tags(telling)[MODE_TAG] == mode


@pytest.mark.parametrize("broken", [False, True])
def test_the_quota_is_told_and_a_database_that_refuses_silences_only_what_it_holds(
    pipeline: TestPipeline, capfd: pytest.CaptureFixture[str], broken: bool
) -> None:
    def left(store: Store, at: datetime) -> int:
        assert at == AT
        if broken:
            raise DatabaseError("gone")
        return 38 if store else 0

    @dg.op(required_resource_keys={"run_metrics"})
    def step(context: dg.OpExecutionContext) -> None:
        context.resources.run_metrics.add("step")

    told_by = run_metrics_resource(enabled=True, stack="s", deployment="local", quota_left=left, now=lambda: AT)
    store = dg.ResourceDefinition(lambda _: "a store")
    job = dg.JobDefinition(
        name="one",
        graph_def=dg.GraphDefinition("one", node_defs=[step]),
        resource_defs={"run_metrics": told_by, "store": store},
    )
    assert job.execute_in_process(instance=pipeline.instance).success
    [told] = lines(capfd.readouterr().out)
    assert told.get("QuotaLeft") == (None if broken else 38)
    assert told["Heartbeat"] == 1
    assert told["_aws"]["Timestamp"] == AT.timestamp() * 1000


@pytest.mark.parametrize(
    ("tags", "told"),
    [({}, [100.0]), ({REPORTED_TAG: "by the run"}, []), ({MODE_TAG: "backfill"}, []), ({MODE_TAG: "live"}, [100.0])],
)
def test_the_sensor_tells_of_dead_runs_only_and_once(
    pipeline: TestPipeline, capfd: pytest.CaptureFixture[str], tags: dict[str, str], told: list[float]
) -> None:
    @dg.job
    def dying() -> None: ...

    sensor = failed_run_sensor(stack="s", now=lambda: AT)
    pipeline.instance.report_run_failed(pipeline.instance.create_run_for_job(dying, tags=tags))
    for _ in range(2):
        sensor(dg.build_sensor_context(pipeline.instance))
    assert [line["ErrorRate"] for line in lines(capfd.readouterr().out)] == told


@pytest.mark.parametrize(
    ("tags", "backfill"),
    [
        ({}, False),
        ({MODE_TAG: "live", RANGE_START_TAG: "k"}, False),
        ({RANGE_START_TAG: "k"}, True),
        ({BACKFILL_TAG: "b"}, True),
        ({MODE_TAG: "backfill"}, True),
        ({MODE_TAG: "manual"}, False),
    ],
)
def test_what_counts_as_a_backfill(tags: dict[str, str], backfill: bool) -> None:
    assert is_backfill(tags) is backfill


def test_the_window_of_these_tests_is_one_of_the_sample() -> None:
    assert sample.FIRST_WINDOW <= WINDOW.key <= sample.LAST_WINDOW
