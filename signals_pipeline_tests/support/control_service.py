"""The control service for tests: Dagster's own daemons, stepped by hand over the instance of `deploy/dagster.yaml`."""

import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import sqlalchemy as sa
import yaml
from dagster._core.scheduler import DagsterDaemonScheduler
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import consume_new_runs_for_automatic_reexecution
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._scheduler.scheduler import launch_scheduled_runs

from signals_pipeline import sample
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline_tests.support.loopback import Quiet, serving
from signals_pipeline_tests.support.stack_template import Template

LOG = logging.getLogger("control")


def database_variables(url: str) -> dict[str, str]:
    """The variables of a task for a database at this address; a server on a socket is reached through libpq's own."""
    parsed = sa.make_url(url)
    folder = str(parsed.query["host"])
    return {
        "SIGNALS_DATABASE_URL": url,
        "DAGSTER_DATABASE_HOST": "localhost",
        "DAGSTER_DATABASE_PORT": "5432",
        "DAGSTER_DATABASE_USER": parsed.username or "",
        "DAGSTER_DATABASE_NAME": parsed.database or "",
        "PGHOST": folder,
        "PGSSLMODE": "disable",
    }


def home(folder: Path, url: str) -> Path:
    """`deploy/dagster.yaml` in a folder of its own; only the server's socket is added, as no network leads to it."""
    config = yaml.safe_load((repository() / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    server = config["storage"]["custom"]["config"]["postgres_db"]
    server["params"]["host"] = parse_qs(urlsplit(url).query)["host"][0]
    config["local_artifact_storage"]["config"]["base_dir"] = str(folder / "artifacts")
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def recorded_surroundings(folder: Path, url: str, aws: str) -> dict[str, str]:
    """What a task finds: the database, its home in this folder, recorded sources, the stand-in for AWS."""
    return database_variables(url) | {
        "DAGSTER_HOME": str(home(folder, url)),
        "SIGNALS_DATA_DIR": str(folder / "data"),
        "SIGNALS_NEWS_PATH": str(sample.HEADLINES),
        "SIGNALS_PRICES_PATH": str(sample.PRICES),
        "AWS_ENDPOINT_URL": aws,
        "PYTHONWARNINGS": "ignore",
    }


@dataclass(frozen=True)
class Control:
    """Dagster's daemons over one instance and code server."""

    context: WorkspaceProcessContext

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.context.instance

    def switch_on(self, name: str, at: datetime) -> None:
        """Start a schedule, as the UI's switch does."""
        with freeze_time(at), self.context.create_request_context() as request:
            [location] = request.code_locations
            [code] = location.get_repositories().values()
            self.instance.start_schedule(code.get_schedule(name))

    def switch_off(self, name: str, at: datetime) -> None:
        """Stop a schedule, as the UI's switch does."""
        with freeze_time(at), self.context.create_request_context() as request:
            [location] = request.code_locations
            [code] = location.get_repositories().values()
            schedule = code.get_schedule(name)
            self.instance.stop_schedule(schedule.get_remote_origin_id(), schedule.selector_id, schedule)

    def tick(self, at: datetime) -> None:
        """The scheduler's look at an instant."""
        scheduler = self.instance.scheduler
        assert isinstance(scheduler, DagsterDaemonScheduler)
        with freeze_time(at):
            list(launch_scheduled_runs(self.context, LOG, at, {}, max_tick_retries=scheduler.max_tick_retries))

    def dequeue(self, at: datetime | None = None) -> None:
        """The queue's look: what may run is launched."""
        with freeze_time(at) if at else _now():
            list(QueuedRunCoordinatorDaemon(interval_seconds=1).run_iteration(self.context))

    def monitor(self, later: timedelta = timedelta()) -> None:
        """Run monitoring's look, so much later than now."""
        from dagster._time import get_current_datetime

        with freeze_time(get_current_datetime() + later):
            list(execute_run_monitoring_iteration(self.context, LOG))

    def retry(self) -> None:
        """The look for runs that are to be repeated."""
        failed = self.instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        list(consume_new_runs_for_automatic_reexecution(self.context, failed, LOG))


@contextmanager
def _now() -> Iterator[None]:
    yield


@contextmanager
def control(instance: dg.DagsterInstance) -> Iterator[Control]:
    """The daemons, and a code server started as the stack starts it, but on a free port."""
    with code_server() as port:
        target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name="signals_pipeline")
        with create_test_daemon_workspace_context(target, instance) as context:
            yield Control(context)


@contextmanager
def code_server() -> Iterator[int]:
    """The stack's code server as a process of its own; its port."""
    containers = Template().of_type("AWS::ECS::TaskDefinition")["ControlTask"]["ContainerDefinitions"]
    [command] = [container["Command"] for container in containers if container["Name"] == "code"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name(command[0]))
    arguments = [f"--port={port}" if part.startswith("--port") else part for part in command[1:]]
    with subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port, server)
            yield port
        finally:
            server.terminate()
            try:
                server.wait(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()  # else leaving the block would wait for it for ever
                raise


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 2).close()
        except OSError:
            assert server.poll() is None, "the code server ended"
            assert time.monotonic() < until, "the code server did not answer"
        else:
            return


@contextmanager
def metadata_endpoint(task: Any) -> Iterator[str]:
    """ECS's metadata endpoint of a task."""
    said = json.dumps({"Cluster": "signals", "TaskARN": task["taskArn"]}).encode()

    class Handler(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - as the library names it
            self.answer(200, said)

    with serving(Handler) as origin:
        yield origin
