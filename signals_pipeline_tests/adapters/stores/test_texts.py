"""Texts are stored alike by both databases: maximal ones whole, longer ones not at all, unstorable characters gone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import metadata
from signals_pipeline.adapters.stores.texts import StoredText, TextTooLongError

START = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
END = START + timedelta(hours=9)
# Values that constraints allow, by column; those of texts are allowed values.
ALLOWED: dict[str, Any] = {
    "id": 1,
    "number": 2,
    "window_start": START,
    "window_end": END,
    "history_start": START - timedelta(days=7),
    "decided_at": END,
    "expires_at": END + timedelta(days=7),
    "known_at": START,
    "mode": "live",
    "signal_type": "BUY",
    "source": "technical",
    "lifecycle": "new",
    "event": "results",
    "status": "ok",
    "state": "pending",
    "reason": "bounced",
    "verdict": "useful",
}
ALLOWED_IN_TABLE = {
    "digest": {"kind": "quiet"},
    "delivery": {"kind": "digest"},
    "corporate_action": {"kind": "split"},
    "earnings_date": {"report_time": "unknown"},
}
# Columns that are named like constrained ones, and are not.
FREE = {
    ("daily_bar", "source"),
    ("corporate_action", "source"),
    ("headline_item", "source"),
    ("earnings_date", "source"),
    ("earnings_visit", "source"),
    ("headline_score", "event"),
}
VALUE_BY_TYPE: dict[type, Any] = {
    sa.Double: 0.5,
    sa.Integer: 1,
    sa.Boolean: True,
    sa.JSON: ["\0", "\ud800"],
    sa.Date: date(2026, 3, 2),
}
ANY_TEXT = st.text(st.characters() | st.sampled_from(["\0", "\ud800", "\U0001d11e"]), max_size=400)
STEADY = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def free_texts(table: sa.Table) -> list[sa.Column[Any]]:
    """The text columns of a table whose values no constraint fixes."""
    fixed = ALLOWED | ALLOWED_IN_TABLE.get(table.name, {})
    columns = [column for column in table.columns if isinstance(column.type, StoredText)]
    return [column for column in columns if column.name not in fixed or (table.name, column.name) in FREE]


def allowed_row(table: sa.Table) -> dict[str, Any]:
    """A row that every constraint allows, its free texts empty."""
    row: dict[str, Any] = {}
    for column in table.columns:
        values = [value for kind, value in VALUE_BY_TYPE.items() if isinstance(column.type, kind)]
        row[column.name] = values[0] if values else START
    row |= {name: value for name, value in ALLOWED.items() if name in row}
    row |= ALLOWED_IN_TABLE.get(table.name, {})
    return row | {column.name: "" for column in free_texts(table)}


def insert(connection: Connection, table: sa.Table, values: dict[str, str]) -> None:
    """Insert one row with these texts, and the rows that it refers to."""
    parents = {key.column.table for key in table.foreign_keys if key.column.table is not table}
    for parent in parents:
        shared = {
            name: value for name, value in values.items() if name in {column.name for column in free_texts(parent)}
        }
        insert(connection, parent, shared)
    connection.execute(sa.insert(table), allowed_row(table) | values)


def clear(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        connection.execute(sa.delete(table))


def stored_form(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


TABLES = [table.name for table in metadata.sorted_tables if free_texts(table)]
LIMITED = [
    (table.name, column.name)
    for table in metadata.sorted_tables
    for column in free_texts(table)
    if isinstance(column.type, StoredText) and column.type.length
]


@pytest.mark.parametrize("name", TABLES)
@STEADY
@given(data=st.data())
def test_any_text_that_fits_is_stored_alike(engine: Engine, name: str, data: st.DataObject) -> None:
    table = metadata.tables[name]
    values: dict[str, str] = {}
    for column in free_texts(table):
        length = column.type.length  # type: ignore[attr-defined]
        text = data.draw(ANY_TEXT, label=column.name)
        # As long as the column holds, whatever it was drawn from.
        values[column.name] = (text + "\U0001d11e" * length)[:length] if length else text
    with write_transaction(engine) as connection:
        clear(connection)
        insert(connection, table, values)
    with read_transaction(engine) as connection:
        row = connection.execute(sa.select(table)).mappings().one()
    assert {column: row[column] for column in values} == {column: stored_form(text) for column, text in values.items()}


@pytest.mark.parametrize(("name", "column"), LIMITED)
def test_a_text_that_does_not_fit_is_one_line_and_stores_nothing(engine: Engine, name: str, column: str) -> None:
    table = metadata.tables[name]
    length = table.c[column].type.length  # type: ignore[attr-defined]
    with read_transaction(engine) as connection:
        before = connection.execute(sa.select(table)).all()
    with pytest.raises(TextTooLongError) as caught, write_transaction(engine) as connection:
        insert(connection, table, {column: "x" * (length + 1)})
    shown = "x" * min(length + 1, 40)
    assert str(caught.value) == (
        f"{column} '{shown}'... has {length + 1} characters, the database holds {length}: shorten it"
    )
    with read_transaction(engine) as connection:
        assert connection.execute(sa.select(table)).all() == before


def test_every_text_column_is_a_stored_text() -> None:
    for table in metadata.sorted_tables:
        for column in table.columns:
            assert not isinstance(column.type, sa.String), f"{table.name}.{column.name}"
