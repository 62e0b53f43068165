"""The image's files: clean, and the last test of it still theirs. The image itself is built by `make image-test`."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline_tests.support.stack_template import Template

REPORT = (repository() / "deploy" / "IMAGE_REPORT.md").read_text(encoding="utf-8")
DOCKERFILE = (repository() / "Dockerfile").read_text(encoding="utf-8")


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, repository() / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_shellcheck_finds_nothing() -> None:
    """In the scripts of the deployment and of CI."""
    program = shutil.which("shellcheck")
    if program is None:
        pytest.skip("shellcheck is not installed: apt-get install shellcheck")
    root = repository()
    scripts = [*root.glob("*.sh"), *(root / "deploy").glob("*.sh"), root / ".ci" / "run"]
    done = subprocess.run([program, *scripts], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def figures(row: str) -> list[str]:
    """A row of the report's table: what each model's image took."""
    [line] = [line for line in REPORT.splitlines() if line.startswith(f"| {row} |")]
    return [cell.strip() for cell in line.strip("|").split("|")[1:]]


def test_the_last_report_is_of_these_files() -> None:
    """A failure here asks for `make image-test`, wherever there is a Docker command line."""
    script = runpy.run_path(str(repository() / "deploy" / "image_test.py"))
    assert script["fingerprint"]() in REPORT, "the image's inputs changed: run make image-test and commit its report"


def test_a_package_for_developers_alone_asks_for_no_new_image() -> None:
    pins = runpy.run_path(str(repository() / "deploy" / "image_test.py"))["pins"]()
    names = {line.split("=")[0].split("[")[0].lower() for line in pins}
    assert {"dagster", "onnxruntime", "torch", "botocore", "dagster-graphql"} <= names
    assert not {"pytest", "moto", "ruff", "hypothesis", "playwright"} & names


def test_the_images_were_small_quick_and_frugal_enough() -> None:
    """One with FinBERT's shape, through the whole builder stage, and one with the compact model."""
    models = [cell.split()[0] for cell in figures("what")]
    assert models[0] in {"finbert", "local"}
    assert models[1:] == ["compact"]
    # FinBERT and, for companies and events, the compact model.
    assert all(int(size.removesuffix(" MB")) <= 340 for size in figures("compressed size"))
    for memory in ("2g", "512m"):
        for took in figures(f"window 2015-02-05-17:30, cold, 0.5 CPU, {memory}"):
            seconds, peak = re.findall(r"\d+", took)
            assert int(seconds) <= 35  # the older guide's own figure, at 2 GB
            assert int(peak) < 512


def test_a_change_of_code_rebuilt_the_images_in_seconds() -> None:
    for took in figures("build; again with nothing changed; after a change of code"):
        _first, again, after = (int(number) for number in re.findall(r"\d+", took))
        assert again <= after <= 20


def test_the_control_service_came_up_on_its_read_only_root_within_its_memory() -> None:
    """All four processes of the image, as the stack starts them; the health checks give each two minutes."""
    script = runpy.run_path(str(repository() / "deploy" / "image_test.py"))
    containers = Template().of_type("AWS::ECS::TaskDefinition")["ControlTask"]["ContainerDefinitions"]
    assert [each.split() for each in script["SERVICES"].values()] == [
        each["Command"] for each in containers if each["Name"] != "forward"
    ]
    for took in figures("control service, 0.5 CPU, 2g"):
        *seconds, peak = (int(number) for number in re.findall(r"\d+", took))
        assert len(seconds) == 3
        assert max(seconds) <= 120
        assert peak < 1800


def test_the_runtime_has_no_torch_runs_as_nobody_in_particular_and_asks_no_hub() -> None:
    runtime = DOCKERFILE[DOCKERFILE.index("AS runtime") :]
    assert "USER 10001:10001" in runtime
    assert "HF_HUB_OFFLINE=1" in runtime
    assert "signals model check" in runtime
    assert "preparing" not in runtime
    setup = (repository() / "setup.py").read_text(encoding="utf-8")
    assert "torch" not in setup[: setup.index("FINBERT")]


def test_only_what_runs_is_built_for_fargate_s_platform() -> None:
    """The rest makes data: on a machine of another architecture it is built natively, not emulated."""
    stages = re.findall(r"^FROM (.*)\$\{PYTHON_IMAGE\} AS (\S+)$", DOCKERFILE, re.MULTILINE)
    native = {stage for flag, stage in stages if "BUILDPLATFORM" in flag}
    assert native == {"preparing", "model-compact"}
    assert {stage for _, stage in stages} - native == {"packages", "runtime"}


def test_what_makes_the_model_needs_only_the_files_that_its_stage_takes(tmp_path: Path) -> None:
    """So that a change of any other file leaves the model's layer, which takes minutes, as it is."""
    stage = DOCKERFILE[DOCKERFILE.index("AS preparing") : DOCKERFILE.index("AS model-finbert")].replace("\\\n", "")
    taken = [line.split()[1:] for line in stage.splitlines() if line.startswith("COPY signals_pipeline")]
    assert taken
    for *sources, target in taken:
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        for given in (path for source in sources for path in repository().glob(source.rstrip("/"))):
            if given.is_dir():
                shutil.copytree(given, tmp_path / target)
            else:
                (tmp_path / target).mkdir(exist_ok=True)
                shutil.copyfile(given, tmp_path / target / given.name)
    command = [sys.executable, "-m", "signals_pipeline.model_export", "target", "none"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "none: no config.json; name a folder with a model in the hub's layout\n",
    )
    assert not (tmp_path / "target").exists()
    usage = subprocess.run(command[:-2], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert usage.stderr.startswith("usage: ")


def test_the_weights_that_a_model_is_made_from_stay_out_of_what_runs() -> None:
    runtime = DOCKERFILE[DOCKERFILE.index("AS runtime") :]
    assert "COPY deploy/*.yaml deploy/" in runtime
    assert "COPY deploy deploy" not in runtime


@pytest.mark.parametrize(("earlier", "later"), [("/opt/venv", "/opt/models"), ("/opt/models", "signals_pipeline\n")])
def test_what_changes_often_is_copied_last(earlier: str, later: str) -> None:
    runtime = DOCKERFILE[DOCKERFILE.index("AS runtime") :]
    copies = [line for line in runtime.splitlines(keepends=True) if line.startswith("COPY")]
    places = [next(place for place, line in enumerate(copies) if name in line) for name in (earlier, later)]
    assert places == sorted(places)


def test_the_build_takes_no_secret_and_no_state() -> None:
    allowed = [line[1:] for line in (repository() / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert not {".env", "var", ".git", "dagster.yaml"} & set(allowed)
