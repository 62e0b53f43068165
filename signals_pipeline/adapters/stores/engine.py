"""Engines and transactions, and every failure of the database as one clear line.

SQLite runs in WAL mode, so that readers never wait for the writer, and takes its write lock when a transaction begins,
so that two writers queue instead of failing halfway. PostgreSQL writers that must not interleave take an advisory lock.
A PostgreSQL server that sleeps or restarts is waited for, by every engine of the process, Dagster's included.
Repositories beside this module build on it; the schema is in `tables`, its revisions in `migrations`.
"""

import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Dialect, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from signals_pipeline.adapters.atomic_write import sync_folder
from signals_pipeline.adapters.waiting import announced_wait
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.redaction import redact_text, redact_url, secrets_in_url
from signals_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """How long an engine waits, and how many connections it opens.

    Attributes:
        busy_seconds: How long a SQLite writer waits for another before it gives up.
        connect_seconds: Time-out of a new connection to PostgreSQL.
        statement_seconds: Time-out of a statement on PostgreSQL. No statement of the pipeline takes a tenth of the
            default: one that does waits for a lock that stays held.
        pool_size: Connections that are kept open.
        pool_overflow: Connections that may be opened beyond those while all are in use.
        pool_seconds: How long a transaction waits for a connection while all are in use.
    """

    busy_seconds: int = 30
    connect_seconds: int = 10
    statement_seconds: int = 300
    pool_size: int = 5
    pool_overflow: int = 10
    pool_seconds: float = 30


DEFAULT_LIMITS = EngineLimits()

# Execution option of connections that write; SQLite's BEGIN depends on it.
_WRITER = "signals_writer"
# Any constant: it tells the pipeline's advisory lock from those of other applications on the same server.
_LOCK_KEY = 7_310_579_001

# libpq gives up a server or a network that falls silent; Python can't interrupt a call that waits inside the driver.
_POSTGRESQL_OPTIONS: dict[str, Any] = {
    # A lost peer is noticed after 30 + 3 * 10 seconds without an answer to keepalives.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # Milliseconds until data that was sent and never acknowledged breaks the connection.
    "tcp_user_timeout": 60_000,
}
# Timeout of one attempt to connect. A server that is paused resumes while an attempt hangs, and answers the next one.
_ATTEMPT_SECONDS = 10
_SHORTEST_ATTEMPT_SECONDS = 2  # libpq takes 1 for 2, and 0 for no timeout at all
_PAUSE_SECONDS = 0.5  # between two attempts: a server that starts refuses at once
_URL_FORMS = "sqlite:///FOLDER/FILE or postgresql+psycopg2://USER:PASSWORD@HOST/NAME"


class DatabaseProblem(Enum):
    """What kind of failure a database or its driver reported."""

    AUTHENTICATION_FAILED = auto()
    CANNOT_OPEN_FILE = auto()
    CONNECTION_LOST = auto()
    CONNECT_TIMEOUT = auto()
    CERTIFICATE_OF_OTHER_HOST = auto()
    DAMAGED = auto()
    DISK_FULL = auto()
    INPUT_OUTPUT = auto()
    INSUFFICIENT_PRIVILEGE = auto()
    LOCKED = auto()
    MISSING_DATABASE = auto()
    MISSING_SCHEMA = auto()
    NAME_RESOLUTION_UNAVAILABLE = auto()
    NOT_A_DATABASE = auto()
    OUTDATED_SCHEMA = auto()
    POOL_EXHAUSTED = auto()
    READ_ONLY = auto()
    SERVER_STARTING_OR_STOPPING = auto()
    SERVER_UNREACHABLE = auto()
    STATEMENT_TIMEOUT = auto()
    TABLE_EXISTS = auto()
    TLS_UNAVAILABLE = auto()
    TOO_MANY_CONNECTIONS = auto()
    TRANSACTION_CONFLICT = auto()
    UNKNOWN_HOST = auto()
    UNTRUSTED_CERTIFICATE = auto()
    OTHER = auto()


