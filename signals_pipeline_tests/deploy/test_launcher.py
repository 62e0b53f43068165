"""Spot first, on demand where Spot has no room; AWS's answers are put in at botocore's own seam."""

from typing import Any

import pytest
from dagster_aws.ecs.utils import RetryableEcsException

from signals_pipeline.defs.launcher import NO_CAPACITY, ON_DEMAND, SpotFirstLauncher

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
