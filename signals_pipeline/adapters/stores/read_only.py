"""Engines that can't write, whatever is asked of them: web pages read through one."""

from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError

from signals_pipeline.adapters.stores.engine import (
    DEFAULT_LIMITS,
    EngineLimits,
    engine_for,
    require_database_file,
    require_existing_file,
)

_READ_ONLY = "-c default_transaction_read_only=on"


def read_only_engine(url: str, limits: EngineLimits = DEFAULT_LIMITS) -> Engine:
    """Open an engine that the database itself keeps from writing.

    SQLite opens the file with `mode=ro`. PostgreSQL starts every transaction read-only; a role that was granted nothing
    but SELECT is stronger still, and is configured by a URL of its own.

    Args:
        url: SQLAlchemy URL of the pipeline's database, or of a role that may only read it.
        limits: Time-outs and number of connections.

    Raises:
        DatabaseError: the URL can't be read, or the database isn't there or doesn't answer.
    """
    try:
        parsed_url = sa.make_url(url)
    except (ArgumentError, ValueError):
        # It raises the error that says what is wrong with the URL.
        return engine_for(url, limits)
    return engine_for(_restrict(parsed_url).render_as_string(hide_password=False), limits)


def _restrict(url: URL) -> URL:
    if url.get_backend_name() == "sqlite":
        path = url.database or ""
        if not path or path == ":memory:" or path.startswith("file:"):
            return url
        require_existing_file(url)
        require_database_file(Path(path))
        return url.set(database=f"file:{quote(path)}").update_query_dict({"mode": "ro", "uri": "true"})
    # Added to the options that the URL has.
    options = (*url.normalized_query.get("options", ()), _READ_ONLY)
    return url.update_query_dict({"options": " ".join(options)})