# Problems that may go away within a minute: the server restarts, a connection broke, another writer is slow.
_TRANSIENT = frozenset(
    {
        DatabaseProblem.CONNECTION_LOST,
        DatabaseProblem.CONNECT_TIMEOUT,
        DatabaseProblem.LOCKED,
        DatabaseProblem.NAME_RESOLUTION_UNAVAILABLE,
        DatabaseProblem.POOL_EXHAUSTED,
        DatabaseProblem.SERVER_STARTING_OR_STOPPING,
        DatabaseProblem.SERVER_UNREACHABLE,
        DatabaseProblem.STATEMENT_TIMEOUT,
        DatabaseProblem.TOO_MANY_CONNECTIONS,
        DatabaseProblem.TRANSACTION_CONFLICT,
    }
)

# Primary result codes of SQLite, https://www.sqlite.org/rescode.html
_SQLITE_CODES = {
    sqlite3.SQLITE_BUSY: DatabaseProblem.LOCKED,
    sqlite3.SQLITE_CORRUPT: DatabaseProblem.DAMAGED,
    sqlite3.SQLITE_CANTOPEN: DatabaseProblem.CANNOT_OPEN_FILE,
    sqlite3.SQLITE_FULL: DatabaseProblem.DISK_FULL,
    sqlite3.SQLITE_IOERR: DatabaseProblem.INPUT_OUTPUT,
    sqlite3.SQLITE_NOTADB: DatabaseProblem.NOT_A_DATABASE,
    sqlite3.SQLITE_READONLY: DatabaseProblem.READ_ONLY,
}

# SQLSTATE codes of PostgreSQL, https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATES = {
    "25006": DatabaseProblem.READ_ONLY,
    "28000": DatabaseProblem.AUTHENTICATION_FAILED,
    "28P01": DatabaseProblem.AUTHENTICATION_FAILED,  # wrong password
    "3D000": DatabaseProblem.MISSING_DATABASE,
    "3F000": DatabaseProblem.MISSING_SCHEMA,
    "40001": DatabaseProblem.TRANSACTION_CONFLICT,  # serialization failure
    "40P01": DatabaseProblem.TRANSACTION_CONFLICT,  # deadlock
    "42501": DatabaseProblem.INSUFFICIENT_PRIVILEGE,
    "42703": DatabaseProblem.OUTDATED_SCHEMA,  # no such column
    "42P01": DatabaseProblem.OUTDATED_SCHEMA,  # no such table
    "42P07": DatabaseProblem.TABLE_EXISTS,
    "53100": DatabaseProblem.DISK_FULL,
    "53300": DatabaseProblem.TOO_MANY_CONNECTIONS,
    "55P03": DatabaseProblem.TRANSACTION_CONFLICT,  # lock timeout
    "57014": DatabaseProblem.STATEMENT_TIMEOUT,  # query canceled
    "57P01": DatabaseProblem.SERVER_STARTING_OR_STOPPING,  # shut down by an administrator
    "57P02": DatabaseProblem.SERVER_STARTING_OR_STOPPING,  # another server process crashed
    "57P03": DatabaseProblem.SERVER_STARTING_OR_STOPPING,  # not yet accepting connections
    "58030": DatabaseProblem.INPUT_OUTPUT,
    "XX001": DatabaseProblem.DAMAGED,
}
_SQLSTATE_CLASS_CONNECTION = "08"

