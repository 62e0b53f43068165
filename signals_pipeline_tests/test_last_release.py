"""The code of the release before runs on the schema of this one: so can a rollback go back over a migration.

Its own code, out of the repository's history, in processes of its own. Where no migration has come since, the schema is
that of a next release (`support/next_release`), so that it is newer in any case.
"""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from signals_pipeline.adapters.stores import migrations
from signals_pipeline_tests.support.dagster_webserver import Webserver
from signals_pipeline_tests.support.last_release import export, last_release, schema_of
from signals_pipeline_tests.support.next_release import REVISION, upgrade_as, write_next_release
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS
from signals_pipeline_tests.support.polling import until

WINDOW = SAMPLE_WINDOWS[6]


@dataclass
class Host:
    """A machine with a release's code.

    Attributes:
        code: Its checkout.
        folder: Its data and what its processes print.
        url: Its database.
    """

    code: Path
    folder: Path
    url: str

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a process of its code."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.code),
            "PYTHONWARNINGS": "ignore",
            "HOME": str(self.folder),
            "NO_COLOR": "1",
            "DAGSTER_DISABLE_TELEMETRY": "true",
            "DAGSTER_HOME": str(self.folder),
            "SIGNALS_DATA_DIR": str(self.folder / "data"),
            "SIGNALS_DATABASE_URL": self.url,
        }
        with self.path(name).open("wb") as output:
            return subprocess.Popen(
                [sys.executable, *arguments], cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def log(self, name: str) -> str:
        return self.path(name).read_text(encoding="utf-8")

    def signals(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self.start(name, "-m", "signals_pipeline", *arguments)

    def read(self, address: str) -> str:
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - loopback
            return answer.read().decode()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the release before."""
    return export(last_release(), tmp_path_factory.mktemp("release"))


def test_its_run_doctor_and_pages_work_on_the_newest_schema(release: Path, database_url: str, tmp_path: Path) -> None:
    newest = migrations.head()
    if newest == schema_of(release):
        newest = upgrade_as(write_next_release(tmp_path / "next"), database_url)
    (tmp_path / "dagster.yaml").touch()
    host = Host(release, tmp_path, database_url)
    notice = (
        f"the database is at revision {newest}, newer than this release ({schema_of(release)});"
        " it declares itself compatible: update this host"
    )

    started = {
        "run": host.signals("run", "run", "--window", WINDOW.key),
        "check": host.signals("check", "migrate", "--check"),
        "web": host.signals("web", "web", "--port", "0"),
    }
    try:
        for name in ("run", "check"):
            assert started[name].wait(timeout=240) == 0, host.log(name)
        assert notice in host.log("run")
        assert notice in host.log("check")
        address = until(lambda: re.search(r"http://127\.0\.0\.1:\d+", host.log("web")), "the pages")[0]
        assert host.read(f"{address}/healthz")
        assert host.read(f"{address}/readyz")
        assert WINDOW.key in host.read(f"{address}/")
        assert json.loads(host.read(f"{address}/api/v1/digest"))["window"] == WINDOW.key
        doctor = host.signals("doctor", "doctor", "--json", "--seconds", "60")
        assert doctor.wait(timeout=240) == 0, host.log("doctor")
        printed = host.log("doctor")
        checks = json.loads(printed[printed.index("{\n") :])["checks"]
        [found] = [check for check in checks if check["check"] == "database"]
        assert (found["status"], notice in found["text"]) == ("warn", True)
    finally:
        for process in started.values():
            process.kill()
            process.wait()
    # It has changed nothing of the schema.
    assert migrations.current(database_url) == newest


def test_its_ui_serves_its_own_definitions_which_are_not_newer_than_this_schema(release: Path, tmp_path: Path) -> None:
    """On which schema the pipeline's database is, UI and daemon learn in a run."""
    (tmp_path / "dagster.yaml").touch()
    host = Host(release, tmp_path, f"sqlite:///{tmp_path / 'none.db'}")
    assert host.start("code", "-c", "import signals_pipeline; print(signals_pipeline.__file__)").wait(timeout=60) == 0
    assert host.log("code").startswith(str(release))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    serve = ("-m", "dagster_webserver", "--host", "127.0.0.1", "--port", port)
    ui = host.start("ui", *serve, "--module-name", "signals_pipeline.definitions")
    try:
        web = Webserver(f"http://127.0.0.1:{port}")
        until(web.ready, "the UI")
        names = {node["assetKey"]["path"][0] for node in web.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]}
        assert {"headlines", "sentiment", "technicals", "scores", "signals", "digest", "delivery"} <= names
    finally:
        ui.terminate()
        ui.wait()
    assert schema_of(release) <= migrations.head() < REVISION
