"""The variables that each container has are enough for what it runs: as real processes over a real PostgreSQL."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from signals_pipeline_tests.support.control_service import database_variables, home
from signals_pipeline_tests.support.databases import create_postgres
from signals_pipeline_tests.support.polling import until
from signals_pipeline_tests.support.stack_setup import create, resources
from signals_pipeline_tests.support.stack_template import Template

pytestmark = [pytest.mark.postgres, pytest.mark.filterwarnings("ignore:Tried to parse")]
# What a Dagster process asks of its instance when it starts: its tables, and the launcher of its runs.
INSTANCE = "import dagster; i = dagster.DagsterInstance.get(); print(i.get_runs_count(), type(i.run_launcher).__name__)"


def containers() -> dict[str, dict[str, Any]]:
    """Each container of the stack in the stand-in, by task and name."""
    template = Template(physical=resources())
    tasks = template.of_type("AWS::ECS::TaskDefinition")
    return {f"{task}.{each['Name']}": each for task, body in tasks.items() for each in body["ContainerDefinitions"]}


def environment(container: dict[str, Any], surroundings: dict[str, str]) -> dict[str, str]:
    """The variables of a container and those of the machine, and no others.

    Args:
        container: Its definition.
        surroundings: In place of its own, where it has them: addresses that only AWS's network resolves.
    """
    own = {each["Name"]: str(each["Value"]) for each in container["Environment"]}
    for secret in container["Secrets"]:
        own[secret["Name"]] = "technical" if secret["Name"] == "SIGNAL_GENERATOR" else "s" * 40
    machine = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "PATH", "HOME", "PYTHON"))}
    of_image = {name: surroundings[name] for name in ("DAGSTER_HOME", "SIGNALS_DATA_DIR", "PGHOST")}
    replaced = {name: value for name, value in surroundings.items() if name in own}
    return machine | own | of_image | replaced | {"PYTHONWARNINGS": "ignore"}


def test_each_container_starts_with_the_variables_that_it_has(aws: str, tmp_path: Path) -> None:  # noqa: ARG001
    create(Deployment="production")
    url = create_postgres("containers")
    surroundings = database_variables(url) | {
        "DAGSTER_HOME": str(home(tmp_path, url)),
        "SIGNALS_DATA_DIR": str(tmp_path / "data"),
    }
    known = containers()

    def run(name: str, *command: str) -> str:
        program = str(Path(sys.executable).with_name(command[0]))
        given = environment(known[name], surroundings)
        done = subprocess.run([program, *command[1:]], env=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # The migration of a release, then what a rollback asks of a former revision's runs.
    assert known["PrepareTask.run"]["Command"] == ["signals", "prepare"]
    assert "Dagster's tables are up to date" in run("PrepareTask.run", "signals", "prepare")
    assert "migrations and tables agree at revision" in run("RunTask.run", "signals", "migrate", "--check")
    for name in ("ControlTask.daemon", "ControlTask.ui"):
        assert run(name, "python", "-c", INSTANCE) == "0 SpotFirstLauncher\n"

    # The pages, behind their token.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    signals = str(Path(sys.executable).with_name("signals"))
    command = [signals, "web", "--host=127.0.0.1", f"--port={port}"]
    given = environment(known["ControlTask.digests"], surroundings)
    with subprocess.Popen(command, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as pages:
        try:
            assert until(lambda: _status(port, "s" * 40), "the pages") == 404  # there is no digest yet
            assert _status(port, "another token") == 401
        finally:
            pages.terminate()


def _status(port: int, token: str) -> int | None:
    """HTTP status of the newest digest; None while nothing listens."""
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/digest", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except urllib.error.URLError:
        return None
