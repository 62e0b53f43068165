"""A circuit breaker per source, kept in the database: a source that keeps failing is left alone by all processes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import source_state
from signals_pipeline.adapters.stores.upsert import insert_or_update

# A source that fails for days is still asked at least four times a day, so that its recovery is noticed.
_MAX_COOL_DOWN = timedelta(hours=6)
# 2**16 cool-downs are far above the maximum; a larger exponent would overflow timedelta.
_MAX_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class CircuitState:
    """A source's circuit.

    Attributes:
        failures: Consecutive failures.
        open_until: Until when the source is not called (aware UTC); None where the circuit is closed.
        detail: What went wrong last, one line; empty where nothing did.
    """

    failures: int = 0
    open_until: datetime | None = None
    detail: str = ""


class CircuitBreakers:
    """Circuit breakers by source. Methods raise `DatabaseError` where the database refuses.

    Attributes:
        threshold: Consecutive failures that open a circuit.
        cool_down: How long it stays open the first time; each further failure doubles it, to 6 hours at the maximum.
    """

    def __init__(self, engine: Engine, *, threshold: int = 3, cool_down: timedelta = timedelta(minutes=10)) -> None:
        self._engine = engine
        self.threshold = threshold
        self.cool_down = cool_down

    def state(self, source: str) -> CircuitState:
        """The source's circuit; that of an unknown source is closed."""
        with read_transaction(self._engine) as connection:
            return _select_state(connection, source)

    def admit(self, source: str, now: datetime) -> CircuitState | None:
        """Ask for permission to call a source.

        After the cool-down the circuit is half-open: one caller may try, and the others wait for its result.

        Returns:
            None where the source may be called; else the state that forbids it.
        """
        with write_transaction(self._engine, alone=True) as connection:
            state = _select_state(connection, source)
            if state.open_until is None:
                return None
            if now < state.open_until:
                return state
            # Half-open: keep the others out for another cool-down, in case this caller never reports.
            half_open = CircuitState(state.failures, now + self.cool_down, state.detail)
            _upsert_state(connection, source, half_open, now)
            return None

    def record(self, source: str, now: datetime, failure: str = "") -> CircuitState:
        """Record the result of a call, and open or close the circuit.

        Args:
            source: Name of the source.
            now: When the call ended (aware).
            failure: What went wrong, one line; empty where the source answered.
        """
        with write_transaction(self._engine, alone=True) as connection:
            before = _select_state(connection, source)
            failures = before.failures + 1 if failure else 0
            state = CircuitState(failures, self._open_until(failures, now), failure)
            if state != before:
                _upsert_state(connection, source, state, now)
        return state

    def _open_until(self, failures: int, now: datetime) -> datetime | None:
        doublings = failures - self.threshold
        if doublings < 0:
            return None
        cool_down = self.cool_down * 2 ** min(doublings, _MAX_DOUBLINGS)
        return now + min(cool_down, _MAX_COOL_DOWN)


def _select_state(connection: Connection, source: str) -> CircuitState:
    columns = (source_state.c.failures, source_state.c.open_until, source_state.c.detail)
    row = connection.execute(sa.select(*columns).where(source_state.c.vendor == source)).one_or_none()
    if row is None:
        return CircuitState()
    return CircuitState(row.failures, row.open_until, row.detail)


def _upsert_state(connection: Connection, source: str, state: CircuitState, now: datetime) -> None:
    row = {
        "vendor": source,
        "failures": state.failures,
        "open_until": state.open_until,
        "detail": state.detail,
        "updated_at": now,
    }
    columns = ["failures", "open_until", "detail", "updated_at"]
    connection.execute(insert_or_update(connection, source_state, key=["vendor"], columns=columns), row)
