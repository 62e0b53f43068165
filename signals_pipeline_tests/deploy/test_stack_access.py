"""The stack is closed to the world, and its roles, schedules and rules do what they should and no more."""

import json
import re
from datetime import date, datetime, time, timedelta
from fnmatch import fnmatchcase
from functools import reduce
from pathlib import Path
from typing import Any, cast

import pytest
from moto.events.models import EventPattern

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.core.windows import NEW_YORK
from signals_pipeline.defs.checks import HEALTH_GRACE, health_schedule
from signals_pipeline_tests.support.stack_template import ACCOUNT, PARAMETERS, Template

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")  # the stand-in names what it skips
TEMPLATE = Template()
TASKS = TEMPLATE.of_type("AWS::ECS::TaskDefinition")
FORWARD = "forward"
CONTAINERS = [each for task in TASKS.values() for each in task["ContainerDefinitions"] if each["Name"] != FORWARD]


def test_nothing_listens_to_the_world() -> None:
    groups = TEMPLATE.of_type("AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in groups["TaskSecurityGroup"]
    [ingress] = groups["DatabaseSecurityGroup"]["SecurityGroupIngress"]
    assert (ingress["FromPort"], ingress["ToPort"], "CidrIp" in ingress) == (5432, 5432, False)
    assert not any("PortMappings" in each for task in TASKS.values() for each in task["ContainerDefinitions"])
    hosts = [part for each in CONTAINERS for part in each["Command"] if part.startswith("--host")]
    assert hosts == ["--host=127.0.0.1"] * 3
    kinds = {each["Type"] for each in TEMPLATE.body["Resources"].values()}
    assert not [kind for kind in kinds if "LoadBalanc" in kind or "NatGateway" in kind]


def test_the_port_forward_goes_through_a_container_that_can_be_written_and_holds_nothing() -> None:
    """ECS Exec doesn't support a read-only root file system: Session Manager's agent writes to it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
    """
    [service] = TEMPLATE.of_type("AWS::ECS::Service").values()
    assert service["EnableExecuteCommand"] is True
    writable = [each for each in TASKS["ControlTask"]["ContainerDefinitions"] if not each["ReadonlyRootFilesystem"]]
    [forward] = writable
    assert forward["Name"] == FORWARD
    assert not {"Environment", "Secrets", "MountPoints", "PortMappings"} & set(forward)
    assert forward["Essential"] is False
    # As the agent's processes end, somebody has to wait for them.
    assert forward["LinuxParameters"] == {"InitProcessEnabled": True}
    guide = (repository() / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert f"containers[?name=='{FORWARD}'].runtimeId" in guide


def test_containers_are_read_only_and_hold_no_secret_in_clear() -> None:
    for container in CONTAINERS:
        assert container["ReadonlyRootFilesystem"] is True
        names = {variable["Name"] for variable in container["Environment"]}
        assert not [name for name in names if re.search("PASSWORD|KEY|TOKEN|SECRET", name)]
        parameters = {secret["Name"]: secret["ValueFrom"] for secret in container["Secrets"]}
        generator = TEMPLATE.resolve({"Ref": "GeneratorParameter"})
        assert parameters.pop("SIGNAL_GENERATOR", generator) == generator
        assert all(name.startswith("/signals/") for name in parameters.values())
        assert {mount["ContainerPath"] for mount in container["MountPoints"]} >= {"/data", "/tmp"}  # noqa: S108


def test_tasks_fit_their_memory_and_may_fetch_image_and_secrets() -> None:
    """What ECS refuses and neither cfn-lint nor the stand-in does."""
    for task in TASKS.values():
        assert task["ExecutionRoleArn"]
        asked = [each.get("Memory", each.get("MemoryReservation")) for each in task["ContainerDefinitions"]]
        assert sum(asked) <= int(task["Memory"])


def test_roles_may_do_what_they_need_and_no_more() -> None:
    broad = {
        "ecr:GetAuthorizationToken",
        "ecs:DescribeTaskDefinition",
        "ec2:DescribeNetworkInterfaces",
        "ses:GetAccount",
        *(f"ssmmessages:{verb}{kind}Channel" for verb in ("Create", "Open") for kind in ("Control", "Data")),
    }
    for role in TEMPLATE.of_type("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                assert not [action for action in actions if "*" in action]
                if statement["Resource"] == "*":
                    assert set(actions) <= broad
                if "iam:PassRole" in actions:
                    assert statement["Condition"]["StringEquals"] == {"iam:PassedToService": "ecs-tasks.amazonaws.com"}


def test_whoever_mails_may_mail_as_the_sender_and_as_nobody_else() -> None:
    """Runs mail digests; the code server's sensors mail that a run failed. The condition compares bare addresses."""
    template = Template(given={**PARAMETERS, "MailFrom": "desk@example.org"})
    roles = template.of_type("AWS::IAM::Role")
    for name in ("RunRole", "ControlRole"):
        [policy] = roles[name]["Policies"]
        statements = policy["PolicyDocument"]["Statement"]
        [mail] = [each for each in statements if "ses:SendEmail" in each["Action"]]
        assert mail["Condition"] == {"StringEquals": {"ses:FromAddress": "desk@example.org"}}
        assert mail["Action"] == ["ses:SendEmail", "ses:SendRawEmail"]
    pattern = template.body["Parameters"]["MailFrom"]["AllowedPattern"]
    assert re.fullmatch(pattern, "desk@example.org")
    assert not re.fullmatch(pattern, "LivePipeline <desk@example.org>")


def test_the_operator_gets_a_mail_when_a_month_costs_more_than_the_budget_and_when_it_will() -> None:
    [budget] = TEMPLATE.of_type("AWS::Budgets::Budget").values()
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 12, "Unit": "USD"}
    assert (budget["Budget"]["BudgetType"], budget["Budget"]["TimeUnit"]) == ("COST", "MONTHLY")
    told = {}
    for each in budget["NotificationsWithSubscribers"]:
        [subscriber] = each["Subscribers"]
        told[each["Notification"]["NotificationType"]] = (each["Notification"]["Threshold"], subscriber["Address"])
    assert told == dict.fromkeys(("ACTUAL", "FORECASTED"), (100, "operator@example.org"))
    assert TEMPLATE.condition("HasBudget")
    assert not Template(given={**PARAMETERS, "BudgetLimit": "0"}).condition("HasBudget")


def test_the_database_pauses_or_is_a_small_instance_and_is_kept_either_way() -> None:
    template = Template(given={**PARAMETERS, "DatabaseKind": "serverless"})
    [cluster] = template.of_type("AWS::RDS::DBCluster").values()
    [server] = template.of_type("AWS::RDS::DBInstance").values()
    scaling = cluster["ServerlessV2ScalingConfiguration"]
    assert scaling == {"MinCapacity": 0, "MaxCapacity": 1, "SecondsUntilAutoPause": 300}
    assert server["DBClusterIdentifier"] == template.resolve({"Ref": "DatabaseCluster"})
    assert (server["DBInstanceClass"], server["Engine"]) == ("db.serverless", cluster["Engine"])
    # What belongs to the cluster; CreateDBInstance refuses it for a member.
    assert not {"AllocatedStorage", "DBName", "MasterUsername", "MasterUserPassword", "StorageEncrypted"} & set(server)

    assert template.condition("IsServerless")
    assert not TEMPLATE.condition("IsServerless")
    [instance] = TEMPLATE.of_type("AWS::RDS::DBInstance").values()
    assert (instance["DBInstanceClass"], instance["Engine"], instance["EngineVersion"]) == (
        "db.t4g.micro",
        "postgres",
        "18",
    )
    assert "DBClusterIdentifier" not in instance
    for kept in (cluster, instance):
        assert (kept["StorageEncrypted"], kept["DeletionProtection"], kept["BackupRetentionPeriod"]) == (True, True, 7)
        assert kept["MasterUserPassword"] == "{{resolve:ssm-secure:/signals/database-password}}"
    assert not server["PubliclyAccessible"]
    for name in ("DatabaseCluster", "Database"):
        resource = TEMPLATE.body["Resources"][name]
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")


def test_the_control_service_wakes_before_each_digest_and_stays_for_it() -> None:
    awake = awake_times()
    for digest in (time(8, 30), time(17, 30)):
        moment = datetime.combine(date(2026, 3, 9), digest)
        early, late = (moment - timedelta(minutes=15)).time(), (moment + timedelta(minutes=30)).time()
        assert any(start <= early and late <= end for start, end in awake)
    always = Template(given={**PARAMETERS, "ControlHours": "always"})
    [target] = always.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert "ScheduledActions" not in target


def awake_times() -> list[tuple[time, time]]:
    """When the control service wakes and sleeps on a weekday, New York time."""
    [target] = TEMPLATE.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()
    awake: list[tuple[time, time]] = []
    woken: time | None = None
    for action in sorted(target["ScheduledActions"], key=lambda each: _at(each["Schedule"])):
        assert action["Timezone"] == str(NEW_YORK)
        if action["ScalableTargetAction"]["MaxCapacity"]:
            woken = _at(action["Schedule"])
        else:
            assert woken is not None
            awake.append((woken, _at(action["Schedule"])))
    return awake


def test_the_health_check_ticks_while_the_control_service_is_awake_and_the_digest_is_due() -> None:
    """With five minutes to spare, so that the run is launched before the daemon goes."""
    found = re.fullmatch(r"(\d+) (\d+),(\d+) \* \* 1-5", str(health_schedule.cron_schedule))
    assert found is not None
    assert health_schedule.execution_timezone == str(NEW_YORK)
    monday = date(2026, 3, 9)
    for hour, digest in ((found[2], time(8, 30)), (found[3], time(17, 30))):
        tick = datetime.combine(monday, time(int(hour), int(found[1])))
        assert datetime.combine(monday, digest) + HEALTH_GRACE <= tick
        early, late = (tick - timedelta(minutes=5)).time(), (tick + timedelta(minutes=5)).time()
        assert any(start <= early and late <= end for start, end in awake_times())


def _at(schedule: str) -> time:
    found = re.fullmatch(r"cron\((\d+) (\d+) \? \* MON-FRI \*\)", schedule)
    assert found is not None
    return time(int(found[2]), int(found[1]))


EVENT = {
    "source": "aws.ecs",
    "detail-type": "ECS Task State Change",
    "detail": {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "containers": [{"exitCode": 137}]},
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, {"TaskDied"}),
        ({"containers": [{"exitCode": 0}]}, set()),
        ({"containers": [{"exitCode": 0}, {"exitCode": 1}]}, {"TaskDied"}),
        ({"stopCode": "SpotInterruption", "containers": [{"exitCode": 143}]}, {"TaskDied"}),
        ({"stopCode": "ServiceSchedulerInitiated", "containers": [{"exitCode": 143}]}, set()),
        ({"stopCode": "UserInitiated"}, set()),
        ({"stopCode": "TaskFailedToStart", "containers": [{}]}, {"TaskNeverStarted"}),
        ({"lastStatus": "RUNNING"}, set()),
        ({"clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/other"}, set()),
    ],
)
def test_the_operator_is_told_of_tasks_that_died_and_of_no_others(change: dict[str, Any], told: set[str]) -> None:
    rules = {name: rule for name, rule in TEMPLATE.of_type("AWS::Events::Rule").items() if _is_of_tasks(rule)}
    [cluster] = rules["TaskDied"]["EventPattern"]["detail"]["clusterArn"]
    event = EVENT | {"detail": {**EVENT["detail"], "clusterArn": cluster, **change}}
    assert {name for name, rule in rules.items() if matches(rule["EventPattern"], event)} == told
    for rule in rules.values():
        [goal] = rule["Targets"]
        assert goal["Arn"] == TEMPLATE.resolve({"Ref": "OperatorTopic"})


