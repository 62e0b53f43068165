"""A circuit breaker a source, kept in the database: one that keeps failing is left alone for a while by all runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import source_state

_LONGEST = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class State:
    """How a source did of late: failed answers in a row, why, and until when it is left alone."""

    failures: int = 0
    open_until: datetime | None = None
    detail: str = ""


class Circuits:
    """Breakers by source. Methods raise `DatabaseError` where the database refuses.

    Attributes:
        threshold: Failures in a row that open a circuit.
        cool_down: How long it stays open the first time; each further failure doubles it, to 6 hours at most.
    """

    def __init__(self, engine: Engine, *, threshold: int = 3, cool_down: timedelta = timedelta(minutes=10)) -> None:
        self._engine = engine
        self.threshold = threshold
        self.cool_down = cool_down

    def state(self, source: str) -> State:
        """How the source did; a source never heard of did well."""
        with read_transaction(self._engine) as connection:
            return _state(connection, source)

    def admit(self, source: str, now: datetime) -> State | None:
        """Ask before a visit.

        When a circuit's time is over, one visitor may try; it stays closed to the others until that one reported.

        Returns:
            None where the source may be visited; else the state that forbids it.
        """
        with write_transaction(self._engine, alone=True) as connection:
            state = _state(connection, source)
            if state.open_until is None:
                return None
            if now < state.open_until:
                return state
            _put(connection, source, State(state.failures, now + self.cool_down, state.detail), now)
            return None

    def record(self, source: str, now: datetime, failure: str = "") -> State:
        """Keep how a visit went, and open or close the circuit.

        Args:
            source: Name of the source.
            now: When it ended (aware).
            failure: What went wrong, one line; empty where it answered.
        """
        with write_transaction(self._engine, alone=True) as connection:
            before = _state(connection, source)
            failures = before.failures + 1 if failure else 0
            over = failures - self.threshold
            open_until = now + min(self.cool_down * 2 ** min(over, 16), _LONGEST) if over >= 0 else None
            state = State(failures, open_until, failure)
            if state != before:
                _put(connection, source, state, now)
        return state


def _state(connection: Connection, source: str) -> State:
    columns = (source_state.c.failures, source_state.c.open_until, source_state.c.detail)
    row = connection.execute(sa.select(*columns).where(source_state.c.vendor == source)).one_or_none()
    return State() if row is None else State(row.failures, row.open_until, row.detail)


def _put(connection: Connection, source: str, state: State, now: datetime) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = {
        "failures": state.failures,
        "open_until": state.open_until,
        "detail": state.detail,
        "updated_at": now,
    }
    changed = insert(source_state).on_conflict_do_update(index_elements=["vendor"], set_=values)
    connection.execute(changed, {"vendor": source, **values})
