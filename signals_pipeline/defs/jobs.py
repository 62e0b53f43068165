"""The one job over all assets, and the schedule that runs it when a window ends."""

from datetime import datetime, timedelta

import dagster as dg

from signals_pipeline.core.windows import DIGEST_CRON, NEW_YORK, Window, newest_complete, windows_between
from signals_pipeline.defs.metrics import count_step
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import Store

HEALING_DAYS = 14  # windows missed longer ago are left to a backfill: no live feed still has their evidence

NEWEST_PRESENT = dg.AssetCheckKey(dg.AssetKey("digest"), "newest_window_present")

# On ECS: what a scoring task needs, and that a run whose task died starts anew, as its files died with it.
TASK_TAGS = {"ecs/cpu": "512", "ecs/memory": "2048", "dagster/retry_strategy": "ALL_STEPS"}

DIGEST_JOB = dg.define_asset_job(
    "digest_job",
    # Whether the newest window is there is no question that a backfill could answer: `health_job` asks it.
    selection=dg.AssetSelection.all() - dg.AssetSelection.checks(NEWEST_PRESENT),
    executor_def=dg.in_process_executor,
    hooks={count_step},
    tags=TASK_TAGS,
    description="Every stage from headlines to digest, for one window or a range of windows in one run.",
)


def scheduled_windows(newest: Window, told_until: datetime | None) -> tuple[Window, ...]:
    """The windows that a tick must run: those without a digest since the last one that has it, then the newest.

    Before the first digest ever there is nothing to heal, so only the newest window is run. A window left out between
    two digests is not run by itself: its evidence would reach a reader out of order. The coverage ledger names it.

    Args:
        newest: The newest complete window at the tick.
        told_until: End of the last earlier window that has a digest; None where there is none.

    Returns:
        Neighbours, oldest first, reaching back HEALING_DAYS at most.
    """
    if told_until is None:
        return (newest,)
    reach = newest.start.astimezone(NEW_YORK) - timedelta(days=HEALING_DAYS)  # by the wall clock: whole days
    return (*windows_between(max(told_until, reach), newest.start), newest)


@dg.schedule(
    job=DIGEST_JOB,
    cron_schedule=DIGEST_CRON,
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="08:30 before the open and 17:30 after the close, weekdays, New York; heals windows that were missed.",
)
def digest_schedule(context: dg.ScheduleEvaluationContext, store: dg.ResourceParam[Store]) -> dg.RunRequest:
    """One run over the missed windows and the newest; only the newest is live.

    A window counts as done when its digest is kept: a run that failed before that is healed like one that never was.
    """
    newest = newest_complete(context.scheduled_execution_time)
    earlier = store.digests.list(limit=1, before=newest.start)
    windows = scheduled_windows(newest, earlier[0].window_end if earlier else None)
    if len(windows) == 1:
        return dg.RunRequest(run_key=newest.key, partition_key=newest.key, tags={MODE_TAG: "live"})
    tags = {MODE_TAG: "live", RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key}
    return dg.RunRequest(run_key=newest.key, tags=tags)
