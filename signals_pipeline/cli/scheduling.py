"""Whether the digest's schedule is on in the Dagster instance, and whether a daemon ticks it."""

from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path

from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType

from signals_pipeline.cli.instances import local_instance
from signals_pipeline.settings import Settings

ALIVE = timedelta(minutes=5)
_DAEMON, _SCHEDULE = "SCHEDULER", "digest_schedule"


class ScheduleState(Enum):
    """What there is to say of the schedule."""

    ON = auto()
    OFF = auto()
    NO_DAEMON = auto()
    NO_INSTANCE = auto()


def schedule_state(settings: Settings, now: datetime) -> ScheduleState:
    """What the instance that DAGSTER_HOME names knows of the schedule.

    Raises:
        SettingsError: DAGSTER_HOME is no folder.
    """
    if not _there(settings):
        return ScheduleState.NO_INSTANCE
    with local_instance(settings) as instance:
        states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
        on = {state.name for state in states if state.status is InstigatorStatus.RUNNING}
        beat = instance.get_daemon_heartbeats().get(_DAEMON)
    if _SCHEDULE not in on:
        return ScheduleState.OFF
    alive = beat is not None and now.timestamp() - beat.timestamp < ALIVE.total_seconds()
    return ScheduleState.ON if alive else ScheduleState.NO_DAEMON


def _there(settings: Settings) -> bool:
    """Whether an instance may be there: asking Dagster for one that is not would make it."""
    home = settings.dagster_home or Path.cwd()
    named = (home / "dagster.yaml").exists() or (settings.dagster_home and not home.is_dir())
    kept = home / "schedules" if settings.dagster_home else settings.signals_data_dir / "dagster"
    return bool(named) or kept.exists()