SCAN = {
    "source": "aws.ecr",
    "detail-type": "ECR Image Scan",
    "detail": {
        "scan-status": "COMPLETE",
        "repository-name": "signals",
        "finding-severity-counts": {"CRITICAL": 2, "HIGH": 1, "LOW": 9},
        "image-digest": f"sha256:{'a' * 64}",
        "image-tags": [],
    },
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, True),
        ({"finding-severity-counts": {"CRITICAL": 1}}, True),
        ({"finding-severity-counts": {"HIGH": 3, "MEDIUM": 1}}, True),
        ({"finding-severity-counts": {"CRITICAL": 0, "HIGH": 0, "MEDIUM": 40}}, False),
        ({"finding-severity-counts": {}}, False),
        ({"repository-name": "other"}, False),
    ],
)
def test_the_operator_is_told_of_images_with_serious_findings_and_of_no_others(
    change: dict[str, Any], told: bool
) -> None:
    """Matched by the stand-in's own matcher, which knows `$or` and `numeric`."""
    rule = TEMPLATE.of_type("AWS::Events::Rule")["ImageFindings"]
    pattern = EventPattern.load(json.dumps(rule["EventPattern"]))
    event = SCAN | {"detail": {**SCAN["detail"], **change}}
    assert pattern.matches_event(cast("Any", event)) is told
    message = rule["Targets"][0]["InputTransformer"]
    named = set(re.findall(r"<(\w+)>", message["InputTemplate"]))
    assert named == set(message["InputPathsMap"])
    for path in message["InputPathsMap"].values():
        parts = path.removeprefix("$.").split(".")
        assert reduce(lambda value, part: value[part], parts, SCAN), path


