"""Whether the digest's schedule is on in the Dagster instance, and whether a daemon ticks it."""

from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path

from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType

from signals_pipeline.cli.runs import local_instance
from signals_pipeline.defs.jobs import digest_schedule
from signals_pipeline.settings import Settings

ALIVE = timedelta(minutes=5)
_DAEMON = "SCHEDULER"


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
    home = settings.dagster_home or Path.cwd()
    known = settings.dagster_home or (home / "dagster.yaml").exists()
    if not known and not (settings.signals_data_dir / "dagster").exists():
        return ScheduleState.NO_INSTANCE
    with local_instance(settings) as instance:
        states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
        on = {state.name for state in states if state.status is InstigatorStatus.RUNNING}
        beat = instance.get_daemon_heartbeats().get(_DAEMON)
    if digest_schedule.name not in on:
        return ScheduleState.OFF
    alive = beat is not None and now.timestamp() - beat.timestamp < ALIVE.total_seconds()
    return ScheduleState.ON if alive else ScheduleState.NO_DAEMON
