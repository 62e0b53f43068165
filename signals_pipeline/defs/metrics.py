"""Run metrics for the operator's monitoring, written once per run however it ends, and the run's tags in Dagster.

The run's own process writes them when its resources are torn down, after a failed step as well. For a process that died
before that (out of memory, interrupted, never started) a sensor in the control service writes them.
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
from signals_pipeline.core.checks.metrics import RunFacts, empty_streak, metrics_of_failed_run, metrics_of_run
from signals_pipeline.core.digest.delivery import account
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.defs.failed_runs import handle_failed_runs
from signals_pipeline.defs.partitions import DEPLOYMENT_TAG, MODE_TAG, RANGE_END_TAG, run_mode
from signals_pipeline.defs.resources import Store

REPORTED_TAG = "signals/metrics"
STREAK_WINDOWS = 200  # windows looked back for a streak without signals; the upper bound of QUIET_RUNS_ALERT
_log = logging.getLogger(__name__)


@runtime_checkable
class StopsTasks(Protocol):
    """A run launcher that can stop the task of a run that has ended."""

    def stop_leftover(self, run: dg.DagsterRun) -> bool:
        """Stop the run's task if it still runs, and return whether it did."""
        ...


Quota = Callable[[Store, datetime], int | None]


@dg.success_hook(name="count_step", required_resource_keys={"run_metrics"})
def count_step(context: dg.HookContext) -> None:
    """Count a step that succeeded, for the run's metrics."""
    context.resources.run_metrics.add(context.step_key)


def run_metrics_resource(
    *,
    enabled: bool,
    stack: str,
    deployment: str,
    quota_left: Quota | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.ResourceDefinition:
    """A resource that collects the keys of the steps done and writes the run's metrics to stdout when it is torn down.

    When it is created, it tags the run with deployment and mode, so that runs launched from the UI have these tags too.

    A backfill writes no metrics: its length and its old signals say nothing about the present.

    Args:
        enabled: Whether metrics are written.
        stack: The only dimension, which separates two installations in one account.
        deployment: Name of the deployment.
        quota_left: Returns the calls that the scarcest vendor has left; None without such a vendor.
        now: Clock.
    """

    @dg.resource(required_resource_keys={"store"}, description="Writes the run's metrics when it ends.")
    def run_metrics(context: dg.InitResourceContext) -> Iterator[set[str]]:
        done: set[str] = set()
        # Both are missing where the resource is built outside a run, as by `signals` commands.
        run, instance = context.run, context.instance
        if run is not None and instance is not None:
            instance.add_run_tags(run.run_id, {DEPLOYMENT_TAG: deployment, MODE_TAG: run_mode(run.tags)})
        try:
            yield done
        finally:
            if enabled and run is not None and instance is not None and not is_backfill(run.tags):
                at = now()
                store = context.resources.store
                facts = _facts(instance, run, len(done), at)
                try:
                    facts = _with_stored(facts, store, run.tags, quota_left(store, at) if quota_left else None, at)
                except DatabaseError as error:
                    # The database may be what failed the run, whose metrics matter then.
                    _log.warning("Run metrics lack the figures from the database: %s", error)
                write(metrics_of_run(facts), dimensions={"Stack": stack}, at=at)
                instance.add_run_tags(run.run_id, {REPORTED_TAG: "by the run"})

    return run_metrics


def failed_run_sensor(*, stack: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> dg.SensorDefinition:
    """A sensor that writes the metrics of failed runs whose process could not, and stops their tasks."""

    @dg.sensor(
        name="failed_run_metrics",
        description="Writes the metrics of runs that died before they could: out of memory, killed or never started.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=60,
    )
    def failed_run_metrics(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        launcher = context.instance.run_launcher

        def report(run: dg.DagsterRun) -> bool:
            if isinstance(launcher, StopsTasks) and launcher.stop_leftover(run):
                context.log.info("Stopped the task of run %s, which has ended", run.run_id)
            if REPORTED_TAG not in run.tags and not is_backfill(run.tags):
                write(metrics_of_failed_run(), dimensions={"Stack": stack}, at=now())
                context.instance.add_run_tags(run.run_id, {REPORTED_TAG: "by the sensor"})
            return True

        return handle_failed_runs(context, report)

    return failed_run_metrics


def is_backfill(tags: Mapping[str, str]) -> bool:
    """Whether tags are those of a backfill, by its mode tag or, without one, by its range."""
    return run_mode(tags) == "backfill"


def _facts(instance: dg.DagsterInstance, run: dg.DagsterRun, done: int, at: datetime) -> RunFacts:
    """The run's facts from its own events."""
    signals, confidences = _signals_and_confidences(instance, run.run_id)
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


def _with_stored(
    facts: RunFacts, store: Store, tags: Mapping[str, str], quota_left: int | None, at: datetime
) -> RunFacts:
    """The facts, completed from the database for the run's newest window."""
    window = _newest(tags)
    if window is None:
        return replace(facts, quota_left=quota_left)
    entry = store.coverage.get(window)
    reports = entry.reports if entry else ()
    age = entry.newest_age if entry else None
    return replace(
        facts,
        feeds=len(reports),
        failed_feeds=sum(report.status != "ok" for report in reports),
        newest_headline_age=age.total_seconds() if age is not None else None,
        empty_runs=empty_streak(signal_counts(store.engine, window, STREAK_WINDOWS)),
        quota_left=quota_left,
        mails_waiting=account(store.outbox.open(), at).waiting_for_operator,
    )


def _newest(tags: Mapping[str, str]) -> Window | None:
    key = tags.get("dagster/partition") or tags.get(RANGE_END_TAG)
    return window_for_key(key) if key else None


def _steps(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    """Number of steps in the run's plan."""
    snapshot = run.execution_plan_snapshot_id
    return len(instance.get_execution_plan_snapshot(snapshot).step_keys_to_execute) if snapshot else 0


def _signals_and_confidences(instance: dg.DagsterInstance, run_id: str) -> tuple[int | None, list[tuple[float, int]]]:
    """Metadata of the run's materialisations.

    Returns:
        Number of signals, None before `signals` has run; and for each window its mean confidence with its number of
        headlines.
    """
    signals: int | None = None
    confidences: list[tuple[float, int]] = []
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        if entry.dagster_event is None or entry.asset_materialization is None:
            continue
        metadata: dict[str, Any] = {name: value.value for name, value in entry.asset_materialization.metadata.items()}
        rows = int(metadata.get("dagster/partition_row_count", 0))
        if entry.asset_materialization.asset_key.path[-1] == "signals":
            signals = (signals or 0) + rows
        if "mean_confidence" in metadata:
            confidences.append((float(metadata["mean_confidence"]), rows))
    return signals, confidences
