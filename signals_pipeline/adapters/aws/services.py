"""The control service and one-off tasks: start them and wait for the result."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from signals_pipeline.adapters.aws.stack import DeployError, Stack, client


@dataclass(frozen=True, slots=True)
class Patience:
    """How to wait.

    Attributes:
        seconds: Timeout.
        poll_seconds: Interval between two polls.
        pause: Waits for so many seconds.
    """

    seconds: float = 900
    poll_seconds: float = 10
    pause: Callable[[float], None] = time.sleep

    def looks(self) -> Iterator[int]:
        """One item per poll, with a pause between two."""
        for look in range(int(self.seconds // self.poll_seconds) + 1):
            if look:
                self.pause(self.poll_seconds)
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
    described = client("ecs").describe_services(cluster=stack.cluster, services=[stack.service])
    services: list[dict[str, Any]] = described["services"]
    if not services or services[0]["status"] != "ACTIVE":
        state = services[0]["status"] if services else "missing"
        raise DeployError(f"service {stack.cluster}/{stack.service} is {state}: update the stack, then deploy again")
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


def replace(stack: Stack, revision: str, patience: Patience) -> None:
    """Put a revision into service and wait until it runs, also where the service sleeps; then let it sleep again.

    Raises:
        DeployError: it doesn't settle, or AWS's deployment circuit breaker rolled it back.
    """
    before = look(stack)
    place = {"cluster": stack.cluster, "service": stack.service}
    client("ecs").update_service(**place, taskDefinition=revision, desiredCount=max(before.desired, 1))
    try:
        _settle(stack, revision, patience)
    finally:
        if not before.desired:
            client("ecs").update_service(**place, desiredCount=0)


def _settle(stack: Stack, revision: str, patience: Patience) -> None:
    name = revision.rsplit("/", 1)[1]
    for _ in patience.looks():
        now = look(stack)
        if now.task_definition != revision or now.rollout == "FAILED":
            raise DeployError(f"{name} did not start: AWS gave it up; its log is in CloudWatch, /{stack.name}/control")
        if now.settled:
            return
    raise DeployError(
        f"{name} did not settle in {patience.seconds:.0f} s; its log is in CloudWatch, /{stack.name}/control"
    )


def run_once(stack: Stack, task_definition: str, command: list[str], patience: Patience) -> None:
    """Run a command in a task of its own and wait for its end.

    Raises:
        DeployError: it can't start, doesn't end, or ends with an exit code other than zero.
    """
    _require_success(" ".join(command), run_to_end(stack, task_definition, command, patience), stack)


def run_to_end(stack: Stack, task_definition: str, command: list[str], patience: Patience) -> dict[str, Any]:
    """Run a command in a task of its own and wait for its end, whatever that is.

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
        [task] = ecs.describe_tasks(cluster=stack.cluster, tasks=[arn])["tasks"]
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


def _require_success(command_line: str, task: dict[str, Any], stack: Stack) -> None:
    codes = [container.get("exitCode") for container in task.get("containers", ())]
    if not codes or any(code != 0 for code in codes):
        reason = task.get("stoppedReason") or "no reason given"
        raise DeployError(
            f"`{command_line}` failed with exit code {codes}: {reason}; its log is in CloudWatch, /{stack.name}/run"
        )
