"""The control service and one-off tasks: start them and wait for the result."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from signals_pipeline.adapters.aws.revisions import describe
from signals_pipeline.adapters.aws.stack import DeployError, Stack, client


@dataclass(frozen=True, slots=True)
class Patience:
    """How to wait.

    Attributes:
        seconds: Timeout.
        poll_seconds: Longest interval between two polls; the first is a second, each next one twice as long.
        pause: Waits for so many seconds.
    """

    seconds: float = 900
    poll_seconds: float = 10
    pause: Callable[[float], None] = time.sleep

    def looks(self) -> Iterator[int]:
        """One item per poll, with a pause between two.

        Amazon's interfaces are eventually consistent, ECS's page on RunTask asks for such a backoff.
        """
        yield 0
        look, waited, pause = 0, 0.0, min(1.0, self.poll_seconds)
        while waited < self.seconds:
            self.pause(pause)
            waited += pause
            pause = min(2 * pause, self.poll_seconds)
            look += 1
            yield look


@dataclass(frozen=True, slots=True)
class Service:
    """The control service as it is.

    Attributes:
        task_definition: ARN of the revision that it is to run.
        desired: Tasks wanted: 0 while it sleeps.
        running: Tasks that run.
        rollout: State of the newest deployment, IN_PROGRESS, COMPLETED or FAILED; empty where AWS says none.
        settled: Whether the wanted revision, and no other, runs as wanted.
    """

    task_definition: str
    desired: int
    running: int
    rollout: str
    settled: bool


def look(stack: Stack) -> Service:
    """The control service as it is now.

    Raises:
        DeployError: it is not there or INACTIVE.
    """
    service = _find(stack)
    if service is None:
        problem = "is missing: update the stack" if stack.control_task else "is not there: no image was released yet"
        raise DeployError(f"service {stack.cluster}/{stack.service} {problem}: signals deploy")
    return service


def _find(stack: Stack) -> Service | None:
    """The control service as it is now; None where ECS shows none, which may be so right after it was made."""
    described = client("ecs").describe_services(cluster=stack.cluster, services=[stack.service])
    services: list[dict[str, Any]] = described["services"]
    if not services or services[0]["status"] != "ACTIVE":
        return None
    service = services[0]
    deployments: list[dict[str, Any]] = service.get("deployments", [])
    rollout = ""
    for deployment in deployments:
        if deployment["status"] == "PRIMARY":
            rollout = str(deployment.get("rolloutState", ""))
    desired = int(service["desiredCount"])
    running = int(service.get("runningCount", 0))
    # A second deployment is a revision that is still being replaced.
    settled = len(deployments) <= 1 and running == desired and rollout in {"", "COMPLETED"}
    return Service(str(service["taskDefinition"]), desired, running, rollout, settled)


def set_desired(stack: Stack, count: int) -> None:
    """Set how many tasks the control service is to have, until its schedule says otherwise."""
    client("ecs").update_service(cluster=stack.cluster, service=stack.service, desiredCount=count)


def wait_until_healthy(stack: Stack, revision: str, patience: Patience) -> None:
    """Wait until a task of this revision runs and its health checks pass; wake the service where it sleeps.

    Raises:
        DeployError: there is none in time.
    """
    ecs = client("ecs")
    name = revision.rsplit("/", 1)[1]
    # A task's own health stays UNKNOWN where an essential container, as the daemon's, has no health check.
    checked = {container["name"] for container in describe(revision).containers if container.get("healthCheck")}
    for _ in patience.looks():
        service = _find(stack)
        # Its schedule may put it to sleep meanwhile.
        if service is not None and not service.desired:
            set_desired(stack, 1)
        arns = ecs.list_tasks(cluster=stack.cluster, serviceName=stack.service, desiredStatus="RUNNING")["taskArns"]
        # DescribeTasks refuses an empty list.
        tasks: list[dict[str, Any]] = ecs.describe_tasks(cluster=stack.cluster, tasks=arns)["tasks"] if arns else []
        for task in tasks:
            containers: list[dict[str, Any]] = task.get("containers", [])
            healthy = {each["name"] for each in containers if each.get("healthStatus") == "HEALTHY"}
            is_up = task["lastStatus"] == "RUNNING" and checked <= healthy
            if is_up and task["taskDefinitionArn"] == revision:
                return
    raise DeployError(
        f"{name}: no healthy task in {patience.seconds:.0f} s; its log is in CloudWatch, /{stack.name}/control"
    )


def run_once(stack: Stack, task_definition: str, command: list[str], patience: Patience) -> None:
    """Run a command in a task of its own and wait for its end.

    Raises:
        DeployError: it can't start, doesn't end, or ends with an exit code other than zero.
    """
    require_success(stack, command, run_to_end(stack, task_definition, command, patience), patience)


def _ignore(_task: dict[str, Any]) -> None:
    pass


def run_to_end(
    stack: Stack,
    task_definition: str,
    command: list[str],
    patience: Patience,
    seen: Callable[[dict[str, Any]], None] = _ignore,
) -> dict[str, Any]:
    """Run a command in a task of its own and wait for its end, whatever that is.

    Args:
        stack: Where.
        task_definition: Its task definition, by ARN.
        command: The command.
        patience: How to wait.
        seen: Receives the task as ECS describes it, at each poll.

    Returns:
        The stopped task as ECS describes it.

    Raises:
        DeployError: it can't start, or doesn't end and was stopped.
    """
    ecs = client("ecs")
    command_line = " ".join(command)
    response = ecs.run_task(
        cluster=stack.cluster,
        taskDefinition=task_definition,
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": list(stack.subnets),
                "securityGroups": [stack.security_group],
                "assignPublicIp": "ENABLED",
            }
        },
        overrides={"containerOverrides": [{"name": "run", "command": command}]},
    )
    if not response["tasks"]:
        reason = response["failures"][0].get("reason", "no reason given")
        raise DeployError(f"`{command_line}` can't start: {reason}")
    arn = response["tasks"][0]["taskArn"]
    for _ in patience.looks():
        # The first looks may say that it is MISSING.
        for task in ecs.describe_tasks(cluster=stack.cluster, tasks=[arn])["tasks"]:
            seen(task)
            if task["lastStatus"] == "STOPPED":
                return task
    ecs.stop_task(cluster=stack.cluster, task=arn, reason="took too long")
    raise DeployError(
        f"`{command_line}` did not end in {patience.seconds:.0f} s and was stopped; see CloudWatch, /{stack.name}/run"
    )


def log_of(stack: Stack, task: dict[str, Any]) -> str:
    """The log of a run task, as far as it has arrived in CloudWatch; empty where nothing has."""
    logs = client("logs")
    stream = f"run/run/{task['taskArn'].rsplit('/', 1)[1]}"
    try:
        events = logs.get_log_events(logGroupName=f"/{stack.name}/run", logStreamName=stream, startFromHead=True)
    except logs.exceptions.ResourceNotFoundException:
        return ""
    return "\n".join(event["message"] for event in events["events"])


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a stopped task ended.

    Attributes:
        exit_codes: Of its containers; None where one never started.
        reason: Why ECS says that it stopped.
    """

    exit_codes: list[int | None]
    reason: str

    @property
    def is_success(self) -> bool:
        """Whether it has containers and each ended with exit code 0."""
        return bool(self.exit_codes) and all(code == 0 for code in self.exit_codes)


def end_of(task: dict[str, Any]) -> TaskEnd:
    """How a task ended, from what ECS describes."""
    containers: list[dict[str, Any]] = task.get("containers", [])
    exit_codes = [container.get("exitCode") for container in containers]
    return TaskEnd(exit_codes, task.get("stoppedReason") or "no reason given")


def require_success(stack: Stack, command: list[str], task: dict[str, Any], patience: Patience) -> None:
    """Refuse a task that did not end with exit code 0.

    Raises:
        DeployError: with the last line of its log, as far as that has arrived.
    """
    end = end_of(task)
    if end.is_success:
        return
    # A task that never started has no log; of others the last lines arrive some seconds after the end.
    lines: list[str] = []
    if any(code is not None for code in end.exit_codes):
        for _ in patience.looks():
            lines = log_of(stack, task).strip().splitlines()
            if lines:
                break
    reason = lines[-1] if lines else end.reason
    raise DeployError(
        f"`{' '.join(command)}` failed with exit code {end.exit_codes}: {reason}; its log is in CloudWatch,"
        f" /{stack.name}/run"
    )
