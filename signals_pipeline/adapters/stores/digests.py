"""The archive of digests as they were composed: one per window, with the content that every rendering comes from.

A live digest and its mails are stored in one transaction, so that neither is ever there without the other.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import DatabaseError, read_transaction, write_transaction
from signals_pipeline.adapters.stores.outbox import IS_CLAIMED_DIGEST, MailRecipient, add_mails
from signals_pipeline.adapters.stores.tables import delivery, digest
from signals_pipeline.core.windows import Window

if TYPE_CHECKING:
    # For annotations alone: the module imports pandas, which nothing here needs.
    from signals_pipeline.core.digest.model import DigestKind


@dataclass(frozen=True, slots=True)
class DigestEntry:
    """A digest in the archive, without its content."""

    window_start: datetime
    window_end: datetime
    kind: "DigestKind"
    mode: str
    subject: str
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDigest:
    """A digest: its entry and its content, the JSON text of `Digest.to_json()`; `sha256` is that text's in UTF-8."""

    entry: DigestEntry
    content: str


_ENTRY_FIELDS = [field.name for field in fields(DigestEntry)]
_ENTRY_COLUMNS = [digest.c[name] for name in _ENTRY_FIELDS]


def content_sha256(content: str) -> str:
    """SHA-256 of a digest's content, as its entry has it."""
    return hashlib.sha256(content.encode()).hexdigest()


class DigestRepository:
    """The archive of digests by window. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(
        self,
        window: Window,
        content: str,
        *,
        kind: "DigestKind",
        mode: str,
        subject: str,
        mails: Sequence[MailRecipient] = (),
    ) -> DigestEntry:
        """Store a window's digest in place of an earlier one; the same again changes nothing, its time included.

        A digest that has mails keeps its mode, whatever run composes it again: the mails refer to it. Once a process
        has claimed one of them, readers may have the digest, and it stays as it is.

        Args:
            window: The window.
            content: `Digest.to_json()`.
            kind: What it is.
            mode: The run's.
            subject: Its subject.
            mails: Put into the outbox in the same transaction, where the digest is live and its window has none yet.

        Returns:
            The entry as it is stored now.
        """
        sha256 = content_sha256(content)
        entry = DigestEntry(window.start, window.end, kind, mode, subject, sha256, datetime.now(UTC))
        with write_transaction(self._engine, alone=True) as connection:
            stored = _store(connection, entry, content)
            # A digest that keeps another run's mode is not live, whatever this run is.
            is_live = stored.mode == mode == "live"
            if mails and is_live and not _has_mails(connection, window.start):
                add_mails(connection, window, mails, kind="digest", mode="live", now=stored.created_at)
        return stored

    def get(self, window_start: datetime) -> StoredDigest | None:
        """The digest of the window that starts then; None where there is none."""
        return self._first(digest.c.window_start == window_start)

    def content(self, window: Window) -> str:
        """The content of the window's digest.

        Raises:
            DatabaseError: the window has none.
        """
        stored = self.get(window.start)
        if stored is None:
            raise DatabaseError(f"window {window.key} has no digest: run it with `signals run --window {window.key}`")
        return stored.content

    def newest(self) -> StoredDigest | None:
        """The digest of the newest window; None where there is none at all."""
        return self._first(sa.true())

    def newest_live(self) -> StoredDigest | None:
        """The live digest of the newest window that has one; None where there is none at all."""
        return self._first(digest.c.mode == "live")

    def list(self, limit: int = 100, before: datetime | None = None) -> list[DigestEntry]:
        """Entries of the newest windows first, those that start before `before` where it is given."""
        query = sa.select(*_ENTRY_COLUMNS).order_by(digest.c.window_start.desc()).limit(limit)
        if before is not None:
            query = query.where(digest.c.window_start < before)
        with read_transaction(self._engine) as connection:
            return [_to_entry(row) for row in connection.execute(query)]

    def neighbours(self, window_start: datetime) -> tuple[datetime | None, datetime | None]:
        """Starts of the windows of the previous and the next digest; None where there is none."""
        start = digest.c.window_start
        query = sa.select(
            sa.select(sa.func.max(start)).where(start < window_start).scalar_subquery(),
            sa.select(sa.func.min(start)).where(start > window_start).scalar_subquery(),
        )
        with read_transaction(self._engine) as connection:
            earlier, later = connection.execute(query).one()
        return earlier, later

    def _first(self, condition: sa.ColumnElement[bool]) -> StoredDigest | None:
        newest_first = digest.c.window_start.desc()
        query = sa.select(*_ENTRY_COLUMNS, digest.c.content).where(condition).order_by(newest_first).limit(1)
        with read_transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else StoredDigest(_to_entry(row), row.content)


def _store(connection: Connection, entry: DigestEntry, content: str) -> DigestEntry:
    """Write the digest where it differs from the stored one, and return the entry that is stored then."""
    is_window = digest.c.window_start == entry.window_start
    row = connection.execute(sa.select(*_ENTRY_COLUMNS).where(is_window)).one_or_none()
    if row is None:
        connection.execute(sa.insert(digest).values(content=content, **_to_values(entry)))
        return entry

    # The same content from another run is the same digest. Only a live run must find it live, as its mails need that.
    is_same = (row.sha256, row.kind, row.subject) == (entry.sha256, entry.kind, entry.subject)
    mode_may_stay = entry.mode != "live" or row.mode == "live"
    if is_same and mode_may_stay:
        return _to_entry(row)

    if _was_sent(connection, entry.window_start):
        return _to_entry(row)

    # The mails refer to window and mode by a foreign key.
    if _has_mails(connection, entry.window_start):
        entry = replace(entry, mode=row.mode)
        _require_new_checks(connection, entry)
    connection.execute(sa.update(digest).where(is_window).values(content=content, **_to_values(entry)))
    return entry


def _require_new_checks(connection: Connection, entry: DigestEntry) -> None:
    """Keep the mails of a digest that is about to change until the new one was checked."""
    pending_mails = sa.and_(
        delivery.c.window_start == entry.window_start, delivery.c.kind == "digest", delivery.c.state == "pending"
    )
    unchecked = {"reason": None, "cleared_at": None, "notified_at": None, "updated_at": entry.created_at}
    connection.execute(sa.update(delivery).where(pending_mails).values(unchecked))


def _has_mails(connection: Connection, window_start: datetime) -> bool:
    """Whether any mail of the digest was ever put into the outbox."""
    has_mail = sa.exists().where(delivery.c.window_start == window_start, delivery.c.kind == "digest")
    return bool(connection.execute(sa.select(has_mail)).scalar_one())


def _was_sent(connection: Connection, window_start: datetime) -> bool:
    """Whether any process ever claimed a mail of the digest, to hand it over."""
    was_claimed = sa.exists().where(delivery.c.window_start == window_start, IS_CLAIMED_DIGEST)
    return bool(connection.execute(sa.select(was_claimed)).scalar_one())


def _to_values(entry: DigestEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _ENTRY_FIELDS}


def _to_entry(row: sa.Row[Any]) -> DigestEntry:
    return DigestEntry(**{name: getattr(row, name) for name in _ENTRY_FIELDS})
