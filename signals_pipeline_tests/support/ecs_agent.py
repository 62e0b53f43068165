"""What Fargate is to ECS: an agent that runs the command of a task as a real process, and reports how it ended."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.stack_template import ACCOUNT, REGION


@dataclass(frozen=True)
class Agent:
    """Runs tasks of the cluster.

    Attributes:
        surroundings: Variables in place of the task definition's: addresses that only AWS's network resolves.
    """

    surroundings: dict[str, str]

    @property
    def tasks(self) -> list[Any]:
        """Tasks launched and not stopped, oldest first."""
        from moto.ecs.models import ecs_backends

        known = ecs_backends[ACCOUNT][REGION].tasks.get("signals", {}).values()
        return [task for task in known if task.last_status != "STOPPED" and task.overrides]

    def start(self, task: Any) -> subprocess.Popen[str]:
        """The task's process, with the variables and secrets of its definition and nothing of the control service's."""
        [override] = task.overrides["containerOverrides"]
        command = [str(Path(sys.executable).with_name(override["command"][0])), *override["command"][1:]]
        task.last_status = "RUNNING"
        return subprocess.Popen(
            command, env=self.environment(task), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, task: Any, stamp: datetime) -> tuple[int, str]:
        """Run the task's process to its end, with its output where CloudWatch has it: its exit code and its output."""
        process = self.start(task)
        output, _ = process.communicate(timeout=120)
        stream = {"logGroupName": "/signals/run", "logStreamName": f"run/run/{task.task_arn.rsplit('/', 1)[1]}"}
        client("logs").create_log_stream(**stream)
        stamped = int(stamp.timestamp() * 1000)
        events = [{"timestamp": stamped, "message": line} for line in output.splitlines() if line]
        client("logs").put_log_events(**stream, logEvents=events)
        return process.returncode, output

    def environment(self, task: Any) -> dict[str, str]:
        definition = client("ecs").describe_task_definition(taskDefinition=task.task_definition_arn)["taskDefinition"]
        [container] = definition["containerDefinitions"]
        plain = {each["name"]: each["value"] for each in container["environment"]}
        secrets = {}
        for each in filter(None, container["secrets"]):
            found = client("ssm").get_parameter(Name=each["valueFrom"], WithDecryption=True)
            secrets[each["name"]] = found["Parameter"]["Value"]
        machine = {
            name: value for name, value in os.environ.items() if name.startswith(("AWS_", "PATH", "HOME", "PYTHONPATH"))
        }
        return machine | plain | secrets | self.surroundings

    @staticmethod
    def stopped(task: Any, exit_code: int, why: str) -> None:
        """Report a task's end."""
        task.last_status = task.desired_status = "STOPPED"
        task.stopped_reason, task.stop_code = why, "EssentialContainerExited"
        for container in task.containers:
            container.exitCode = exit_code
            container.last_status = "STOPPED"
