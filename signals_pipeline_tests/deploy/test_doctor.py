"""`signals doctor --production`: a stack in order, each thing that can be wrong with it, and one that can't be read."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.aws import revisions, services, stack
from signals_pipeline.adapters.aws.files import MAIN, PUBLIC, alarm_names, repository
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.probes.findings import ProbeResult
from signals_pipeline.cli import main
from signals_pipeline.cli.doctor.checkup import document, examine_production, healthy, lines
from signals_pipeline.cli.doctor.production import accept_sleeping_daemon, read_document
from signals_pipeline.cli.prepare import prepare
from signals_pipeline.cli.scheduling import ScheduleState
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.control_service import recorded_surroundings
from signals_pipeline_tests.support.databases import create_postgres
from signals_pipeline_tests.support.ecs_agent import Agent
from signals_pipeline_tests.support.stack_setup import complete, create, put_in_service
from signals_pipeline_tests.support.stack_template import ACCOUNT, REGION, Template, parsed

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")
NOW = datetime.now(UTC).replace(microsecond=0)  # the stand-in's own clock stamps what it is told
LOOKS = [
    *("stack", "service", "task revision", "image", "secrets", "exposure", "bucket", "operator", "alarms", "heartbeat"),
    *("watch", "digest time", "run memory", "run errors", "logs", "log errors"),
]
# Just within the guide's bounds.
RUN = {"SignalGenerationTime": 34.9, "MemoryUsed": 1999.0, "ErrorRate": 0.0}


def release(content: str = "first") -> str:
    """Push an image to the stack's registry and put it in service; its name by digest."""
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"digest": content}, "layers": []}
    digest = f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
    pushed = client("ecr").put_image(
        repositoryName="signals", imageManifest=json.dumps(manifest), imageTag=content, imageDigest=digest
    )
    target = stack.read("signals")
    name = f"{target.repository}@{pushed['image']['imageId']['imageDigest']}"
    put_in_service(name)
    return name


def measure(at: datetime = NOW, **values: float) -> None:
    """What a run or the watch reports."""
    dimensions = [{"Name": "Stack", "Value": "signals"}]
    points = [
        {"MetricName": name, "Timestamp": at, "Value": value, "Dimensions": dimensions}
        for name, value in values.items()
    ]
    client("cloudwatch").put_metric_data(Namespace="MarketIntel", MetricData=points)


def log(line: str, group: str = "/signals/run") -> None:
    stream = {"logGroupName": group, "logStreamName": "run/run/1"}
    client("logs").create_log_stream(**stream)
    stamp = int((NOW - timedelta(minutes=1)).timestamp() * 1000)
    client("logs").put_log_events(**stream, logEvents=[{"timestamp": stamp, "message": line}])


@pytest.fixture
def production(aws: str) -> dict[str, str]:  # noqa: ARG001
    """A stack in order, its outputs."""
    outputs = create(Deployment="production")
    complete()
    release()
    measure(NOW, Heartbeat=1, **RUN)
    return outputs


def look() -> dict[str, ProbeResult]:
    return examine_production("signals", inside=False, now=lambda: NOW)


@pytest.mark.usefixtures("production")
def test_a_stack_in_order_is_told_so_line_by_line() -> None:
    found = look()
    assert list(found) == LOOKS
    assert {name: each for name, each in found.items() if each.status != "ok"} == {}
    a_task_is("HEALTHY")
    shown = CliRunner().invoke(main, ["doctor", "--production", "--outside", "--stack", "signals", "--json"])
    assert shown.exit_code == 0
    checks = {each["check"]: each for each in json.loads(shown.output)["checks"]}
    assert list(checks) == LOOKS
    assert checks["service"]["text"] == "signals-control:2 is running and healthy"


def in_service(number: int) -> None:
    arn = revisions.describe(f"signals-control:{number}").arn
    client("ecs").update_service(cluster="signals", service="control", taskDefinition=arn)


def rollout(state: str) -> None:
    from moto.ecs.models import ecs_backends

    ecs_backends[ACCOUNT][REGION].services["signals:control"].deployments[0]["rolloutState"] = state


def service_gone() -> None:
    client("ecs").delete_service(cluster="signals", service="control", force=True)


