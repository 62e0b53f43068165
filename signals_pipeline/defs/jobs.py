"""The one job over all assets, and the schedule that runs it when a window ends."""

from datetime import timedelta

import dagster as dg

from signals_pipeline.core.windows import DIGEST_CRON, Window, newest_complete, windows_between
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import Store

HEALING_DAYS = 14  # windows missed for longer are left to a backfill, whose evidence no live feed still has

DIGEST_JOB = dg.define_asset_job(
    "digest_job",
    selection=dg.AssetSelection.all(),
    executor_def=dg.in_process_executor,
    description="Every stage from headlines to digest, for one window or a range of windows in one run.",
)


def scheduled_windows(now_window: Window, done: frozenset[str]) -> tuple[Window, ...]:
    """The windows that a tick must run: those missed since the newest one done, oldest first, and the newest complete.

    Before the first run ever there is nothing to heal, so only the newest window is run.

    Args:
        now_window: The newest complete window at the tick.
        done: Keys of windows that have run within the healing span.
    """
    span = windows_between(now_window.start - timedelta(days=HEALING_DAYS), now_window.start)
    positions = [at for at, window in enumerate(span) if window.key in done]
    missed = span[positions[-1] + 1 :] if positions else ()
    return (*missed, now_window)


@dg.schedule(
    job=DIGEST_JOB,
    cron_schedule=DIGEST_CRON,
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="08:30 before the open and 17:30 after the close, weekdays, New York; heals windows that were missed.",
)
def digest_schedule(context: dg.ScheduleEvaluationContext, store: dg.ResourceParam[Store]) -> dg.RunRequest:
    """One run over the missed windows and the newest; only the newest is live."""
    newest = newest_complete(context.scheduled_execution_time)
    done = store.history.windows_done(newest.start - timedelta(days=HEALING_DAYS), newest.start)
    windows = scheduled_windows(newest, frozenset(window.key for window in done))
    if len(windows) == 1:
        return dg.RunRequest(run_key=newest.key, partition_key=newest.key, tags={MODE_TAG: "live"})
    tags = {MODE_TAG: "live", RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key}
    return dg.RunRequest(run_key=newest.key, tags=tags)
