"""Migrations: bring a database to the revision that this code needs, and say clearly when it is at another.

The revisions themselves are in `alembic/`, outside the package; where a database records its own is in
`schema_version`.
"""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import DatabaseError, display_url, engine_for, read_transaction
from signals_pipeline.adapters.stores.schema_version import (
    VERSION_TABLE,
    SchemaVersion,
    read_version,
    require_columns,
)
from signals_pipeline.adapters.stores.tables import metadata, schema_compatibility

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_CHECKOUT = Path(__file__).resolve().parents[3]
_log = logging.getLogger(__name__)


def upgrade(url: str, revision: str = "head") -> str | None:
    """Bring the database at `url` up to `revision`, all or nothing; two processes may do so at once.

    A database that newer code made, and that this code runs on, is left as it is.

    Returns:
        The revision that the database is at now.

    Raises:
        DatabaseError: the database can't be reached or written, is at a revision that this code does not know, or has
            tables of another application under the names of ours.
    """
    from alembic import command

    version = _check(url, revision)
    if version.newer_than is not None:
        return version.revision
    command.upgrade(_config(url), revision)
    return current(url)


def downgrade(url: str, revision: str) -> str | None:
    """Take the database at `url` back to `revision` (`base`: no tables); what the newer tables hold is lost.

    Returns:
        The revision that the database is at now; None for `base`.

    Raises:
        DatabaseError: the database can't be reached or written, or is at a revision that this code does not know.
    """
    from alembic import command

    version = _check(url, revision)
    if version.newer_than is not None:
        raise DatabaseError(f"{version.notice}; only its own code can take it back to {revision}")
    command.downgrade(_config(url), revision)
    return current(url)


def current(url: str) -> str | None:
    """The revision of the database at `url`; None where it has no tables of ours yet.

    Raises:
        DatabaseError: the database can't be reached, or has tables of another application under the names of ours.
    """
    engine = engine_for(url)
    try:
        with read_transaction(engine) as connection:
            return read_version(connection).revision
    finally:
        engine.dispose()


def head() -> str:
    """The revision that this code needs."""
    return str(_scripts().get_current_head())


def schema_version(engine: Engine) -> SchemaVersion:
    """The revision of a database, which this code can use or upgrade.

    Raises:
        DatabaseError: it is at a revision that this code neither knows nor runs on, or it has tables of another
            application under the names of ours.
    """
    with read_transaction(engine) as connection:
        return _usable_version(connection)


def _usable_version(connection: Connection) -> SchemaVersion:
    """The revision of a database; see `schema_version`."""
    version = read_version(connection)
    known = known_revisions()
    if version.revision is None or version.revision in known:
        return version
    # Newer code made it, and declared which older code still runs on it.
    if version.oldest_code in known:
        return replace(version, newer_than=head())
    needed = "" if version.oldest_code is None else f", and it needs code at {version.oldest_code} or newer"
    raise DatabaseError(
        f"database {display_url(connection.engine)} is at revision {version.revision}, which this code (at {head()})"
        f" does not know: newer code made it{needed}; deploy the newer code or choose another SIGNALS_DATABASE_URL"
    )


def require_head(engine: Engine) -> SchemaVersion:
    """Refuse a database that is neither at this code's revision nor at a newer one that this code runs on.

    Where it is newer, a warning says so.

    Returns:
        Its version.

    Raises:
        DatabaseError: the database is empty, older, at a revision that this code neither knows nor runs on, or not the
            pipeline's.
    """
    version = schema_version(engine)
    if version.revision is None:
        remark = f" ({version.remark})" if version.remark else ""
        raise DatabaseError(f"database {display_url(engine)} has no tables yet{remark}: run `signals migrate`")
    if version.newer_than is not None:
        _log.warning("%s", version.notice)
    elif version.revision != head():
        raise DatabaseError(
            f"database {display_url(engine)} is at revision {version.revision}, this code needs {head()}:"
            " run `signals migrate`"
        )
    with read_transaction(engine) as connection:
        require_columns(connection)
    return version


