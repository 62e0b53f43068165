"""Circuit breakers: a source that keeps failing is left alone by all, tried by one, forgiven at its first answer."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.circuit_breakers import Circuits, CircuitState
from signals_pipeline.adapters.stores.engine import engine_for

NOW = datetime(2026, 3, 4, 11, 30, tzinfo=UTC)
REST = timedelta(minutes=10)


@pytest.fixture
def circuits(engine: Engine) -> Circuits:
    return Circuits(engine, threshold=2, cool_down=REST)


def test_a_source_never_heard_of_may_be_visited(circuits: Circuits) -> None:
    assert circuits.admit("rss:a", NOW) is None
    assert circuits.state("rss:a") == CircuitState()


def test_failures_in_a_row_open_it_for_everyone(circuits: Circuits, database_url: str) -> None:
    assert circuits.record("rss:a", NOW, "HTTP 500") == CircuitState(1, None, "HTTP 500")
    assert circuits.admit("rss:a", NOW) is None
    circuits.record("rss:a", NOW, "HTTP 502")
    another = engine_for(database_url)
    refused = Circuits(another).admit("rss:a", NOW + REST - timedelta(seconds=1))
    another.dispose()
    assert refused == CircuitState(2, NOW + REST, "HTTP 502")
    assert circuits.admit("rss:b", NOW) is None


def test_when_its_time_is_over_one_visitor_may_try(circuits: Circuits) -> None:
    for _ in range(2):
        circuits.record("a", NOW, "down")
    assert circuits.admit("a", NOW + REST) is None
    second = circuits.admit("a", NOW + REST)
    assert second is not None
    assert second.open_until == NOW + 2 * REST


def test_one_answer_closes_it(circuits: Circuits) -> None:
    for _ in range(5):
        circuits.record("a", NOW, "down")
    assert circuits.record("a", NOW) == CircuitState()
    assert circuits.admit("a", NOW) is None


def test_each_further_failure_doubles_the_rest_up_to_six_hours(circuits: Circuits) -> None:
    rests = [circuits.record("a", NOW, "down").open_until for _ in range(40)]
    minutes = [None if until is None else (until - NOW) / timedelta(minutes=1) for until in rests]
    assert minutes[:8] == [None, 10, 20, 40, 80, 160, 320, 360]
    assert set(minutes[8:]) == {360}
