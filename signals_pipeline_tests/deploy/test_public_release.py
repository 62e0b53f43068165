"""A release and what readers reach: the public stack before the main one, its failures, its parameters, its removal."""

import hashlib

import pytest

from signals_pipeline.adapters.aws import inventory
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.release_bench import Bench, bench
from signals_pipeline_tests.support.unkind_cloud import RefusedError

__all__ = ["bench"]
PREPARE = ("signals", "prepare")
OPERATOR = "o@example.org"


def environment(bench: Bench) -> dict[str, str]:
    """Of the code server in service."""
    return {each["name"]: each["value"] for each in bench.in_service.containers[0]["environment"]}


def web_token_hash() -> str:
    parameter = client("ssm").get_parameter(Name="/signals/web-token", WithDecryption=True)["Parameter"]
    return hashlib.sha256(parameter["Value"].encode()).hexdigest()


def test_a_first_release_makes_the_public_stack_first_and_its_tasks_know_it(bench: Bench) -> None:
    bench.deploy()
    assert [each.name for each in bench.cloud.stacks.values()] == ["signals-public", "signals"]
    assert bench.stack("signals-public").status == "CREATE_COMPLETE"
    assert bench.stack("signals-public").parameters == {
        "Stack": "signals",
        "PageAccess": web_token_hash(),
        "DomainName": "",
        "CertificateArn": "",
        "LogDays": "30",
    }
    assert "the pages' address is https://distribution.cloudfront.example" in bench.said
    variables = environment(bench)
    # As the application reads them.
    settings = Settings.checked(
        signals_base_url=variables["SIGNALS_BASE_URL"],
        signals_publish_url=variables["SIGNALS_PUBLISH_URL"],
        signals_reader_queue=variables["SIGNALS_READER_QUEUE"],
    )
    assert settings.signals_base_url == "https://distribution.cloudfront.example"
    assert settings.signals_publish_url == "s3://signals-public-bucket/public"
    assert settings.signals_reader_queue.endswith("/signals-public-Queue")
    assert variables["SES_CONFIGURATION_SET"] == "signals-public-ConfigurationSet"
    policies = [each.properties for each in bench.stack().resources.values() if each.kind == "AWS::IAM::Policy"]
    resources = {statement["Resource"] for each in policies for statement in each["PolicyDocument"]["Statement"]}
    assert resources == {
        "arn:aws:sqs:us-east-1:123456789012:signals-public-Queue",
        "arn:aws:ses:us-east-1:123456789012:configuration-set/signals-public-ConfigurationSet",
        "arn:aws:s3:::signals-public-bucket",
        "arn:aws:s3:::signals-public-bucket/public/*",
    }


def test_the_same_again_changes_neither_stack(bench: Bench) -> None:
    bench.deploy()
    bench.cloud.calls.clear()
    bench.deploy()
    assert "ExecuteChangeSet" not in bench.cloud.calls


def test_a_stack_keeps_its_choice_until_another_is_set_and_the_public_stack_outlives_it(bench: Bench) -> None:
    bench.deploy(Public="no")
    bench.deploy()
    assert [each.name for each in bench.cloud.stacks.values()] == ["signals"]
    assert environment(bench)["SIGNALS_BASE_URL"] == ""
    bench.deploy(Public="yes")
    assert environment(bench)["SIGNALS_BASE_URL"] == "https://distribution.cloudfront.example"

    bench.deploy(Public="no", BaseUrl="https://elsewhere.example")
    assert environment(bench)["SIGNALS_BASE_URL"] == "https://elsewhere.example"
    assert environment(bench)["SIGNALS_PUBLISH_URL"] == environment(bench)["SIGNALS_READER_QUEUE"] == ""
    assert bench.stack("signals-public").status == "CREATE_COMPLETE"
    assert bench.said[-1] == (
        "the stack signals-public is kept, as links of mails that were sent lead to it; to delete it: aws s3 rm"
        " --recursive s3://signals-public-bucket && aws cloudformation delete-stack --stack-name signals-public"
    )
    bench.deploy()
    assert not bench.said[-1].startswith("the stack signals-public")


