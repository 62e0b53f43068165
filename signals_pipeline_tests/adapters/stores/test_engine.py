"""The database: instants, transactions, and one clear line for whatever is wrong with it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import (
    DatabaseError,
    DatabaseProblem,
    EngineLimits,
    engine_for,
    read_transaction,
    write_transaction,
)
from signals_pipeline.adapters.stores.instants import NaiveDatetimeError
from signals_pipeline.adapters.stores.read_only import read_only_engine
from signals_pipeline.adapters.stores.tables import digest, headline_score, metadata, source_call
from signals_pipeline_tests.support.databases import PROCESSES, migrated_template, postgres_admin
from signals_pipeline_tests.support.permissions import unprivileged_folder
from signals_pipeline_tests.support.postgres import server
from signals_pipeline_tests.support.small_disks import filled, small_disk

__all__ = ["unprivileged_folder"]

INSTANTS = st.datetimes(
    datetime(1800, 1, 1),  # noqa: DTZ001 - the strategy adds the timezone
    datetime(9000, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))]),
)


def store_instants(engine: Engine, instants: list[datetime]) -> None:
    row = {"model_revision": "m", "negative": 0.0, "neutral": 0.0, "positive": 0.0}
    with write_transaction(engine) as connection:
        connection.execute(sa.delete(headline_score))
        rows = [row | {"text_hash": str(place), "scored_at": each} for place, each in enumerate(instants)]
        connection.execute(sa.insert(headline_score), rows)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(instants=st.lists(INSTANTS, min_size=1, max_size=8), limit=INSTANTS)
def test_instants_come_back_and_compare_as_instants(engine: Engine, instants: list[datetime], limit: datetime) -> None:
    store_instants(engine, instants)
    column = headline_score.c.scored_at
    with read_transaction(engine) as connection:
        back = list(connection.scalars(sa.select(column).order_by(column)))
        before = list(connection.scalars(sa.select(column).where(column < limit).order_by(column)))
    assert back == sorted(instants)
    assert all(each.tzinfo is UTC for each in back)
    assert before == sorted(each for each in instants if each < limit)


def test_a_pandas_timestamp_is_an_instant_too(engine: Engine) -> None:
    store_instants(engine, [pd.Timestamp("2026-03-02 13:30:00.000001", tz="America/New_York")])
    with read_transaction(engine) as connection:
        assert connection.scalar(sa.select(headline_score.c.scored_at)) == datetime(2026, 3, 2, 18, 30, 0, 1, UTC)


def test_a_missing_instant_stays_missing(engine: Engine) -> None:
    with read_transaction(engine) as connection:
        assert connection.scalar(sa.select(sa.func.max(digest.c.created_at))) is None
        none = sa.select(digest.c.kind).where(digest.c.created_at == sa.literal(None, digest.c.created_at.type))
        assert connection.execute(none).all() == []


def test_a_naive_datetime_is_refused(engine: Engine) -> None:
    naive = datetime(2026, 3, 2)  # noqa: DTZ001
    with pytest.raises(NaiveDatetimeError, match="has no timezone: instants are stored in UTC"):
        store_instants(engine, [naive])


def insert_twice(engine: Engine, row: dict[str, object]) -> None:
    with write_transaction(engine, alone=True) as connection:
        for _ in range(2):
            connection.execute(sa.insert(source_call), row)


def test_a_transaction_is_whole_or_nothing(engine: Engine) -> None:
    row = {"vendor": "a", "day": date(2026, 3, 2), "calls": 1}
    with pytest.raises(DatabaseError, match=r"pk_source_call|UNIQUE"):
        insert_twice(engine, row)
    with read_transaction(engine) as connection:
        assert connection.execute(sa.select(source_call)).all() == []


def test_a_reader_sees_one_state_while_another_writes(engine: Engine) -> None:
    count = sa.select(sa.func.count()).select_from(source_call)
    with read_transaction(engine) as reader:
        assert reader.scalar(count) == 0
        with write_transaction(engine) as writer:
            writer.execute(sa.insert(source_call).values(vendor="a", day=date(2026, 3, 2), calls=1))
        assert reader.scalar(count) == 0
    with read_transaction(engine) as reader:
        assert reader.scalar(count) == 1


def test_a_broken_rule_is_one_line(engine: Engine) -> None:
    with pytest.raises(DatabaseError, match="ck_source_call_calls") as caught, write_transaction(engine) as connection:
        connection.execute(sa.insert(source_call).values(vendor="a", day=date(2026, 3, 2), calls=-1))
    assert "\n" not in str(caught.value)


def test_sqlite_is_set_up_for_one_writer_and_many_readers(tmp_path: Path) -> None:
    opened = engine_for(f"sqlite:///{tmp_path / 'made' / 'on the way' / 'a.db'}")
    with read_transaction(opened) as connection:
        wanted = {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000, "synchronous": 1}
        assert {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted} == wanted
    opened.dispose()


def test_sqlite_in_memory_needs_no_folder() -> None:
    opened = engine_for("sqlite://")
    with read_transaction(opened) as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    opened.dispose()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("no url", "the database URL can't be read; write sqlite:///"),
        ("mysql://u:secret@h/d", "neither SQLite nor PostgreSQL; write sqlite:///"),
        ("postgresql://u:secret@localhost/d", "its driver is not installed .* write .*postgresql.psycopg2://"),
        ("postgresql+psycopg2://u:secret@localhost:1/d", "Connection refused.*start the server"),
        ("postgresql+psycopg2://u:secret@localhost:1/d?connect_timeout=2", "Connection refused.*start the server"),
        ("postgresql+psycopg2://u:secret@nowhere.invalid/d", "could not translate host.*correct the host"),
        ("sqlite:////dev/null/a.db", "/dev/null/a.db: its folder can't be created"),
        ("sqlite:////dev", "database /dev: not a file; remove it, or choose another path"),
        ("sqlite:////dev/null", "database /dev/null: not a file"),
        (f"sqlite:///{__file__}", "file is not a database; the file is not SQLite"),
    ],
)
def test_an_unusable_database_is_one_clear_line(url: str, problem: str) -> None:
    with pytest.raises(DatabaseError, match=problem) as caught:
        engine_for(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.postgres
def test_a_statement_that_waits_for_ever_is_ended_by_the_server_and_may_be_repeated() -> None:
    patient = engine_for(postgres_admin().url.render_as_string(hide_password=False))
    with read_transaction(patient) as connection:
        assert connection.scalar(sa.text("SHOW statement_timeout")) == "5min"
    hasty = engine_for(str(patient.url.update_query_dict({"options": "-c statement_timeout=50ms"})))
    with (
        write_transaction(patient, alone=True),
        pytest.raises(DatabaseError) as caught,
        write_transaction(hasty, alone=True),
    ):
        pass
    assert caught.value.transient
    assert caught.value.problem is DatabaseProblem.STATEMENT_TIMEOUT
    assert "another process has held a lock that it needs" in str(caught.value)
    for engine in (patient, hasty):
        engine.dispose()


@pytest.mark.postgres
def test_a_missing_database_on_the_server_is_one_clear_line() -> None:
    url = postgres_admin().url.set(database="not_there").render_as_string(hide_password=False)
    with pytest.raises(DatabaseError, match="does not exist; create it, then run `signals migrate`") as caught:
        engine_for(url)
    assert caught.value.problem is DatabaseProblem.MISSING_DATABASE
    assert not caught.value.transient


def test_a_read_only_file_is_refused(unprivileged_folder: Path) -> None:
    path = unprivileged_folder / "a.db"
    engine_for(f"sqlite:///{path}").dispose()
    path.chmod(0o444)
    with pytest.raises(DatabaseError, match=f"{path} is read-only for this user; make it writable"):
        engine_for(f"sqlite:///{path}")


def test_a_read_only_folder_is_refused(unprivileged_folder: Path) -> None:
    folder = unprivileged_folder / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    with pytest.raises(DatabaseError, match=f"{folder} is read-only for this user"):
        engine_for(f"sqlite:///{folder / 'a.db'}")
    with pytest.raises(DatabaseError, match=r"its folder can't be created .Permission denied."):
        engine_for(f"sqlite:///{folder / 'below' / 'a.db'}")


def test_a_database_opened_for_reading_says_so_when_written(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    created = engine_for(f"sqlite:///{path}")
    metadata.create_all(created)
    created.dispose()
    opened = engine_for(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(DatabaseError, match="readonly database; make the file and its folder writable"):
        store_instants(opened, [])
    opened.dispose()


def test_a_database_without_tables_says_what_to_run(tmp_path: Path) -> None:
    opened = engine_for(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(DatabaseError, match=r"no such table: headline_score.*run `signals migrate`"):
        store_instants(opened, [])
    opened.dispose()


# --- Files that are empty, damaged or on a full disk ---


def rows_of_every_table(url: str) -> int:
    """Open a database as the pipeline does and read all of it."""
    opened = engine_for(url)
    try:
        migrations.require_head(opened)
        with read_transaction(opened) as connection:
            return sum(len(connection.execute(sa.select(table)).all()) for table in metadata.sorted_tables)
    finally:
        opened.dispose()


def failure_of(url: str) -> str | None:
    """The line of a database that can't be read; None where it can."""
    try:
        rows_of_every_table(url)
    except DatabaseError as error:
        return str(error)
    return None


