"""Dagster's schedules, sensors and daemons after a clock that was ahead has been put back.

Dagster takes its newest tick for the last one. A machine whose clock was a day ahead has stored ticks of tomorrow, and
no schedule and no sensor runs again before tomorrow. Such ticks are removed by `signals run` and `signals prepare`, and
when a daemon starts. The loops of a daemon also wait in memory for the time at which they began (dagster 1.13.27): a
daemon that sees its clock go back restarts by itself.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.scheduler.instigation import InstigatorData, InstigatorState
from dagster._core.storage.schedules import SqlScheduleStorage
from dagster._core.storage.schedules.schema import JobTickTable

# Clocks of two hosts differ, and a tick is stored under the time at which it is due.
TOLERANCE = timedelta(minutes=5)
# Between two looks at the clock. A clock that is put back and forward again between them is not noticed; a loop of the
# daemon that happened to begin its wait then would wait for as long as the step was.
LOOK_SECONDS = 0.5

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoppedInstigator:
    """A schedule or sensor that waits for a time which a clock ahead has stored.

    Attributes:
        state: What Dagster stores of it.
        until: The time that it waits for, UTC.
    """

    state: InstigatorState
    until: datetime


class RecoveringRunCoordinator(QueuedRunCoordinator[Any]):
    """Dagster's queue of runs; a process that uses it recovers from a clock that is put back.

    Named in `dagster.yaml`. A daemon that starts loads the coordinator before it looks at any schedule or sensor.
    """

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """As Dagster's; ticks that a clock ahead has stored are removed, and from now on the clock is watched."""
        super().register_instance(instance)
        for line in discard_future_ticks(instance):
            _LOGGER.warning(line)
        _watch_clock()


def stopped_instigators(instance: dg.DagsterInstance, now: datetime) -> list[StoppedInstigator]:
    """The schedules and sensors that wait for a time later than `now` (aware) and the tolerance, in no order."""
    storage = instance.schedule_storage
    if not isinstance(storage, SqlScheduleStorage):
        return []
    latest = now + TOLERANCE
    newest_ticks = sa.select(JobTickTable.c.selector_id, sa.func.max(JobTickTable.c.timestamp))
    query = newest_ticks.where(_later_than(latest)).group_by(JobTickTable.c.selector_id)
    with storage.connect() as connection:
        ticks: dict[str, datetime] = dict(connection.execute(query).all())

    stopped = []
    for state in instance.all_instigator_state():
        times = _later_times(state.instigator_data, latest.timestamp())
        instants = [datetime.fromtimestamp(value, UTC) for value in times.values()]
        if state.selector_id in ticks:
            instants.append(ticks[state.selector_id].replace(tzinfo=UTC))
        if instants:
            stopped.append(StoppedInstigator(state, max(instants)))
    return stopped


def discard_future_ticks(instance: dg.DagsterInstance) -> Iterator[str]:
    """Remove what Dagster remembers of a time that has not come; past ticks, run keys and cursors stay.

    Yields:
        A line for each schedule or sensor that a clock ahead had stopped.
    """
    storage = instance.schedule_storage
    if not isinstance(storage, SqlScheduleStorage):
        return
    now = datetime.now(UTC)
    latest = now + TOLERANCE
    stopped = stopped_instigators(instance, now)
    with storage.connect() as connection:
        connection.execute(JobTickTable.delete().where(_later_than(latest)))
    for each in stopped:
        state = each.state
        later = _later_times(state.instigator_data, latest.timestamp())
        if state.instigator_data and later:
            # A schedule has no ticks from before its start: without one it would have those of all time.
            present = {name: now.timestamp() if name == "start_timestamp" else None for name in later}
            instance.update_instigator_state(state.with_data(state.instigator_data._replace(**present)))
        yield f"{state.name} waited for {each.until:%Y-%m-%d %H:%M} UTC, which a clock ahead had stored: it runs again"


def _later_than(latest: datetime) -> sa.ColumnElement[bool]:
    """Ticks after this instant; Dagster stores times in UTC, without a zone."""
    return JobTickTable.c.timestamp > latest.astimezone(UTC).replace(tzinfo=None)


def _later_times(data: InstigatorData | None, latest: float) -> dict[str, float]:
    """The times after `latest` in what Dagster stores of a schedule or sensor, by field; seconds since 1970."""
    if data is None:
        return {}
    fields: dict[str, Any] = data._asdict()
    return {name: value for name, value in fields.items() if name.endswith("_timestamp") and (value or 0) > latest}


@cache
def _watch_clock() -> None:
    """Watch this process's clock from now on in a thread, once per process."""
    threading.Thread(target=_restart_daemon_after_step_back, name="signals-clock", daemon=True).start()


def _restart_daemon_after_step_back() -> None:
    """Start this process anew when its clock goes back by more than the tolerance, if it runs Dagster's daemons."""
    never = threading.Event()
    latest = time.time()
    while True:
        never.wait(LOOK_SECONDS)  # by the monotonic clock
        now = time.time()
        if latest - now > TOLERANCE.total_seconds():
            if _runs_daemons():
                _LOGGER.warning("the clock was put back by %.0f s: the daemon starts anew", latest - now)
                _restart()
            latest = now
        latest = max(latest, now)


def _runs_daemons() -> bool:
    """Whether this process runs Dagster's daemons: its controller names their threads so (dagster 1.13.27)."""
    return any(thread.name.startswith("dagster-daemon-") for thread in threading.enumerate())


def _restart() -> None:
    """Replace this process by a fresh one with the same command and process id, so that no supervisor has to notice.

    Files and connections are closed as at a kill, after which Dagster's daemons take up their work as well.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - its own command
