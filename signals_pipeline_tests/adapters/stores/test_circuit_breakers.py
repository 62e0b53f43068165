"""Circuit breakers: a source that keeps failing is called by nobody, then by one, and by all after its first answer."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers, CircuitState
from signals_pipeline.adapters.stores.engine import engine_for

NOW = datetime(2026, 3, 4, 11, 30, tzinfo=UTC)
COOL_DOWN = timedelta(minutes=10)


@pytest.fixture
def circuits(engine: Engine) -> CircuitBreakers:
    return CircuitBreakers(engine, threshold=2, cool_down=COOL_DOWN)


def test_an_unknown_source_may_be_called(circuits: CircuitBreakers) -> None:
    assert circuits.admit("rss:a", NOW) is None
    assert circuits.state("rss:a") == CircuitState()


def test_consecutive_failures_open_the_circuit_for_everyone(circuits: CircuitBreakers, database_url: str) -> None:
    assert circuits.record("rss:a", NOW, "HTTP 500") == CircuitState(1, None, "HTTP 500")
    assert circuits.admit("rss:a", NOW) is None
    circuits.record("rss:a", NOW, "HTTP 502")
    another = engine_for(database_url)
    refused = CircuitBreakers(another).admit("rss:a", NOW + COOL_DOWN - timedelta(seconds=1))
    another.dispose()
    assert refused == CircuitState(2, NOW + COOL_DOWN, "HTTP 502")
    assert circuits.admit("rss:b", NOW) is None


def test_after_the_cool_down_one_caller_may_try(circuits: CircuitBreakers) -> None:
    for _ in range(2):
        circuits.record("a", NOW, "down")
    assert circuits.admit("a", NOW + COOL_DOWN) is None
    second = circuits.admit("a", NOW + COOL_DOWN)
    assert second is not None
    assert second.open_until == NOW + 2 * COOL_DOWN


def test_one_answer_closes_the_circuit(circuits: CircuitBreakers) -> None:
    for _ in range(5):
        circuits.record("a", NOW, "down")
    assert circuits.record("a", NOW) == CircuitState()
    assert circuits.admit("a", NOW) is None


def test_each_further_failure_doubles_the_cool_down_up_to_six_hours(circuits: CircuitBreakers) -> None:
    minutes: list[float | None] = []
    for _ in range(40):
        open_until = circuits.record("a", NOW, "down").open_until
        minutes.append(None if open_until is None else (open_until - NOW) / timedelta(minutes=1))
    assert minutes[:8] == [None, 10, 20, 40, 80, 160, 320, 360]
    assert set(minutes[8:]) == {360}
