"""The run launcher of the production instance: Fargate Spot first, Fargate if Spot has no capacity or ended a run.

Named in `deploy/dagster.yaml`; imported by the instance alone, so that `definitions` stays light.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult
from dagster._core.storage.tags import RETRY_NUMBER_TAG
from dagster_aws.ecs import EcsRunLauncher
from dagster_aws.ecs.container_context import EcsContainerContext
from dagster_aws.ecs.utils import RetryableEcsException

from signals_pipeline.defs.leases import holder_of
from signals_pipeline.defs.local_launcher import process_health

NO_CAPACITY = "Capacity is unavailable at this time"
ON_DEMAND: list[dict[str, Any]] = [{"capacityProvider": "FARGATE", "weight": 1}]


class SpotFirstLauncher(EcsRunLauncher):
    """`EcsRunLauncher` that starts a run on the configured capacity (Spot), and its retries on demand."""

    def _run_task_kwargs(
        self, run: dg.DagsterRun, image: str | None, container_context: EcsContainerContext
    ) -> dict[str, Any]:
        kwargs = super()._run_task_kwargs(run, image, container_context)
        if RETRY_NUMBER_TAG in run.tags:
            return kwargs | {"capacityProviderStrategy": ON_DEMAND}
        return kwargs

    def _run_task(self, **kwargs: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as the base class has it
        try:
            return super()._run_task(**kwargs)
        except RetryableEcsException as error:
            if NO_CAPACITY not in str(error) or kwargs.get("capacityProviderStrategy") == ON_DEMAND:
                raise
        return super()._run_task(**kwargs | {"capacityProviderStrategy": ON_DEMAND})

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """The health of the run's task; for a run without one, such as that of `signals run`, of its process.

        Dagster's own launcher takes a run without a task for dead.
        """
        if not self._get_run_tags(run.run_id).arn and holder_of(run) is not None:
            return process_health(run)
        return super().check_run_worker_health(run)

    def stop_leftover(self, run: dg.DagsterRun) -> bool:
        """Stop the task of a run that has ended for Dagster, and return whether there was one.

        Run monitoring fails a run that does not start in time, but its task may still start later and cost money.
        """
        tags = self._get_run_tags(run.run_id)
        if not (tags.arn and tags.cluster):
            return False
        tasks = self.ecs.describe_tasks(tasks=[tags.arn], cluster=tags.cluster)["tasks"]
        if not tasks or tasks[0]["lastStatus"] == "STOPPED":
            return False
        self.ecs.stop_task(task=tags.arn, cluster=tags.cluster, reason=f"run {run.run_id} has ended")
        return True
