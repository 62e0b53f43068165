"""Dagster's schedules and sensors after a clock that was ahead has been put back.

Dagster takes its newest tick for the last one. A machine that started with a clock a day ahead has stored ticks of
tomorrow, and no schedule and no sensor runs again before tomorrow. Such ticks are removed by `signals run` and
`signals prepare`, and when a daemon starts. A daemon that runs through such a step has to be restarted: its loops wait
for the time at which they began (dagster 1.13.27).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import sqlalchemy as sa
from dagster._core.scheduler.instigation import InstigatorData
from dagster._core.storage.schedules import SqlScheduleStorage
from dagster._core.storage.schedules.schema import JobTickTable

# Clocks of two hosts differ, and a tick is stored under the time at which it is due.
TOLERANCE = timedelta(minutes=5)


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
    # Dagster stores times in UTC, without a zone.
    of_the_future = JobTickTable.c.timestamp > latest.replace(tzinfo=None)
    with storage.connect() as connection:
        stopped = set(connection.scalars(sa.select(JobTickTable.c.selector_id).where(of_the_future)))
        connection.execute(JobTickTable.delete().where(of_the_future))
    for state in instance.all_instigator_state():
        stored = state.instigator_data
        data = stored and _without_future(stored, now.timestamp(), latest.timestamp())
        if data and data != stored:
            instance.update_instigator_state(state.with_data(data))
        elif state.selector_id not in stopped:
            continue
        yield f"{state.name} waited for a time that a clock ahead had stored: it runs again"


def _without_future(data: InstigatorData, now: float, latest: float) -> InstigatorData:
    """What Dagster stores of a schedule or sensor, without times after `latest`; in seconds since 1970."""
    later = [name for name, value in data._asdict().items() if name.endswith("_timestamp") and (value or 0) > latest]
    return data._replace(**{name: now if name == "start_timestamp" else None for name in later})
