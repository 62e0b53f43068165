"""A release against an account as unkind as AWS's: the first one, the same again, each step failing, every hour."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.aws import roles, services, stack
from signals_pipeline.adapters.aws.errors import one_line_errors
from signals_pipeline.adapters.aws.images import Docker
from signals_pipeline.adapters.aws.release import PLAN, Release
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline.cli import main
from signals_pipeline.core.windows import NEW_YORK
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.release_bench import Bench, bench
from signals_pipeline_tests.support.unkind_cloud import Cloud, RefusedError

__all__ = ["bench"]
PREPARE = ("signals", "prepare")
# Calls that change something in AWS.
CHANGES = {
    *("CreateChangeSet", "ExecuteChangeSet", "DeleteStack", "UpdateService", "RunTask", "PutParameter"),
    *("CreateServiceLinkedRole", "GetAuthorizationToken"),
}


def test_a_bare_account_needs_nothing_but_the_command(bench: Bench) -> None:
    assert len(bench.secrets) == len(stack.SECRETS)
    image = bench.deploy(OperatorEmail="o@example.org")
    assert bench.commands() == ["build", "image", "image", "run", "login", "tag", "push"]
    assert image == bench.image
    assert bench.secrets == []
    target = stack.read("signals")
    assert (target.image, target.parameters["ProtectDatabase"]) == (image, "yes")
    [first, *_, last] = bench.stack().events
    assert (first["ResourceStatus"], last["ResourceStatus"]) == ("CREATE_IN_PROGRESS", "UPDATE_COMPLETE")
    # The service was made once, with an image, and after the migration; then it was put to sleep, as it is night.
    assert [definition["status"] for definition in bench.cloud.definitions["signals-control"]] == ["ACTIVE"]
    assert bench.cloud.history == [1, 0]
    assert bench.migrations == 1
    assert bench.cloud.service is not None
    assert bench.cloud.service.rollout == "COMPLETED"
    # A release into a wrong region is seen before the build.
    assert bench.said[0] == f"there is no stack signals in {stack.region()}: this release makes it"
    assert [line.split()[0] for line in bench.said[1:3]] == ["build", "check"]
    assert "made ECS's service-linked role, which this account did not have" in bench.said
    assert bench.said[-2] == "signals-control:1 is in service"


def test_a_service_linked_role_that_somebody_makes_meanwhile_is_as_good(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(**_given: str) -> None:
        bench.cloud.has_ecs_role = True
        raise RefusedError("InvalidInput", "Service role name AWSServiceRoleForECS has been taken in this account")

    monkeypatch.setattr(bench.cloud, "_create_service_linked_role", taken)
    bench.deploy()
    assert not [line for line in bench.said if "service-linked" in line]


def test_an_account_without_the_role_can_not_make_the_cluster(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As AWS; this is what the release's own step prevents."""
    monkeypatch.setattr(roles, "ensure_service_linked_role", lambda: False)
    with pytest.raises(DeployError, match=r"^stack signals is ROLLBACK_COMPLETE: Cluster: Unable to assume"):
        bench.deploy()


def test_a_stack_without_an_image_has_nothing_that_runs_or_that_could_alarm(bench: Bench) -> None:
    bench.cloud.exit_codes[PREPARE] = 1
    with pytest.raises(DeployError, match="`signals prepare` failed"):
        bench.deploy()
    made = bench.stack().resources
    kinds = {each.kind for each in made.values()}
    assert not kinds & {
        *("AWS::ECS::Service", "AWS::CloudWatch::Alarm", "AWS::Scheduler::Schedule"),
        *("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::SNS::Subscription"),
    }
    assert [name for name, each in made.items() if each.kind == "AWS::ECS::TaskDefinition"] == ["PrepareTask"]
    assert made["DatabaseCluster"].properties["DeletionProtection"] is False
    assert bench.cloud.service is None


def test_without_an_operator_it_says_that_nobody_is_told(bench: Bench) -> None:
    bench.deploy()
    assert bench.said[-1].startswith("nobody receives alarms: name an operator with --set OperatorEmail=")


@pytest.mark.parametrize("store", ["classic", "containerd"])
def test_the_same_source_again_pushes_nothing_and_restarts_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.setenv("DOCKER_STORE", store)
    first = bench.deploy()
    tasks, pushes = len(bench.cloud.tasks), bench.commands().count("push")
    bench.cloud.calls.clear()
    assert bench.deploy() == first
    assert (bench.commands().count("push"), len(bench.cloud.tasks)) == (pushes, tasks)
    assert "ExecuteChangeSet" not in bench.cloud.calls
    assert "nothing to change: signals-control:1 is in service already" in bench.said


