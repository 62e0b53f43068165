"""Running the Dagster job in this process, over one window or a range."""

import os
from datetime import UTC, datetime

import dagster as dg

from signals_pipeline import sample
from signals_pipeline.adapters.stores.digests import Digests
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.core.windows import Window, WindowError, newest_complete, window_for_key, windows_between
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.jobs import DIGEST_JOB
from signals_pipeline.defs.partitions import FIRST_WINDOW, MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment

QUIET_LOGS = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}  # a failure is told once, by `signals`


def default_mode(settings: Settings) -> str:
    """What a run without a window is: the sample's past weeks are a backfill, elsewhere an operator runs it by hand."""
    return "backfill" if settings.signals_deployment is Deployment.DEMO else "manual"


def windows_to_run(settings: Settings, key: str | None) -> tuple[Window, ...]:
    """The window asked for; without one the demo's whole sample or the newest complete window.

    Raises:
        WindowError: the key is no window, or lies outside what the deployment holds.
    """
    if key is not None:
        return windows_in_range(settings, key, key)
    if settings.signals_deployment is Deployment.DEMO:
        return windows_in_range(settings, sample.FIRST_WINDOW, sample.LAST_WINDOW)
    return (newest_complete(datetime.now(UTC)),)


def windows_in_range(settings: Settings, first: str, last: str) -> tuple[Window, ...]:
    """All windows from first to last, both included.

    Raises:
        WindowError: a key is no window, the range is empty, not over yet, or outside what the deployment holds.
    """
    start, end = window_for_key(first), window_for_key(last)
    demo = settings.signals_deployment is Deployment.DEMO
    floor = window_for_key(sample.FIRST_WINDOW if demo else FIRST_WINDOW)
    ceiling = window_for_key(sample.LAST_WINDOW) if demo else newest_complete(datetime.now(UTC))
    if not floor <= start <= end <= ceiling:
        held = f"from {floor.key} to {ceiling.key}"
        raise WindowError(f"windows {first} to {last} are not there to run: choose a first and a last one {held}")
    return windows_between(start.start, end.end)


def windows_told(settings: Settings, windows: tuple[Window, ...]) -> set[Window]:
    """Those of the windows that have their digest."""
    engine = engine_for(settings.database_url)
    starts = {entry.window_start for entry in Digests(engine).list(limit=len(windows), before=windows[-1].end)}
    engine.dispose()
    return {window for window in windows if window.start in starts}


def execute(settings: Settings, windows: tuple[Window, ...], *, mode: str) -> dg.ExecuteInProcessResult:
    """Run the job over these windows as one Dagster run, recorded in the local instance.

    Raises:
        SettingsError: DAGSTER_HOME is no folder.
        Exception: whatever stopped the run, with its cause.
    """
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "100")  # Dagster reads it: half the event writes of a range
    tags = {MODE_TAG: mode, RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key}
    job = build_definitions(settings).resolve_job_def(DIGEST_JOB.name)
    with local_instance(settings) as instance:
        return job.execute_in_process(instance=instance, tags=tags, run_config=QUIET_LOGS)
