"""Going back, by itself or by hand; what is in service, the script and the emergency switch."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.aws import revisions, services, stack
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline.cli import main
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.release_bench import Bench, bench

__all__ = ["bench"]
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


@pytest.mark.parametrize("gives_up", [True, False])
def test_a_release_that_does_not_settle_goes_back_by_itself(bench: Bench, gives_up: bool) -> None:
    first = bench.deploy()
    bench.fargate.gives_up = gives_up
    arguments = bench.release.docker, bench.source, {"MODEL": "compact"}
    (bench.source / "Dockerfile").write_text("FROM python\n# bad\n")
    bench.release.docker.build(bench.source, "probe", arguments[2])
    bench.release.docker.push("probe", bench.release.registry, "probe")
    [broken] = {f"{bench.release.registry}@{digest}" for digest in bench.manifests.values()} - {first}
    bench.fargate.broken = {broken}
    said = "did not start: AWS gave it up" if gives_up else "did not settle in 100 s"
    with pytest.raises(DeployError, match=rf"signals-control:3 {said}.*; signals-control:2 is in service again$"):
        bench.deploy("bad")
    assert bench.in_service.image == first
    assert services.look(stack.find("signals")).desired == 0
    assert bench.said[-1] == "go back to signals-control:2"


def test_the_first_release_has_nothing_to_go_back_to(bench: Bench) -> None:
    bench.deploy()
    [digest] = bench.manifests.values()
    bench.fargate.broken = {f"{bench.release.registry}@{digest}"}
    client("ecs").update_service(cluster="signals", service="control", taskDefinition="signals-control:1")
    with pytest.raises(DeployError, match="there is no earlier image to go back to"):
        bench.deploy()


def test_back_to_the_newest_earlier_revision_or_a_named_one(bench: Bench) -> None:
    images = [bench.deploy(f"version {number}") for number in range(3)]
    bench.release.rollback("signals", None)
    assert (bench.in_service.image, bench.in_service.number) == (images[1], 3)
    bench.release.rollback("signals", 2)
    assert bench.in_service.image == images[0]
    assert revisions.describe(revisions.run_of(bench.in_service.arn)).image == images[0]
    bench.release.rollback("signals", 4, dry_run=True)
    assert bench.said[-1] == "would put signals-control:4 in service in place of signals-control:2"
    assert bench.in_service.image == images[0]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (9, "no task definition signals-control:9"),
        (3, "signals-control:3 is in service already"),
        (2, "signals-control:2 is INACTIVE"),
        (1, "signals-control:1 has no image"),
        (None, "there is none to go back to"),
    ],
)
def test_a_target_that_is_missing_or_inactive_is_refused(bench: Bench, number: int | None, said: str) -> None:
    for change in ("a", "b"):
        bench.deploy(change)
    client("ecs").deregister_task_definition(taskDefinition="signals-control:2")
    with pytest.raises(DeployError, match=said):
        bench.release.rollback("signals", number)
    assert bench.in_service.number == 3


def test_a_revision_whose_run_task_is_gone_is_refused(bench: Bench) -> None:
    for change in ("a", "b"):
        bench.deploy(change)
    client("ecs").deregister_task_definition(taskDefinition="signals-run:2")
    with pytest.raises(DeployError, match="signals-run:2 is INACTIVE"):
        bench.release.rollback("signals", 2)


def test_a_control_task_of_somebody_else_is_refused(bench: Bench) -> None:
    with pytest.raises(DeployError, match="signals-run:1 names no run task"):
        revisions.run_of("signals-run:1")
    assert bench.said == []


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = repository() / "deploy" / "deploy_ml_signals.sh"
    environment = {"PYTHON": sys.executable, "PYTHONWARNINGS": "ignore"}
    import os

    return subprocess.run(
        [str(path), *arguments], capture_output=True, text=True, check=False, env=dict(os.environ) | environment
    )


def test_the_script_and_the_switch_with_one_command_and_back(bench: Bench) -> None:
    image = bench.deploy()
    turned = script("--stack", "signals", "--generator", "technical")
    assert turned.stdout == "the next runs use the generator technical; before: news_driven\n"
    parameter = client("ssm").get_parameter(Name="/signals/signal-generator")["Parameter"]
    assert parameter["Value"] == "technical"
    runner = CliRunner()
    shown = runner.invoke(main, ["status"]).output
    assert shown.splitlines() == [
        "control   signals-control:2  asleep, 0 of 0 running",
        "runs      signals-run:2",
        f"image     {image}",
        "generator technical",
    ]
    assert "before: technical" in runner.invoke(main, ["generator", "news_driven"]).output
    assert client("ssm").get_parameter(Name="/signals/signal-generator")["Parameter"]["Value"] == "news_driven"


def test_the_script_refuses_in_plain_words(bench: Bench) -> None:
    bench.deploy()
    assert "usage" not in script("--help").stderr
    assert script("--help").stdout.startswith("Release signals_pipeline on AWS")
    refused = script("--rollback", "9")
    assert (refused.returncode, refused.stderr) == (
        2,
        "signals: no task definition signals-control:9: `signals status` lists those that exist\n",
    )
    dry = script("--dry-run", "--model", "compact")
    assert dry.returncode == 0
    assert dry.stdout.startswith("would build")
    assert script("--stack").returncode == 2