def alarm(name: str, **call: Any) -> None:
    client("cloudwatch").set_alarm_state(AlarmName=f"signals-{name}", StateReason="a test", **call)


def open_port() -> None:
    group = stack.read("signals").security_group
    rule = {"IpProtocol": "tcp", "FromPort": 3000, "ToPort": 3000, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


def open_bucket() -> None:
    client("s3").delete_public_access_block(Bucket=stack.read("signals").bucket)


def nobody_told() -> None:
    [told] = client("sns").list_subscriptions()["Subscriptions"]
    client("sns").unsubscribe(SubscriptionArn=told["SubscriptionArn"])


def older_in_service() -> None:
    from moto.ecr.models import ecr_backends

    for image in ecr_backends[ACCOUNT][REGION].repositories["signals"].images:
        image.image_pushed_at -= 60
    release("second")
    in_service(2)


def image_gone() -> None:
    client("ecr").batch_delete_image(repositoryName="signals", imageIds=[{"imageTag": "first"}])


def schedule_off() -> None:
    kept = client("scheduler").get_schedule(Name="signals-Watch")
    wanted = ("ScheduleExpression", "FlexibleTimeWindow", "Target")
    client("scheduler").update_schedule(Name="signals-Watch", State="DISABLED", **{each: kept[each] for each in wanted})


def nothing_wakes() -> None:
    place = {"ServiceNamespace": "ecs", "ResourceId": "service/signals/control"}
    scaling = client("application-autoscaling")
    for action in scaling.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]:
        name = action["ScheduledActionName"]
        scaling.delete_scheduled_action(ScheduledActionName=name, ScalableDimension="ecs:service:DesiredCount", **place)


def public_database() -> None:
    from moto.rds.models import rds_backends

    [database] = rds_backends[ACCOUNT][REGION].databases.values()
    database.publicly_accessible = True


def a_task_is(health: str) -> None:
    """The control service is awake, and each container's health is this."""
    from moto.ecs.models import ecs_backends

    target = stack.read("signals")
    newest = revisions.describe(target.control_family).arn
    client("ecs").update_service(cluster="signals", service="control", desiredCount=1, taskDefinition=newest)
    network = {"awsvpcConfiguration": {"subnets": [*target.subnets], "securityGroups": [target.security_group]}}
    client("ecs").run_task(cluster="signals", taskDefinition=newest, launchType="FARGATE", networkConfiguration=network)
    for task in ecs_backends[ACCOUNT][REGION].tasks["signals"].values():
        containers: list[Any] = task.containers
        for container in containers:
            container.health_status = health


