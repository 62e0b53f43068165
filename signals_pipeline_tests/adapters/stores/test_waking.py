"""A PostgreSQL server that sleeps: every connection waits for it, Dagster's too; one that never wakes is one line."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import DatabaseError, DatabaseProblem, engine_for
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.databases import create_postgres, new_database
from signals_pipeline_tests.support.sleeping_server import NEVER, Manner, SleepingServer, sleeping

pytestmark = pytest.mark.postgres
NAP = 4.0  # seconds; the first attempt of these tests gives up after two to three, as libpq counts whole seconds


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_database("postgresql", tmp_path_factory.mktemp("waking"))


def impatient(door: SleepingServer) -> str:
    """Its address, with the shortest timeout per attempt that libpq knows."""
    return sa.make_url(door.url).update_query_dict({"connect_timeout": "2"}).render_as_string(hide_password=False)


@pytest.mark.parametrize("manner", Manner)
def test_a_server_that_wakes_late_is_waited_for(url: str, manner: Manner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATABASE_WAIT_SECONDS", "60")
    with sleeping(url, NAP, manner) as door:
        engine = engine_for(impatient(door))
        assert migrations.require_head(engine).revision == migrations.head()
        engine.dispose()
        assert door.connections >= (2 if manner is Manner.HANGS else 1)


def test_a_server_that_never_wakes_is_one_line_that_says_what_was_tried(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNALS_DATABASE_WAIT_SECONDS", "2")
    with sleeping(url, NEVER, Manner.REFUSES) as door, pytest.raises(DatabaseError) as caught:
        engine_for(door.url)
    name = sa.make_url(url).database
    words = str(caught.value)
    assert words.startswith(f"database 127.0.0.1:{door.port}/{name} does not wake: tried ")
    assert "times in 2 s, last: " in words
    assert "refused" in words
    assert "\n" not in words
    assert (caught.value.transient, caught.value.problem) == (True, DatabaseProblem.SERVER_UNREACHABLE)


def test_without_a_wait_the_first_refusal_is_the_last(url: str) -> None:
    with sleeping(url, NEVER, Manner.REFUSES) as door, pytest.raises(DatabaseError, match="start the server or"):
        engine_for(door.url)


def test_what_does_not_pass_is_not_waited_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATABASE_WAIT_SECONDS", "600")
    with sleeping(url, 0) as door:
        nowhere = sa.make_url(door.url).set(database="nowhere").render_as_string(hide_password=False)
        with pytest.raises(DatabaseError, match='"nowhere" does not exist'):
            engine_for(nowhere)
        assert door.connections == 1


def test_production_waits_for_two_minutes_and_others_do_not() -> None:
    def wait(**given: object) -> int:
        return Settings.checked(_env_file=None, **given).database_wait_seconds

    assert (wait(), wait(signals_deployment="local"), wait(signals_deployment="production")) == (0, 0, 120)
    assert wait(signals_deployment="production", signals_database_wait_seconds=0) == 0


def test_the_instance_of_production_waits_for_runs_events_and_schedules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What daemon, web server, code server and runs open first; Dagster's own storage gives up after six seconds."""
    url = create_postgres("instance_that_wakes")
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA dagster"))
    config = yaml.safe_load((repository() / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    config["storage"]["custom"]["config"]["postgres_db"]["params"]["sslmode"] = "disable"
    kept = {name: config[name] for name in ("storage", "concurrency", "run_coordinator", "telemetry")}
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(kept))
    with sleeping(url, 8, Manner.REFUSES) as door:
        for name, value in {
            "DAGSTER_DATABASE_HOST": "127.0.0.1",
            "DAGSTER_DATABASE_PORT": str(door.port),
            "DAGSTER_DATABASE_USER": sa.make_url(url).username or "",
            "DAGSTER_DATABASE_NAME": "instance_that_wakes",
            "SIGNALS_DATABASE_PASSWORD": "s" * 40,
            "SIGNALS_DEPLOYMENT": "production",
        }.items():
            monkeypatch.setenv(name, value)
        with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
            assert instance.get_runs_count() == 0
            assert instance.all_instigator_state() == []
            assert instance.event_log_storage.get_concurrency_keys() == set()


@pytest.mark.parametrize(("seconds", "wait", "exit_code"), [(6, "", 0), (NEVER, "2", 2)])
def test_a_command_in_production_waits_and_gives_up_in_one_line(
    url: str, tmp_path: Path, seconds: float, wait: str, exit_code: int
) -> None:
    with sleeping(url, seconds, Manner.REFUSES) as door:
        done = subprocess.run(
            [sys.executable, "-m", "signals_pipeline", "migrate"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(sys.path),
                "SIGNALS_DEPLOYMENT": "production",
                "SIGNALS_DATABASE_URL": door.url,
                "SIGNALS_DATABASE_WAIT_SECONDS": wait,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == exit_code, done.stderr
    if exit_code:
        [line] = done.stderr.splitlines()
        assert line.startswith("signals: database 127.0.0.1:")
        assert "does not wake: tried " in line
    else:
        assert "database at revision" in done.stdout
        assert all(line.startswith("waiting for database 127.0.0.1:") for line in done.stderr.splitlines())
