"""What Dagster remembers of a time that has not come goes; everything else that it remembers stays."""

import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.test_utils import instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from signals_pipeline.defs.clock_steps import discard_future_ticks

DAY = 86_400.0


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with instance_for_test() as instance:
        yield instance


def _origin(name: str) -> RemoteInstigatorOrigin:
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="signals_pipeline.definitions"))
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)


def _store(
    instance: dg.DagsterInstance, name: str, data: ScheduleInstigatorData | SensorInstigatorData, ticks: list[float]
) -> InstigatorState:
    kind = InstigatorType.SCHEDULE if isinstance(data, ScheduleInstigatorData) else InstigatorType.SENSOR
    state = InstigatorState(_origin(name), kind, InstigatorStatus.RUNNING, data)
    instance.add_instigator_state(state)
    for at in ticks:
        instance.create_tick(
            TickData(
                state.instigator_origin_id,
                name,
                kind,
                TickStatus.SUCCESS,
                at,
                run_ids=[],
                run_keys=[],
                selector_id=state.selector_id,
            )
        )
    return state


def _stored(instance: dg.DagsterInstance, state: InstigatorState) -> tuple[InstigatorState | None, list[float]]:
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    found = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
    return found, [tick.timestamp for tick in ticks]


def test_schedules_and_sensors_stopped_by_a_clock_ahead_run_again(instance: dg.DagsterInstance) -> None:
    now = time.time()
    schedule = _store(
        instance, "digests", ScheduleInstigatorData("0 8 * * *", now - DAY, now + DAY), [now - DAY, now + DAY]
    )
    sensor = _store(
        instance,
        "mails_waiting",
        SensorInstigatorData(
            last_tick_timestamp=now + 365 * DAY,
            last_run_key="a-key",
            cursor="a-cursor",
            last_tick_start_timestamp=now + 365 * DAY,
            last_sensor_start_timestamp=now - DAY,
        ),
        [now + 365 * DAY],
    )
    # Its state is stored once an hour only: nothing but the tick tells of the clock.
    fresh = _store(instance, "fresh", ScheduleInstigatorData("0 8 * * *", now - DAY), [now + DAY])
    calm_data = ScheduleInstigatorData("0 8 * * *", now - DAY, now)
    calm = _store(instance, "calm", calm_data, [now - DAY, now])

    lines = list(discard_future_ticks(instance))

    assert sorted(line.split()[0] for line in lines) == ["digests", "fresh", "mails_waiting"]
    state, ticks = _stored(instance, schedule)
    assert ticks == [pytest.approx(now - DAY)]
    assert state is not None
    assert state.instigator_data == ScheduleInstigatorData("0 8 * * *", now - DAY, None)
    state, ticks = _stored(instance, sensor)
    assert ticks == []
    assert state is not None
    assert state.instigator_data == SensorInstigatorData(
        last_run_key="a-key", cursor="a-cursor", last_sensor_start_timestamp=now - DAY
    )
    assert _stored(instance, fresh)[1] == []
    state, ticks = _stored(instance, calm)
    assert state is not None
    assert state.instigator_data == calm_data
    assert ticks == [pytest.approx(now), pytest.approx(now - DAY)]
    assert list(discard_future_ticks(instance)) == []