FAULTS: dict[str, tuple[Callable[[], object], str, str, str]] = {
    "never woken": (nothing_wakes, "service", "fail", "sleeps and nothing wakes it"),
    "on its way": (partial(rollout, "IN_PROGRESS"), "service", "warn", "0 of 0 tasks are running"),
    "given up": (partial(rollout, "FAILED"), "service", "fail", "signals-control:2 does not start"),
    "unhealthy": (partial(a_task_is, "UNHEALTHY"), "service", "fail", " is unhealthy"),
    "slow digest": (partial(measure, SignalGenerationTime=35), "digest time", "warn", "expected under 35 s"),
    "much memory": (partial(measure, MemoryUsed=2000), "run memory", "fail", "expected under 2,000 MB"),
    "a feed failed": (partial(measure, ErrorRate=5), "run errors", "warn", "5% of the steps and feeds of the run"),
    "a run failed": (partial(measure, ErrorRate=5.1), "run errors", "fail", "5.1% of the steps and feeds of the run"),
    "error in a log": (
        partial(log, "dagster - ERROR - RUN_FAILURE\n of signals"),
        "log errors",
        "warn",
        "1 lines in 24 hours, the newest in /signals/run at",
    ),
    "service gone": (service_gone, "service", "fail", "service signals/control is missing: update the stack"),
    "run task inactive": (
        lambda: client("ecs").deregister_task_definition(taskDefinition="signals-run:2"),
        "task revision",
        "fail",
        "signals-run:2 is INACTIVE",
    ),
    "older revision": (older_in_service, "task revision", "warn", "signals-control:3 is newer"),
    "older image": (older_in_service, "image", "warn", "was pushed last"),
    "image gone": (image_gone, "image", "fail", "is no longer in the registry"),
    "secret gone": (
        lambda: client("ssm").delete_parameter(Name="/signals/link-key"),
        "secrets",
        "fail",
        "/signals/link-key missing: no task starts: aws ssm put-parameter --type SecureString --name /signals/link-key",
    ),
    "port open": (open_port, "exposure", "fail", "security group lets port 3000 in"),
    "database public": (public_database, "exposure", "fail", "the database has a public address"),
    "bucket open": (open_bucket, "bucket", "fail", "NoSuchPublicAccessBlock"),
    "nobody told": (nobody_told, "operator", "fail", "nobody receives alarms"),
    "alarm on": (partial(alarm, "Errors", StateValue="ALARM"), "alarms", "fail", "Errors in alarm"),
    "alarm gone": (
        lambda: client("cloudwatch").delete_alarms(AlarmNames=["signals-SlowRun"]),
        "alarms",
        "fail",
        "missing: SlowRun",
    ),
    "heartbeat not watched": (
        lambda: client("cloudwatch").delete_alarms(AlarmNames=["signals-HeartbeatMissing"]),
        "alarms",
        "fail",
        "HeartbeatMissing is not there yet: once operator@example.org has followed the link in the mail from AWS",
    ),
    "alarm silent": (
        lambda: client("cloudwatch").disable_alarm_actions(AlarmNames=["signals-SlowRun"]),
        "alarms",
        "warn",
        "SlowRun would notify nobody",
    ),
    "watch off": (schedule_off, "watch", "fail", "the schedule is off"),
    "watch gone": (lambda: client("scheduler").delete_schedule(Name="signals-Watch"), "watch", "fail", "no schedule"),
    "logs for ever": (
        lambda: client("logs").delete_retention_policy(logGroupName="/signals/run"),
        "logs",
        "warn",
        "/signals/run is kept forever",
    ),
    "logs gone": (
        lambda: client("logs").delete_log_group(logGroupName="/signals/control"),
        "logs",
        "fail",
        "/signals/control is missing",
    ),
}


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_line_with_its_remedy(fault: str) -> None:
    harm, name, status, said = FAULTS[fault]
    harm()
    found = look()
    assert found[name].status == status, found[name]
    assert found[name].remedy
    [line] = [line for line in lines(found) if line.split("  ")[1] == name]
    assert said in line
    assert "\n" not in line
    assert healthy(found) == (status == "warn")


@pytest.mark.usefixtures("aws")
def test_what_a_new_stack_has_not_measured_yet_is_a_warning_and_old_errors_of_its_log_do_not_count() -> None:
    create(Deployment="production")
    log("Scored 6 of 6 headlines; an error of no consequence")
    found = look()
    for name in ("digest time", "run memory", "run errors"):
        assert (found[name].status, found[name].text) == ("warn", "no run in 4 days")
    assert found["log errors"].text == "none in 24 hours"
    # A run before a holiday counts until the next one.
    measure(NOW - timedelta(days=4) + timedelta(minutes=10), **RUN)
    assert look()["digest time"].text.startswith("34.9 s in the run that ended at ")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("ago", "value", "status", "said"),
    [(None, 1, "fail", "none in 24 hours"), (1, 0, "fail", "was missing"), (19, 1, "fail", "none since")],
)
def test_a_heart_that_does_not_beat_is_told(ago: int | None, value: float, status: str, said: str) -> None:
    create(Deployment="production")
    if ago is not None:
        measure(NOW - timedelta(hours=ago), Heartbeat=value)
    assert look()["heartbeat"].status == status
    assert said in look()["heartbeat"].text


def test_an_operator_who_has_not_confirmed_is_told(production: dict[str, str]) -> None:
    from moto.sns.models import sns_backends

    [told] = sns_backends[ACCOUNT][REGION].subscriptions.values()
    told.arn = "PendingConfirmation"
    assert production["OperatorTopic"] == told.topic.arn
    assert look()["operator"].text == "operator@example.org has not confirmed"


@pytest.mark.usefixtures("aws")
def test_an_operator_who_is_told_twice_is_told_so() -> None:
    create(Deployment="production", OperatorNotices="desk@example.org, Operator@example.org")
    complete()
    found = look()["operator"]
    assert (found.status, found.text) == ("warn", "operator@example.org is notified twice, by alarm and by mail")


