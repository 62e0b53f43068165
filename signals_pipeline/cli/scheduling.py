"""Whether the digest's schedule is on in the Dagster instance, and whether a daemon runs it."""

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType

from signals_pipeline.cli.instances import local_instance
from signals_pipeline.settings import Settings

# Daemons report every 30 seconds; a busy machine may delay them by minutes.
ALIVE = timedelta(minutes=5)
_DAEMON = "SCHEDULER"
_SCHEDULE = "digest_schedule"


class ScheduleState(StrEnum):
    """State of the digest's schedule."""

    ON = "on"
    OFF = "off"
    NO_DAEMON = "no_daemon"
    NO_INSTANCE = "no_instance"


def schedule_state(settings: Settings, now: datetime) -> ScheduleState:
    """The state of the schedule in the instance of DAGSTER_HOME.

    Raises:
        SettingsError: DAGSTER_HOME is not a folder.
    """
    if not instance_exists(settings):
        return ScheduleState.NO_INSTANCE
    with local_instance(settings) as instance:
        states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
        heartbeat = instance.get_daemon_heartbeats().get(_DAEMON)
    running = {state.name for state in states if state.status is InstigatorStatus.RUNNING}
    if _SCHEDULE not in running:
        return ScheduleState.OFF
    # A report from the future was made while the clock was wrong: the daemon may be gone since.
    if heartbeat is None or abs(now.timestamp() - heartbeat.timestamp) >= ALIVE.total_seconds():
        return ScheduleState.NO_DAEMON
    return ScheduleState.ON


def instance_exists(settings: Settings) -> bool:
    """Whether there may be an instance; opening one that does not exist would create it."""
    home = settings.dagster_home or Path.cwd()
    if (home / "dagster.yaml").exists():
        return True
    if settings.dagster_home is None:
        return (settings.signals_data_dir / "dagster").exists()
    # A DAGSTER_HOME that is not a folder counts as existing: `local_instance` raises the error that users see.
    return not home.is_dir() or (home / "schedules").exists()