def outdated(engine: Engine, version: SchemaVersion) -> DatabaseError:
    """The refusal of a run that would have to upgrade a database which other hosts use."""
    state = "has no tables yet" if version.revision is None else f"is at revision {version.revision}"
    return DatabaseError(
        f"database {display_url(engine)} {state}, this code needs {head()}: a run does not upgrade a database that"
        " other hosts use; run `signals migrate`, or in production release this code (which runs `signals prepare`)"
    )


def prepare(connection: Connection) -> bool:
    """Before revisions run, in their transaction: refuse another application's tables, and adopt our former record.

    The record of releases that kept it in `alembic_version` is copied, all or nothing with the revisions that follow.

    Returns:
        Whether revisions of this code may run; not where newer code has upgraded the database meanwhile.

    Raises:
        DatabaseError: as `schema_version`.
    """
    from alembic.migration import MigrationContext

    version = _usable_version(connection)
    if version.revision is not None and not version.is_recorded:
        options = {"version_table": VERSION_TABLE, "version_table_schema": connection.dialect.default_schema_name}
        context = MigrationContext.configure(connection, opts=options)
        context.stamp(_scripts(), version.revision)
    return version.newer_than is None


def record_compatibility(connection: Connection) -> None:
    """After revisions ran, in their transaction: record which older code runs on the schema that they made."""
    revision = read_version(connection).revision
    if revision is None or not sa.inspect(connection).has_table(schema_compatibility.name):
        return
    script = _scripts().get_revision(revision)
    connection.execute(sa.delete(schema_compatibility))
    row = {"revision": revision, "oldest_code": script.module.oldest_code}
    connection.execute(sa.insert(schema_compatibility).values(row))


def check_tables_match(url: str | None = None) -> None:
    """Check that the revisions create exactly the tables of `tables.metadata`, like `alembic check`.

    Args:
        url: An empty database; None creates a SQLite file for it and removes it.

    Raises:
        DatabaseError: they differ; the message names the first difference.
    """
    if url is None:
        with tempfile.TemporaryDirectory() as folder:
            return check_tables_match(f"sqlite:///{folder}/check.db")
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    upgrade(url)
    engine = engine_for(url)
    with read_transaction(engine) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        differences = compare_metadata(context, metadata)
    engine.dispose()
    if differences:
        raise DatabaseError(f"revision {head()} and the tables differ, first in {differences[0]}: add a revision")
    return None


def _check(url: str, target: str) -> SchemaVersion:
    revisions = known_revisions()
    if target not in {"head", "base", *revisions}:
        raise DatabaseError(f"no revision {target!r}; this code has {', '.join(revisions)}")
    engine = engine_for(url)
    try:
        return schema_version(engine)
    finally:
        engine.dispose()


def known_revisions() -> list[str]:
    """The revisions that this code has, the oldest first."""
    return sorted(script.revision for script in _scripts().walk_revisions())


def _scripts() -> "ScriptDirectory":
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config())


def _config(url: str | None = None) -> "Config":
    from alembic.config import Config

    config = Config()
    # ConfigParser interpolates percent signs.
    config.set_main_option("script_location", str(_scripts_folder()).replace("%", "%%"))
    # Read by `alembic/env.py`: an attribute keeps the URL's password out of the options.
    config.attributes["url"] = url
    return config


def _scripts_folder() -> Path:
    """`alembic/` of the checkout that the package runs from, else of the working directory (an image's)."""
    for root in (_CHECKOUT, Path.cwd()):
        if (root / "alembic" / "versions" / "001_base.py").is_file():
            return root / "alembic"
    raise DatabaseError(
        f"the migrations (alembic/) are neither in {_CHECKOUT} nor in {Path.cwd()}: "
        "run from the repository, or install the package with `pip install -e`"
    )