def test_a_domain_that_comes_later_reaches_both_stacks_in_one_release(bench: Bench) -> None:
    """An output that another stack imports could not change."""
    bench.deploy()
    refused = "^AWS refuses CreateChangeSet: ValidationError: .*DomainName needs CertificateArn"
    with pytest.raises(DeployError, match=refused):
        bench.deploy(DomainName="desk.example.org")
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/one"
    bench.deploy(DomainName="desk.example.org", CertificateArn=certificate, LogDays="7")
    assert environment(bench)["SIGNALS_BASE_URL"] == "https://desk.example.org"
    address = "the pages' address is https://desk.example.org; its DNS record leads to distribution.cloudfront.example"
    assert address in bench.said
    public = bench.stack("signals-public")
    assert (public.status, public.parameters["LogDays"], bench.stack().parameters["LogDays"]) == (
        "UPDATE_COMPLETE",
        "7",
        "7",
    )
    bench.deploy("changed")
    assert bench.stack("signals-public").parameters["DomainName"] == "desk.example.org"


def test_access_is_by_the_web_token_at_first_and_as_it_is_set_after_that(bench: Bench) -> None:
    bench.deploy()
    client("ssm").put_parameter(Name="/signals/web-token", Value="a new one", Overwrite=True)
    before = bench.stack("signals-public").parameters["PageAccess"]
    bench.deploy()
    assert bench.stack("signals-public").parameters["PageAccess"] == before
    bench.deploy(PageAccess="token")
    assert bench.stack("signals-public").parameters["PageAccess"] == web_token_hash() != before
    for access in ("open", "closed"):
        bench.deploy(PageAccess=access)
        bench.deploy("another source")
        assert bench.stack("signals-public").parameters["PageAccess"] == access
    with pytest.raises(DeployError, match="Parameter 'PageAccess' must match"):
        bench.deploy(PageAccess="the token itself")


@pytest.mark.parametrize(
    "name", ["PublicUrl", "PagesBucket", "ReaderQueue", "ReaderQueueArn", "ConfigurationSet", "Stack"]
)
def test_what_the_release_takes_from_the_public_stack_can_not_be_set(bench: Bench, name: str) -> None:
    with pytest.raises(DeployError, match=f"^--set {name}: a release sets it, from the public stack$"):
        bench.deploy(**{name: "x"})


def test_a_public_stack_that_fails_leaves_the_main_one_and_can_be_tried_again(bench: Bench) -> None:
    bench.cloud.failing["Distribution"] = "Your account must be verified before you can add new CloudFront resources"
    failed = (
        "^stack signals-public is ROLLBACK_COMPLETE: Distribution: Your account must be verified .*; nothing of the"
    )
    with pytest.raises(
        DeployError, match=f"{failed} stack signals was changed; --set Public=no releases without"
    ) as said:
        bench.deploy(PageAccess="open")
    assert "\n" not in str(said.value)
    assert [each.name for each in bench.cloud.stacks.values()] == ["signals-public"]
    bench.deploy(Public="no")
    assert bench.stack("signals-public").status == "ROLLBACK_COMPLETE"

    bench.cloud.failing.clear()
    bench.deploy(Public="yes")
    assert "delete what is left of signals-public, whose first creation failed" in bench.said
    assert bench.stack("signals-public").parameters["PageAccess"] == "open"


def test_an_update_of_the_public_stack_that_fails_leaves_both_as_they_were(bench: Bench) -> None:
    first = bench.deploy("one")
    history, migrations = list(bench.cloud.history), bench.migrations
    template = bench.source / "deploy" / "public.yaml"
    template.write_text(template.read_text().replace("MemorySize: 256", "MemorySize: 512"))
    bench.cloud.failing["LinkFunction"] = "Quota exceeded"
    with pytest.raises(DeployError, match=r"^stack signals-public is UPDATE_ROLLBACK_COMPLETE: .*signals was changed$"):
        bench.deploy("two")
    assert (bench.image, bench.cloud.history, bench.migrations) == (first, history, migrations)
    bench.cloud.failing.clear()
    bench.deploy("two")
    assert bench.stack("signals-public").resources["LinkFunction"].properties["MemorySize"] == 512


def test_a_half_made_public_stack_is_one_line_before_the_build(bench: Bench) -> None:
    bench.deploy()
    commands = len(bench.commands())
    bench.stack("signals-public").status = "UPDATE_ROLLBACK_FAILED"
    said = "^stack signals-public is UPDATE_ROLLBACK_FAILED: .*--stack-name signals-public`, then deploy again$"
    with pytest.raises(DeployError, match=said):
        bench.deploy("two")
    assert len(bench.commands()) == commands


