"""What Dagster is given: nine assets in one job, one backfill policy, light imports, readable in the UI."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._config.field_utils import Shape
from dagster._core.definitions.assets.graph.asset_graph import AssetNode
from dagster._serdes import serialize_value

from signals_pipeline import sample
from signals_pipeline.core.tables import STAGES
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.definitions import build_definitions, build_resources
from signals_pipeline.defs.earnings_source import (
    LiveEarningsResource,
    RecordedEarningsResource,
    no_earnings_resource,
)
from signals_pipeline.defs.live_prices import LivePricesResource
from signals_pipeline.defs.resources import RecordedNewsResource
from signals_pipeline.defs.stage_limits import PER_WINDOW_TAG, RETRIES_TAG, SECONDS_TAG
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment, EarningsVendor
from signals_pipeline.settings.strategy import Knobs, SettingsError

NAMES = {"headlines", "sentiment", "technicals", "scores", "signals", "outcomes", "digest", "delivery", "earnings"}
HEAVY = {"torch", "transformers", "onnxruntime", "tokenizers", "boto3", "yfinance", "exchange_calendars", "dagster_aws"}
HEAVY |= {"requests", "feedparser", "newsapi", "curl_cffi", "tenacity"}


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    return Settings.checked(
        signals_deployment="local",
        signals_data_dir=tmp_path,
        signals_news_path=sample.HEADLINES,
        signals_prices_path=sample.PRICES,
    )


@pytest.fixture
def demo(tmp_path: Path) -> dg.Definitions:
    return build_definitions(Settings.checked(signals_data_dir=tmp_path))


def test_the_job_runs_all_nine_assets_in_one_process(demo: dg.Definitions) -> None:
    job = demo.resolve_job_def("digest_job")
    assert {key.path[-1] for key in job.asset_layer.executable_asset_keys} == NAMES
    assert job.executor_def.name == "in_process"


def test_a_backfill_of_any_asset_is_a_single_run(demo: dg.Definitions) -> None:
    policies = {spec: node.backfill_policy for spec, node in _nodes(demo).items()}
    assert set(policies) == NAMES
    assert all(policy == dg.BackfillPolicy.single_run() for policy in policies.values())


def test_the_demo_holds_the_windows_of_the_sample_and_no_others(demo: dg.Definitions) -> None:
    for node in _nodes(demo).values():
        assert node.partitions_def is not None
        keys = node.partitions_def.get_partition_keys()
        assert (keys[0], keys[-1]) == (sample.FIRST_WINDOW, sample.LAST_WINDOW)
        assert [window_for_key(key).key for key in keys] == list(keys)


def test_the_graph_flows_one_way(demo: dg.Definitions) -> None:
    parents = {name: {key.path[-1] for key in node.parent_keys} for name, node in _nodes(demo).items()}
    assert parents == {
        "headlines": set(),
        "sentiment": {"headlines"},
        "technicals": set(),
        "scores": {"headlines", "sentiment", "technicals"},
        "signals": {"scores", "signals"},
        "outcomes": {"signals"},
        "digest": {"headlines", "sentiment", "signals", "outcomes"},
        "delivery": {"digest"},
        "earnings": set(),
    }


def test_every_asset_can_be_read_in_the_ui(demo: dg.Definitions) -> None:
    for name, node in _nodes(demo).items():
        assert node.group_name != "default", name
        assert node.kinds, name
        assert node.owners == ["team:signals"], name
        assert len(node.description or "") > 40, name


def test_every_stage_says_its_limits_and_how_often_it_is_repeated(demo: dg.Definitions) -> None:
    nodes = {node.name: node.definition.tags for node in demo.resolve_job_def("digest_job").nodes}
    assert {"headlines", "sentiment", "technicals", "scores", "signals", "outcomes", "digest"} < set(nodes)
    for name, tags in nodes.items():
        assert float(tags[SECONDS_TAG]) > 0
        assert float(tags[PER_WINDOW_TAG]) > 0 or name == "delivery"
        assert tags[RETRIES_TAG] == ("4" if name == "delivery" else "2")


def test_every_frame_shows_its_columns(demo: dg.Definitions) -> None:
    nodes = _nodes(demo)
    for name, table in STAGES.items():
        schema = nodes[name].metadata["dagster/column_schema"]
        assert isinstance(schema, dg.TableSchema)
        assert [column.name for column in schema.columns] == table.names


def test_the_launchpad_offers_every_knob_with_its_default_and_meaning(demo: dg.Definitions) -> None:
    knobs = demo.resolve_job_def("digest_job").resource_defs["knobs"]
    fields = _fields(knobs)
    assert set(fields) == set(Knobs.model_fields)
    for name, field in fields.items():
        assert field.description == Knobs.model_fields[name].description
        assert field.default_value == Knobs().stored()[name]


def test_a_password_in_the_database_url_reaches_no_configuration_that_the_ui_shows(tmp_path: Path) -> None:
    url = "postgresql+psycopg2://digest:hunter2@nowhere.invalid/signals"
    definitions = build_definitions(Settings.checked(signals_data_dir=tmp_path, signals_database_url=url))
    shown = serialize_value(definitions.resolve_job_def("digest_job").get_job_snapshot())
    assert "sentiment_weight" in shown
    assert "hunter2" not in shown


def test_schedules_exist_only_where_they_may_run(demo: dg.Definitions, local: Settings) -> None:
    assert not list(demo.schedules or [])
    schedules = list(build_definitions(local).schedules or [])
    assert [schedule.name for schedule in schedules] == ["digest_schedule", "health_schedule"]
    assert {schedule.default_status for schedule in schedules} == {dg.DefaultScheduleStatus.STOPPED}


def test_in_production_the_digest_is_on_from_the_first_release(local: Settings) -> None:
    deployed = {"signals_deployment": Deployment.PRODUCTION, "signals_database_url": "sqlite:///signals.db"}
    schedules = build_definitions(local.model_copy(update=deployed)).schedules or []
    status = {
        schedule.name: schedule.default_status for schedule in schedules if isinstance(schedule, dg.ScheduleDefinition)
    }
    assert status["digest_schedule"] is dg.DefaultScheduleStatus.RUNNING


def test_without_a_recorded_file_news_are_live(local: Settings) -> None:
    live = build_resources(local.model_copy(update={"signals_news_path": None}))["news"]
    assert live.description == "Live headlines: yahoo, rss:yahoo."
    assert isinstance(build_resources(local)["news"], RecordedNewsResource)


def test_earnings_dates_are_live_where_prices_are_and_can_be_switched_off(local: Settings, tmp_path: Path) -> None:
    def source(**changes: object) -> object:
        return build_resources(local.model_copy(update=changes))["earnings"]

    assert source() is no_earnings_resource  # recorded prices
    live = source(signals_prices_path=None, prices_timeout_seconds=7)
    assert isinstance(live, LiveEarningsResource)
    assert live.timeout_seconds == 7
    assert source(signals_prices_path=None, earnings_source=EarningsVendor.OFF) is no_earnings_resource
    recorded = source(signals_prices_path=None, signals_earnings_path=tmp_path / "earnings.csv")
    assert isinstance(recorded, RecordedEarningsResource)
    demo = Settings.checked(signals_data_dir=tmp_path)
    assert build_resources(demo)["earnings"] is no_earnings_resource


def test_the_zone_of_recorded_times_is_the_one_that_is_set(local: Settings) -> None:
    assert build_resources(local)["news"].timezone == ""
    in_london = local.model_copy(update={"news_timezone": "Europe/London"})
    assert build_resources(in_london)["news"].timezone == "Europe/London"


def test_a_live_feed_that_lacks_its_key_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^SIGNALS_FEEDS: newsapi needs NEWSAPI_KEY, which is empty$"):
        build_definitions(
            Settings.checked(signals_deployment="local", signals_data_dir=tmp_path, signals_feeds="newsapi")
        )


def test_without_a_recorded_file_prices_are_live(local: Settings) -> None:
    live = build_resources(local.model_copy(update={"signals_prices_path": None, "prices_concurrency": 2}))["prices"]
    assert isinstance(live, LivePricesResource)
    assert live.concurrency == 2
    assert not isinstance(build_resources(local)["prices"], LivePricesResource)


def test_importing_the_definitions_pulls_in_nothing_heavy() -> None:
    code = "import sys, signals_pipeline.definitions; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "signals_pipeline" in found
    assert HEAVY.isdisjoint(found)


def _nodes(definitions: dg.Definitions) -> dict[str, AssetNode]:
    graph = definitions.resolve_asset_graph()
    return {key.path[-1]: graph.get(key) for key in graph.get_all_asset_keys()}


def _fields(resource: dg.ResourceDefinition) -> dict[str, dg.Field]:
    shape = resource.config_schema.config_type
    assert isinstance(shape, Shape)
    return dict(shape.fields)
