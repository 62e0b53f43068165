"""Roles of PostgreSQL with least rights: the owner migrates, a writer runs the pipeline, a reader serves the pages.

`signals prepare`, which runs as the owner, makes writer and reader and grants them their rights, those on Dagster's
tables included. What the owner creates later is theirs to use as well, by default privileges. The owner is the role of
SIGNALS_DATABASE_URL, and a deployment that names no roles uses it for everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import DatabaseError, display_url, read_transaction, write_transaction
from signals_pipeline.adapters.stores.schema_version import SHARED_VERSION_TABLE, VERSION_TABLE
from signals_pipeline.adapters.stores.tables import metadata

# deploy/dagster.yaml keeps Dagster's tables there; every table of that schema is Dagster's.
DAGSTER_SCHEMA = "dagster"

WRITER_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
READER_RIGHTS = ("SELECT",)

# The keys that a table counts up by itself: its sequences, of columns that are serial or identities.
_SEQUENCES_OF_TABLES = """
    SELECT s.oid, s.relname FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass
    JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE s.relkind = 'S' AND d.deptype IN ('a', 'i') AND n.nspname = current_schema() AND t.relname = ANY (:ours)
"""

# Names of ours, for a schema that other applications may share.
_OUR_TABLES = (*metadata.tables, VERSION_TABLE)


@dataclass(frozen=True, slots=True)
class Role:
    """A role that logs in.

    Attributes:
        name: Its name.
        password: Its password.
        rights: What it may do with rows of every table of the pipeline and of Dagster.
    """

    name: str
    password: str
    rights: tuple[str, ...]

    @property
    def writes(self) -> bool:
        """Whether it inserts rows, for which it needs the sequences of their keys."""
        return "INSERT" in self.rights


def pipeline_roles(prefix: str, *, writer_password: str, reader_password: str) -> tuple[Role, Role]:
    """Writer and reader of a deployment.

    Args:
        prefix: What their names begin with: `signals` for `signals_writer` and `signals_reader`. The databases of one
            server share their roles.
        writer_password: Password of the writer.
        reader_password: Password of the reader.

    Raises:
        DatabaseError: a password is empty.
    """
    for variable, password in (
        ("SIGNALS_WRITER_PASSWORD", writer_password),
        ("SIGNALS_READER_PASSWORD", reader_password),
    ):
        if not password:
            raise DatabaseError(f"SIGNALS_DATABASE_ROLES={prefix} needs {variable}: set it to the role's password")
    writer = Role(f"{prefix}_writer", writer_password, WRITER_RIGHTS)
    return writer, Role(f"{prefix}_reader", reader_password, READER_RIGHTS)


def grant_roles(engine: Engine, roles: Sequence[Role]) -> None:
    """Make roles where they are missing, set their passwords, and grant them their rights; it is idempotent.

    Args:
        engine: A database at head, opened as its owner.
        roles: The roles.

    Raises:
        DatabaseError: the database is not PostgreSQL, or the owner may not make roles.
    """
    if engine.dialect.name != "postgresql":
        raise DatabaseError(
            f"database {display_url(engine)} has no roles: leave SIGNALS_DATABASE_ROLES empty, or use PostgreSQL"
        )
    with write_transaction(engine, alone=True) as connection:
        names = _own_tables(connection)
        if not names:
            raise DatabaseError(
                f"database {display_url(engine)}: {engine.url.username} does not own its tables: run `signals prepare`"
                " as the role that made them"
            )
        own_schema = _quoted(connection, str(connection.scalar(sa.text("SELECT current_schema()"))))
        dagster_schema = _quoted(connection, DAGSTER_SCHEMA)
        # Nobody but the owner creates tables. That is PostgreSQL's default since version 15.
        connection.exec_driver_sql(f"REVOKE CREATE ON SCHEMA {own_schema} FROM PUBLIC")
        our_tables = [f"{own_schema}.{_quoted(connection, name)}" for name in names]
        sequences = connection.execute(sa.text(_SEQUENCES_OF_TABLES), {"ours": names})
        our_sequences = [f"{own_schema}.{_quoted(connection, sequence.relname)}" for sequence in sequences]
        for role in roles:
            _put_role(connection, role)
            # Other applications may have tables in the first schema; the second is Dagster's alone.
            tables, sequences = f"TABLE {', '.join(our_tables)}", f"SEQUENCE {', '.join(our_sequences)}"
            _grant(connection, role, own_schema, tables=tables, sequences=sequences if our_sequences else "")
            every = f"IN SCHEMA {dagster_schema}"
            _grant(connection, role, dagster_schema, tables=f"ALL TABLES {every}", sequences=f"ALL SEQUENCES {every}")


def missing_rights(engine: Engine, rights: Sequence[str] = WRITER_RIGHTS) -> Mapping[str, tuple[str, ...]]:
    """Rights that the role of an engine lacks, by table with its schema, or by schema or sequence.

    Args:
        engine: A database at head. A database without roles, such as SQLite, lacks none.
        rights: What the role needs: WRITER_RIGHTS or READER_RIGHTS.
    """
    if engine.dialect.name != "postgresql":
        return {}
    # CASE: the function refuses what is no sequence, and a condition beside it does not keep it from being called.
    query = sa.text(
        f"""
        SELECT format('%s.%s', n.nspname, c.relname) AS name, r.needed
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN unnest(:rights) AS r (needed)
        WHERE c.relkind IN ('r', 'p')
          AND (n.nspname = :dagster OR n.nspname = current_schema() AND c.relname = ANY (:ours))
          AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, r.needed))
        UNION ALL
        SELECT format('%s.%s', n.nspname, c.relname), 'USAGE'
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE 'INSERT' = ANY (:rights)
          AND (n.nspname = :dagster OR c.oid IN (SELECT oid FROM ({_SEQUENCES_OF_TABLES}) AS ours))
          AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') ELSE false END
        ORDER BY name, needed
        """  # noqa: S608  # what is inserted is a constant
    )
    values = {"rights": list(rights), "dagster": DAGSTER_SCHEMA, "ours": list(_OUR_TABLES)}
    missing: dict[str, tuple[str, ...]] = {}
    with read_transaction(engine) as connection:
        for row in connection.execute(query, values):
            missing[row.name] = (*missing.get(row.name, ()), row.needed)
    return missing


def _own_tables(connection: Connection) -> list[str]:
    """Names of the pipeline's tables in the current schema; one of the same name that is another role's is left out."""
    query = sa.text(
        """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema() AND c.relname = ANY (:ours)
          AND pg_has_role(c.relowner, 'USAGE')
        ORDER BY c.relname
        """
    )
    # The last is read where it is there, and is ours in older databases.
    names = [*_OUR_TABLES, SHARED_VERSION_TABLE]
    return list(connection.scalars(query, {"ours": names}))


def _put_role(connection: Connection, role: Role) -> None:
    """Create a role, or set the password of the one that is there."""
    from psycopg2.extensions import encrypt_password

    exists = connection.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": role.name})
    # The server gets a verifier, so that no log of its statements holds the password.
    driver_connection: Any = connection.connection.dbapi_connection
    verifier = encrypt_password(role.password, role.name, driver_connection, "scram-sha-256")
    verb = "ALTER" if exists else "CREATE"
    name = _quoted(connection, role.name)
    # The verifier consists of base64, digits, "$" and ":"; a utility statement takes no parameters.
    connection.exec_driver_sql(f"{verb} ROLE {name} LOGIN PASSWORD '{verifier}'")


def _grant(connection: Connection, role: Role, schema: str, *, tables: str, sequences: str = "") -> None:
    """Grant a role its rights on tables and sequences of a schema, those that the owner creates later included.

    Args:
        connection: The owner's.
        role: The role.
        schema: The schema, quoted.
        tables: Existing tables, as GRANT names them.
        sequences: Existing sequences; empty where there are none.
    """
    name = _quoted(connection, role.name)
    rights = ", ".join(role.rights)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {schema} TO {name}")
    connection.exec_driver_sql(f"GRANT {rights} ON {tables} TO {name}")
    later = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT"
    connection.exec_driver_sql(f"{later} {rights} ON TABLES TO {name}")
    if role.writes:
        if sequences:
            connection.exec_driver_sql(f"GRANT USAGE, SELECT ON {sequences} TO {name}")
        connection.exec_driver_sql(f"{later} USAGE, SELECT ON SEQUENCES TO {name}")


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)
