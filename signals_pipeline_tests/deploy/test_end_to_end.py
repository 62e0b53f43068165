"""Tick, queue, EcsRunLauncher, RunTask, a real process, PostgreSQL, SUCCESS; and each way in which that can go wrong.

Dagster's own daemons run over the instance of `deploy/dagster.yaml` and the stack of `deploy/stack.yaml`.
"""

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.dagster_run import DagsterRunStatus
from dagster._core.storage.tags import RETRY_NUMBER_TAG

from signals_pipeline import sample
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.cli.prepare import prepare
from signals_pipeline.cli.scheduling import ScheduleState, schedule_state, switch_schedule
from signals_pipeline.core.windows import NEW_YORK
from signals_pipeline.defs.metrics import failed_run_sensor
from signals_pipeline.defs.run_launcher import SpotFirstLauncher
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.control_service import Control, control, database_variables, home, metadata_endpoint
from signals_pipeline_tests.support.databases import create_postgres
from signals_pipeline_tests.support.ecs_agent import Agent
from signals_pipeline_tests.support.fake_clock import Clock
from signals_pipeline_tests.support.stack_setup import create

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.filterwarnings("ignore:Tried to parse"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
TICK = datetime(2015, 2, 6, 8, 30, tzinfo=NEW_YORK)
ENDED = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}


@dataclass
class Installation:
    """A stack with its control service, its database and an agent."""

    control: Control
    agent: Agent
    database: str
    bucket: str

    def launch(self, at: datetime = TICK) -> Any:
        """Let the schedule tick and the queue launch; the one task that came of it."""
        self.control.tick(at)
        self.control.dequeue()
        [task] = self.agent.tasks
        return task

    def capacities(self) -> list[str]:
        """A list that will hold the capacity asked for by every launch from now on."""
        asked: list[str] = []
        launcher = self.control.instance.run_launcher
        assert isinstance(launcher, SpotFirstLauncher)

        def note(params: dict[str, Any], **_: Any) -> None:
            asked.append(params["capacityProviderStrategy"][0]["capacityProvider"])

        launcher.ecs.meta.events.register("before-parameter-build.ecs.RunTask", note)
        return asked

    def started(self, process: subprocess.Popen[str]) -> None:
        """Wait until the run has begun."""
        run_id, until = self.runs[0].run_id, time.monotonic() + 90
        while self.runs[0].status is not DagsterRunStatus.STARTED:
            assert self.runs[0].run_id == run_id
            assert process.poll() is None, process.communicate()[0][-2000:]
            assert time.monotonic() < until

    @property
    def runs(self) -> list[dg.DagsterRun]:
        """All runs, the newest first."""
        return list(self.control.instance.get_runs())


