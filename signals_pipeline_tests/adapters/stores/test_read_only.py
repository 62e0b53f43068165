"""The web pages' engine can't write: the database refuses every such statement."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import DatabaseError, read_transaction, write_transaction
from signals_pipeline.adapters.stores.read_only import read_only_engine
from signals_pipeline.adapters.stores.tables import feedback, suppression


def test_reads_succeed_and_every_write_is_refused(database_url: str) -> None:
    engine = read_only_engine(database_url)
    with read_transaction(engine) as connection:
        assert connection.execute(sa.select(suppression)).all() == []
    for statement in (sa.delete(suppression), sa.text("DROP TABLE feedback"), sa.text("CREATE TABLE x (a int)")):
        with pytest.raises(DatabaseError, match=r"read-?only"), write_transaction(engine) as connection:
            connection.execute(statement)
    with read_transaction(engine) as connection:
        assert connection.execute(sa.select(feedback)).all() == []
    engine.dispose()


def test_options_of_the_url_are_kept(database_url: str) -> None:
    url = sa.make_url(database_url)
    if url.get_backend_name() != "sqlite":
        # The time-out of the engine's limits holds beside the option that keeps from writing.
        engine = read_only_engine(database_url)
        with read_transaction(engine) as connection:
            assert connection.execute(sa.text("SHOW statement_timeout")).scalar_one() == "5min"
        engine.dispose()
    if url.get_backend_name() == "sqlite":
        with_options = url.set(database=f"file:{url.database}").update_query_dict({"mode": "ro", "uri": "true"})
    else:
        with_options = url.update_query_dict({"options": ["-c statement_timeout=1234"]})
    engine = read_only_engine(with_options.render_as_string(hide_password=False))
    with read_transaction(engine) as connection:
        if url.get_backend_name() != "sqlite":
            assert connection.execute(sa.text("SHOW statement_timeout")).scalar_one() == "1234ms"
    with pytest.raises(DatabaseError, match=r"read-?only"), write_transaction(engine) as connection:
        connection.execute(sa.delete(suppression))
    engine.dispose()


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "none yet#1.db"
    with pytest.raises(DatabaseError, match="it does not exist; run `signals migrate` to create it"):
        read_only_engine(f"sqlite:///{path}")
    assert not path.exists()


@pytest.mark.parametrize("url", ["not a url", "mysql://h/d", "sqlite://"])
def test_an_invalid_url_is_the_same_error_as_for_a_writer(url: str) -> None:
    if url == "sqlite://":
        read_only_engine(url).dispose()  # in memory: there is nothing to protect
        return
    with pytest.raises(DatabaseError, match="write sqlite"):
        read_only_engine(url)
