"""The digests as they were composed: one a window, with the content that every rendering comes from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.outbox import Addressed, add_mails
from signals_pipeline.adapters.stores.tables import delivery, digest
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

    def put(
        self,
        window: Window,
        content: str,
        *,
        kind: Kind,
        mode: str,
        subject: str,
        mails: Sequence[Addressed] = (),
    ) -> DigestEntry:
        """Keep a window's digest in place of an earlier one; the same again changes nothing, its time included.

        A digest that mails were made of keeps its mode, whatever composes it anew: the mails refer to it.

        Args:
            window: The window.
            content: `Digest.to_json()`.
            kind: What it is.
            mode: The run's.
            subject: Its subject.
            mails: Put into the outbox in the same transaction, where the digest is live and its window has none yet.
        """
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        entry = DigestEntry(window.start, window.end, kind, mode, subject, sha256, datetime.now(UTC))
        with write_transaction(self._engine, alone=True) as connection:
            kept = _kept(connection, entry, content)
            if mails and kept.mode == mode == "live" and not _mailed(connection, window.start):
                add_mails(connection, window, mails, kind="digest", mode="live", now=kept.created_at)
        return kept

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
        with read_transaction(self._engine) as connection:
            return [_entry(row) for row in connection.execute(query)]

    def _first(self, condition: sa.ColumnElement[bool]) -> StoredDigest | None:
        query = sa.select(*_ENTRY, digest.c.content).where(condition).order_by(digest.c.window_start.desc()).limit(1)
        with read_transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else StoredDigest(_entry(row), row.content)


def _kept(connection: Connection, entry: DigestEntry, content: str) -> DigestEntry:
    """Write the digest where it differs from the one stored; what is stored then."""
    ours = digest.c.window_start == entry.window_start
    row = connection.execute(sa.select(*_ENTRY).where(ours)).one_or_none()
    if row is None:
        connection.execute(sa.insert(digest).values(content=content, **_values(entry)))
        return entry
    # The same content by another run is the same digest; only a run whose mails refer to it must find it live.
    same = (row.sha256, row.kind, row.subject) == (entry.sha256, entry.kind, entry.subject)
    if same and (entry.mode != "live" or row.mode == "live"):
        return _entry(row)
    kept = replace(entry, mode=row.mode) if _mailed(connection, entry.window_start) else entry
    connection.execute(sa.update(digest).where(ours).values(content=content, **_values(kept)))
    return kept


def _mailed(connection: Connection, window_start: datetime) -> bool:
    """Whether any mail of the digest was ever put into the outbox."""
    made = sa.exists().where(delivery.c.window_start == window_start, delivery.c.kind == "digest")
    return bool(connection.execute(sa.select(made)).scalar_one())


def _values(entry: DigestEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _FIELDS}


def _entry(row: sa.Row[Any]) -> DigestEntry:
    return DigestEntry(**{name: getattr(row, name) for name in _FIELDS})