@pytest.mark.parametrize("open_database", [engine_for, read_only_engine, migrations.upgrade])
def test_an_empty_file_is_never_taken_for_a_new_history(tmp_path: Path, open_database: Callable[[str], object]) -> None:
    path = tmp_path / "signals.db"
    path.touch()
    with pytest.raises(DatabaseError) as caught:
        open_database(f"sqlite:///{path}")
    assert str(caught.value) == (
        f"database {path} is empty (0 bytes): restore it from a backup, or delete it to begin a new history"
    )
    assert path.read_bytes() == b""


def test_a_new_database_appears_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "signals.db"
    engine_for(f"sqlite:///{path}").dispose()
    assert path.read_bytes().startswith(b"SQLite format 3\0")
    assert [each.name for each in tmp_path.iterdir()] == ["signals.db"]


def _opened(url: str) -> str:
    try:
        engine_for(url).dispose()
    except DatabaseError as error:
        return str(error)
    return "opened"


def test_processes_that_create_a_database_at_once_never_see_an_empty_one(tmp_path: Path) -> None:
    with PROCESSES.Pool(4) as pool:
        for attempt in range(10):
            url = f"sqlite:///{tmp_path / f'{attempt}.db'}"
            assert pool.map(_opened, [url] * 4, chunksize=1) == ["opened"] * 4