def test_an_image_that_the_repository_has_under_another_tag_is_found_by_its_digest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a containerd image store, whose ids are digests."""
    monkeypatch.setenv("DOCKER_STORE", "containerd")
    bench.deploy("one")
    docker, repository = bench.release.docker, stack.read("signals").repository
    (bench.source / "Dockerfile").write_text("FROM python\n# two\n")
    image_id = docker.build(bench.source, "signals:candidate", bench.release.arguments)
    docker.push("signals:candidate", f"{repository}:by-hand")
    pushes = bench.commands().count("push")
    assert bench.deploy("two") == f"{repository}@{image_id}"
    assert bench.commands().count("push") == pushes


def test_a_repository_refuses_the_same_tag_again(bench: Bench) -> None:
    """As ECR does; the release never asks for it."""
    bench.deploy()
    name = next(line.removeprefix("push ") for line in bench.said if line.startswith("push "))
    with pytest.raises(DeployError, match="push failed with exit code 1"):
        bench.release.docker.push("signals:candidate", name)


def test_a_failed_migration_leaves_what_is_in_service_and_can_be_tried_again(bench: Bench) -> None:
    first = bench.deploy("one")
    before = list(bench.cloud.history)
    bench.cloud.exit_codes[PREPARE] = 2
    bench.cloud.last_words[PREPARE] = "signals: the database is full"
    template = bench.source / "deploy" / "stack.yaml"
    template.write_text(template.read_text().replace("MemoryReservation: 512", "MemoryReservation: 520"))
    with pytest.raises(
        DeployError, match=r"failed with exit code \[2\]: signals: the database is full; .*/signals/run$"
    ):
        bench.deploy("two")
    # The template's own change waits, too: nothing in service changes before the migration.
    assert (bench.image, bench.in_service.number, bench.cloud.history) == (first, 1, before)
    assert stack.read("signals").image == first
    bench.cloud.exit_codes.clear()
    pushes = bench.commands().count("push")
    second = bench.deploy("two")
    assert second != first
    assert bench.commands().count("push") == pushes
    assert bench.in_service.containers[0]["memoryReservation"] == 520


def test_a_migration_that_never_ends_is_stopped(bench: Bench) -> None:
    bench.deploy()
    bench.cloud.only_runs = set()
    target = stack.find("signals")
    patience = Patience(seconds=10, poll_seconds=10, pause=lambda _: None)
    with pytest.raises(DeployError, match="did not end in 10 s and was stopped"):
        services.run_once(target, target.run_task, list(PREPARE), patience)
    assert bench.cloud.tasks[-1].status == "STOPPED"


def test_a_task_that_is_missing_at_first_and_a_stale_service_are_looked_at_again(bench: Bench) -> None:
    """Every first look of this account is one; the release sees them all and needs no second try."""
    bench.deploy("one")
    bench.deploy("two")
    [migrated] = [task for task in bench.cloud.tasks if task.command == PREPARE][1:]
    assert (migrated.hidden, migrated.status) == (0, "STOPPED")
    assert bench.cloud.calls.count("DescribeTasks") > 4


def test_a_later_change_of_the_stack_leaves_image_and_desired_count_alone(bench: Bench) -> None:
    image = bench.deploy()
    bench.cloud.now = datetime(2026, 3, 10, 8, 40, tzinfo=NEW_YORK)
    client_of_bench = boto3.DEFAULT_SESSION.client("ecs")
    client_of_bench.update_service(cluster="signals", service="control", desiredCount=1)
    history = list(bench.cloud.history)
    bench.deploy(DigestRecipients="r@example.org")
    assert bench.image == image
    assert set(bench.cloud.history[len(history) :]) == {1}
    assert stack.read("signals").parameters["DigestRecipients"] == "r@example.org"
    bench.deploy(LogDays="7")
    assert stack.read("signals").parameters["DigestRecipients"] == "r@example.org"
    assert (bench.image, bench.migrations) == (image, 1)


def test_an_image_of_another_architecture_is_refused_before_anything_changes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_ARCHITECTURE", "arm64")
    with pytest.raises(DeployError, match=r"^signals:candidate is for linux/arm64, Fargate runs linux/amd64"):
        bench.deploy()
    assert not CHANGES & set(bench.cloud.calls)
    assert bench.commands() == ["build", "image"]


def test_a_failing_docker_step_leaves_what_is_in_service(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bench.deploy("one")
    for step in ("build", "run", "push"):
        monkeypatch.setenv("DOCKER_FAIL", step)
        with pytest.raises(DeployError, match=f"{step} failed with exit code 17:\nthe {step} went wrong\nfor a reason"):
            bench.deploy("two")
        assert bench.image == first
    assert len(bench.cloud.definitions["signals-run"]) == 1


def test_a_model_check_that_says_nothing_is_no_check(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """As podman behind Docker's command line: it answers 0 whatever the container's end."""
    monkeypatch.setenv("DOCKER_SILENT", "run")
    with pytest.raises(DeployError, match=r"^the model check of signals:candidate printed nothing"):
        bench.deploy()
    assert not CHANGES & set(bench.cloud.calls)


def test_a_failed_first_creation_is_deleted_and_made_again(bench: Bench) -> None:
    bench.cloud.failing["Database"] = "You have reached your quota of\ninstances"
    said = "^stack signals is ROLLBACK_COMPLETE: Database: You have reached your quota of instances$"
    with pytest.raises(DeployError, match=said):
        bench.deploy(DigestRecipients="r@example.org")
    with pytest.raises(DeployError, match="stack signals is ROLLBACK_COMPLETE: it was never made"):
        bench.read()
    bench.cloud.failing.clear()
    bench.deploy()
    states = [each.status for each in bench.cloud.stacks.values() if each.name == "signals"]
    assert states == ["DELETE_COMPLETE", "UPDATE_COMPLETE"]
    assert "delete what is left of signals, whose first creation failed" in bench.said
    assert bench.read().parameters["DigestRecipients"] == "r@example.org"


HALF_MADE = {
    "ROLLBACK_FAILED": "aws cloudformation delete-stack --stack-name signals",
    "CREATE_FAILED": "aws cloudformation delete-stack --stack-name signals",
    "DELETE_FAILED": "aws cloudformation delete-stack --stack-name signals",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback --stack-name signals",
    "IMPORT_ROLLBACK_FAILED": "CloudFormation's console",
    "UPDATE_IN_PROGRESS": "has been busy for 600 s",
}


def test_a_half_made_stack_is_one_line_with_the_command(bench: Bench) -> None:
    bench.deploy()
    commands = len(bench.commands())
    for status, command in HALF_MADE.items():
        bench.stack().status = status
        with pytest.raises(DeployError, match=command) as refused:
            bench.deploy("two")
        assert "\n" not in str(refused.value)
        with pytest.raises(DeployError, match=f"stack signals is {status}"):
            stack.read("signals")
    assert len(bench.commands()) == commands  # before the build, which takes minutes


def test_a_release_that_does_not_start_is_taken_back_by_cloudformation(bench: Bench) -> None:
    first = bench.deploy("one")
    bench.cloud.only_runs = {first}
    said = "^stack signals is UPDATE_ROLLBACK_COMPLETE: Control: .*Circuit Breaker was triggered"
    with pytest.raises(DeployError, match=said):
        bench.deploy("two")
    assert (bench.image, bench.read().image) == (first, first)
    # The failed revision is no longer there for a rollback to find, nor for the watch to start.
    assert [each["status"] for each in bench.cloud.definitions["signals-control"]] == ["ACTIVE", "INACTIVE"]
    assert [each["status"] for each in bench.cloud.definitions["signals-run"]] == ["ACTIVE", "INACTIVE"]
    assert bench.desired == 0


def test_a_first_release_that_does_not_start_leaves_a_stack_without_one(bench: Bench) -> None:
    bench.cloud.only_runs = set()
    with pytest.raises(DeployError, match="Circuit Breaker"):
        bench.deploy()
    assert bench.cloud.service is None
    assert bench.read().image == ""
    assert bench.read().parameters["ProtectDatabase"] == "no"
    with pytest.raises(DeployError, match="is not there: no image was released yet"):
        services.look(bench.read())
    bench.cloud.only_runs = None
    bench.deploy()


def test_a_release_that_is_interrupted_anywhere_is_finished_by_the_next(bench: Bench) -> None:
    bench.deploy("first")
    for looks in range(1, 30, 3):
        left = iter(range(looks))

        def interrupt(_cloud: Cloud, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        bench.cloud.alarm = interrupt
        with suppress(KeyboardInterrupt):
            bench.deploy(f"version {looks}")
        bench.cloud.alarm = None
        for _ in range(2):  # the seconds that it takes to start the command again
            bench.cloud.pass_time(1)
        image = bench.deploy(f"version {looks}")
        assert (bench.read().image, bench.desired) == (image, 0)
        assert bench.cloud.service is not None
        assert bench.read().control_task == bench.cloud.service.definition


def at(hour: int, minute: int, second: int = 0, *, day: int = 10) -> datetime:
    """New York time in March 2026; the tenth is a Tuesday."""
    return datetime(2026, 3, day, hour, minute, second, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("start", "hours", "desired"),
    [
        (at(22, 0), "windowed", 0),
        (at(8, 30), "windowed", 1),
        (at(8, 59, 30), "windowed", 0),  # across bedtime
        (at(8, 14, 30), "windowed", 1),  # across wake-up
        (at(12, 0, day=14), "windowed", 0),  # a Saturday
        (at(22, 0), "always", 1),
    ],
)
def test_a_release_ends_with_what_the_schedule_wants_then_and_was_seen_healthy(
    bench: Bench, start: datetime, hours: str, desired: int
) -> None:
    bench.deploy("one", ControlHours=hours)
    bench.cloud.now = start
    seen: set[str] = set()
    bench.cloud.alarm = lambda _cloud: seen.update(bench.healthy)
    bench.deploy("two")
    assert bench.in_service.arn in seen
    assert bench.cloud.now > start
    assert bench.desired == desired
    bench.cloud.pass_time(1)
    assert len(bench.healthy) <= desired


def test_a_bad_image_at_bedtime_which_cloudformation_finds_settled_goes_back_all_the_same(bench: Bench) -> None:
    """The schedule put the service to sleep in the middle: no task, so nothing failed."""
    first = bench.deploy("one")
    bench.cloud.only_runs = {first}

    def bedtime(cloud: Cloud) -> None:
        if cloud.service is not None and cloud.operation is not None and cloud.operation.waits_for_service:
            cloud.service.desired = 0

    bench.cloud.alarm = bedtime
    with pytest.raises(DeployError, match=r"no healthy task in 600 s; .*; the former image is in service again$"):
        bench.deploy("two")
    assert (bench.image, stack.read("signals").image, bench.desired) == (first, first, 0)


def test_a_dry_run_says_every_step_without_credentials_or_region(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    shown = CliRunner().invoke(main, ["deploy", "--dry-run", "--set", "LogDays=7"])
    assert shown.exit_code == 0, shown.output
    assert len(shown.output.splitlines()) == len(PLAN)
    assert all(line.startswith("would ") for line in shown.output.splitlines())
    assert "{" not in shown.output
    refused = CliRunner().invoke(main, ["deploy", "--dry-run", "--set", "Recipients=r@example.org"])
    assert (refused.exit_code, "no such parameter; it has " in refused.output) == (2, True)
    assert "is not Name=Value" in CliRunner().invoke(main, ["deploy", "--dry-run", "--set", "LogDays"]).output


def test_the_commands_release_show_and_go_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "Patience", lambda seconds: Patience(seconds, 10, bench.cloud.pass_time))
    runner = CliRunner()
    docker = ["--docker", bench.release.docker.program]
    released = runner.invoke(main, ["deploy", *docker, "--set", "OperatorEmail=o@example.org", "--model", "compact"])
    assert (released.exit_code, released.output.splitlines()[-2]) == (0, "signals-control:1 is in service")
    shown = runner.invoke(main, ["status"]).output.splitlines()
    assert shown[1:3] == ["runs      signals-run:1", f"image     {bench.image}"]
    refused = runner.invoke(main, ["rollback"])
    said = "signals: signals-control:1 is of the first release: there is none to go back to\n"
    assert (refused.exit_code, refused.output) == (2, said)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"UseNewsApi": "yes"}, "UseNewsApi=yes, but /signals/newsapi-key is missing: aws ssm put-parameter"),
        ({"UseSmtp": "yes"}, "UseSmtp=yes, but /signals/smtp-password is missing: aws ssm put-parameter"),
        ({"ImageUri": ""}, "--set ImageUri: a release sets it"),
        ({"Recipients": "r@example.org"}, "--set Recipients: the stack has no such parameter; it has "),
    ],
)
def test_parameters_that_can_not_be_are_one_line_before_anything_changes(
    bench: Bench, parameters: dict[str, str], said: str
) -> None:
    with pytest.raises(DeployError, match=said) as refused:
        bench.deploy(**parameters)
    assert "\n" not in str(refused.value)
    assert bench.commands() == []
    assert not CHANGES & set(bench.cloud.calls)


def test_a_value_that_the_template_does_not_allow_is_one_line(bench: Bench) -> None:
    bench.deploy()
    with pytest.raises(DeployError, match=r"^AWS refuses CreateChangeSet: ValidationError: Parameter 'LogDays'"):
        bench.deploy(LogDays="8")


def test_a_lost_link_key_is_made_again_but_not_the_password_that_the_database_has(bench: Bench) -> None:
    bench.deploy()
    client("ssm").delete_parameter(Name="/signals/link-key")
    bench.deploy()
    assert bench.secrets == []
    client("ssm").delete_parameter(Name="/signals/database-password")
    with pytest.raises(DeployError, match="/signals/database-password is missing, which the database in signals still"):
        bench.deploy()


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ("DescribeStacks", "ExpiredToken", "^the AWS credentials have expired: sign in again"),
        ("DescribeStacks", "InvalidClientTokenId", r"^AWS does not know these credentials \(InvalidClientTokenId\)"),
        ("CreateChangeSet", "AccessDenied", "^AWS denies CreateChangeSet: no; use credentials that are allowed to$"),
        ("GetRole", "OptInRequired", "^AWS refuses GetRole in this region"),
        ("GetAuthorizationToken", "ServerException", "^AWS refuses GetAuthorizationToken: ServerException: no$"),
    ],
)
def test_what_aws_refuses_is_one_line(bench: Bench, call: str, code: str, said: str) -> None:
    bench.cloud.errors[call] = RefusedError(code, "no\nand more")
    with pytest.raises(DeployError, match=said):
        bench.deploy()


@pytest.mark.usefixtures("fresh_session")
def test_a_network_that_does_not_answer_and_a_missing_profile_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    shown = CliRunner().invoke(main, ["status"])
    assert shown.exit_code == 2
    assert shown.output.startswith("signals: AWS can't be reached: Could not connect to the endpoint URL")
    from botocore.exceptions import SSOTokenLoadError, UnknownServiceError

    for error, said in (
        (SSOTokenLoadError(error_msg="expired"), "aws sso login"),
        (UnknownServiceError(service_name="x", known_service_names="y"), "^AWS: Unknown service"),
    ):
        with pytest.raises(DeployError, match=said), one_line_errors():
            raise error


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


def test_what_is_missing_is_one_line(bench: Bench) -> None:
    with pytest.raises(DeployError, match=r"^no stack 'elsewhere' in us-east-1: correct AWS_REGION, or create it with"):
        stack.find("elsewhere")
    without = Release(Docker("/no/such/docker"), bench.source, {}, bench.said.append)
    with pytest.raises(DeployError, match="install Docker"):
        without.deploy("signals")
    with pytest.raises(DeployError, match=r"stack.yaml: No such file or directory; run this from a checkout"):
        Release(bench.release.docker, bench.state, {}, bench.said.append).deploy("signals", dry_run=True)
    bench.deploy()
    client("ssm").delete_parameter(Name="/signals/link-key")
    with pytest.raises(DeployError, match="secret /signals/link-key is missing: aws ssm put-parameter"):
        stack.find("signals")
    bench.cloud.service = None
    with pytest.raises(DeployError, match=r"^service signals/control is missing: update the stack"):
        services.look(stack.read("signals"))


def test_a_stack_of_somebody_else_is_refused(aws: str) -> None:  # noqa: ARG001
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    client("cloudformation").create_stack(StackName="other", TemplateBody=body)
    with pytest.raises(DeployError, match="stack other has no output Cluster"):
        stack.find("other")


def test_the_registry_s_password_goes_through_standard_input(bench: Bench) -> None:
    bench.deploy()
    signed, password = (bench.state / "login").read_text().splitlines()
    host = stack.read("signals").repository.split("/")[0]
    assert (signed, bool(password)) == (f"--username AWS --password-stdin {host}", True)
    assert password not in (bench.state / "log").read_text()


def test_a_task_that_has_no_room_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.deploy()
    full = SimpleNamespace(run_task=lambda **_: {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})
    monkeypatch.setattr(services, "client", lambda _: full)
    target = stack.find("signals")
    with pytest.raises(DeployError, match="`signals prepare` can't start: RESOURCE:MEMORY"):
        services.run_once(target, target.run_task, list(PREPARE), Patience())


def test_a_change_that_takes_too_long_is_said_and_left_to_cloudformation(bench: Bench) -> None:
    bench.deploy("one")
    bench.cloud.only_runs = set()
    patience = Patience(seconds=20, poll_seconds=10, pause=bench.cloud.pass_time)
    slow = Release(bench.release.docker, bench.source, {}, bench.said.append, patience, lambda: bench.cloud.now)
    (bench.source / "Dockerfile").write_text("FROM python\n# two\n")
    with pytest.raises(DeployError, match="stack signals did not settle in 20 s; CloudFormation goes on"):
        slow.deploy("signals")
    assert bench.desired == 1
