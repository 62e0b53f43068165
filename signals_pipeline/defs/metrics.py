"""Telling the operator's monitoring what a run did, once a run, however it ends; and Dagster what the run is.

The run's own process tells when its resources are torn down, so a failed step is told like a success. Of a process that
died before that (out of memory, interrupted, never started) a sensor in the control service tells.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import dagster as dg

from signals_pipeline.adapters.aws.metrics import peak_memory, write
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.stores.signals import signal_counts
from signals_pipeline.core.checks.metrics import RunFacts, empty_streak, failed_run, measured
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.defs.partitions import DEPLOYMENT_TAG, MODE_TAG, RANGE_END_TAG, run_mode
from signals_pipeline.defs.resources import Store

TOLD_TAG = "signals/metrics"
STREAK_WINDOWS = 200  # looked back for windows without a signal
_log = logging.getLogger(__name__)


@runtime_checkable
class StopsTasks(Protocol):
    """A run launcher that can stop what is left of a run."""

    def stop_leftover(self, run: dg.DagsterRun) -> bool:
        """Stop the run's task if it still runs; whether it did."""
        ...


Quota = Callable[[Store, datetime], int | None]


@dg.success_hook(name="count_step", required_resource_keys={"run_metrics"})
def count_step(context: dg.HookContext) -> None:
    """Notes the step as done, for the run's metrics."""
    context.resources.run_metrics.add(context.step_key)


def run_metrics_resource(
    *,
    enabled: bool,
    stack: str,
    deployment: str,
    quota_left: Quota | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.ResourceDefinition:
    """A resource that holds the keys of the steps done and, when it is torn down, tells the run's metrics on stdout.

    When it is made, it tags the run with deployment and mode, so that runs of the UI are found by them as well.

    A backfill tells nothing: its length and its old signals are no measure of how the desk does today.

    Args:
        enabled: Whether anything is told.
        stack: The one dimension, which keeps two installations in an account apart.
        deployment: Name of the deployment.
        quota_left: Gives the calls that the scarcest vendor has left; None where none is counted.
        now: The clock.
    """

    @dg.resource(required_resource_keys={"store"}, description="Tells the run's metrics when it ends.")
    def run_metrics(context: dg.InitResourceContext) -> Iterator[set[str]]:
        done: set[str] = set()
        run, instance = context.run, context.instance
        if run is not None and instance is not None:
            instance.add_run_tags(run.run_id, {DEPLOYMENT_TAG: deployment, MODE_TAG: run_mode(run.tags)})
        try:
            yield done
        finally:
            if enabled and run is not None and instance is not None and not is_backfill(run.tags):
                at, store = now(), context.resources.store
                facts = _facts(instance, run, len(done), at)
                try:
                    facts = _with_stored(facts, store, run.tags, quota_left(store, at) if quota_left else None)
                except DatabaseError as error:  # what failed the run must not silence its metrics, too
                    _log.warning("Metrics without what the database holds: %s", error)
                write(measured(facts), dimensions={"Stack": stack}, at=at)
                instance.add_run_tags(run.run_id, {TOLD_TAG: "told"})

    return run_metrics


def failed_run_sensor(*, stack: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dg.SensorDefinition:
    """A sensor that tells of failed runs whose process could not, and stops what is left of them."""

    @dg.run_failure_sensor(
        name="failed_run_metrics",
        description="Tells monitoring of runs that died before they could: out of memory, interrupted, never started.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=60,
    )
    def failed_run_metrics(context: dg.RunFailureSensorContext) -> None:
        run = context.instance.get_run_by_id(context.dagster_run.run_id) or context.dagster_run
        launcher = context.instance.run_launcher
        if isinstance(launcher, StopsTasks) and launcher.stop_leftover(run):
            context.log.info("Stopped the task of run %s, which is over", run.run_id)
        if TOLD_TAG not in run.tags and not is_backfill(run.tags):
            write(failed_run(), dimensions={"Stack": stack}, at=now())
            context.instance.add_run_tags(run.run_id, {TOLD_TAG: "told by the sensor"})

    return failed_run_metrics


def is_backfill(tags: Mapping[str, str]) -> bool:
    """Whether these are the tags of a backfill's run, by its mode or, where it has none, by its range."""
    return run_mode(tags) == "backfill"


def _facts(instance: dg.DagsterInstance, run: dg.DagsterRun, done: int, at: datetime) -> RunFacts:
    """What the run's own events say."""
    signals, confidences = _made(instance, run.run_id)
    steps = _steps(instance, run)
    record = instance.get_run_record_by_id(run.run_id)
    started = record.start_time if record and record.start_time else at.timestamp()
    return RunFacts(
        seconds=max(0.0, at.timestamp() - started),
        memory_bytes=peak_memory(),
        steps=steps,
        failed_steps=steps - done,
        feeds=0,
        failed_feeds=0,
        signals=signals,
        confidences=confidences,
    )


def _with_stored(facts: RunFacts, store: Store, tags: Mapping[str, str], quota_left: int | None) -> RunFacts:
    """The facts with what the database says of the run's newest window."""
    window = _newest(tags)
    if window is None:
        return replace(facts, quota_left=quota_left)
    entry = store.coverage.get(window)
    reports = entry.reports if entry else ()
    return replace(
        facts,
        feeds=len(reports),
        failed_feeds=sum(each.status == "failed" for each in reports),
        empty_runs=empty_streak(signal_counts(store.engine, window, STREAK_WINDOWS)),
        quota_left=quota_left,
    )


def _newest(tags: Mapping[str, str]) -> Window | None:
    key = tags.get("dagster/partition") or tags.get(RANGE_END_TAG)
    return window_for_key(key) if key else None


def _steps(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    """Steps that the run was to make."""
    snapshot = run.execution_plan_snapshot_id
    return len(instance.get_execution_plan_snapshot(snapshot).step_keys_to_execute) if snapshot else 0


def _made(instance: dg.DagsterInstance, run_id: str) -> tuple[int | None, list[tuple[float, int]]]:
    """Signals kept, and mean confidence with the number of headlines of each window, as the assets said."""
    signals: int | None = None
    confidences = []
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        if entry.dagster_event is None or entry.asset_materialization is None:
            continue
        said: dict[str, Any] = {name: each.value for name, each in entry.asset_materialization.metadata.items()}
        rows = int(said.get("dagster/partition_row_count", 0))
        if entry.asset_materialization.asset_key.path[-1] == "signals":
            signals = (signals or 0) + rows
        if "mean_confidence" in said:
            confidences.append((float(said["mean_confidence"]), rows))
    return signals, confidences