@pytest.mark.parametrize("content", [b"\0" * 4096, b"SQLite format 2\0" + b"\0" * 4080, b"{}", b"a" * 100_000])
def test_a_file_that_is_no_database_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "signals.db"
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match="file is not a database; the file is not SQLite; choose") as caught:
        rows_of_every_table(f"sqlite:///{path}")
    assert caught.value.problem is DatabaseProblem.NOT_A_DATABASE
    assert path.read_bytes() == content


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 0.9))  # the last pages may be those of an index, which no query here reads
def test_a_database_cut_off_anywhere_is_one_line(tmp_path: Path, share: float) -> None:
    content = Path(migrated_template("sqlite")).read_bytes()
    path = tmp_path / "signals.db"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatabaseError) as caught:
        rows_of_every_table(f"sqlite:///{path}")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=64)), min_size=1, max_size=4)
)
def test_a_database_overwritten_anywhere_is_read_or_is_one_line(
    tmp_path: Path, damages: list[tuple[float, bytes]]
) -> None:
    content = bytearray(Path(migrated_template("sqlite")).read_bytes())
    for share, damage in damages:
        start = int(share * len(content))
        content[start : start + len(damage)] = damage
    path = tmp_path / "signals.db"
    path.write_bytes(content)
    message = failure_of(f"sqlite:///{path}")
    assert message is None or ("\n" not in message and str(path) in message)


@pytest.mark.parametrize("free", [0, 8_192, 40_000, 100_000])
def test_a_full_disk_is_one_line_and_leaves_no_half_of_a_revision(tmp_path: Path, free: int) -> None:
    with small_disk(tmp_path / "disk", size="4m") as disk:
        url = f"sqlite:///{disk / 'signals.db'}"
        with filled(disk, free=free), pytest.raises(DatabaseError) as caught:
            migrations.upgrade(url)
        assert caught.value.problem is DatabaseProblem.DISK_FULL
        assert str(caught.value).endswith("; free space and run again; nothing is half-written")
        assert str(disk / "signals.db") in str(caught.value)
        assert migrations.current(url) is None
        assert migrations.upgrade(url) == migrations.head()


# --- Classification ---


def test_a_missing_table_is_an_outdated_schema_on_both_databases(empty_url: str) -> None:
    opened = engine_for(empty_url)
    with pytest.raises(DatabaseError, match=r"headline_score.*; run `signals migrate`$") as caught:
        store_instants(opened, [])
    opened.dispose()
    assert caught.value.problem is DatabaseProblem.OUTDATED_SCHEMA
    assert not caught.value.transient


