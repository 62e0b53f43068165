"""Spot first, on demand where Spot has no room; AWS's answers are put in at botocore's own seam."""

from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import create_run_for_test
from dagster_aws.ecs.container_context import EcsContainerContext
from dagster_aws.ecs.utils import RetryableEcsException

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.defs.jobs import DIGEST_JOB, TASK_TAGS
from signals_pipeline.defs.leases import PID_TAG, lease_tags
from signals_pipeline.defs.run_launcher import NO_CAPACITY, ON_DEMAND, SpotFirstLauncher
from signals_pipeline_tests.support.stack_setup import create

SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


class Answers:
    """Answers RunTask in place of AWS and keeps which capacity was asked for."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons, self.asked = reasons, []

    def __call__(self, *, params: dict[str, Any], **_: Any) -> Any:
        import json

        [strategy] = json.loads(params["body"])["capacityProviderStrategy"]
        self.asked.append(strategy["capacityProvider"])
        reason = self.reasons.get(strategy["capacityProvider"])
        failures = [{"reason": reason}] if reason else []
        tasks = [] if reason else [{"taskArn": "arn", "clusterArn": "arn"}]
        return _Response(), {"tasks": tasks, "failures": failures}


class _Response:
    status_code = 200


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("reasons", "strategy", "asked", "refused"),
    [
        ({}, SPOT, ["FARGATE_SPOT"], ""),
        ({"FARGATE_SPOT": NO_CAPACITY}, SPOT, ["FARGATE_SPOT", "FARGATE"], ""),
        ({"FARGATE_SPOT": NO_CAPACITY, "FARGATE": NO_CAPACITY}, SPOT, ["FARGATE_SPOT", "FARGATE"], NO_CAPACITY),
        ({"FARGATE_SPOT": "AGENT"}, SPOT, ["FARGATE_SPOT"], "AGENT"),
        ({"FARGATE": NO_CAPACITY}, ON_DEMAND, ["FARGATE"], NO_CAPACITY),
    ],
)
def test_where_spot_has_no_room_the_task_is_started_on_demand(
    reasons: dict[str, str], strategy: list[dict[str, Any]], asked: list[str], refused: str
) -> None:
    launcher = SpotFirstLauncher(secrets_tag="")
    answers = Answers(reasons)
    launcher.ecs.meta.events.register("before-call.ecs.RunTask", answers)
    arguments = {"cluster": "c", "taskDefinition": "t", "capacityProviderStrategy": strategy}
    if refused:
        with pytest.raises(RetryableEcsException, match=refused):
            launcher._run_task(**arguments)  # noqa: SLF001
    else:
        assert launcher._run_task(**arguments)["taskArn"] == "arn"  # noqa: SLF001
    assert answers.asked == asked


@pytest.mark.usefixtures("aws")
@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_a_run_asks_for_a_quarter_of_a_processor_and_one_that_scores_for_half() -> None:
    """As `deploy/dagster.yaml` has it and the digest job's tags; what is asked is the task's and its container's."""
    instance = yaml.safe_load((repository() / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    config = instance["run_launcher"]["config"]
    assert (config["secrets_tag"], config["run_task_kwargs"]["capacityProviderStrategy"]) == (None, SPOT)
    create()
    launcher = SpotFirstLauncher(**config | {"task_definition": "signals-run"})
    assert TASK_TAGS.items() <= (DIGEST_JOB.tags or {}).items()
    for tags, cpu, memory in (({}, "256", "512"), (TASK_TAGS, "512", "2048")):
        run = dg.DagsterRun(job_name="any", tags=tags)
        context = EcsContainerContext.create_for_run(run, launcher)
        assert launcher.get_cpu_and_memory_overrides(context, run) == {"cpu": cpu, "memory": memory}


@pytest.mark.usefixtures("aws")
def test_a_run_without_a_task_is_judged_by_its_process() -> None:
    """As one of `signals run` beside a daemon that monitors runs."""
    launcher = SpotFirstLauncher(secrets_tag="")
    with dg.DagsterInstance.ephemeral() as instance:
        launcher.register_instance(instance)
        run_id = str(uuid4())
        alive = create_run_for_test(instance, "digest_job", run_id, tags=lease_tags(run_id))
        dead_id = str(uuid4())
        # No process has this number: Linux counts to 4,194,304 at most.
        dead = create_run_for_test(instance, "digest_job", dead_id, tags=lease_tags(dead_id) | {PID_TAG: "4194305"})
        unrecorded = create_run_for_test(instance, "digest_job")
        found = [launcher.check_run_worker_health(run).status for run in (alive, dead, unrecorded)]
    assert found == [WorkerStatus.RUNNING, WorkerStatus.FAILED, WorkerStatus.UNKNOWN]
