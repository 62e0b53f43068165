"""Failed runs, each handled until what it asks for is done, by the sensors that report them.

Dagster's own sensors for failed runs pass a run over for good when handling it fails (a database or a mail server that
is away for a minute), and refuse a tick in which one run was handled and another one skipped.

Dagster's daemon repeats a run whose process died, but it passes the run over for good if it looks between the event of
the failure and the run's new status (dagster 1.13.27); here such a run is put before it again.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, BACKFILL_ID_TAG, WILL_RETRY_TAG

KEPT_FOR = timedelta(days=3)
"""How long after a run has failed it is handled: longer than a weekend in which nothing was awake."""

LOOK_SECONDS = 30
"""Between two looks of a sensor that mails of failed runs."""

_MAXIMUM_RUNS = 1000

# The daemon looks every 5 seconds; whether a run that failed longer ago is repeated helps no digest any more.
_RETRY_LOST_AFTER = timedelta(minutes=1)
_RETRY_WITHIN = timedelta(hours=1)
# Where the daemon keeps up to which event it has looked for runs to repeat.
_RETRY_CURSOR = f"EVENT_LOG_CONSUMER_CURSOR-{dg.DagsterEventType.RUN_FAILURE.value}"

Handler = Callable[[dg.DagsterRun], bool]
"""Handles a failed run and returns whether that is done; otherwise, or if it raises, it is called again at the next
tick. What it does must be idempotent."""


def handle_failed_runs(
    context: dg.SensorEvaluationContext, handle: Handler, *, job_name: str | None = None
) -> dg.SkipReason:
    """Handle each failed run once, the oldest first; the sensor's cursor keeps which are done.

    Args:
        context: The sensor's.
        handle: Called for each run that is not done yet.
        job_name: Only runs of this job.

    Raises:
        Exception: What `handle` raised for the first run for which it did, after all runs were tried.
    """
    # Dagster dates runs by the machine's clock or the database's.
    filters = dg.RunsFilter(
        job_name=job_name,
        statuses=[dg.DagsterRunStatus.FAILURE],
        updated_after=datetime.now(UTC) - KEPT_FOR,
    )
    records = context.instance.get_run_records(filters, limit=_MAXIMUM_RUNS)
    for run_id in repeat_lost_retries(context.instance, records):
        context.log.warning("run %s was to be repeated and was not: Dagster's daemon is asked once more", run_id)
    done = _done_before(context.cursor)
    still_done: list[str] = []
    handled, problem = 0, None
    for run in (record.dagster_run for record in reversed(records)):
        is_done = run.run_id in done
        if not is_done:
            try:
                is_done = handle(run)
            except Exception as error:  # noqa: BLE001 - one run never keeps the others; raised below
                problem = problem or error
            handled += is_done
        if is_done:
            still_done.append(run.run_id)
    if problem is not None:
        raise problem
    context.update_cursor(json.dumps(still_done))
    return dg.SkipReason(
        f"failed runs: {len(records)}, of which now done: {handled}, open: {len(records) - len(still_done)}"
    )


def repeat_lost_retries(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord]) -> list[str]:
    """Let the daemon look again at failed runs that it was to repeat and has passed over; what it did stays done.

    Args:
        instance: The instance.
        records: Failed runs.

    Returns:
        IDs of those runs.
    """
    now = datetime.now(UTC)
    lost = {
        record.dagster_run.run_id
        for record in records
        if record.dagster_run.tags.get(WILL_RETRY_TAG) == "true"
        and not {AUTO_RETRY_RUN_ID_TAG, BACKFILL_ID_TAG} & record.dagster_run.tags.keys()
        and _RETRY_LOST_AFTER <= now - record.update_timestamp <= _RETRY_WITHIN
    }
    if not lost:
        return []
    failures = dg.RunStatusChangeRecordsFilter(
        dg.DagsterEventType.RUN_FAILURE, after_timestamp=(now - 2 * _RETRY_WITHIN).timestamp()
    )
    changes = instance.fetch_run_status_changes(failures, limit=_MAXIMUM_RUNS).records
    events = {change.event_log_entry.run_id: change.storage_id for change in changes}
    passed_over = {run_id: events[run_id] for run_id in lost if run_id in events}
    cursors = instance.daemon_cursor_storage.get_cursor_values({_RETRY_CURSOR})
    looked_up_to = int(cursors.get(_RETRY_CURSOR) or 0)
    if not passed_over or looked_up_to < min(passed_over.values()):
        return []  # the daemon has not come to them yet
    instance.daemon_cursor_storage.set_cursor_values({_RETRY_CURSOR: str(min(passed_over.values()) - 1)})
    return sorted(passed_over)


def step_failures(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dg.DagsterEvent]:
    """Events of the steps that failed in a run, in their order."""
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        yield entry.get_dagster_event()


def _done_before(cursor: str | None) -> frozenset[str]:
    """IDs of the runs that are done; none where the cursor is that of an earlier release, a JSON object."""
    stored = json.loads(cursor) if cursor else []
    return frozenset(stored) if isinstance(stored, list) else frozenset()