@pytest.fixture
def installation(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> Iterator[Installation]:
    outputs = create(Deployment="production")
    url = create_postgres(f"control_{request.node.name.replace('[', '_').replace(']', '')[:40].lower()}")
    surroundings = database_variables(url) | {
        "DAGSTER_HOME": str(home(tmp_path, url)),
        "SIGNALS_DATA_DIR": str(tmp_path / "data"),
        "SIGNALS_NEWS_PATH": str(sample.HEADLINES),
        "SIGNALS_PRICES_PATH": str(sample.PRICES),
        "DIGEST_RECIPIENTS": "",
        "PYTHONWARNINGS": "ignore",
        "AWS_ENDPOINT_URL": aws,
    }
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    for name, value in {
        "SIGNALS_DEPLOYMENT": "production",
        "SIGNALS_DATABASE_PASSWORD": "s" * 40,
        "SIGNALS_FRAMES_URL": f"s3://{outputs['Bucket']}/frames",
        "SIGNALS_RUN_TASK_DEFINITION": "signals-run:1",
        "RUN_TASK_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, value)
    prepare(Settings.checked())
    network = {
        "awsvpcConfiguration": {"subnets": outputs["Subnets"].split(","), "securityGroups": [outputs["SecurityGroup"]]}
    }
    [own] = client("ecs").run_task(
        cluster="signals", taskDefinition="signals-control:1", launchType="FARGATE", networkConfiguration=network
    )["tasks"]
    with metadata_endpoint(own) as endpoint:
        monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", endpoint)
        with dg.DagsterInstance.get() as instance, control(instance) as daemons:
            daemons.tick(TICK - timedelta(minutes=1))  # nobody switches the schedule on: in production it is
            yield Installation(daemons, Agent(surroundings), url, outputs["Bucket"])


GUIDE = (repository() / "docs" / "deployment.md").read_text(encoding="utf-8")


def guide_query() -> str:
    """The look at the database that docs/deployment.md has the operator take."""
    return GUIDE.partition("```sql\n")[2].partition("```")[0]


def guide_lines() -> list[str]:
    """What it has the operator look for in a run's log, as patterns; these runs have the compact model."""
    [row] = [line for line in GUIDE.splitlines() if line.startswith("| a run's log |")]
    words = re.findall("`([^`]+)`", row.split("|")[3])
    return [re.escape(each).replace("FinBERT", "compact").replace("N\\ of\\ N", r"\d+\ of\ \d+") for each in words]


def test_from_the_tick_to_success(installation: Installation, tmp_path: Path) -> None:
    # A run that is more than three hours late would only catch up.
    installation.agent.surroundings.update(Clock(tmp_path, TICK + timedelta(minutes=1)).environment)
    task = installation.launch()
    [run] = installation.runs
    assert run.status is DagsterRunStatus.STARTING
    assert (task.overrides["cpu"], task.overrides["memory"]) == ("512", "2048")
    assert len(json.dumps(task.overrides)) < 8_192
    process = installation.agent.start(task)
    said, _ = process.communicate(timeout=120)
    installation.agent.stopped(task, process.returncode, "Essential container in task exited")
    installation.control.monitor()
    [run] = installation.runs
    assert run.status is DagsterRunStatus.SUCCESS, said[-3000:]
    assert run.tags["signals/mode"] == "live"
    assert len(guide_lines()) == 6
    assert [each for each in guide_lines() if not re.search(each, said)] == []
    [told] = [json.loads(line) for line in said.splitlines() if '"_aws"' in line]
    assert (told["Stack"], told["ErrorRate"], told["Heartbeat"]) == ("signals", 0, 1)
    engine = engine_for(installation.database)
    with engine.connect() as connection:
        digests = connection.execute(sa.text("SELECT mode FROM digest")).scalars().all()
        signals = connection.execute(sa.text("SELECT count(*) FROM signal_history")).scalar_one()
        looked = connection.execute(sa.text(guide_query())).mappings().all()
    engine.dispose()
    assert digests == ["live"]
    assert signals == told["SignalsGenerated"] == len(looked)
    assert all(each["mode"] == "live" for each in looked)
    kept = client("s3").list_objects_v2(Bucket=installation.bucket, Prefix="frames/")["Contents"]
    assert {each["Key"].split("/")[1] for each in kept} == {"headlines", "sentiment", "technicals", "scores"}


def test_a_run_killed_for_memory_and_then_taken_back_by_spot_is_repeated_each_time_from_its_first_step(
    installation: Installation,
) -> None:
    asked = installation.capacities()
    task = installation.launch()
    process = installation.agent.start(task)
    installation.started(process)
    process.kill()
    process.communicate(timeout=60)
    installation.agent.stopped(task, 128 + signal.SIGKILL, "OutOfMemoryError: Container killed due to memory usage")
    installation.control.monitor()
    [run] = installation.runs
    assert run.status is DagsterRunStatus.FAILURE
    events = installation.control.instance.all_logs(run.run_id)
    assert any("OutOfMemoryError" in entry.message for entry in events)
    installation.control.retry()
    installation.control.dequeue()
    again, first = installation.runs
    assert (again.parent_run_id, first.run_id) == (run.run_id, run.run_id)
    assert again.step_keys_to_execute in (None, run.step_keys_to_execute)
    assert again.tags["dagster/retry_strategy"] == "ALL_STEPS"
    [repeated] = installation.agent.tasks
    assert again.status is DagsterRunStatus.STARTING
    assert repeated.overrides["memory"] == "2048"
    process = installation.agent.start(repeated)
    installation.started(process)
    process.terminate()
    process.communicate(timeout=60)
    installation.agent.stopped(repeated, 128 + signal.SIGTERM, "Your Spot Task was interrupted.")
    installation.control.monitor()
    assert installation.runs[0].status in ENDED - {DagsterRunStatus.SUCCESS}
    installation.control.retry()
    assert [each.tags.get(RETRY_NUMBER_TAG) for each in installation.runs] == ["2", "1", None]
    installation.control.dequeue()
    assert asked == ["FARGATE_SPOT", "FARGATE", "FARGATE"]


def test_a_tick_missed_asleep_is_launched_once_on_waking_and_a_run_that_never_starts_fails_and_is_cleared_away(
    installation: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    installation.launch(TICK + timedelta(minutes=18))
    installation.control.tick(TICK + timedelta(minutes=19))
    [run] = installation.runs
    assert run.tags["dagster/partition"] == "2015-02-05-17:30"
    installation.control.monitor()
    assert installation.runs[0].status is DagsterRunStatus.STARTING
    [task] = installation.agent.tasks
    installation.control.monitor(later=timedelta(seconds=301))
    [run] = installation.runs
    assert run.status is DagsterRunStatus.FAILURE
    for _ in range(2):
        failed_run_sensor(stack="signals")(dg.build_sensor_context(installation.control.instance))
    assert (task.last_status, task.stopped_reason) == ("STOPPED", f"run {run.run_id} has ended")
    [told] = [line for line in capfd.readouterr().out.splitlines() if '"_aws"' in line]
    assert json.loads(told)["ErrorRate"] == 100


def test_a_schedule_that_somebody_switched_off_stays_off_over_a_release(installation: Installation) -> None:
    """By the command; what the UI's switch stores is the same."""
    switch_schedule(Settings.checked(), TICK - timedelta(seconds=30), on=False)
    with control(installation.control.instance) as released:  # a new code server, as a release starts one
        released.tick(TICK + timedelta(seconds=1))
        assert installation.runs == []
        switch_schedule(Settings.checked(), TICK + timedelta(minutes=1), on=True)
        released.tick(TICK.replace(hour=17, second=1))
        assert [run.tags["dagster/partition"] for run in installation.runs] == ["2015-02-06-08:30"]
        released.switch_off("digest_schedule", TICK.replace(hour=18))
        assert schedule_state(Settings.checked(), TICK) is ScheduleState.OFF


def test_a_tick_that_meets_a_database_in_trouble_is_tried_again(installation: Installation) -> None:
    engine = engine_for(installation.database)
    for name, other in (("signals_alembic_version", "elsewhere"), ("elsewhere", "signals_alembic_version")):
        assert installation.runs == []
        with engine.begin() as connection:
            connection.execute(sa.text(f"ALTER TABLE {name} RENAME TO {other}"))
        installation.control.tick(TICK + timedelta(minutes=1))
    engine.dispose()
    [run] = installation.runs
    assert run.tags["dagster/partition"] == "2015-02-05-17:30"