# Before there is a session psycopg2 sets no SQLSTATE, whatever the server said: libpq hands a failure to connect on as
# text alone. These are the words of libpq and of the server's startup; of two that match, the first decides.
_CONNECT_FAILURES = (
    ("does not match host name", DatabaseProblem.CERTIFICATE_OF_OTHER_HOST),
    ("certificate verify failed", DatabaseProblem.UNTRUSTED_CERTIFICATE),
    ("root certificate file", DatabaseProblem.UNTRUSTED_CERTIFICATE),  # it is missing
    ("server does not support SSL", DatabaseProblem.TLS_UNAVAILABLE),
    ("too many clients already", DatabaseProblem.TOO_MANY_CONNECTIONS),
    ("remaining connection slots are reserved", DatabaseProblem.TOO_MANY_CONNECTIONS),
    ("too many connections for", DatabaseProblem.TOO_MANY_CONNECTIONS),  # of a role or of a database
    ("refused", DatabaseProblem.SERVER_UNREACHABLE),
    ("Is the server running", DatabaseProblem.SERVER_UNREACHABLE),  # no listener, or no socket file
    ("Temporary failure in name resolution", DatabaseProblem.NAME_RESOLUTION_UNAVAILABLE),
    ("could not translate", DatabaseProblem.UNKNOWN_HOST),
    ("timeout", DatabaseProblem.CONNECT_TIMEOUT),
    ("closed the connection", DatabaseProblem.CONNECTION_LOST),
    ("starting up", DatabaseProblem.SERVER_STARTING_OR_STOPPING),
    ("shutting down", DatabaseProblem.SERVER_STARTING_OR_STOPPING),
    ("not yet accepting connections", DatabaseProblem.SERVER_STARTING_OR_STOPPING),
    ("does not exist", DatabaseProblem.MISSING_DATABASE),
    ("authentication", DatabaseProblem.AUTHENTICATION_FAILED),
)

_ADVICE = {
    DatabaseProblem.CERTIFICATE_OF_OTHER_HOST: "correct the host in SIGNALS_DATABASE_URL: it must be as certified",
    DatabaseProblem.AUTHENTICATION_FAILED: "correct user and password in SIGNALS_DATABASE_URL",
    DatabaseProblem.CANNOT_OPEN_FILE: "check the path and its permissions",
    DatabaseProblem.CONNECT_TIMEOUT: "check the network and SIGNALS_DATABASE_URL",
    DatabaseProblem.DAMAGED: "it is damaged or cut off; restore it from a backup",
    DatabaseProblem.DISK_FULL: "free space and run again; nothing is half-written",
    DatabaseProblem.INPUT_OUTPUT: "check its disk and the free space there, and run again; nothing is half-written",
    DatabaseProblem.INSUFFICIENT_PRIVILEGE: "the role has no right to do this: run `signals prepare` as the owner",
    DatabaseProblem.LOCKED: "another process keeps it locked; stop it and run again",
    DatabaseProblem.MISSING_DATABASE: "create it, then run `signals migrate`",
    DatabaseProblem.MISSING_SCHEMA: "create the schema of its search_path, then run `signals migrate`",
    DatabaseProblem.NAME_RESOLUTION_UNAVAILABLE: "correct the host in SIGNALS_DATABASE_URL",
    DatabaseProblem.NOT_A_DATABASE: "the file is not SQLite; choose another SIGNALS_DATABASE_URL",
    DatabaseProblem.OUTDATED_SCHEMA: "run `signals migrate`",
    DatabaseProblem.READ_ONLY: "make the file and its folder writable",
    DatabaseProblem.SERVER_UNREACHABLE: "start the server or correct SIGNALS_DATABASE_URL",
    DatabaseProblem.STATEMENT_TIMEOUT: "another process has held a lock that it needs; stop it and run again",
    DatabaseProblem.TABLE_EXISTS: "another application made it; choose another SIGNALS_DATABASE_URL",
    DatabaseProblem.TLS_UNAVAILABLE: "switch TLS on there, or correct SIGNALS_DATABASE_URL",
    DatabaseProblem.TOO_MANY_CONNECTIONS: "close connections of other applications, or raise its max_connections",
    DatabaseProblem.UNKNOWN_HOST: "correct the host in SIGNALS_DATABASE_URL",
    DatabaseProblem.UNTRUSTED_CERTIFICATE: "PGSSLROOTCERT must name the certificates of the server's authority",
}


class DatabaseError(SignalsError, RuntimeError):
    """The database can't be used; the message is one line: which database, what is wrong, what to do.

    Attributes:
        transient: A retry within a minute may succeed.
        problem: What the database or its driver reported; `OTHER` where the pipeline itself refuses.
    """

    def __init__(
        self, message: str, *, transient: bool = False, problem: DatabaseProblem = DatabaseProblem.OTHER
    ) -> None:
        super().__init__(message)
        self.transient = transient
        self.problem = problem