def test_alarms_and_events_may_tell_the_operator() -> None:
    """EventBridge tells SNS nothing that a condition could look at: a statement with one would drop its every message.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
    """
    [policy] = TEMPLATE.of_type("AWS::SNS::TopicPolicy").values()
    statements = policy["PolicyDocument"]["Statement"]
    allowed = {service: each for each in statements for service in _listed(each["Principal"]["Service"])}
    assert {each["Action"] for each in allowed.values()} == {"sns:Publish"}
    assert "Condition" not in allowed.pop("events.amazonaws.com")
    alarms = allowed.pop("cloudwatch.amazonaws.com")
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert not allowed


def matches(pattern: Any, value: Any) -> bool:
    """EventBridge's matching, as far as the two rules go: a list of values, `anything-but`, arrays of objects."""
    if isinstance(pattern, dict):
        candidates = value if isinstance(value, list) else [value]
        return any(
            all(matches(wanted, candidate.get(name)) for name, wanted in pattern.items()) for candidate in candidates
        )
    for wanted in pattern:
        if isinstance(wanted, dict):
            but = wanted["anything-but"]
            excluded = but if isinstance(but, list) else [but]
            if value is not None and value not in excluded:
                return True
        elif value == wanted:
            return True
    return False


def test_the_watch_looks_after_each_digest_on_every_day_with_its_own_command() -> None:
    [schedule] = TEMPLATE.of_type("AWS::Scheduler::Schedule").values()
    assert schedule["ScheduleExpression"] == "cron(0 9,18 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == str(NEW_YORK)
    override = json.loads(schedule["Target"]["Input"])
    [container] = override["containerOverrides"]
    assert (container["name"], container["command"]) == ("run", ["signals", "watch"])
    assert container["memory"] <= int(override["memory"])


