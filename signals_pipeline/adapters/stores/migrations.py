"""Migrations: bring a database to the revision that this code needs, and say clearly when it is at another.

The revisions themselves are in `alembic/`, outside the package; where a database records its own is in
`schema_version`.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import DatabaseError, display_url, engine_for, read_transaction
from signals_pipeline.adapters.stores.schema_version import (
    VERSION_TABLE,
    SchemaVersion,
    read_version,
    require_columns,
)
from signals_pipeline.adapters.stores.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_CHECKOUT = Path(__file__).resolve().parents[3]


def upgrade(url: str, revision: str = "head") -> str | None:
    """Bring the database at `url` up to `revision`, all or nothing; two processes may do so at once.

    Returns:
        The revision that the database is at now.

    Raises:
        DatabaseError: the database can't be reached or written, is at a revision that this code does not know, or has
            tables of another application under the names of ours.
    """
    from alembic import command

    _check(url, revision)
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

    _check(url, revision)
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
        DatabaseError: it is at a revision that this code does not know, or has tables of another application under the
            names of ours.
    """
    with read_transaction(engine) as connection:
        version = read_version(connection)
    if version.revision is not None and version.revision not in known_revisions():
        raise DatabaseError(
            f"database {display_url(engine)} is at revision {version.revision}, which this code (at {head()}) does not"
            " know: newer code made it; deploy the newer code or choose another SIGNALS_DATABASE_URL"
        )
    return version


def require_head(engine: Engine) -> SchemaVersion:
    """Refuse a database that is not at this code's revision.

    Returns:
        Its version, which is this code's.

    Raises:
        DatabaseError: the database is empty, older, at a revision that this code does not know, or not the pipeline's.
    """
    version = schema_version(engine)
    if version.revision is None:
        remark = f" ({version.remark})" if version.remark else ""
        raise DatabaseError(f"database {display_url(engine)} has no tables yet{remark}: run `signals migrate`")
    if version.revision != head():
        raise DatabaseError(
            f"database {display_url(engine)} is at revision {version.revision}, this code needs {head()}:"
            " run `signals migrate`"
        )
    with read_transaction(engine) as connection:
        require_columns(connection)
    return version


def prepare(connection: Connection) -> None:
    """Before revisions run, in their transaction: refuse another application's tables, and adopt our former record.

    The record of releases that kept it in `alembic_version` is copied, all or nothing with the revisions that follow.

    Raises:
        DatabaseError: tables of another application have the names of ours.
    """
    from alembic.migration import MigrationContext

    version = read_version(connection)
    if version.revision is not None and not version.is_recorded:
        options = {"version_table": VERSION_TABLE, "version_table_schema": connection.dialect.default_schema_name}
        context = MigrationContext.configure(connection, opts=options)
        context.stamp(_scripts(), version.revision)


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


def _check(url: str, target: str) -> None:
    revisions = known_revisions()
    if target not in {"head", "base", *revisions}:
        raise DatabaseError(f"no revision {target!r}; this code has {', '.join(revisions)}")
    engine = engine_for(url)
    schema_version(engine)
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
