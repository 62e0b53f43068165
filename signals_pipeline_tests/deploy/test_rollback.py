"""Going back by hand, the script at both its places, what is in service, and the emergency switch."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.aws import revisions, stack
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline.cli import main
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.release_bench import Bench, bench
from signals_pipeline_tests.support.stack_setup import complete, create
from signals_pipeline_tests.support.stack_template import IMAGE

__all__ = ["bench"]
CHECK = ("signals", "migrate", "--check")
SCRIPTS = (repository() / "deploy" / "deploy_ml_signals.sh", repository() / "deploy_ml_signals.sh")


def test_back_to_the_release_before_or_a_named_one(bench: Bench) -> None:
    images = [bench.deploy(f"version {number}", LogDays="30") for number in range(3)]
    bench.release.rollback("signals", None)
    assert (bench.image, stack.read("signals").image) == (images[1], images[1])
    # The former image's own code was asked first, in the runs' task that belonged to it.
    [asked] = [task for task in bench.cloud.tasks if task.command == CHECK]
    assert asked.definition.endswith("signals-run:2")
    # Runs and control service go back together.
    assert revisions.describe(revisions.run_of(bench.in_service.arn)).image == images[1]
    bench.release.rollback("signals", None)
    assert bench.image == images[0]
    bench.release.rollback("signals", 3, dry_run=True)
    assert bench.said[-2:] == [
        "would ask the code of signals-control:3 whether it runs on the database's schema",
        f"would put {images[2]} of signals-control:3 in service in place of {images[0]} of signals-control:5",
    ]
    assert bench.image == images[0]
    bench.release.rollback("signals", 3)
    assert (bench.image, bench.desired) == (images[2], 0)


def test_a_rollback_changes_nothing_but_the_image(bench: Bench) -> None:
    bench.deploy("one")
    bench.deploy("two", DigestRecipients="r@example.org")
    template = bench.source / "deploy" / "stack.yaml"
    template.write_text("Resources: {}\n")  # the checkout's template is not asked
    bench.release.rollback("signals", None)
    assert stack.read("signals").parameters["DigestRecipients"] == "r@example.org"
    assert [each["value"] for each in bench.in_service.containers[0]["environment"]].count("r@example.org") == 1


def test_code_that_does_not_run_on_the_database_s_schema_does_not_come_back(bench: Bench) -> None:
    bench.deploy("one")
    second = bench.deploy("two")
    bench.cloud.exit_codes[CHECK] = 2
    bench.cloud.last_words[CHECK] = "signals: database is at revision 900, which this release does not run on"
    history = list(bench.cloud.history)
    said = (
        r"^`signals migrate --check` failed with exit code \[2\]: signals: database is at revision 900, .*/signals/run$"
    )
    with pytest.raises(DeployError, match=said):
        bench.release.rollback("signals", None)
    assert (bench.image, bench.cloud.history) == (second, history)


def test_a_former_image_that_no_longer_starts_leaves_the_present_one(bench: Bench) -> None:
    bench.deploy("one")
    second = bench.deploy("two")
    bench.cloud.only_runs = {second}
    with pytest.raises(DeployError, match="Circuit Breaker"):
        bench.release.rollback("signals", None)
    assert (bench.image, bench.read().image) == (second, second)


def test_a_target_that_is_missing_or_inactive_is_refused(bench: Bench) -> None:
    for change in ("a", "b"):
        bench.deploy(change)
    bench.cloud.definitions["signals-control"][0]["status"] = "INACTIVE"
    for number, said in (
        (9, "no task definition signals-control:9"),
        (2, "the image of signals-control:2 is in service already"),
        (1, "signals-control:1 is INACTIVE"),
        (None, "signals-control:2 is of the first release: there is none to go back to"),
    ):
        with pytest.raises(DeployError, match=said):
            bench.release.rollback("signals", number)
    assert bench.in_service.number == 2


def test_a_revision_whose_run_task_is_gone_and_a_stack_without_a_release_are_refused(bench: Bench) -> None:
    bench.cloud.exit_codes["signals", "prepare"] = 1
    with pytest.raises(DeployError, match="`signals prepare` failed"):
        bench.deploy("a")
    with pytest.raises(DeployError, match="stack signals has no release yet"):
        bench.release.rollback("signals", None)
    bench.cloud.exit_codes.clear()
    for change in ("a", "b"):
        bench.deploy(change)
    bench.cloud.definitions["signals-run"][0]["status"] = "INACTIVE"
    with pytest.raises(DeployError, match="signals-run:1 is INACTIVE"):
        bench.release.rollback("signals", 1)
    with pytest.raises(DeployError, match="signals-run:1 names no run task"):
        revisions.run_of("signals-run:1")


@given(st.lists(st.sampled_from("abcd"), max_size=12))
def test_rollbacks_go_back_one_release_at_a_time_to_the_first(images: list[str]) -> None:
    """However releases, repetitions and rollbacks came before: each goes back further, and the last finds none."""
    seen: list[str] = []
    while (before := revisions.image_before(images)) is not None:
        assert before in images
        assert before != images[-1]
        assert before not in seen
        seen.append(before)
        images = [*images, before]
    if images:
        assert images[-1] == images[0]


def script(path: Path, *arguments: str, without: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script; `without`: pattern of variables that it does not get."""
    given = {name: value for name, value in os.environ.items() if not re.match(without or "$", name)}
    environment = {**given, "PYTHON": sys.executable, "PYTHONWARNINGS": "ignore", **variables}
    return subprocess.run([str(path), *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_the_script_and_the_switch_with_one_command_and_back(aws: str) -> None:  # noqa: ARG001
    create()
    complete()
    turned = script(SCRIPTS[0], "--stack", "signals", "--generator", "technical")
    assert turned.stdout == "the next runs use the generator technical; before: news_driven\n"
    parameter = client("ssm").get_parameter(Name="/signals/signal-generator")["Parameter"]
    assert parameter["Value"] == "technical"
    runner = CliRunner()
    client("ecs").update_service(cluster="signals", service="control", desiredCount=0)
    shown = runner.invoke(main, ["status"]).output
    assert shown.splitlines() == [
        "control   signals-control:1  asleep, 0 of 0 running",
        "runs      signals-run:1",
        f"image     {IMAGE}",
        "generator technical",
    ]
    assert "before: technical" in runner.invoke(main, ["generator", "news_driven"]).output
    assert client("ssm").get_parameter(Name="/signals/signal-generator")["Parameter"]["Value"] == "news_driven"


def test_the_script_runs_from_both_its_places_without_arguments_or_credentials(tmp_path: Path) -> None:
    nowhere = {name: str(tmp_path / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    for path in SCRIPTS:
        dry = script(path, "--dry-run", without="AWS_", **nowhere)
        assert (dry.returncode, dry.stderr) == (0, "")
        assert dry.stdout.startswith("would build")
    back = script(SCRIPTS[0], "--rollback", "12", "--dry-run", without="AWS_", **nowhere)
    assert (back.returncode, back.stderr) == (0, "")
    assert [line.partition(":")[0] for line in back.stdout.splitlines()] == [
        "would find revision 12 of the stack signals, and refuse it where its image is in service or it is INACTIVE",
        "would ask that revision's code whether it runs on the database's schema",
        "would update the stack with that revision's image; CloudFormation goes back if no task becomes healthy",
        "would leave the control service awake or asleep, as its schedule wants it then",
    ]
    refused = script(SCRIPTS[1], without="AWS_", **nowhere)
    assert (refused.returncode, refused.stderr) == (
        2,
        "signals: no AWS region: set AWS_REGION, or name one in your AWS profile\n",
    )
    shown = script(SCRIPTS[0], "--help")
    assert (shown.stderr, shown.stdout.splitlines()[0]) == (
        "",
        "Release signals_pipeline on AWS, or take a release back.",
    )
    assert script(SCRIPTS[0], "--stack").returncode == 2


def test_the_script_is_one_for_bash_3_2() -> None:
    """As macOS has it: under `set -u` an empty array is an error there unless it is written so that it vanishes."""
    newer = re.compile(r"declare -A|mapfile|readarray|\$\{\w+(,,|\^\^)|&>>|\|&|local -n|coproc|\$\{\w+@")
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        assert not newer.search(code), path
        bare = re.sub(r'\$\{(\w+)\[@\]\+"\$\{\1\[@\]\}"\}', "", code)
        assert "[@]" not in bare, path
