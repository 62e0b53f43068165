"""Connections that can only read, whatever is asked of them: what the web pages read with."""

from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError

from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for

_READ_ONLY = "-c default_transaction_read_only=on"


def read_only_engine(url: str) -> Engine:
    """An engine of the same database that the database itself keeps from writing.

    SQLite opens the file with `mode=ro`. PostgreSQL starts every transaction read-only; a role of its own that was
    granted nothing but SELECT is stronger still, and is given by its own URL.

    Args:
        url: SQLAlchemy URL of the pipeline's database, or of a role that may only read it.

    Raises:
        DatabaseError: the URL can't be read, or the database isn't there or doesn't answer.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        return engine_for(url)  # which says what is wrong with it
    return engine_for(_restricted(parsed).render_as_string(hide_password=False))


def _restricted(url: URL) -> URL:
    if url.get_backend_name() == "sqlite":
        path = url.database or ""
        if not path or path == ":memory:" or path.startswith("file:"):
            return url
        if not Path(path).exists():
            raise DatabaseError(f"database {path}: it is not there; `signals migrate` makes it")
        return url.set(database=f"file:{quote(path)}").update_query_dict({"mode": "ro", "uri": "true"})
    given = url.query.get("options", "")
    before = given if isinstance(given, str) else " ".join(given)
    return url.update_query_dict({"options": f"{before} {_READ_ONLY}".strip()})