@pytest.mark.usefixtures("production")
def test_a_schedule_without_a_daemon_is_in_order_while_the_control_service_sleeps() -> None:
    no_daemon = ProbeResult("fail", "on, but no daemon", "start it", code=ScheduleState.NO_DAEMON)
    target = stack.read("signals")

    asleep = accept_sleeping_daemon(target, {"schedule": no_daemon})
    client("ecs").update_service(cluster="signals", service="control", desiredCount=1)
    awake = accept_sleeping_daemon(target, {"schedule": no_daemon})

    assert asleep["schedule"] == ProbeResult("ok", "on; the daemon sleeps with the control service")
    assert awake["schedule"] == no_daemon


def test_the_results_of_a_task_are_read_from_its_log() -> None:
    results = {
        "database": ProbeResult("ok", "sqlite at revision 009"),
        "schedule": ProbeResult("fail", "on, but no daemon", "start it", code=ScheduleState.NO_DAEMON),
    }
    printed = document(results)

    assert read_document(f"a warning of a library\n{printed}\n") == results
    assert read_document(printed[:-5]) is None


def test_the_alarms_looked_for_are_the_template_s() -> None:
    public = parsed((repository() / "deploy" / PUBLIC).read_text(encoding="utf-8"))
    for name, template in ((MAIN, Template()), (PUBLIC, Template(stack="signals-public", body=public))):
        given = {each["AlarmName"] for each in template.of_type("AWS::CloudWatch::Alarm").values()}
        assert {f"signals-{each}" for each in alarm_names(name)} == given


@pytest.mark.usefixtures("aws")
def test_where_readers_reach_the_pages_the_alarm_of_their_requests_is_looked_for() -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:readers"
    create(Deployment="production", Public="yes", PagesBucket="pages", ReaderQueueArn=queue, ConfigurationSet="mail")
    complete()
    found = look()["alarms"]
    assert (found.status, found.text) == ("fail", "missing: RequestsUnread")


@pytest.mark.usefixtures("fresh_session")
@pytest.mark.parametrize("missing", ["stack", "region", "credentials", "network"])
def test_what_can_not_be_read_is_the_only_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str
) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    gone = {"region": ("AWS_REGION", "AWS_DEFAULT_REGION"), "credentials": ("AWS_ACCESS_KEY_ID",)}
    for name in gone.get(missing, ()):
        monkeypatch.delenv(name)
    if missing == "network":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nothing listens there
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    shown = CliRunner().invoke(main, ["doctor", "--production", "--stack", "signals"])
    assert shown.exit_code == 1
    [line] = shown.output.splitlines()
    said = {"stack": "no stack 'signals'", "region": "no AWS region", "credentials": "no AWS credentials"}
    assert line.startswith(f"fail  stack  {said.get(missing, 'EndpointConnectionError')}")


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_task_of_the_deployed_image_looks_from_inside(
    aws: str, production: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = create_postgres("doctor_inside")
    surroundings = recorded_surroundings(tmp_path, url, aws)
    for name, value in {**surroundings, "SIGNALS_DATABASE_PASSWORD": "s" * 40}.items():
        monkeypatch.setenv(name, value)
    prepare(Settings.checked())
    looked: list[str] = []

    def run_it(_seconds: float) -> None:
        """Once: the task's command as a real process, its output where CloudWatch has it."""
        if looked:
            return
        agent = Agent(surroundings)
        [task] = agent.tasks
        _, said = agent.run(task, NOW)
        looked.append(said)
        agent.stopped(task, 1, "Essential container in task exited")

    found = examine_production("signals", inside=True, patience=Patience(90, 1, run_it), now=lambda: NOW)
    assert found["inside"].status == "ok", found["inside"]
    assert found["database"].text.startswith("postgresql at revision")
    assert found["schedule"].text == "on; the daemon sleeps with the control service"
    assert found["frames"].text == f"bucket {production['Bucket']} answers"
    assert found["newest window"] == ProbeResult("warn", "no digest yet", "signals run")
    assert services.look(stack.read("signals")).desired == 0