def engine_for(url: str, limits: EngineLimits = DEFAULT_LIMITS, *, create: bool = True) -> Engine:
    """Open an engine on a database that answers.

    Args:
        url: SQLAlchemy URL, `sqlite:///...` or `postgresql+psycopg2://...`.
        limits: Time-outs and number of connections.
        create: Create a missing SQLite file and its folder.

    Raises:
        DatabaseError: the URL can't be read, its driver is missing, the file is missing and not to be created, the file
            or folder can't be written, or the server doesn't answer.
    """
    parsed_url = _parse_url(url)
    engine = _create_engine(parsed_url, limits)
    if parsed_url.get_backend_name() == "sqlite":
        if not create:
            require_existing_file(parsed_url)
        _prepare_file(parsed_url)
        _configure_sqlite(engine)
    with read_transaction(engine) as connection:
        # SQLAlchemy connects only when asked for something.
        connection.execute(sa.text("SELECT 1"))
    return engine


def display_url(engine: Engine) -> str:
    """The database's URL for messages, without user, password and what else of it may be secret."""
    return _display(engine.url)


def _display(url: URL) -> str:
    return redact_url(url.render_as_string(hide_password=False))


@contextmanager
def read_transaction(engine: Engine) -> Generator[Connection, None, None]:
    """Open a connection that sees one state of the database throughout, and never waits for writers.

    Raises:
        DatabaseError: the database refuses or doesn't answer.
    """
    # PostgreSQL's default shows each statement what was committed since the last. SQLite's transactions are snapshots.
    isolation = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with _translate_errors(engine), engine.connect().execution_options(**isolation) as connection:
        yield connection


@contextmanager
def write_transaction(engine: Engine, *, alone: bool = False) -> Generator[Connection, None, None]:
    """Open a transaction that writes: committed whole at the end, rolled back whole on any exception.

    Args:
        engine: Where to write.
        alone: No other transaction that writes with `alone` runs at the same time. On SQLite every writer is alone.

    Raises:
        DatabaseError: the database refuses or doesn't answer.
    """
    writer = engine.execution_options(**{_WRITER: True})
    with _translate_errors(engine), writer.begin() as connection:
        if alone:
            acquire_write_lock(connection)
        yield connection


def acquire_write_lock(connection: Connection) -> None:
    """Wait for the pipeline's write lock, held until the connection's transaction ends."""
    if connection.dialect.name != "postgresql":
        return
    is_free = connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK_KEY))).scalar_one()
    if not is_free:
        with announced_wait(f"another process that writes to database {display_url(connection.engine)}"):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))


@contextmanager
def migration_transaction(engine: Engine) -> Generator[Connection, None, None]:
    """Open one transaction for all revisions of the schema, alone among writers.

    SQLite's foreign keys are off meanwhile: a revision that copies a table drops the old one, which would take along
    the rows that refer to it. They are checked before the commit.

    Raises:
        DatabaseError: a revision failed or left rows that violate a foreign key; the database is as it was.
    """
    is_sqlite = engine.dialect.name == "sqlite"
    with _translate_errors(engine), engine.connect().execution_options(**{_WRITER: True}) as connection:
        if is_sqlite:
            # Through the driver: the pragma has no effect in a transaction, and SQLAlchemy would begin one.
            connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                if not is_sqlite:
                    # A revision may rewrite a large table.
                    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                acquire_write_lock(connection)
                yield connection
                if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise DatabaseError(
                        f"database {display_url(engine)}: the revision leaves rows that violate a foreign key"
                    )
        finally:
            # No later user of the pool may get this connection, which has its foreign keys off.
            connection.invalidate()


def _parse_url(url: str) -> URL:
    try:
        parsed_url = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        # Neither the text nor the cause, which repeats a part of it: it may hold a password.
        raise DatabaseError(f"the database URL can't be read; write {_URL_FORMS}") from None
    if parsed_url.get_backend_name() not in {"sqlite", "postgresql"}:
        name = _display(parsed_url)
        raise DatabaseError(f"database {name}: neither SQLite nor PostgreSQL; write {_URL_FORMS}")
    # A password with an "@" of its own: what follows that would be taken for the host, and stand in messages.
    if parsed_url.get_backend_name() == "postgresql" and "@" in f"{parsed_url.host}{parsed_url.database}":
        raise DatabaseError(
            "the database URL can't be read: there is an @ in its host or name; write %40 for one in the password"
        )
    return parsed_url


