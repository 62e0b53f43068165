"""INSERT ... ON CONFLICT for both databases: they share the syntax, but SQLAlchemy has a class for each dialect."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_or_ignore(connection: Connection, table: sa.Table) -> sa.Insert:
    """An INSERT that leaves rows alone whose key is already there."""
    return _insert(connection, table).on_conflict_do_nothing()


def insert_or_update(
    connection: Connection, table: sa.Table, *, key: Sequence[str], columns: Sequence[str]
) -> sa.Insert:
    """An INSERT that updates `columns` where a row with the same `key` is already there (an upsert)."""
    insert = _insert(connection, table)
    # `excluded` is the row that was to be inserted.
    new_values = {name: insert.excluded[name] for name in columns}
    return insert.on_conflict_do_update(index_elements=list(key), set_=new_values)


def _insert(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
