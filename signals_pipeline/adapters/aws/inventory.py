"""The current state of an installation in AWS, as plain values; nothing here changes anything."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from signals_pipeline.adapters.aws.files import PUBLIC, alarm_names
from signals_pipeline.adapters.aws.stack import Stack, client
from signals_pipeline.core.checks.metrics import NAMESPACE

LOG_GROUPS = ("run", "control")


@dataclass(frozen=True, slots=True)
class Alarms:
    """The stack's alarms.

    Attributes:
        states: OK, ALARM or INSUFFICIENT_DATA, by name without the stack's prefix.
        missing: Names that are in the template but not in AWS.
        silent: Names whose actions are off, so that they notify nobody.
    """

    states: dict[str, str]
    missing: tuple[str, ...]
    silent: tuple[str, ...]


def alarms(stack: Stack) -> Alarms:
    """The state in AWS of the alarms in the templates."""
    # Alarms of the other kind of database are not made.
    is_paused = stack.parameters.get("DatabaseKind") == "serverless"
    named = [name for name in alarm_names() if not (is_paused and name.startswith("Database"))]
    if stack.parameters.get("Public") == "yes":
        named += alarm_names(PUBLIC)
    names = {f"{stack.name}-{name}": name for name in named}
    described = client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    states = {names[alarm["AlarmName"]]: str(alarm["StateValue"]) for alarm in described}
    silent = tuple(names[alarm["AlarmName"]] for alarm in described if not alarm["ActionsEnabled"])
    return Alarms(states, tuple(name for name in names.values() if name not in states), silent)


def retention(stack: Stack) -> dict[str, int | None]:
    """Retention of each log group of the stack in days; None: for ever. A missing group is left out."""
    groups = client("logs").describe_log_groups(logGroupNamePrefix=f"/{stack.name}/")["logGroups"]
    days = {group["logGroupName"].rsplit("/", 1)[1]: group.get("retentionInDays") for group in groups}
    return {name: days[name] for name in LOG_GROUPS if name in days}


def newest_value(stack: Stack, metric: str, now: datetime, days: int) -> tuple[datetime, float] | None:
    """Time (aware UTC, to five minutes) and value of a metric's newest point; None where these days have none.

    Args:
        stack: The installation.
        metric: A name of `core.checks.metrics.KINDS`; runs report it.
        now: The end of what is looked at.
        days: How far to look back, at most 5: CloudWatch answers with at most 1,440 points.
    """
    points = client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=[{"Name": "Stack", "Value": stack.name}],
        StartTime=now - timedelta(days=days),
        EndTime=now + timedelta(minutes=1),
        Period=300,
        Statistics=["Maximum"],
    )["Datapoints"]
    if not points:
        return None
    newest = max(points, key=lambda point: point["Timestamp"])
    return newest["Timestamp"].astimezone(UTC), float(newest["Maximum"])


def log_lines(stack: Stack, words: tuple[str, ...], now: datetime, hours: int) -> list[tuple[datetime, str, str]]:
    """Lines of the stack's logs with one of these words: time (aware UTC), log group and line, the oldest first."""
    pages = client("logs").get_paginator("filter_log_events")
    found: set[tuple[datetime, str, str]] = set()
    for name in LOG_GROUPS:
        group = f"/{stack.name}/{name}"
        for word in words:
            times = {"startTime": _milliseconds(now - timedelta(hours=hours)), "endTime": _milliseconds(now)}
            for page in pages.paginate(logGroupName=group, filterPattern=f'"{word}"', **times):
                for event in page["events"]:
                    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    found.add((at, group, str(event["message"])))
    return sorted(found)


def _milliseconds(at: datetime) -> int:
    """An instant as CloudWatch Logs has it."""
    return int(at.timestamp() * 1000)


def subscriptions(topic: str) -> dict[str, bool]:
    """Endpoints that alarms notify, and whether each has confirmed its subscription."""
    subscribed = client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    # An unconfirmed subscription has the text PendingConfirmation in place of its ARN.
    return {subscription["Endpoint"]: subscription["SubscriptionArn"].startswith("arn:") for subscription in subscribed}


def bucket_is_closed(bucket: str) -> bool:
    """Whether the bucket blocks all four kinds of public access; raises where the block is missing."""
    block = client("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    return all(block.values())


def images(stack: Stack) -> list[str]:
    """Digests in the stack's registry, the newest first."""
    name = stack.repository.split("/", 1)[1]
    details = client("ecr").describe_images(repositoryName=name)["imageDetails"]
    return [image["imageDigest"] for image in sorted(details, key=lambda image: image["imagePushedAt"], reverse=True)]


def running_images(stack: Stack) -> set[str]:
    """Image digests that the tasks of the control service run now."""
    # A container that has not started yet has none.
    return {str(each["imageDigest"]) for each in _running_containers(stack) if each.get("imageDigest")}


def unhealthy_containers(stack: Stack) -> list[str]:
    """Names of the control service's containers whose health check fails now."""
    return sorted({str(each["name"]) for each in _running_containers(stack) if each.get("healthStatus") == "UNHEALTHY"})


def _running_containers(stack: Stack) -> list[dict[str, Any]]:
    """The containers of the control service's tasks, as ECS describes them."""
    ecs = client("ecs")
    arns: list[str] = ecs.list_tasks(cluster=stack.cluster, serviceName=stack.service, desiredStatus="RUNNING")[
        "taskArns"
    ]
    # DescribeTasks refuses an empty list.
    tasks: list[dict[str, Any]] = ecs.describe_tasks(cluster=stack.cluster, tasks=arns)["tasks"] if arns else []
    containers: list[dict[str, Any]] = []
    for task in tasks:
        containers += task.get("containers", [])
    return containers


def ways_in(stack: Stack, containers: list[dict[str, Any]]) -> list[str]:
    """What lets traffic in: inbound rules of the tasks, published ports, a public address of the database."""
    [group] = client("ec2").describe_security_groups(GroupIds=[stack.security_group])["SecurityGroups"]
    ports = [str(rule.get("FromPort", "all")) for rule in group["IpPermissions"]]
    problems = [f"the tasks' security group lets port {port} in" for port in ports]
    problems += [f"{container['name']} publishes a port" for container in containers if container.get("portMappings")]
    environment = {variable["name"]: variable["value"] for variable in containers[0]["environment"]}
    for database in client("rds").describe_db_instances()["DBInstances"]:
        endpoint = database.get("Endpoint", {}).get("Address")
        if database["PubliclyAccessible"] and endpoint == environment.get("DAGSTER_DATABASE_HOST"):
            problems.append("the database has a public address")
    return problems


def watch_is_on(stack: Stack) -> bool | None:
    """Whether the schedule that checks that the digest is there is enabled; None where there is no such schedule."""
    scheduler = client("scheduler")
    for summary in scheduler.list_schedules()["Schedules"]:
        schedule = scheduler.get_schedule(Name=summary["Name"], GroupName=summary["GroupName"])
        target: dict[str, Any] = schedule["Target"]
        is_of_cluster = stack.cluster in target["Arn"].rsplit("/", 1)[-1]
        if is_of_cluster and "watch" in target.get("Input", ""):
            return bool(schedule["State"] == "ENABLED")
    return None


def wakes(stack: Stack) -> list[str]:
    """Names of the scheduled actions that start and stop the control service."""
    actions = client("application-autoscaling").describe_scheduled_actions(
        ServiceNamespace="ecs", ResourceId=f"service/{stack.cluster}/{stack.service}"
    )["ScheduledActions"]
    return [action["ScheduledActionName"] for action in actions]
