"""The digests as they were composed: one a window, with the content that every rendering comes from."""

import hashlib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.database import digest, reading, writing
from signals_pipeline.core.windows import Window

Kind = Literal["full", "quiet", "degraded", "failed"]


@dataclass(frozen=True, slots=True)
class DigestEntry:
    """A digest in the archive, without its content."""

    window_start: datetime
    window_end: datetime
    kind: Kind
    mode: str
    subject: str
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDigest:
    """A digest: its entry and its content, the JSON text of `Digest.to_json()`; `sha256` is that text's in UTF-8."""

    entry: DigestEntry
    content: str


_FIELDS = [field.name for field in fields(DigestEntry)]
_ENTRY = [digest.c[name] for name in _FIELDS]


class Digests:
    """The archive of digests by window. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, window: Window, content: str, *, kind: Kind, mode: str, subject: str) -> DigestEntry:
        """Keep a window's digest in place of an earlier one; the same again changes nothing, its time included."""
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        entry = DigestEntry(window.start, window.end, kind, mode, subject, sha256, datetime.now(UTC))
        ours = digest.c.window_start == window.start
        with writing(self._engine, alone=True) as connection:
            row = connection.execute(sa.select(*_ENTRY).where(ours)).one_or_none()
            if row is not None and (row.sha256, row.kind, row.subject) == (sha256, kind, subject):
                return _entry(row)
            connection.execute(sa.delete(digest).where(ours))
            values = {name: getattr(entry, name) for name in _FIELDS}
            connection.execute(sa.insert(digest).values(content=content, **values))
        return entry

    def get(self, window_start: datetime) -> StoredDigest | None:
        """The digest of the window that starts then; None where there is none."""
        return self._first(digest.c.window_start == window_start)

    def newest(self) -> StoredDigest | None:
        """The digest of the newest window; None where there is none at all."""
        return self._first(sa.true())

    def list(self, limit: int = 100, before: datetime | None = None) -> list[DigestEntry]:
        """Entries of the newest windows first, those that start before `before` where it is given."""
        query = sa.select(*_ENTRY).order_by(digest.c.window_start.desc()).limit(limit)
        if before is not None:
            query = query.where(digest.c.window_start < before)
        with reading(self._engine) as connection:
            return [_entry(row) for row in connection.execute(query)]

    def _first(self, condition: sa.ColumnElement[bool]) -> StoredDigest | None:
        query = sa.select(*_ENTRY, digest.c.content).where(condition).order_by(digest.c.window_start.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else StoredDigest(_entry(row), row.content)


def _entry(row: sa.Row[Any]) -> DigestEntry:
    return DigestEntry(**{name: getattr(row, name) for name in _FIELDS})