def test_a_locked_sqlite_file_is_a_transient_problem(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    writer = engine_for(url)
    impatient = engine_for(url, limits=EngineLimits(busy_seconds=0))
    with write_transaction(writer), pytest.raises(DatabaseError) as caught, write_transaction(impatient):
        pass
    for engine in (writer, impatient):
        engine.dispose()
    assert caught.value.problem is DatabaseProblem.LOCKED
    assert caught.value.transient
    assert "another process keeps it locked; stop it" in str(caught.value)


@pytest.mark.postgres
def test_a_server_without_free_connections_is_a_transient_problem_for_every_kind_of_role() -> None:
    with server() as full:
        full.tell("ALTER SYSTEM SET max_connections = 6")
        full.tell("ALTER SYSTEM SET superuser_reserved_connections = 2")
        full.tell("CREATE ROLE reader LOGIN")
        full.tell("CREATE ROLE single LOGIN CONNECTION LIMIT 1")
        full.stop()
        full.start()
        urls = {name: full.url.set(username=name).render_as_string() for name in ("reader", "single", "postgres")}
        held = [engine_for(urls[name]) for name in ("single", "reader", "reader", "reader")]
        kept = [engine.connect() for engine in held]

        # A role at its own limit; the slots that are left are reserved; no slot is left at all.
        errors = [refused_connection(urls["single"]), refused_connection(urls["reader"])]
        administrators = [engine_for(urls["postgres"]) for _ in range(2)]
        kept += [engine.connect() for engine in administrators]
        errors.append(refused_connection(urls["postgres"]))

        for connection in kept:
            connection.close()
        for engine in (*held, *administrators):
            engine.dispose()
    assert [error.problem for error in errors] == [DatabaseProblem.TOO_MANY_CONNECTIONS] * 3
    assert all(error.transient for error in errors)
    assert "close connections of other applications, or raise its max_connections" in str(errors[0])


def refused_connection(url: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        engine_for(url)
    return caught.value


def test_a_pool_without_free_connections_is_a_transient_problem(database_url: str) -> None:
    opened = engine_for(database_url, EngineLimits(pool_size=1, pool_overflow=0, pool_seconds=0.01))
    with read_transaction(opened), pytest.raises(DatabaseError) as caught, read_transaction(opened):
        pass
    opened.dispose()
    assert caught.value.problem is DatabaseProblem.POOL_EXHAUSTED
    assert caught.value.transient
    assert "all connections of this process are in use" in str(caught.value)


class ServerError(Exception):
    """An error as psycopg2 raises it: the text is in the server's language, the SQLSTATE is not."""

    def __init__(self, message: str, pgcode: str | None) -> None:
        super().__init__(message)
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("pgcode", "problem", "transient"),
    [
        ("08006", DatabaseProblem.CONNECTION_LOST, True),
        ("25006", DatabaseProblem.READ_ONLY, False),
        ("28P01", DatabaseProblem.AUTHENTICATION_FAILED, False),
        ("3D000", DatabaseProblem.MISSING_DATABASE, False),
        ("40001", DatabaseProblem.TRANSACTION_CONFLICT, True),
        ("40P01", DatabaseProblem.TRANSACTION_CONFLICT, True),
        ("42P01", DatabaseProblem.OUTDATED_SCHEMA, False),
        ("53100", DatabaseProblem.DISK_FULL, False),
        ("53300", DatabaseProblem.TOO_MANY_CONNECTIONS, True),
        ("57014", DatabaseProblem.STATEMENT_TIMEOUT, True),
        ("57P01", DatabaseProblem.SERVER_STARTING_OR_STOPPING, True),
        ("57P03", DatabaseProblem.SERVER_STARTING_OR_STOPPING, True),
        ("23505", DatabaseProblem.OTHER, False),
    ],
)
def test_an_error_of_the_server_is_classified_by_its_sqlstate_in_any_language(
    tmp_path: Path, pgcode: str, problem: DatabaseProblem, *, transient: bool
) -> None:
    opened = engine_for(f"sqlite:///{tmp_path / 'a.db'}")
    original = ServerError("Fehler: connection refused steht hier nur im Text", pgcode)
    with pytest.raises(DatabaseError) as caught, read_transaction(opened):
        raise OperationalError("SELECT 1", {}, original)
    opened.dispose()
    assert (caught.value.problem, caught.value.transient) == (problem, transient)


@pytest.mark.parametrize(
    ("message", "problem", "transient"),
    [
        ("could not translate host name: Temporary failure in name resolution", "NAME_RESOLUTION_UNAVAILABLE", True),
        ("could not translate host name: Name or service not known", "UNKNOWN_HOST", False),
        ("connection to server failed: timeout expired", "CONNECT_TIMEOUT", True),
        ("No such file or directory. Is the server running locally?", "SERVER_UNREACHABLE", True),
        ("FATAL: the database system is starting up", "SERVER_STARTING_OR_STOPPING", True),
        ("FATAL: password authentication failed for user", "AUTHENTICATION_FAILED", False),
        ("server closed the connection unexpectedly", "CONNECTION_LOST", True),
        ("FATAL: sorry, too many clients already", "TOO_MANY_CONNECTIONS", True),
        ("FATAL: too many connections for role", "TOO_MANY_CONNECTIONS", True),
        ("something else", "OTHER", False),
    ],
)
def test_a_failure_to_connect_which_has_no_sqlstate_is_classified_by_its_words(
    tmp_path: Path, message: str, problem: str, *, transient: bool
) -> None:
    opened = engine_for(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(DatabaseError) as caught, read_transaction(opened):
        raise OperationalError("SELECT 1", {}, ServerError(message, None))
    opened.dispose()
    assert (caught.value.problem.name, caught.value.transient) == (problem, transient)
