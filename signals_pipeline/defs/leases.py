"""Leases of runs: each run records its process as tags, and runs whose process is gone are ended by whoever finds them.

Dagster keeps a run STARTED, and the slots that its steps hold in pools, until its process says otherwise. A process
that was killed says nothing, and every later run would wait for it. `reclaim` ends such runs; `run_launcher` and
`local_launcher` let Dagster's run monitoring do the same from the daemon.

A lease of another host can't be judged here, nor can a run without one, from a release that recorded none. They end by
run monitoring's limits, or by hand with `dagster run delete`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import dagster as dg
from dagster._utils.concurrency import ConcurrencyKeyInfo

from signals_pipeline.adapters.processes import liveness_of, this_process
from signals_pipeline.core.leases import Liveness, ProcessIdentity
from signals_pipeline.defs.partitions import first_and_last_key

# Dagster copies all tags to a run that repeats another one: a lease counts only for the run that it names.
RUN_TAG = "signals/process_of_run"
HOST_TAG = "signals/process_host"
MACHINE_TAG = "signals/process_machine"
BOOT_TAG = "signals/process_boot"
NAMESPACE_TAG = "signals/process_namespace"
PID_TAG = "signals/process_pid"
STARTED_TAG = "signals/process_started"

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# A run that has ended for Dagster may still be leaving its last step; `free_slots_after_run_end_seconds` is the same.
FREE_AFTER = timedelta(seconds=30)
SHORT_ID = 8  # characters of a run's id, as the UI shows it


@dataclass(frozen=True, slots=True)
class DeadRun:
    """A run whose process is gone.

    Attributes:
        run: The run, as it was found.
        holder: Its process.
    """

    run: dg.DagsterRun
    holder: ProcessIdentity

    @property
    def described(self) -> str:
        """The run and what happened to it, in words."""
        return f"{described(self.run)} died (its process {self.holder.pid} is gone)"


def lease_tags(run_id: str) -> dict[str, str]:
    """The tags that record this process as the one that executes a run."""
    process = this_process()
    return {
        RUN_TAG: run_id,
        HOST_TAG: process.host,
        MACHINE_TAG: process.machine,
        BOOT_TAG: process.boot,
        NAMESPACE_TAG: process.namespace,
        PID_TAG: str(process.pid),
        STARTED_TAG: process.started,
    }


def holder_of(run: dg.DagsterRun) -> ProcessIdentity | None:
    """The process that executes a run; None before it has begun, or for a run of a release that recorded none."""
    tags: Mapping[str, str] = run.tags
    if tags.get(RUN_TAG) != run.run_id:
        return None
    return ProcessIdentity(
        tags[HOST_TAG],
        tags[MACHINE_TAG],
        tags[BOOT_TAG],
        tags[NAMESPACE_TAG],
        int(tags[PID_TAG]),
        tags[STARTED_TAG],
    )


def run_liveness(run: dg.DagsterRun) -> Liveness:
    """Whether the process of a run lives; UNKNOWN for one of another host and for a run without a lease."""
    holder = holder_of(run)
    return liveness_of(holder) if holder else Liveness.UNKNOWN


def dead_runs(instance: dg.DagsterInstance) -> list[DeadRun]:
    """The runs that are unfinished for Dagster and whose process is gone, oldest first."""
    dead: list[DeadRun] = []
    records = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED), ascending=True)
    for record in records:
        holder = holder_of(record.dagster_run)
        if holder is None or liveness_of(holder) is not Liveness.DEAD:
            continue
        # Read again now that the process can't change it any more: it may have finished before it ended.
        run = instance.get_run_by_id(record.dagster_run.run_id)
        if run is not None and run.status in UNFINISHED:
            dead.append(DeadRun(run, holder))
    return dead


def slots_without_run(instance: dg.DagsterInstance) -> list[str]:
    """Ids of runs that hold or wait for slots in pools although they have ended or were deleted."""
    holders = instance.event_log_storage.get_concurrency_run_ids()
    if not holders:
        return []
    now = datetime.now(UTC)
    found: list[str] = []
    records = instance.get_run_records(dg.RunsFilter(run_ids=sorted(holders)))
    for record in records:
        run = record.dagster_run
        ended_at = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
        # A clock that was put back since counts as later, too.
        has_left = abs(now - ended_at) > FREE_AFTER or run_liveness(run) is Liveness.DEAD
        if run.is_finished and has_left:
            found.append(run.run_id)
    existing = {record.dagster_run.run_id for record in records}
    return sorted([*found, *(holders - existing)])


def full_pools(instance: dg.DagsterInstance) -> list[ConcurrencyKeyInfo]:
    """The pools without a free slot, by name."""
    storage = instance.event_log_storage
    pools = [storage.get_concurrency_info(name) for name in sorted(storage.get_concurrency_keys())]
    return [pool for pool in pools if len(pool.claimed_slots) >= pool.slot_count]


def reclaim(instance: dg.DagsterInstance) -> Iterator[str]:
    """End the runs whose process is gone and free the slots that no live run holds.

    Yields:
        One line per run that was ended, or whose slots were freed, after that is done.
    """
    for dead in dead_runs(instance):
        run = dead.run
        # A run that somebody was canceling is not repeated.
        canceled = run.status is dg.DagsterRunStatus.CANCELING
        message = f"The process {dead.holder.pid} on {dead.holder.host} that executed this run is gone."
        if canceled:
            instance.report_run_canceled(run, message)
        else:
            instance.report_run_failed(run, message)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        state = "canceled" if canceled else "failed"
        yield f"{dead.described}: marked as {state}, its slots are free"
    for run_id in slots_without_run(instance):
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
        yield f"run {run_id[:SHORT_ID]} has ended and still held slots: they are free"


def described(run: dg.DagsterRun) -> str:
    """A run as messages name it: its id, and its windows where it has any."""
    first, last = first_and_last_key(run.tags)
    name = f"run {run.run_id[:SHORT_ID]}"
    if not first:
        return f"{name} of {run.job_name}"
    return f"{name} of window {first}" if first == last else f"{name} of windows {first} to {last}"


class LeasingExecutor(dg.Executor):
    """An executor that records the process as the run's own before it executes the steps."""

    def __init__(self, inner: dg.Executor) -> None:
        self._inner = inner

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:  # noqa: ANN401 - as the base class has it
        """Execute the steps."""
        instance: dg.DagsterInstance = plan_context.instance
        instance.add_run_tags(plan_context.run_id, lease_tags(plan_context.run_id))
        return self._inner.execute(plan_context, execution_plan)

    @property
    def retries(self) -> Any:  # noqa: ANN401 - a private class of Dagster
        """The inner executor's."""
        return self._inner.retries

    @property
    def step_dependency_config(self) -> Any:  # noqa: ANN401 - a private class of Dagster
        """The inner executor's."""
        return self._inner.step_dependency_config


def _leasing(context: dg.InitExecutorContext) -> dg.Executor:
    create = dg.in_process_executor.executor_creation_fn
    assert create is not None  # noqa: S101 - Dagster's own executor has one
    return LeasingExecutor(create(context))


leasing_executor = dg.ExecutorDefinition(
    "in_process",
    config_schema=cast("Any", dg.in_process_executor.config_schema),
    executor_creation_fn=_leasing,
    description="All steps in the run's own process, which is recorded.",
)
