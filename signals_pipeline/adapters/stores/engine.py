"""Engines and transactions: every failure of the database is one clear line.

SQLite runs in WAL mode, so that readers never wait for the writer, and takes its write lock when a transaction begins,
so that two writers queue instead of failing halfway. PostgreSQL writers that must not interleave take an advisory lock.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from signals_pipeline.core.errors import SignalsError

BUSY_SECONDS = 30
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 300  # none of ours takes a tenth of it; one that does waits for a lock that nobody gives back
_WRITER = "signals_writer"
_LOCK_KEY = 7_310_579_001  # any constant: the pipeline's advisory lock among the server's
_PASSING = (
    "database is locked",
    "refused",
    "timeout",
    "closed the connection",
    "starting up",
    "shutting down",
    "not yet accepting connections",
    "Is the server running",  # nobody listens at its address, or its socket is not there
    "Temporary failure in name resolution",
    "deadlock",
)
_FORMS = "sqlite:///FOLDER/FILE or postgresql+psycopg2://USER:PASSWORD@HOST/NAME"


class DatabaseError(SignalsError, RuntimeError):
    """The database can't be used; the message is one line: which one, what is wrong, what to do.

    Attributes:
        passing: It may heal within a minute by itself: the server restarts, a connection broke, another writer is slow.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


def engine_for(url: str) -> Engine:
    """An engine on a database that answers; a SQLite file and its folder are created where they are missing.

    Args:
        url: SQLAlchemy URL, `sqlite:///...` or `postgresql+psycopg2://...`.

    Raises:
        DatabaseError: the URL can't be read, its driver is missing, the file or folder can't be written, or the server
            doesn't answer.
    """
    parsed = _parsed(url)
    engine = _created(parsed)
    if parsed.get_backend_name() == "sqlite":
        _prepare_file(parsed)
        _set_up_sqlite(engine)
    with read_transaction(engine) as connection:
        connection.execute(sa.text("SELECT 1 FROM (SELECT 1) AS one"))
    return engine


def name_of(engine: Engine) -> str:
    """The database's URL for messages, the password hidden."""
    return engine.url.render_as_string(hide_password=True)


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database throughout, and never waits for writers.

    Raises:
        DatabaseError: the database refuses or doesn't answer.
    """
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with _explained(engine), engine.connect().execution_options(**options) as connection:
        yield connection


@contextmanager
def write_transaction(engine: Engine, *, alone: bool = False) -> Iterator[Connection]:
    """A transaction that writes: committed whole at the end, rolled back whole on any exception.

    Args:
        engine: Where to write.
        alone: No other transaction that writes with `alone` runs at the same time. On SQLite every writer is alone.

    Raises:
        DatabaseError: the database refuses or doesn't answer.
    """
    with _explained(engine), engine.execution_options(**{_WRITER: True}).begin() as connection:
        if alone:
            lock(connection)
        yield connection


def lock(connection: Connection) -> None:
    """Wait for the pipeline's write lock, held until the connection's transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))


@contextmanager
def migration_transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction for all revisions of the schema, alone among writers.

    SQLite's foreign keys are off meanwhile: a revision that copies a table drops the old one, which would take along
    the rows that refer to it. They are checked before the commit.

    Raises:
        DatabaseError: a revision failed or left rows that refer to nothing; the database is as it was.
    """
    sqlite = engine.dialect.name == "sqlite"
    with _explained(engine), engine.connect().execution_options(**{_WRITER: True}) as connection:
        if sqlite:  # has no effect inside a transaction, and SQLAlchemy would begin one
            connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                if not sqlite:  # a revision may rewrite a large table
                    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                lock(connection)
                yield connection
                if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise DatabaseError(f"database {name_of(engine)}: the revision leaves rows that refer to nothing")
        finally:
            connection.invalidate()  # so that no later user of the pool gets it without foreign keys


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:  # the text is not repeated: it may hold a password
        raise DatabaseError(f"the database URL can't be read; write {_FORMS}") from error
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise DatabaseError(f"database {parsed.render_as_string()}: neither SQLite nor PostgreSQL; write {_FORMS}")
    return parsed


def _created(url: URL) -> Engine:
    options: dict[str, Any] = {"json_serializer": _compact_json}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": BUSY_SECONDS}
    else:
        options["pool_pre_ping"] = True
        if url.get_driver_name() == "psycopg2":
            options["executemany_mode"] = "values_plus_batch"  # rows that may conflict go in batches too
        options["connect_args"] = {name: value for name, value in _PATIENCE.items() if name not in url.query}
    try:
        return sa.create_engine(url, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        name = url.render_as_string()
        raise DatabaseError(f"database {name}: its driver is not installed ({_line(error)}); write {_FORMS}") from error


# A server or a network that falls silent is given up by the driver, which no signal of ours interrupts.
_PATIENCE: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "options": f"-c statement_timeout={STATEMENT_SECONDS}s",
}


def _compact_json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _prepare_file(url: URL) -> None:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        return
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"database {path}: its folder can't be made ({error.strerror}); choose another SIGNALS_DATABASE_URL"
        ) from error
    # WAL mode keeps two more files beside the database, so the folder must be writable too.
    for needed in (path, path.parent):
        if needed.exists() and not os.access(needed, os.W_OK, effective_ids=True):
            raise DatabaseError(f"database {path}: {needed} is read-only for this user; make it writable")


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver guesses
        if connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete":
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writer = connection.get_execution_options().get(_WRITER, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        said = str(error.orig)
        transient = error.connection_invalidated or any(words in said for words in _PASSING)
        raise DatabaseError(
            f"database {name_of(engine)}: {_line(error.orig)}{_advice(said)}", transient=transient
        ) from error


def _line(error: BaseException | None) -> str:
    return " ".join(str(error).split())


def _advice(problem: str) -> str:
    for words, advice in (
        ("no such table", "run `signals migrate`"),
        ("does not exist", "create it, then run `signals migrate`"),
        ("readonly", "make the file and its folder writable"),
        ("unable to open", "check the path and its permissions"),
        ("not a database", "the file is not SQLite; choose another SIGNALS_DATABASE_URL"),
        ("database is locked", f"another process has been writing for {BUSY_SECONDS} s; end it and run again"),
        ("refused", "start the server or correct SIGNALS_DATABASE_URL"),
        ("could not translate", "correct the host in SIGNALS_DATABASE_URL"),
        (
            "statement timeout",
            f"another process has held what it needs for {STATEMENT_SECONDS} s; end it and run again",
        ),
        ("timeout", "check the network and SIGNALS_DATABASE_URL"),
        ("authentication", "correct user and password in SIGNALS_DATABASE_URL"),
    ):
        if words in problem:
            return f"; {advice}"
    return ""
