"""Run the Dagster job in this process, over one window or a range of windows."""

import os
import signal
from types import FrameType
from uuid import uuid4

import dagster as dg

from signals_pipeline import sample
from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.termination import signals_handled_by
from signals_pipeline.cli.database import database_engine
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.cli.waits import lock_waits_reported, pool_waits_reported, report_to_user
from signals_pipeline.core.windows import Window, WindowError, newest_complete, window_for_key, windows_between
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.clock_steps import discard_future_ticks
from signals_pipeline.defs.jobs import DIGEST_JOB
from signals_pipeline.defs.leases import lease_tags, reclaim
from signals_pipeline.defs.partitions import FIRST_WINDOW, RANGE_END_TAG, RANGE_START_TAG, mode_tags
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment

# Dagster's own log stays silent: `signals` prints the message of a failure once.
QUIET_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# Run monitoring ends a run after an hour; a long range in this process may take longer.
MAX_RUNTIME_TAG = "dagster/max_runtime"
MAX_RUNTIME_SECONDS = 3600
PER_WINDOW_SECONDS = 60
MAX_RETRIES_TAG = "dagster/max_retries"
EVENT_BATCH_SIZE = "100"  # halves the event writes of a range of windows


def default_mode(settings: Settings) -> str:
    """The mode of a run without --window: the demo's weeks are a backfill, elsewhere an operator runs it manually."""
    return "backfill" if settings.signals_deployment is Deployment.DEMO else "manual"


def windows_to_run(settings: Settings, key: str | None) -> tuple[Window, ...]:
    """The window with this key; without a key the demo's whole sample, or the newest complete window.

    Raises:
        WindowError: the key is not a window's, or the deployment does not have the window.
    """
    if key is not None:
        return windows_in_range(settings, key, key)
    if settings.signals_deployment is Deployment.DEMO:
        return windows_in_range(settings, sample.FIRST_WINDOW, sample.LAST_WINDOW)
    return (newest_complete(utc_now()),)


def windows_in_range(settings: Settings, first: str, last: str) -> tuple[Window, ...]:
    """All windows from first to last, inclusive.

    Raises:
        WindowError: a key is not a window's, or the range is empty, unfinished, or outside what the deployment has.
    """
    start = window_for_key(first)
    end = window_for_key(last)
    # The demo has the sample's weeks, other deployments every complete window.
    if settings.signals_deployment is Deployment.DEMO:
        oldest = window_for_key(sample.FIRST_WINDOW)
        newest = window_for_key(sample.LAST_WINDOW)
    else:
        oldest = window_for_key(FIRST_WINDOW)
        newest = newest_complete(utc_now())
    if not oldest <= start <= end <= newest:
        raise WindowError(
            f"windows {first} to {last} can't be run: choose a first and a last one from {oldest.key} to {newest.key}"
        )
    return windows_between(start.start, end.end)


def windows_with_digest(settings: Settings, windows: tuple[Window, ...]) -> set[Window]:
    """Those of the windows that have a digest."""
    with database_engine(settings) as engine:
        entries = DigestRepository(engine).list(limit=len(windows), before=windows[-1].end)
    starts = {entry.window_start for entry in entries}
    return {window for window in windows if window.start in starts}


def execute(settings: Settings, windows: tuple[Window, ...], *, mode: str) -> dg.ExecuteInProcessResult:
    """Run the job over these windows as one Dagster run, recorded in the local instance.

    Raises:
        SettingsError: DAGSTER_HOME is not a folder.
        Exception: whatever stopped the run, with its cause.
    """
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", EVENT_BATCH_SIZE)  # Dagster has no other way to set it
    run_id = str(uuid4())
    tags = {
        **mode_tags(mode),
        RANGE_START_TAG: windows[0].key,
        RANGE_END_TAG: windows[-1].key,
        MAX_RUNTIME_TAG: str(MAX_RUNTIME_SECONDS + PER_WINDOW_SECONDS * len(windows)),
        # The daemon can't repeat a run that it did not launch; the next `signals run` does.
        MAX_RETRIES_TAG: "0",
        **lease_tags(run_id),
    }
    job = build_definitions(settings).resolve_job_def(DIGEST_JOB.name)
    # The end of the terminal and SIGTERM are treated as Ctrl-C: the run ends as failed.
    stopped_by_signals = signals_handled_by(_as_interrupt, (signal.SIGHUP, signal.SIGTERM))
    with lock_waits_reported(), local_instance(settings) as instance, stopped_by_signals:
        for line in (*reclaim(instance), *discard_future_ticks(instance)):
            report_to_user(line)
        try:
            with pool_waits_reported(instance, run_id):
                return job.execute_in_process(instance=instance, run_id=run_id, tags=tags, run_config=QUIET_LOGS)
        finally:
            _let_go(instance, run_id)


def _let_go(instance: dg.DagsterInstance, run_id: str) -> None:
    """End a run that was interrupted outside its steps, and free its slots, which Dagster keeps after a failed step."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return
    if not run.is_finished:
        instance.report_run_failed(run, "The run was interrupted before its end.")
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def _as_interrupt(_number: int, frame: FrameType | None) -> None:
    """Do what SIGINT does at this moment: while Dagster executes a run, it holds interrupts up to safe points."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
