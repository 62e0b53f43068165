"""`signals watch` reports a heartbeat only if the digest that is due exists; `signals prepare` is idempotent."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for
from signals_pipeline.adapters.stores.migrations import head
from signals_pipeline.cli.prepare import prepare
from signals_pipeline.cli.watch import GRACE, watch
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.databases import database_url, empty_url, store  # noqa: F401

WINDOW = window_for_key("2026-03-05-17:30")


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("metrics", ["emf", "off"])
def test_it_reports_a_heartbeat_if_the_digest_exists(
    database_url: str,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    kept: bool,
    metrics: str,
) -> None:
    settings = Settings.checked(signals_database_url=database_url, signals_metrics=metrics, signals_stack="desk")
    if kept:
        DigestRepository(engine_for(database_url)).put(WINDOW, "{}", kind="quiet", mode="live", subject="Nothing new")
        watch(settings, WINDOW.end + timedelta(minutes=30))
    else:
        with pytest.raises(DatabaseError, match=r"^the digest of window 2026-03-05-17:30 is due but missing"):
            watch(settings, WINDOW.end + timedelta(minutes=30))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [(line["Heartbeat"], line["Stack"]) for line in lines] == (
        [(float(kept), "desk")] if metrics == "emf" else []
    )


def test_a_digest_is_missed_only_after_a_grace_period(database_url: str) -> None:  # noqa: F811
    settings = Settings.checked(signals_database_url=database_url)
    before = window_for_key("2026-03-05-08:30")
    DigestRepository(engine_for(database_url)).put(before, "{}", kind="quiet", mode="live", subject="Nothing new")
    watch(settings, WINDOW.end + GRACE - timedelta(seconds=1))
    with pytest.raises(DatabaseError):
        watch(settings, WINDOW.end + GRACE)


def test_without_a_time_the_clock_is_used(database_url: str) -> None:  # noqa: F811
    with pytest.raises(DatabaseError, match=f"{datetime.now(UTC).year}"):
        watch(Settings.checked(signals_database_url=database_url))


def test_preparing_is_idempotent_and_leaves_both_schemas_at_head(
    empty_url: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\nconcurrency: {pools: {default_limit: 1}}\n")
    settings = Settings.checked(signals_database_url=empty_url)
    for _ in range(2):
        prepare(settings)
    assert capsys.readouterr().out.count(f"database at revision {head()}") == 2
    engine = engine_for(empty_url)
    if engine.dialect.name == "postgresql":
        assert sa.inspect(engine).has_schema("dagster")
    assert sa.inspect(engine).has_table("signal_history")
    engine.dispose()
    with dg.DagsterInstance.get() as instance:
        assert instance.get_runs() == []
        pools = instance.event_log_storage.get_pool_limits()
        assert {(each.name, each.limit, each.from_default) for each in pools} == {
            ("news", 1, True),
            ("prices", 1, True),
            ("signals", 1, True),
        }  # created beforehand: two runs that create one at the same time break each other on PostgreSQL
