"""The revision of a database: our own record, the one of earlier releases, and tables of other applications."""

import os
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import DatabaseError, DatabaseProblem, engine_for, migration_transaction
from signals_pipeline.adapters.stores.tables import metadata
from signals_pipeline_tests.support.databases import PROCESSES, create_postgres

# The users' guide describes a table of this name, made by a revision 002 of its own.
GUIDE = (
    "CREATE TABLE signal_history (id INTEGER PRIMARY KEY, symbol VARCHAR(16), signal_type VARCHAR(4),"
    " confidence_score FLOAT, news_title TEXT, created_at TIMESTAMP)"
)
OTHERS = {
    "another application at 006": ("006", ()),
    "the guide's own at 002": ("002", (GUIDE,)),
    "Dagster's": ("29b539ebc72a", ("CREATE TABLE event_logs (id INTEGER)",)),
}
CONFLICT = r"has a table signal_history that is not recorded as the pipeline's \(no column .*choose another SIGNALS_DAT"


def execute(url: str, *statements: str) -> None:
    engine = engine_for(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def record(url: str, revision: str) -> None:
    """The table that Alembic makes where no other name is configured, at this revision."""
    execute(
        url,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        f"INSERT INTO alembic_version VALUES ('{revision}')",  # noqa: S608
    )


def make_as_before(url: str, revision: str) -> None:
    """A database as releases left it that recorded their revision in `alembic_version`."""
    migrations.upgrade(url, revision)
    execute(url, "DROP TABLE signals_alembic_version")
    record(url, revision)


def recorded(url: str) -> dict[str, list[str]]:
    """What each version table holds."""
    engine = engine_for(url)
    names = [name for name in sa.inspect(engine).get_table_names() if name.endswith("alembic_version")]
    with engine.connect() as connection:
        found = {name: list(connection.scalars(sa.text(f"SELECT version_num FROM {name}"))) for name in names}  # noqa: S608
    engine.dispose()
    return found


@pytest.mark.parametrize("revision", ["001", "002", "003", "004", "005", "006", "007", "008"])
def test_the_record_of_an_earlier_release_is_copied_and_stays_for_a_rollback(empty_url: str, revision: str) -> None:
    make_as_before(empty_url, revision)
    assert migrations.current(empty_url) == revision
    assert list(recorded(empty_url)) == ["alembic_version"]  # reading changes nothing

    assert migrations.upgrade(empty_url) == migrations.head()

    assert recorded(empty_url) == {"alembic_version": [revision], "signals_alembic_version": [migrations.head()]}
    engine = engine_for(empty_url)
    assert migrations.require_head(engine).remark == ""
    engine.dispose()


@pytest.mark.parametrize("other", ["another application at 006", "Dagster's"])
def test_another_applications_version_table_is_left_alone_and_named(empty_url: str, other: str) -> None:
    revision, statements = OTHERS[other]
    record(empty_url, revision)
    execute(empty_url, *statements)
    engine = engine_for(empty_url)
    with pytest.raises(DatabaseError, match=rf"no tables yet \(its table alembic_version \(at {revision}\) is another"):
        migrations.require_head(engine)

    assert migrations.upgrade(empty_url) == migrations.head()

    assert recorded(empty_url) == {"alembic_version": [revision], "signals_alembic_version": [migrations.head()]}
    version = migrations.require_head(engine)
    assert (version.revision, version.is_recorded) == (migrations.head(), True)
    if revision not in migrations.known_revisions():
        assert version.remark == f"its table alembic_version (at {revision}) is another application's and is left alone"
    engine.dispose()


def test_branches_of_another_application_and_a_table_of_another_shape_are_foreign(empty_url: str) -> None:
    record(empty_url, "b")
    execute(empty_url, "INSERT INTO alembic_version VALUES ('a')")
    engine = engine_for(empty_url)
    assert migrations.schema_version(engine).foreign == "a, b"
    execute(empty_url, "DROP TABLE alembic_version", "CREATE TABLE alembic_version (number INTEGER)")
    assert migrations.schema_version(engine).foreign is None
    engine.dispose()


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_signal_history_of_another_application_is_one_line_and_is_left_alone(
    empty_url: str, *, is_recorded: bool
) -> None:
    if is_recorded:
        record(empty_url, "002")
    execute(empty_url, GUIDE)
    engine = engine_for(empty_url)
    before = sorted(sa.inspect(engine).get_table_names())
    for attempt in (
        lambda: migrations.require_head(engine),
        lambda: migrations.upgrade(empty_url),
        lambda: migrations.downgrade(empty_url, "base"),
        lambda: migrations.current(empty_url),
    ):
        with pytest.raises(DatabaseError, match=CONFLICT) as caught:
            attempt()
        assert "\n" not in str(caught.value)
    assert sorted(sa.inspect(engine).get_table_names()) == before
    engine.dispose()


def test_our_tables_without_a_revision_are_one_line(database_url: str) -> None:
    execute(database_url, "DROP TABLE signals_alembic_version")
    engine = engine_for(database_url)
    with pytest.raises(DatabaseError, match=r"\(no revision in signals_alembic_version\)"):
        migrations.require_head(engine)
    engine.dispose()


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_a_table_replaced_after_the_migration_is_found_by_its_columns(engine: Engine, table: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text(f"ALTER TABLE {table} RENAME TO elsewhere"))
    with pytest.raises(DatabaseError, match=rf"its table {table} is not the pipeline's \(no such table\); restore"):
        migrations.require_head(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE TABLE {table} (other INTEGER)"))
    with pytest.raises(DatabaseError, match=rf"its table {table} is not the pipeline's \(no column "):
        migrations.require_head(engine)


def test_a_move_that_is_interrupted_leaves_the_former_record(empty_url: str) -> None:
    make_as_before(empty_url, "006")
    engine = engine_for(empty_url)

    def interrupt() -> None:
        with migration_transaction(engine) as connection:
            migrations.prepare(connection)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert recorded(empty_url) == {"alembic_version": ["006"]}
    assert migrations.upgrade(empty_url) == migrations.head()
    engine.dispose()


def _killed_in_the_middle(url: str) -> None:
    with migration_transaction(engine_for(url)) as connection:
        migrations.prepare(connection)
        os._exit(9)


def test_a_move_that_is_killed_leaves_the_former_record(empty_url: str) -> None:
    make_as_before(empty_url, "006")
    process = PROCESSES.Process(target=_killed_in_the_middle, args=(empty_url,))
    process.start()
    process.join()
    assert (process.exitcode, recorded(empty_url)) == (9, {"alembic_version": ["006"]})
    assert migrations.upgrade(empty_url) == migrations.head()


def _upgraded(url: str, start: Barrier, results: "Queue[str | None]") -> None:
    start.wait()
    try:
        results.put(migrations.upgrade(url))
    except DatabaseError as error:
        results.put(str(error))


def test_two_processes_that_start_at_once_move_the_record_once(empty_url: str) -> None:
    make_as_before(empty_url, "006")
    start, results = PROCESSES.Barrier(2), PROCESSES.Queue()
    workers = [PROCESSES.Process(target=_upgraded, args=(empty_url, start, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=60) for _ in workers] == [migrations.head()] * 2
    for worker in workers:
        worker.join()
    assert recorded(empty_url)["signals_alembic_version"] == [migrations.head()]


@pytest.mark.postgres
def test_a_schema_of_its_own_keeps_two_installations_apart_in_one_database() -> None:
    shared = create_postgres("two_installations")
    migrations.upgrade(shared)
    own = f"{shared}&options=-csearch_path%3Dsignals,public"
    with pytest.raises(DatabaseError, match="create the schema of its search_path") as caught:
        migrations.upgrade(f"{shared}&options=-csearch_path%3Dsignals")
    assert caught.value.problem is DatabaseProblem.MISSING_SCHEMA
    execute(shared, "CREATE SCHEMA signals", "DROP TABLE signal_history CASCADE", GUIDE)
    assert migrations.current(own) is None

    assert migrations.upgrade(own) == migrations.head()

    engine = engine_for(own)
    assert set(sa.inspect(engine).get_table_names(schema="signals")) == {*metadata.tables, "signals_alembic_version"}
    migrations.require_head(engine)
    engine.dispose()
