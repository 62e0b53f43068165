"""A PostgreSQL server that sleeps: every connection waits for it, Dagster's too; one that never wakes is one line."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import DatabaseError, DatabaseProblem, engine_for
from signals_pipeline.cli.prepare import prepare
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.control_service import recorded_surroundings
from signals_pipeline_tests.support.databases import create_postgres, new_database
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS
from signals_pipeline_tests.support.polling import until
from signals_pipeline_tests.support.sleeping_server import NEVER, Manner, SleepingServer, sleeping

pytestmark = pytest.mark.postgres
NAP = 30.0  # seconds: what Aurora takes after a pause of a day
INSTANCE = """
import dagster as dg

with dg.DagsterInstance.get() as instance:
    print(instance.get_runs_count(), instance.all_instigator_state(), instance.event_log_storage.get_concurrency_keys())
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_database("postgresql", tmp_path_factory.mktemp("waking"))


def test_a_server_that_starts_late_is_waited_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATABASE_WAIT_SECONDS", "60")
    with sleeping(url, 1, Manner.REFUSES) as door:
        engine = engine_for(door.url)
        assert migrations.require_head(engine).revision == migrations.head()
        engine.dispose()
        assert door.connections == 1


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


@dataclass
class Waking:
    """A production whose database sleeps.

    Attributes:
        folder: The processes' own.
        door: The way to the database.
        environment: Of its processes.
    """

    folder: Path
    door: SleepingServer
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        """Start a process whose output is kept."""
        with (self.folder / f"{name}.out").open("wb") as output, (self.folder / f"{name}.err").open("wb") as errors:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments], cwd=self.folder, env=self.environment, stdout=output, stderr=errors
            )

    def waits(self, name: str) -> bool:
        """Whether a process has said that it waits for the database."""
        assert self.processes[name].poll() is None, self.errors(name)
        return f"waiting for database 127.0.0.1:{self.door.port}/" in self.errors(name)

    def errors(self, name: str) -> str:
        return (self.folder / f"{name}.err").read_text(encoding="utf-8")

    def ended(self, name: str) -> str:
        """What a process that succeeds has printed at its end."""
        code = until(lambda: [self.processes[name].poll()] if self.processes[name].poll() is not None else None, name)
        assert code == [0], self.errors(name)
        return (self.folder / f"{name}.out").read_text(encoding="utf-8")


@pytest.fixture
def waking(tmp_path: Path) -> Iterator[Waking]:
    """Made like one on AWS, then put to sleep; runs read the sample."""
    url = create_postgres("production_that_wakes")
    surroundings = recorded_surroundings(tmp_path, url, "http://127.0.0.1:9") | {
        "SIGNALS_DATABASE_PASSWORD": "s" * 40,
        "SIGNALS_DEPLOYMENT": "production",
        "SIGNALS_FRAMES_URL": str(tmp_path / "frames"),
        "DAGSTER_DISABLE_TELEMETRY": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in surroundings.items():
            patch.setenv(name, value)
        prepare(Settings.checked())
    with sleeping(url, NEVER) as door:
        config = yaml.safe_load((tmp_path / "dagster.yaml").read_text(encoding="utf-8"))
        params = config["storage"]["custom"]["config"]["postgres_db"]["params"]
        del params["host"]
        params["sslmode"] = "disable"
        (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        environment = surroundings | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "HOME": str(tmp_path),
            "NO_COLOR": "1",
            "SIGNALS_DATABASE_URL": door.url,
            # A loaded machine takes long to start them all; the nap begins with the first connection.
            "SIGNALS_DATABASE_WAIT_SECONDS": "600",
            "DAGSTER_DATABASE_HOST": "127.0.0.1",
            "DAGSTER_DATABASE_PORT": str(door.port),
        }
        opened = Waking(tmp_path, door, environment)
        try:
            yield opened
        finally:
            for process in opened.processes.values():
                process.kill()
                process.wait()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_path_waits_for_a_server_that_wakes_after_thirty_seconds(waking: Waking) -> None:
    """In production, all at once: commands, a run, pages, and what daemon, UI and code server open first."""
    window = SAMPLE_WINDOWS[3]
    commands = {
        "migrate": ("migrate",),
        "run": ("run", "--window", window.key),
        "deliveries": ("deliveries",),
        "doctor": ("doctor", "--json", "--seconds", "600"),
        "web": ("web", "--port", "0"),
    }
    for name, arguments in commands.items():
        waking.start(name, "-m", "signals_pipeline", *arguments)
    waking.start("instance", "-c", INSTANCE)
    for name in waking.processes:
        until(lambda name=name: waking.waits(name), f"{name} waits")
    waking.door.wake_after(NAP)

    address = until(lambda: re.search(r"http://127\.0\.0\.1:\d+", waking.errors("web")), "the pages")[0]
    with urllib.request.urlopen(f"{address}/healthz", timeout=60) as answer:  # noqa: S310 - loopback
        assert answer.status == 200
    assert waking.door.wakes_at - waking.door.first_at == pytest.approx(NAP)
    assert time.monotonic() >= waking.door.wakes_at
    assert f"database at revision {migrations.head()}" in waking.ended("migrate")
    assert waking.ended("instance").strip().startswith("0 [] ")
    assert "mail" in waking.ended("deliveries")
    assert window.key in waking.ended("run")
    until(lambda: waking.processes["doctor"].poll() is not None, "the doctor")
    checks = json.loads((waking.folder / "doctor.out").read_text(encoding="utf-8"))["checks"]
    # Its other checks ask vendors on the internet.
    found = {check["check"]: check for check in checks}
    assert found["database"]["text"].startswith("postgresql at revision")
    for name in ("newest window", "signals", "newest mail", "deliveries", "schedule", "runs"):
        assert "database" not in found[name]["text"], found[name]


def test_a_command_in_production_gives_up_in_one_line(url: str, tmp_path: Path) -> None:
    with sleeping(url, NEVER, Manner.REFUSES) as door:
        done = subprocess.run(
            [sys.executable, "-m", "signals_pipeline", "migrate"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(sys.path),
                "SIGNALS_DEPLOYMENT": "production",
                "SIGNALS_DATABASE_URL": door.url,
                "SIGNALS_DATABASE_WAIT_SECONDS": "2",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith("signals: database 127.0.0.1:")
    assert "does not wake: tried " in line
