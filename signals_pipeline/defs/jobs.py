"""The job over all assets, and the schedule that runs it when a window ends."""

from datetime import datetime, timedelta

import dagster as dg

from signals_pipeline.core.windows import DIGEST_CRON, NEW_YORK, Window, newest_complete, windows_between
from signals_pipeline.defs.leases import leasing_executor
from signals_pipeline.defs.metrics import count_step
from signals_pipeline.defs.partitions import RANGE_END_TAG, RANGE_START_TAG, mode_tags
from signals_pipeline.defs.resources import Store

CATCH_UP_DAYS = 14  # windows missed longer ago need a backfill: no live feed still has their headlines

NEWEST_PRESENT = dg.AssetCheckKey(dg.AssetKey("digest"), "newest_window_present")

# On ECS: what a scoring task needs. A run whose task died is retried with all steps, as its files are lost with it.
TASK_TAGS = {"ecs/cpu": "512", "ecs/memory": "2048", "dagster/retry_strategy": "ALL_STEPS"}

DIGEST_JOB = dg.define_asset_job(
    "digest_job",
    # Whether the newest window has its digest is checked by `health_job`: a backfill cannot answer it.
    selection=dg.AssetSelection.all() - dg.AssetSelection.checks(NEWEST_PRESENT),
    executor_def=leasing_executor,
    hooks={count_step},
    tags=TASK_TAGS,
    description="All stages from headlines to digest, for one window or a range of windows in one run.",
)


def scheduled_windows(newest: Window, digests_until: datetime | None) -> tuple[Window, ...]:
    """The windows that a tick runs: those missed since the last digest, then the newest.

    Before the first digest nothing was missed, so only the newest window is run. A window missing between two digests
    is not run automatically, because its news would reach readers out of order; the coverage ledger names it.

    Args:
        newest: The newest complete window at the tick.
        digests_until: End of the last earlier window that has a digest; None if there is none.

    Returns:
        Consecutive windows, oldest first, of at most CATCH_UP_DAYS.
    """
    if digests_until is None:
        return (newest,)
    reach = newest.start.astimezone(NEW_YORK) - timedelta(
        days=CATCH_UP_DAYS
    )  # whole days of New York time, across changes of daylight saving
    return (*windows_between(max(digests_until, reach), newest.start), newest)


def digest_schedule(*, starts_on: bool) -> dg.ScheduleDefinition:
    """The schedule of the digest.

    Args:
        starts_on: Whether it is on until somebody switches it. What they choose stays, also over releases.
    """
    status = dg.DefaultScheduleStatus.RUNNING if starts_on else dg.DefaultScheduleStatus.STOPPED
    decorate = dg.schedule(
        name="digest_schedule",
        job=DIGEST_JOB,
        cron_schedule=DIGEST_CRON,
        execution_timezone="America/New_York",
        default_status=status,
        description="08:30 before the open and 17:30 after the close, weekdays, New York; also runs missed windows.",
    )
    return decorate(_request_run)


def _request_run(context: dg.ScheduleEvaluationContext, store: dg.ResourceParam[Store]) -> dg.RunRequest:
    """Request one run over the missed windows and the newest; only the newest is live.

    A window counts as missed until its digest is stored, whether its run failed or never started.
    """
    newest = newest_complete(context.scheduled_execution_time)
    earlier = store.digests.list(limit=1, before=newest.start)
    windows = scheduled_windows(newest, earlier[0].window_end if earlier else None)
    if len(windows) == 1:
        return dg.RunRequest(run_key=newest.key, partition_key=newest.key, tags=mode_tags("live"))
    tags = {**mode_tags("live"), RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key}
    return dg.RunRequest(run_key=newest.key, tags=tags)
