"""The image's files: clean, and the last test of it still theirs. The image itself is built by `make image-test`."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from signals_pipeline.adapters.aws.files import repository

REPORT = (repository() / "deploy" / "IMAGE_REPORT.md").read_text(encoding="utf-8")
DOCKERFILE = (repository() / "Dockerfile").read_text(encoding="utf-8")


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, repository() / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_last_report_is_of_these_files() -> None:
    """A failure here asks for `make image-test`, wherever there is a Docker command line."""
    script = runpy.run_path(str(repository() / "deploy" / "image_test.py"))
    assert script["fingerprint"]() in REPORT, "the image's inputs changed: run make image-test and commit its report"


def test_a_package_for_developers_alone_asks_for_no_new_image() -> None:
    pins = runpy.run_path(str(repository() / "deploy" / "image_test.py"))["pins"]()
    names = {line.split("=")[0].split("[")[0].lower() for line in pins}
    assert {"dagster", "onnxruntime", "torch", "botocore", "dagster-graphql"} <= names
    assert not {"pytest", "moto", "ruff", "hypothesis", "playwright"} & names


def test_the_image_was_small_quick_and_frugal_enough() -> None:
    size = int(re.search(r"compressed size \| (\d+) MB", REPORT)[1])  # type: ignore[index]
    runs = re.findall(r"0\.5 CPU, (\w+) \| (\d+) s, peak (\d+) MB", REPORT)
    assert size <= 320
    assert [memory for memory, _, _ in runs] == ["2g", "512m"]
    assert all(int(seconds) <= 60 for _, seconds, _ in runs)
    assert all(int(peak) < 512 for _, _, peak in runs)


def test_the_runtime_has_no_torch_runs_as_nobody_in_particular_and_asks_no_hub() -> None:
    runtime = DOCKERFILE[DOCKERFILE.index("AS runtime") :]
    assert "USER 10001:10001" in runtime
    assert "HF_HUB_OFFLINE=1" in runtime
    assert "signals model check" in runtime
    assert "preparing" not in runtime
    setup = (repository() / "setup.py").read_text(encoding="utf-8")
    assert "torch" not in setup[: setup.index("FINBERT")]


@pytest.mark.parametrize(("earlier", "later"), [("/opt/venv", "/opt/models"), ("/opt/models", "signals_pipeline\n")])
def test_what_changes_often_is_copied_last(earlier: str, later: str) -> None:
    runtime = DOCKERFILE[DOCKERFILE.index("AS runtime") :]
    copies = [line for line in runtime.splitlines(keepends=True) if line.startswith("COPY")]
    places = [next(place for place, line in enumerate(copies) if name in line) for name in (earlier, later)]
    assert places == sorted(places)


def test_the_build_takes_no_secret_and_no_state() -> None:
    allowed = [line[1:] for line in (repository() / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert not {".env", "var", ".git", "dagster.yaml"} & set(allowed)