def _create_engine(url: URL, limits: EngineLimits) -> Engine:
    options: dict[str, Any] = {"json_serializer": _compact_json}
    if not _is_in_memory(url):
        # A database in memory has one connection and no such pool.
        options["pool_size"] = limits.pool_size
        options["max_overflow"] = limits.pool_overflow
        options["pool_timeout"] = limits.pool_seconds
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": limits.busy_seconds}
    else:
        # The pool may hold a connection that the server or a firewall has closed since.
        options["pool_pre_ping"] = True
        connect_options = {**_POSTGRESQL_OPTIONS, "connect_timeout": limits.connect_seconds}
        # What the URL says itself goes first.
        options["connect_args"] = {name: value for name, value in connect_options.items() if name not in url.query}
        # Of two options of the server with the same name the later one counts: again what the URL says.
        server_options = (f"-c statement_timeout={limits.statement_seconds}s", *url.normalized_query.get("options", ()))
        options["connect_args"]["options"] = " ".join(server_options)
        if url.get_driver_name() == "psycopg2":
            # Sends INSERT ... ON CONFLICT in batches too, not one statement per row.
            options["executemany_mode"] = "values_plus_batch"
    try:
        return sa.create_engine(url, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        name = _display(url)
        reason = _one_line(error)
        raise DatabaseError(f"database {name}: its driver is not installed ({reason}); write {_URL_FORMS}") from error


def _connect(dialect: Dialect, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - the driver's connection
    """Connect to PostgreSQL; a server that does not accept connections yet is waited for.

    Aurora at 0 ACU resumes within about 15 seconds of the first connection, and within 30 or more where it has been
    paused for longer than a day ("Scaling to Zero ACUs" in its guide). Only transient failures are waited out: a wrong
    password fails at once. The wait is read from the settings of the process, and only when a connection has failed.

    Returns:
        The driver's connection; None where SQLAlchemy is to connect itself.

    Raises:
        DatabaseError: the server has not accepted a connection in SIGNALS_DATABASE_WAIT_SECONDS.
    """
    if dialect.name != "postgresql":
        return None
    driver_error: type[Exception] = dialect.loaded_dbapi.OperationalError
    name = f"{parameters.get('host', 'localhost')}:{parameters.get('port', 5432)}/{parameters.get('dbname', '')}"

    started = time.monotonic()
    try:
        return dialect.connect(*arguments, **_with_timeout(parameters, _ATTEMPT_SECONDS))
    except driver_error as error:
        if _classify_connect_failure(str(error)) not in _TRANSIENT:
            raise
        wait_seconds = Settings.checked().database_wait_seconds
        if not wait_seconds:
            raise

    attempts = 1
    with announced_wait(f"database {name} to accept connections"):
        while True:
            time.sleep(_PAUSE_SECONDS)
            attempts += 1
            remaining = wait_seconds - (time.monotonic() - started)
            try:
                return dialect.connect(*arguments, **_with_timeout(parameters, remaining))
            except driver_error as error:
                problem = _classify_connect_failure(str(error))
                if problem not in _TRANSIENT:
                    raise
                waited = time.monotonic() - started
                if waited + _PAUSE_SECONDS < wait_seconds:
                    continue
                reason = redact_text(_one_line(error), [str(parameters.get("password") or "")])
            # Not the driver's error: Dagster would wait as long again for each of its own retries.
            raise DatabaseError(
                f"database {name} does not wake: tried {attempts} times in {waited:.0f} s, last: {reason};"
                " check that its server runs, or raise SIGNALS_DATABASE_WAIT_SECONDS",
                transient=True,
                problem=problem,
            )


def _with_timeout(parameters: dict[str, Any], remaining: float) -> dict[str, Any]:
    """The parameters of one attempt, which ends with the whole wait; a shorter timeout of their own counts."""
    own_limit = int(parameters.get("connect_timeout") or _ATTEMPT_SECONDS)
    seconds = max(_SHORTEST_ATTEMPT_SECONDS, min(own_limit, math.ceil(remaining)))
    return {**parameters, "connect_timeout": seconds}


# On the class: Dagster creates the engines of its storages itself.
event.listen(Engine, "do_connect", _connect)


def _is_in_memory(url: URL) -> bool:
    is_sqlite = url.get_backend_name() == "sqlite"
    return is_sqlite and (url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory")


def _compact_json(value: object) -> str:
    # PostgreSQL's JSON has no NaN or infinity, so neither may SQLite's.
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _prepare_file(url: URL) -> None:
    """Create a SQLite file and its folder where they are missing, and refuse those that can't be used."""
    if not _is_file(url):
        return
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"database {path}: its folder can't be created ({error.strerror}); choose another SIGNALS_DATABASE_URL"
        ) from error
    # WAL mode keeps two more files beside the database, so the folder must be writable too.
    for required in (path, path.parent):
        if required.exists() and not os.access(required, os.W_OK, effective_ids=True):
            raise DatabaseError(f"database {path}: {required} is read-only for this user; make it writable")
    if path.exists():
        require_database_file(path)
    else:
        _create_file(path)


def require_existing_file(url: URL) -> None:
    """Refuse the URL of a SQLite file that does not exist, which connecting would create.

    Raises:
        DatabaseError: it does not exist.
    """
    if _is_file(url) and not Path(url.database or "").exists():
        raise DatabaseError(f"database {url.database}: it does not exist; run `signals migrate` to create it")


def _is_file(url: URL) -> bool:
    """Whether it names a SQLite file by its path: not a database in memory, and no URI of SQLite's own."""
    return bool(url.database) and url.database != ":memory:" and not str(url.database).startswith("file:")


def require_database_file(path: Path) -> None:
    """Refuse what stands in place of a SQLite file and is none, before SQLite takes it for a new database.

    Raises:
        DatabaseError: it is a folder or another special file, or it is empty.
    """
    if not path.is_file():
        raise DatabaseError(f"database {path}: not a file; remove it, or choose another path")
    if path.stat().st_size == 0:
        raise DatabaseError(
            f"database {path} is empty (0 bytes): restore it from a backup, or delete it to begin a new history"
        )


def _create_file(path: Path) -> None:
    """Create a SQLite database without tables: the file appears whole, so that an empty one is never ours.

    Raises:
        DatabaseError: the folder can't be written, or its disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with closing(sqlite3.connect(temporary)) as connection:
            # Stored in the file, which thereby has its first page. What fails, fails when the result is fetched.
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        # Unlike a rename, a link never takes the place of a database that another process created meanwhile.
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
        sync_folder(path.parent)
    except sqlite3.Error as error:
        raise sqlite_failure(str(path), error) from error
    except OSError as error:
        raise DatabaseError(
            f"database {path}: can't be created ({error.strerror}); choose another SIGNALS_DATABASE_URL"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions begin in the listener below, not where the driver guesses.
        connection.isolation_level = None
        # Only the default is changed: the mode is stored in the file, and an in-memory database has its own.
        try:
            journal_mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        except UnicodeDecodeError as error:
            # SQLite's message repeats the damaged part of the schema, and the driver can't decode it.
            name = display_url(engine)
            reason = "malformed database schema"
            raise _database_error(name, reason, DatabaseProblem.DAMAGED, transient=False) from error
        if journal_mode == "delete":
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        # In WAL mode NORMAL can lose the last commits in a power failure, and never corrupts the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once: a transaction that reads first and then upgrades may fail as busy.
        if connection.get_execution_options().get(_WRITER, False):
            if not _begin_at_once(connection):
                with announced_wait(f"another process that writes to database {display_url(engine)}"):
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")


def _begin_at_once(connection: Connection) -> bool:
    """Begin a transaction that writes if that needs no wait; nearly all do."""
    raw: Any = connection.connection.dbapi_connection
    (busy_milliseconds,) = raw.execute("PRAGMA busy_timeout").fetchone()
    raw.execute("PRAGMA busy_timeout = 0")
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        # Locked, or broken: the attempt that waits tells which.
        return False
    finally:
        raw.execute(f"PRAGMA busy_timeout = {busy_milliseconds}")
    return True


@contextmanager
def _translate_errors(engine: Engine) -> Generator[None, None, None]:
    """Raise what the driver raises as a `DatabaseError`."""
    try:
        yield
    except DBAPIError as error:
        problem = _classify(error)
        transient = error.connection_invalidated or problem in _TRANSIENT
        reason = _one_line(error.orig)
        shown = _without_secrets(engine.url, reason)
        failure = _database_error(display_url(engine), shown, problem, transient=transient)
        # Where the reason repeats a secret, so does the cause.
        raise failure from (error if shown == reason else None)
    except PoolTimeoutError as error:
        message = f"database {display_url(engine)}: all connections of this process are in use; try again"
        raise DatabaseError(message, transient=True, problem=DatabaseProblem.POOL_EXHAUSTED) from error


def _without_secrets(url: URL, reason: str) -> str:
    """A driver's message, in which libpq or a server may repeat a part of the URL."""
    # The user's name is no secret: PostgreSQL's own messages are about it.
    secrets = set(secrets_in_url(url.render_as_string(hide_password=False))) - {url.username}
    return redact_text(reason, (secret for secret in secrets if secret))


def sqlite_failure(name: str, error: sqlite3.Error) -> DatabaseError:
    """What SQLite's driver raises, as a `DatabaseError` about the database of this name."""
    problem = _classify_sqlite(error)
    return _database_error(name, _one_line(error), problem, transient=problem in _TRANSIENT)


def _database_error(name: str, reason: str, problem: DatabaseProblem, *, transient: bool) -> DatabaseError:
    advice = _ADVICE.get(problem)
    message = f"database {name}: {reason}; {advice}" if advice else f"database {name}: {reason}"
    return DatabaseError(message, transient=transient, problem=problem)


def _classify(error: DBAPIError) -> DatabaseProblem:
    if isinstance(error.orig, sqlite3.Error):
        return _classify_sqlite(error.orig)
    sqlstate: str | None = getattr(error.orig, "pgcode", None)
    problem = _classify_sqlstate(sqlstate) if sqlstate else _classify_connect_failure(str(error.orig))
    if problem is DatabaseProblem.OTHER and error.connection_invalidated:
        # SQLAlchemy's dialect knows by what a driver shows that a connection broke, also where there is no code.
        return DatabaseProblem.CONNECTION_LOST
    return problem


def _classify_sqlite(error: sqlite3.Error) -> DatabaseProblem:
    # The lowest byte of an extended code is the primary one. The driver's own errors carry no code.
    extended_code: int | None = getattr(error, "sqlite_errorcode", None)
    if extended_code is None:
        return DatabaseProblem.OTHER
    # The shared memory of WAL mode is a file, which could not be made as large as it must be.
    if extended_code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return DatabaseProblem.DISK_FULL
    primary_code = extended_code & 0xFF
    # A missing table has only the generic code that a syntax error has as well.
    if primary_code == sqlite3.SQLITE_ERROR and str(error).startswith(("no such table", "no such column")):
        return DatabaseProblem.OUTDATED_SCHEMA
    if primary_code == sqlite3.SQLITE_ERROR and str(error).endswith("already exists"):
        return DatabaseProblem.TABLE_EXISTS
    return _SQLITE_CODES.get(primary_code, DatabaseProblem.OTHER)


def _classify_sqlstate(sqlstate: str) -> DatabaseProblem:
    if sqlstate.startswith(_SQLSTATE_CLASS_CONNECTION):
        return DatabaseProblem.CONNECTION_LOST
    return _SQLSTATES.get(sqlstate, DatabaseProblem.OTHER)


def _classify_connect_failure(message: str) -> DatabaseProblem:
    for words, problem in _CONNECT_FAILURES:
        if words in message:
            return problem
    return DatabaseProblem.OTHER


def _one_line(error: BaseException | None) -> str:
    return " ".join(str(error).split())
