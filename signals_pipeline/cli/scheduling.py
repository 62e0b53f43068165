"""Whether the digest's schedule is on in the Dagster instance, and whether a daemon runs it."""

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from signals_pipeline.cli.instances import local_instance
from signals_pipeline.core.windows import DIGEST_CRON
from signals_pipeline.defs.clock_steps import StoppedInstigator, stopped_instigators
from signals_pipeline.defs.local_files import instance_folder
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment
from signals_pipeline.settings.strategy import SettingsError

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
        states = _stored_states(instance)
        heartbeat = instance.get_daemon_heartbeats().get(_DAEMON)
    if not _is_on(settings, [state.status for state in states]):
        return ScheduleState.OFF
    # A report from the future was made while the clock was wrong: the daemon may be gone since.
    if heartbeat is None or abs(now.timestamp() - heartbeat.timestamp) >= ALIVE.total_seconds():
        return ScheduleState.NO_DAEMON
    return ScheduleState.ON


def stopped_by_clock(settings: Settings, now: datetime) -> list[StoppedInstigator]:
    """The schedules and sensors that are on, but wait for a time after `now` (aware) that a clock ahead has stored.

    Raises:
        SettingsError: DAGSTER_HOME is not a folder.
    """
    if not instance_exists(settings):
        return []
    with local_instance(settings) as instance:
        stopped = stopped_instigators(instance, now)
    return [each for each in stopped if each.state.status is not InstigatorStatus.STOPPED]


def _stored_states(instance: DagsterInstance) -> list[InstigatorState]:
    """What the instance has stored of the schedule: a state for each code location that has had it."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return [state for state in states if state.name == _SCHEDULE]


def _is_on(settings: Settings, stored: list[InstigatorStatus]) -> bool:
    """Whether the schedule is on, by the states that the instance has stored for it.

    None is stored before a daemon has looked, and where nobody has switched a schedule that starts as off.
    """
    if not stored:
        return settings.signals_deployment is Deployment.PRODUCTION
    return any(status is not InstigatorStatus.STOPPED for status in stored)


def switch_schedule(settings: Settings, now: datetime, *, on: bool) -> None:
    """Switch the schedule on or off in the instance of DAGSTER_HOME, as the UI's switch does.

    Args:
        settings: The deployment.
        now: The current time (aware): windows that ended before a schedule is switched on are no ticks of it.
        on: Whether to switch it on.

    Raises:
        SettingsError: DAGSTER_HOME is not a folder, or the deployment has no schedule.
    """
    if settings.signals_deployment is Deployment.DEMO:
        raise SettingsError("SIGNALS_DEPLOYMENT=demo has no schedule; set local or production")
    status = InstigatorStatus.RUNNING if on else InstigatorStatus.STOPPED
    data = ScheduleInstigatorData(DIGEST_CRON, now.timestamp())
    with local_instance(settings) as instance:
        stored = _stored_states(instance)
        for state in stored:
            changed = state.with_status(status)
            instance.update_instigator_state(changed.with_data(data) if on else changed)
        if not stored:
            instance.add_instigator_state(InstigatorState(_origin(), InstigatorType.SCHEDULE, status, data))


def _origin() -> RemoteInstigatorOrigin:
    """The schedule as an instance knows it: by the names of location, repository and schedule."""
    target = LoadableTargetOrigin(module_name="signals_pipeline.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name="signals_pipeline")
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), _SCHEDULE)


def instance_exists(settings: Settings) -> bool:
    """Whether there may be an instance; opening one that does not exist would create it."""
    home = settings.dagster_home or Path.cwd()
    if (home / "dagster.yaml").exists():
        return True
    if settings.dagster_home is None:
        return instance_folder(settings).exists()
    # A DAGSTER_HOME that is not a folder counts as existing: `local_instance` raises the error that users see.
    return not home.is_dir() or (home / "schedules").exists()
