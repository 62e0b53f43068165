"""Upserts mean the same on both databases."""

from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import source_call
from signals_pipeline.adapters.stores.upsert import insert_or_ignore, insert_or_update

DAY = date(2026, 3, 2)


@pytest.fixture
def stored(engine: Engine) -> Engine:
    with write_transaction(engine) as connection:
        connection.execute(sa.insert(source_call).values(vendor="a", day=DAY, calls=1))
    return engine


def rows(engine: Engine) -> list[tuple[str, int]]:
    query = sa.select(source_call.c.vendor, source_call.c.calls).order_by(source_call.c.vendor)
    with read_transaction(engine) as connection:
        return [(row.vendor, row.calls) for row in connection.execute(query)]


def test_insert_or_ignore_leaves_rows_whose_key_is_there_already(stored: Engine) -> None:
    new_rows = [{"vendor": "a", "day": DAY, "calls": 7}, {"vendor": "b", "day": DAY, "calls": 7}]

    with write_transaction(stored) as connection:
        connection.execute(insert_or_ignore(connection, source_call), new_rows)

    assert rows(stored) == [("a", 1), ("b", 7)]


def test_insert_or_update_updates_rows_whose_key_is_there_already(stored: Engine) -> None:
    new_rows = [{"vendor": "a", "day": DAY, "calls": 7}, {"vendor": "b", "day": DAY, "calls": 8}]

    with write_transaction(stored) as connection:
        upsert = insert_or_update(connection, source_call, key=["vendor", "day"], columns=["calls"])
        connection.execute(upsert, new_rows)

    assert rows(stored) == [("a", 7), ("b", 8)]
