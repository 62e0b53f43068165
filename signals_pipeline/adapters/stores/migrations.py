"""Migrations: bring a database to the revision that this code needs, and say clearly when it is at another.

The revisions themselves are in `alembic/`, outside the package.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import DatabaseError, display_url, engine_for, read_transaction
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
        DatabaseError: the database can't be reached or written, or is at a revision that this code does not know.
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
        DatabaseError: the database can't be reached.
    """
    engine = engine_for(url)
    try:
        return _stored_revision(engine)
    finally:
        engine.dispose()


def head() -> str:
    """The revision that this code needs."""
    return str(_scripts().get_current_head())


def require_head(engine: Engine) -> None:
    """Refuse a database that is not at this code's revision.

    Raises:
        DatabaseError: the database is empty, older, or at a revision that this code does not know.
    """
    revision = _stored_revision(engine)
    if revision is None:
        raise DatabaseError(f"database {display_url(engine)} has no tables yet: run `signals migrate`")
    _require_known(engine, revision)
    if revision != head():
        raise DatabaseError(
            f"database {display_url(engine)} is at revision {revision}, this code needs {head()}: run `signals migrate`"
        )


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
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    if differences:
        raise DatabaseError(f"revision {head()} and the tables differ, first in {differences[0]}: add a revision")
    return None


def _check(url: str, target: str) -> None:
    known_revisions = _known_revisions()
    if target not in {"head", "base", *known_revisions}:
        raise DatabaseError(f"no revision {target!r}; this code has {', '.join(known_revisions)}")
    engine = engine_for(url)
    _require_known(engine, _stored_revision(engine))
    engine.dispose()


def _require_known(engine: Engine, revision: str | None) -> None:
    if revision is not None and revision not in _known_revisions():
        raise DatabaseError(
            f"database {display_url(engine)} is at revision {revision}, which this code (at {head()}) does not know:"
            " newer code or another application made it; deploy the newer code or choose another SIGNALS_DATABASE_URL"
        )


def _stored_revision(engine: Engine) -> str | None:
    with read_transaction(engine) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _known_revisions() -> list[str]:
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
