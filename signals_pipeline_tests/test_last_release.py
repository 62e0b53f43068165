"""The code of the release before runs on the schema of this one: so can a rollback go back over a migration.

Its own code, out of the repository's history, in processes of its own. Where no migration has come since, the schema is
that of a next release (`support/next_release`), so that it is newer in any case.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from signals_pipeline.adapters.stores import migrations
from signals_pipeline_tests.support.last_release import export, last_release, schema_of
from signals_pipeline_tests.support.next_release import REVISION, upgrade_as, write_next_release
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS
from signals_pipeline_tests.support.polling import until

WINDOW = SAMPLE_WINDOWS[6]
UI = """
import signals_pipeline
from signals_pipeline.definitions import defs

print(signals_pipeline.__file__, len(list(defs.resolve_asset_graph().get_all_asset_keys())))
"""


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


def test_its_definitions_load_from_its_own_code_which_is_not_newer_than_this_one(release: Path, tmp_path: Path) -> None:
    """What UI and daemon do with it; on which schema the database is they learn in a run."""
    host = Host(release, tmp_path, f"sqlite:///{tmp_path / 'none.db'}")
    assert host.start("ui", "-c", UI).wait(timeout=240) == 0, host.log("ui")
    assert host.log("ui").startswith(str(release))
    assert schema_of(release) <= migrations.head() < REVISION
