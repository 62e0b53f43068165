"""A release against the stand-in and a local registry: whole, twice, each step failing."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from signals_pipeline.adapters.aws import revisions, services, stack
from signals_pipeline.adapters.aws.images import Docker
from signals_pipeline.adapters.aws.release import Release
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline_tests.support.aws_clients import client, own_client
from signals_pipeline_tests.support.release_bench import Bench, bench
from signals_pipeline_tests.support.stack_template import ACCOUNT, REGION

__all__ = ["bench"]
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


def test_a_release_goes_from_source_to_service_by_digest(bench: Bench) -> None:
    image = bench.deploy()
    [(path, digest)] = bench.manifests.items()
    assert image == f"{bench.release.registry}@{digest}"
    assert path.startswith("/v2/signals/manifests/")
    assert bench.commands() == ["build", "image", "run", "tag", "push"]
    assert bench.in_service.number == 2
    run = revisions.describe(revisions.run_of(bench.in_service.arn))
    assert (run.image, run.number) == (image, 2)
    [migration] = bench.fargate.backend.tasks["signals"].values()
    assert migration.overrides["containerOverrides"] == [{"name": "run", "command": ["signals", "prepare"]}]
    assert migration.task_definition_arn == run.arn
    assert services.look(stack.find("signals")).desired == 0  # it slept before, and does so again
    assert bench.said[-1] == "signals-control:2 is in service"
    assert bench.release.arguments == {"MODEL": "compact"}


def test_the_same_source_again_changes_nothing(bench: Bench) -> None:
    first = bench.deploy()
    tasks = len(bench.fargate.backend.tasks["signals"])
    bench.release.deploy("signals")
    assert (bench.in_service.image, bench.in_service.number) == (first, 2)
    assert len(bench.fargate.backend.tasks["signals"]) == tasks
    assert bench.said[-1] == "signals-control:2 is in service already"


def test_a_service_that_is_awake_stays_awake(bench: Bench) -> None:
    client("ecs").update_service(cluster="signals", service="control", desiredCount=1)
    bench.deploy()
    assert services.look(stack.find("signals")).desired == 1


@pytest.mark.parametrize("step", ["build", "run", "push"])
def test_a_failing_docker_step_leaves_what_is_in_service(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = bench.deploy()
    monkeypatch.setenv("DOCKER_FAIL", step)
    with pytest.raises(DeployError, match=f"{step} failed with exit code 17:\nthe {step} went wrong\nfor a reason"):
        bench.deploy("changed")
    assert bench.in_service.image == first
    assert len(client("ecs").list_task_definitions(familyPrefix="signals-run")["taskDefinitionArns"]) == 2


def test_a_model_check_that_says_nothing_is_no_check(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As podman behind Docker's command line: it answers 0 whatever the container's end."""
    monkeypatch.setenv("DOCKER_SILENT", "run")
    with pytest.raises(DeployError, match=r"^the model check of signals:candidate printed nothing"):
        bench.deploy()
    assert "push" not in bench.commands()


def test_a_failing_migration_leaves_what_is_in_service(bench: Bench) -> None:
    first = bench.deploy()
    bench.fargate.exit_code = 2
    with pytest.raises(DeployError, match=r"^`signals prepare` failed with exit code \[2\]: .*/signals/run$"):
        bench.deploy("changed")
    assert bench.in_service.image == first


def test_a_migration_that_never_ends_is_stopped(bench: Bench) -> None:
    patience = Patience(seconds=10, poll_seconds=10, pause=bench.fargate.pause)
    target = stack.find("signals")
    with pytest.raises(DeployError, match="did not end in 10 s and was stopped"):
        services.run_once(target, "signals-run:1", ["signals", "prepare"], patience)
    [task] = bench.fargate.backend.tasks["signals"].values()
    assert (task.last_status, task.stopped_reason) == ("STOPPED", "took too long")


def test_a_dry_run_says_every_step_and_takes_none(bench: Bench) -> None:
    before = bench.in_service
    bench.release.deploy("signals", dry_run=True)
    assert [line.split()[1] for line in bench.said] == ["build", "check", "push", "register", "migrate", "put"]
    assert bench.in_service == before
    assert bench.commands() == []
    assert bench.manifests == {}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("stack", "no stack 'elsewhere'"),
        ("secret", "secret /signals/link-key is missing: aws ssm put-parameter"),
        ("service", "service signals/control is missing"),
        ("docker", "install Docker"),
    ],
)
def test_what_is_missing_is_one_line(bench: Bench, damage: str, said: str) -> None:
    name = "elsewhere" if damage == "stack" else "signals"
    release = bench.release
    if damage == "secret":
        client("ssm").delete_parameter(Name="/signals/link-key")
    if damage == "service":
        bench.fargate.backend.services.clear()
    if damage == "docker":
        release = Release(Docker("/no/such/docker"), bench.source, {}, bench.said.append, "r")
    with pytest.raises(DeployError, match=said) as refused:
        release.deploy(name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("missing", ["AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"])
@pytest.mark.usefixtures("fresh_session")
def test_without_region_or_credentials_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    missing: str,
) -> None:
    for name in (missing, "AWS_REGION"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(DeployError, match="no AWS"):
        stack.find("signals")


def test_a_stack_in_trouble_and_one_of_somebody_else_are_refused(aws: str) -> None:  # noqa: ARG001
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    client("cloudformation").create_stack(StackName="other", TemplateBody=body)
    with pytest.raises(DeployError, match="stack other has no output Cluster"):
        stack.find("other")
    from moto.cloudformation.models import cloudformation_backends

    [other] = cloudformation_backends[ACCOUNT][REGION].stacks.values()
    other.status = "UPDATE_IN_PROGRESS"
    with pytest.raises(DeployError, match="stack other is UPDATE_IN_PROGRESS"):
        stack.find("other")


def test_the_registry_of_the_account_gets_its_password_through_standard_input(bench: Bench) -> None:
    bench.release.docker.login("host", "AWS", "secret word")
    assert (bench.state / "login").read_text() == "--username AWS --password-stdin host\nsecret word"
    assert "secret" not in (bench.state / "log").read_text()


def test_to_the_stack_s_own_repository_the_release_signs_in_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_FAIL", "push")
    (bench.source / "Dockerfile").write_text("FROM python\n")
    own = replace(bench.release, registry="")
    with pytest.raises(DeployError, match="push failed"):
        own.deploy("signals")
    host = bench.outputs["Repository"].split("/")[0]
    signed, password = (bench.state / "login").read_text().splitlines()
    assert (signed, bool(password)) == (f"--username AWS --password-stdin {host}", True)
    assert bench.said[-1].startswith(f"push {bench.outputs['Repository']}:")


def test_a_push_without_a_digest_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_FORGETS", "1")
    with pytest.raises(DeployError, match="printed no digest of it; push with Docker's own command"):
        bench.deploy()


def test_a_task_that_has_no_room_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = own_client("ecs")
    full = (SimpleNamespace(status_code=200), {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})
    ecs.meta.events.register("before-call.ecs.RunTask", lambda **_: full)
    monkeypatch.setattr(services, "client", lambda _: ecs)
    with pytest.raises(DeployError, match="`signals prepare` can't start: RESOURCE:MEMORY"):
        services.run_once(stack.find("signals"), "signals-run:1", ["signals", "prepare"], Patience())
    assert bench.said == []
