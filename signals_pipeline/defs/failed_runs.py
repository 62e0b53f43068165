"""Failed runs, each handled until what it asks for is done, by the sensors that report them.

Dagster's own sensors for failed runs pass a run over for good when handling it fails (a database or a mail server that
is away for a minute), and refuse a tick in which one run was handled and another one skipped.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

KEPT_FOR = timedelta(days=3)
"""How long after a run has failed it is handled: longer than a weekend in which nothing was awake."""

LOOK_SECONDS = 30
"""Between two looks of a sensor that mails of failed runs."""

_MAXIMUM_RUNS = 1000

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


def step_failures(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[dg.DagsterEvent]:
    """Events of the steps that failed in a run, in their order."""
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        yield entry.get_dagster_event()


def _done_before(cursor: str | None) -> frozenset[str]:
    """IDs of the runs that are done; none where the cursor is that of an earlier release, a JSON object."""
    stored = json.loads(cursor) if cursor else []
    return frozenset(stored) if isinstance(stored, list) else frozenset()