def test_a_main_stack_that_fails_at_first_keeps_the_choice_about_readers(bench: Bench) -> None:
    bench.cloud.failing["Database"] = "no room"
    with pytest.raises(DeployError, match="Database: no room"):
        bench.deploy(Public="no")
    bench.cloud.failing.clear()
    bench.deploy()
    assert bench.stack().parameters["Public"] == "no"
    assert {each.name for each in bench.cloud.stacks.values()} == {"signals"}


def test_a_rollback_leaves_what_readers_reach(bench: Bench) -> None:
    bench.deploy("one")
    bench.deploy("two")
    bench.release.rollback("signals", None)
    assert environment(bench)["SIGNALS_BASE_URL"] == "https://distribution.cloudfront.example"


def test_a_parameter_of_the_public_stack_is_refused_where_there_is_none(bench: Bench) -> None:
    with pytest.raises(DeployError, match=r"^--set PageAccess: it is of the public stack; add --set Public=yes$"):
        bench.deploy(Public="no", PageAccess="open")
    assert (bench.commands(), bench.cloud.stacks) == ([], {})


def test_the_plan_says_whether_readers_are_reached(bench: Bench) -> None:
    for given, said in (
        ({}, "as the stack has it; yes for a new one"),
        ({"Public": "yes"}, "yes"),
        ({"Public": "no"}, "no: left out"),
    ):
        bench.said.clear()
        bench.release.deploy("signals", given, dry_run=True)
        [line] = [line for line in bench.said if "signals-public" in line]
        assert line.endswith(f"bounces (Public={said})")
    assert bench.cloud.calls == []


def test_the_heartbeat_s_alarm_is_made_by_the_first_release_after_the_operator_confirmed(bench: Bench) -> None:
    bench.deploy(OperatorEmail=OPERATOR)
    waits = "the alarm HeartbeatMissing is not made yet: once o@example.org has followed the link"
    assert bench.said[-1].startswith(waits)
    assert "HeartbeatMissing" not in bench.stack().resources
    assert inventory.subscriptions(bench.read().operator_topic) == {OPERATOR: False}

    bench.cloud.confirmed = {OPERATOR}
    bench.deploy(HeartbeatAlarm="no")
    assert "HeartbeatMissing" not in bench.stack().resources
    bench.deploy()
    assert "HeartbeatMissing" in bench.stack().resources
    assert "o@example.org has confirmed the subscription: make the alarm HeartbeatMissing" in bench.said
    # Another operator confirms later; the alarm stays.
    bench.deploy(OperatorEmail="Other@example.org")
    assert "HeartbeatMissing" in bench.stack().resources
    assert bench.said[-1] == "signals-control:1 is in service"


def test_a_subscription_that_can_not_be_read_changes_nothing(bench: Bench) -> None:
    first = bench.deploy("one", OperatorEmail=OPERATOR)
    bench.cloud.errors["ListSubscriptionsByTopic"] = RefusedError("AuthorizationError", "not allowed")
    with pytest.raises(DeployError, match=r"^AWS refuses ListSubscriptionsByTopic: AuthorizationError: not allowed$"):
        bench.deploy("two")
    assert bench.image == first


def test_another_kind_of_database_is_refused_before_the_build_once_there_is_something_in_it(bench: Bench) -> None:
    bench.cloud.exit_codes[PREPARE] = 1
    with pytest.raises(DeployError, match="`signals prepare` failed"):
        bench.deploy(DatabaseKind="serverless")
    bench.cloud.exit_codes.clear()
    image = bench.deploy(DatabaseKind="instance")
    commands, database = len(bench.commands()), bench.stack().resources["Database"]
    said = (
        r"^DatabaseKind=serverless would put a new, empty database in place of the one that signals has \(instance\):"
        r" make a second stack .*, or keep this one with --set DatabaseKind=instance$"
    )
    with pytest.raises(DeployError, match=said):
        bench.deploy("two", DatabaseKind="serverless")
    # As a stack from before the parameter, whose database the template's default would replace.
    del bench.stack().parameters["DatabaseKind"]
    with pytest.raises(DeployError, match=said):
        bench.deploy("two")
    assert (bench.image, len(bench.commands()), bench.stack().resources["Database"]) == (image, commands, database)
    bench.stack().parameters["DatabaseKind"] = "instance"
    bench.deploy("two")
