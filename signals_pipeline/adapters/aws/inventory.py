"""What an installation consists of in AWS now, as plain values; nothing here changes anything."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from signals_pipeline.adapters.aws.files import alarm_names
from signals_pipeline.adapters.aws.stack import Stack, client
from signals_pipeline.core.checks.metrics import NAMESPACE

LOG_GROUPS = ("run", "control")


@dataclass(frozen=True, slots=True)
class Alarms:
    """The stack's alarms: what each says, which the template has and AWS has not, which would tell nobody.

    Attributes:
        states: OK, ALARM or INSUFFICIENT_DATA by name without the stack's.
        missing: Names that the template has and AWS has not.
        silent: Names whose actions are off.
    """

    states: dict[str, str]
    missing: tuple[str, ...]
    silent: tuple[str, ...]


def alarms(stack: Stack) -> Alarms:
    """The alarms of the template as AWS has them."""
    names = {f"{stack.name}-{name}": name for name in alarm_names()}
    found = client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    states = {names[alarm["AlarmName"]]: str(alarm["StateValue"]) for alarm in found}
    silent = tuple(names[alarm["AlarmName"]] for alarm in found if not alarm["ActionsEnabled"])
    return Alarms(states, tuple(name for name in names.values() if name not in states), silent)


def retention(stack: Stack) -> dict[str, int | None]:
    """Days that each log group of the stack is kept; None: for ever. A group that is not there is left out."""
    found = client("logs").describe_log_groups(logGroupNamePrefix=f"/{stack.name}/")["logGroups"]
    kept = {group["logGroupName"].rsplit("/", 1)[1]: group.get("retentionInDays") for group in found}
    return {name: kept[name] for name in LOG_GROUPS if name in kept}


def last_beat(stack: Stack, now: datetime, hours: int = 24) -> tuple[datetime, float] | None:
    """When the heartbeat was told last and with which value; None where it was not within these hours."""
    points = client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="Heartbeat",
        Dimensions=[{"Name": "Stack", "Value": stack.name}],
        StartTime=now - timedelta(hours=hours),
        EndTime=now + timedelta(minutes=1),
        Period=300,
        Statistics=["Maximum"],
    )["Datapoints"]
    if not points:
        return None
    newest = max(points, key=lambda point: point["Timestamp"])
    return newest["Timestamp"].astimezone(UTC), float(newest["Maximum"])


def subscriptions(topic: str) -> dict[str, bool]:
    """Who is told of alarms, and whether each has confirmed it."""
    found = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return {each["Endpoint"]: each["SubscriptionArn"].startswith("arn:") for each in found}


def bucket_is_closed(bucket: str) -> bool:
    """Whether the bucket blocks all four ways to the public; raises where it is not there."""
    found = client("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    return all(found.values())


def images(stack: Stack) -> list[str]:
    """Digests in the stack's registry, the newest first."""
    name = stack.repository.split("/", 1)[1]
    found = client("ecr").describe_images(repositoryName=name)["imageDetails"]
    return [each["imageDigest"] for each in sorted(found, key=lambda each: each["imagePushedAt"], reverse=True)]


def running_images(stack: Stack) -> set[str]:
    """Digests that the tasks of the control service run now."""
    ecs, place = client("ecs"), {"cluster": stack.cluster}
    arns = ecs.list_tasks(**place, serviceName=stack.service, desiredStatus="RUNNING")["taskArns"]
    tasks = ecs.describe_tasks(**place, tasks=arns)["tasks"] if arns else []
    digests = {each.get("imageDigest") for task in tasks for each in task.get("containers", ())}
    return {str(digest) for digest in digests if digest}


def ways_in(stack: Stack, containers: list[dict[str, Any]]) -> list[str]:
    """What would let the world in: inbound rules of the tasks, published ports, a database with a public address."""
    [group] = client("ec2").describe_security_groups(GroupIds=[stack.security_group])["SecurityGroups"]
    ports = [str(rule.get("FromPort", "all")) for rule in group["IpPermissions"]]
    found = [f"the tasks' security group lets port {port} in" for port in ports]
    found += [f"{each['name']} publishes a port" for each in containers if each.get("portMappings")]
    hosts = {each["name"]: each["value"] for each in containers[0]["environment"]}
    for database in client("rds").describe_db_instances()["DBInstances"]:
        endpoint = database.get("Endpoint", {}).get("Address")
        if database["PubliclyAccessible"] and endpoint == hosts.get("DAGSTER_DATABASE_HOST"):
            found.append("the database has a public address")
    return found


def watch_is_on(stack: Stack) -> bool | None:
    """Whether the schedule that looks for the digest is enabled; None where there is none."""
    scheduler = client("scheduler")
    for each in scheduler.list_schedules()["Schedules"]:
        kept = scheduler.get_schedule(Name=each["Name"], GroupName=each["GroupName"])
        if stack.cluster in kept["Target"]["Arn"].rsplit("/", 1)[-1] and "watch" in kept["Target"].get("Input", ""):
            return bool(kept["State"] == "ENABLED")
    return None


def wakes(stack: Stack) -> list[str]:
    """Names of the scheduled actions that wake the control service and put it to sleep."""
    found = client("application-autoscaling").describe_scheduled_actions(
        ServiceNamespace="ecs", ResourceId=f"service/{stack.cluster}/{stack.service}"
    )["ScheduledActions"]
    return [each["ScheduledActionName"] for each in found]
