"""Which revision a database is at, and whether the tables in it are the pipeline's.

The revision is recorded in a table of our own: other applications that use Alembic, Dagster among them, keep theirs in
`alembic_version`. Releases up to revision 008 kept ours there, too; where it is ours, `migrations.prepare` copies it.
The old table stays, because the release before still reads it, and a rollback must find it.

Beside it stands which older code still runs on the schema (`schema_compatibility`): two hosts of neighbouring releases
work on one database while they are updated one after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.reflection import ObjectKind

from signals_pipeline.adapters.stores.engine import DatabaseError, display_url
from signals_pipeline.adapters.stores.tables import metadata, schema_compatibility

VERSION_TABLE = "signals_alembic_version"
SHARED_VERSION_TABLE = "alembic_version"

# A column that each revision added, of the revisions that were ever recorded in the shared table.
_COLUMN_BY_REVISION = {
    "001": ("window_run", "history_start"),
    "002": ("signal_history", "story_id"),
    "003": ("digest", "sha256"),
    "004": ("headline_item", "first_seen_at"),
    "005": ("delivery", "message_id"),
    "006": ("signal_history", "known_at"),
    "007": ("signal_history", "reaction"),
    "008": ("headline_score", "event"),
}


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """What a database says about its schema.

    Attributes:
        revision: The revision of the pipeline's tables; None where there are none yet.
        is_recorded: Whether it is in the table of our own, not yet only in the one that is shared.
        foreign: What another application recorded in `alembic_version`; None where it is ours or missing.
        oldest_code: The oldest revision whose code still runs on this schema; None where nothing is declared for it.
        newer_than: This code's revision, where the database is at one that it does not know but runs on; else None.
    """

    revision: str | None
    is_recorded: bool = False
    foreign: str | None = None
    oldest_code: str | None = None
    newer_than: str | None = None

    @property
    def remark(self) -> str:
        """A sentence about the other application's table; empty where there is none."""
        if self.foreign is None:
            return ""
        return f"its table {SHARED_VERSION_TABLE} (at {self.foreign}) is another application's and is left alone"

    @property
    def notice(self) -> str:
        """A line where the database is newer than this code, which runs on it; empty otherwise."""
        if self.newer_than is None:
            return ""
        return (
            f"the database is at revision {self.revision}, newer than this release ({self.newer_than}); it declares"
            " itself compatible: update this host"
        )


def read_version(connection: Connection) -> SchemaVersion:
    """Read the revision of the pipeline's tables, and look whether they are the pipeline's.

    Raises:
        DatabaseError: tables of other applications have the names of ours, or ours are there without a revision.
    """
    existing = _existing_columns(connection)
    shared = _recorded(connection, SHARED_VERSION_TABLE, existing)
    shared_is_ours = shared in _COLUMN_BY_REVISION and _has_columns_up_to(shared, existing)
    foreign = None if shared_is_ours else shared

    recorded = _recorded(connection, VERSION_TABLE, existing)
    if recorded is not None:
        oldest_code = _oldest_code(connection, recorded, existing)
        return SchemaVersion(recorded, is_recorded=True, foreign=foreign, oldest_code=oldest_code)
    if shared_is_ours:
        return SchemaVersion(shared)
    _require_free_names(connection, existing)
    return SchemaVersion(None, foreign=foreign)


def require_columns(connection: Connection) -> None:
    """Refuse a database at the newest revision that lacks a table or column of it.

    Raises:
        DatabaseError: a table or column is missing.
    """
    existing = _existing_columns(connection)
    for table in metadata.tables.values():
        missing = sorted(set(table.columns.keys()) - existing.get(table.name, set()))
        if missing:
            found = f"no column {missing[0]}" if table.name in existing else "no such table"
            raise DatabaseError(
                f"database {display_url(connection.engine)}: its table {table.name} is not the pipeline's ({found});"
                " restore the database from a backup, or choose another SIGNALS_DATABASE_URL"
            )


def _existing_columns(connection: Connection) -> Mapping[str, set[str]]:
    """Names of columns by table or view, of those with names of ours, in the schema in which tables are created."""
    inspector = sa.inspect(connection)
    # Without its name PostgreSQL would add the tables of every other schema in the search path.
    reflected = inspector.get_multi_columns(
        schema=inspector.default_schema_name,
        filter_names=[*metadata.tables, VERSION_TABLE, SHARED_VERSION_TABLE],
        kind=ObjectKind.ANY,
    )
    columns: dict[str, set[str]] = {}
    for (_, table), described in reflected.items():
        columns[table] = {column["name"] for column in described}
    return columns


def _recorded(connection: Connection, table: str, existing: Mapping[str, set[str]]) -> str | None:
    """What a version table holds; another application may have several branches, one row each."""
    if "version_num" not in existing.get(table, set()):
        return None
    version = sa.table(table, sa.column("version_num", sa.String()))
    revisions = connection.scalars(sa.select(version.c.version_num).order_by(version.c.version_num)).all()
    return ", ".join(revisions) or None


def _oldest_code(connection: Connection, revision: str, existing: Mapping[str, set[str]]) -> str | None:
    """What the revision declares; None for revisions from before there was the table, and where its row is missing."""
    if not {*schema_compatibility.columns.keys()} <= existing.get(schema_compatibility.name, set()):
        return None
    query = sa.select(schema_compatibility.c.oldest_code).where(schema_compatibility.c.revision == revision)
    return connection.scalar(query)


def _has_columns_up_to(revision: str, existing: Mapping[str, set[str]]) -> bool:
    marks = [mark for added_by, mark in _COLUMN_BY_REVISION.items() if added_by <= revision]
    return all(column in existing.get(table, set()) for table, column in marks)


def _require_free_names(connection: Connection, existing: Mapping[str, set[str]]) -> None:
    """Refuse a database without a revision of ours in which names of our tables are in use."""
    taken = [table for table in metadata.tables.values() if table.name in existing]
    if not taken:
        return
    # A table that another application made shows it by the columns that it lacks.
    table = max(taken, key=lambda table: len(set(table.columns.keys()) - existing[table.name]))
    missing = sorted(set(table.columns.keys()) - existing[table.name])
    lack = f"no column {missing[0]}, " if missing else ""
    other = "choose another SIGNALS_DATABASE_URL"
    if connection.dialect.name == "postgresql":
        other += ", or a schema of its own (?options=-csearch_path=SCHEMA)"
    raise DatabaseError(
        f"database {display_url(connection.engine)} has a table {table.name} that is not recorded as the pipeline's"
        f" ({lack}no revision in {VERSION_TABLE}): {other}"
    )