def _is_of_tasks(rule: dict[str, Any]) -> bool:
    return rule["EventPattern"]["source"] == ["aws.ecs"]


def test_the_watch_runs_the_revision_in_service_and_may_start_it() -> None:
    """After a rollback the newest revision of the family is not the one in service."""
    [watch] = [each for each in TEMPLATE.body["Resources"].values() if each["Type"] == "AWS::Scheduler::Schedule"]
    assert watch["Properties"]["Target"]["EcsParameters"]["TaskDefinitionArn"] == {"Ref": "RunTask"}
    arn = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/signals-run:7"
    made = Template(physical={"RunTask": arn})
    [schedule] = made.of_type("AWS::Scheduler::Schedule").values()
    [policy] = made.of_type("AWS::IAM::Role")["WatchRole"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    [start] = [each for each in statements if "ecs:RunTask" in _listed(each["Action"])]
    assert schedule["Target"]["EcsParameters"]["TaskDefinitionArn"] == arn
    assert any(fnmatchcase(arn, each) for each in _listed(start["Resource"]))


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_the_files_name_no_account_and_no_region() -> None:
    for name in ("stack.yaml", "dagster.yaml", "deploy_ml_signals.sh"):
        content = Path(repository() / "deploy" / name).read_text(encoding="utf-8")
        assert not re.search(r"\b\d{12}\b", content), name
        assert not re.search(r"\b(us|eu|ap|sa|ca|me|af)-(north|south|east|west|central)", content), name
