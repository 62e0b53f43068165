"""The database as it is: a look at it must not make one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


@contextmanager
def opened(settings: Settings) -> Iterator["Engine | None"]:
    """The database; None where a SQLite file is not there, which a look must not make."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from signals_pipeline.adapters.stores.engine import engine_for

    try:
        url = make_url(settings.database_url)
    except ArgumentError:
        url = None  # `engine_for` has the words for it
    if url is not None and url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield None
        return
    engine = engine_for(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()
