"""The pipeline's own database, opened for one command.

The imports are inside the functions: `signals doctor` must show other results without waiting for SQLAlchemy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


@contextmanager
def database_engine(settings: Settings, *, create: bool = False) -> Iterator["Engine"]:
    """An engine for the database, disposed of at the end.

    Args:
        settings: The deployment.
        create: Create a missing SQLite file, for whoever gives it its tables next.

    Raises:
        DatabaseError: the URL can't be read, or the file is missing and not to be created.
    """
    from signals_pipeline.adapters.stores.engine import engine_for

    engine = engine_for(settings.database_url, create=create)
    try:
        yield engine
    finally:
        engine.dispose()


def prepare_database(settings: Settings) -> None:
    """Make the database ready for a run of this code, before the run begins.

    A SQLite file and, outside production, a server's empty database are brought to this code's revision. A server's
    database with tables serves other hosts as well, whose release may be older: it is only checked.

    Raises:
        DatabaseError: it can't be reached or upgraded, or a server's database is at an older revision.
    """
    from signals_pipeline.adapters.stores import migrations

    with database_engine(settings, create=True) as engine:
        is_shared = engine.dialect.name == "postgresql"
        version = migrations.schema_version(engine)
        is_behind = version.revision != migrations.head() and version.newer_than is None
        is_in_use = version.revision is not None or settings.signals_deployment is Deployment.PRODUCTION
        if is_shared and is_behind and is_in_use:
            raise migrations.outdated(engine, version)
    migrations.upgrade(settings.database_url)


@contextmanager
def existing_database(settings: Settings) -> Iterator["Engine | None"]:
    """An engine for the database; None for a SQLite file that does not exist, which connecting would create.

    Raises:
        DatabaseError: the URL can't be read.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):
        url = None  # `database_engine` raises the error that users see
    is_sqlite = url is not None and url.get_backend_name() == "sqlite"
    if url is not None and is_sqlite and not Path(url.database or "").exists():
        yield None
        return
    with database_engine(settings) as engine:
        yield engine
