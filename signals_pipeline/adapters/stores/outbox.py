"""The outbox: mails that wait, were sent, or need an operator; at most one process ever hands one over.

Every change is one conditional UPDATE in a transaction of its own, so that a process that is killed leaves each mail in
the state that was true of it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import delivery, digest, suppression
from signals_pipeline.core.digest.delivery import CLAIM_LASTS, DeliveryResult, MailKind, State, hold
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Window, window_starting

_UNSUBSCRIBED = "not sent: this recipient has unsubscribed, or mail to it came back"
_ABANDONED = "abandoned by an operator"
_LOST = "the process that was sending it ended without a word: it may have arrived or not"


class OutboxError(SignalsError, ValueError):
    """The outbox can't do that; the message is one line."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """A recipient and the Message-ID of the mail to it."""

    recipient: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in the outbox. Instants are aware UTC; `mode` is the digest's, `detail` says why there is none."""

    id: int
    window_start: datetime
    kind: MailKind
    mode: str | None
    released: bool
    recipient: str
    state: State
    attempts: int
    message_id: str
    detail: str
    provider_id: str
    last_error: str
    next_attempt_at: datetime
    claimed_at: datetime | None
    sent_at: datetime | None

    @property
    def window(self) -> Window:
        """The window that it tells of."""
        return window_starting(self.window_start)

    def held(self, now: datetime) -> str:
        """Why it is not sent by itself; see `core.delivery.hold`."""
        return hold(self.window.end, released=self.released, now=now)


_MAIL = [delivery.c[field.name] for field in fields(Mail)]


def add_mails(
    connection: Connection,
    window: Window,
    addressed: Sequence[Addressed],
    *,
    kind: MailKind,
    mode: str | None,
    now: datetime,
    released: bool = False,
    detail: str = "",
) -> int:
    """Put a window's mails into the outbox inside the caller's transaction; those already there stay as they are.

    A suppressed recipient gets none. Returns how many are new.
    """
    gone = _suppressed(connection, [each.recipient for each in addressed])
    shared = {"window_start": window.start, "kind": kind, "mode": mode, "released": released, "detail": detail}
    blank = {"state": "pending", "attempts": 0, "provider_id": "", "last_error": ""}
    instants = {"created_at": now, "updated_at": now, "next_attempt_at": window.end}
    rows = [
        {**shared, **blank, **instants, "recipient": each.recipient, "message_id": each.message_id}
        for each in addressed
        if each.recipient.casefold() not in gone
    ]
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return sum(connection.execute(insert(delivery).values(row).on_conflict_do_nothing()).rowcount for row in rows)


class Outbox:
    """The mails of all windows. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime) -> list[Mail]:
        """Pending mails that may be sent now, the oldest first."""
        ready = (delivery.c.state == "pending", delivery.c.next_attempt_at <= now)
        return [mail for mail in self._mails(*ready) if not mail.held(now)]

    def open(self) -> list[Mail]:
        """Every mail that was not sent, the oldest first, but for those that nobody expects any more."""
        unsent, settled = delivery.c.state != "sent", delivery.c.last_error.in_([_ABANDONED, _UNSUBSCRIBED])
        return self._mails(unsent, sa.not_(sa.and_(delivery.c.state == "failed", settled)))

    def of(self, window: Window) -> list[Mail]:
        """The mails of a window."""
        return self._mails(delivery.c.window_start == window.start)

    def announce_failure(self, window: Window, addressed: Sequence[Addressed], *, detail: str, now: datetime) -> int:
        """Put in the mails that say that a window has no digest; none where it has one that was live.

        Returns:
            How many are new.
        """
        told = sa.select(sa.exists().where(digest.c.window_start == window.start, digest.c.mode == "live"))
        with write_transaction(self._engine, alone=True) as connection:
            if connection.execute(told).scalar_one():
                return 0
            return add_mails(connection, window, addressed, kind="failed", mode=None, now=now, detail=detail)

    def release_digest(self, window: Window, addressed: Sequence[Addressed], *, now: datetime) -> int:
        """Put in the mails of any digest, also a backfilled or old one, released by an operator.

        Those of the recipients that wait already are released, too; those sent stay sent.

        Returns:
            How many wait now.

        Raises:
            OutboxError: the window has no digest.
        """
        ours = (delivery.c.window_start == window.start, delivery.c.kind == "digest", delivery.c.state == "pending")
        with write_transaction(self._engine, alone=True) as connection:
            mode = connection.scalar(sa.select(digest.c.mode).where(digest.c.window_start == window.start))
            if mode is None:
                raise OutboxError(f"window {window.key} has no digest: `signals run --window {window.key}` makes it")
            add_mails(connection, window, addressed, kind="digest", mode=mode, now=now, released=True)
            chosen = delivery.c.recipient.in_([each.recipient for each in addressed])
            values = {"released": True, "next_attempt_at": now, "updated_at": now}
            return connection.execute(sa.update(delivery).where(*ours, chosen).values(values)).rowcount

    def claim(self, mail: Mail, now: datetime) -> bool:
        """Take a pending mail to hand it over now; False where another process, or an operator, was first."""
        values = {"state": "sending", "claimed_at": now, "attempts": mail.attempts + 1}
        return self._change(mail, ("pending",), values, now)

    def settle(
        self, mail: Mail, verdict: DeliveryResult, *, now: datetime, claimed_at: datetime, provider_id: str
    ) -> bool:
        """Write down what became of a mail that was claimed at this instant, also where it was taken for lost since."""
        values = {"provider_id": provider_id, "sent_at": now if verdict.state == "sent" else None}
        ours = delivery.c.claimed_at == claimed_at
        return self._change(mail, ("sending", "unknown"), _judged(verdict) | values, now, ours)

    def put_off(self, mail: Mail, verdict: DeliveryResult, now: datetime) -> bool:
        """Write down an attempt that ended before the mail was claimed."""
        values = _judged(verdict) | {"attempts": mail.attempts + 1}
        return self._change(mail, ("pending",), values, now, delivery.c.attempts == mail.attempts)

    def settle_lost(self, now: datetime) -> int:
        """Mark `unknown` what was claimed so long ago that whoever claimed it is gone; how many."""
        lost = (delivery.c.state == "sending", delivery.c.claimed_at < now - CLAIM_LASTS)
        values = {"state": "unknown", "last_error": _LOST, "updated_at": now}
        with write_transaction(self._engine) as connection:
            return connection.execute(sa.update(delivery).where(*lost).values(values)).rowcount

    def drop_suppressed(self, now: datetime) -> int:
        """Fail what waits for a recipient who has unsubscribed since; how many."""
        waiting = self._mails(delivery.c.state == "pending")
        with write_transaction(self._engine) as connection:
            gone = _suppressed(connection, [mail.recipient for mail in waiting])
            numbers = [mail.id for mail in waiting if mail.recipient.casefold() in gone]
            concerned = (delivery.c.state == "pending", delivery.c.id.in_(numbers))
            values = {"state": "failed", "last_error": _UNSUBSCRIBED, "updated_at": now}
            return connection.execute(sa.update(delivery).where(*concerned).values(values)).rowcount

    def release(self, numbers: Collection[int], now: datetime) -> None:
        """Let an operator send these mails all the same, whatever their age and how often they were tried.

        Raises:
            OutboxError: one of them is not there, was sent, or is being sent.
        """
        values = {"state": "pending", "released": True, "attempts": 0, "next_attempt_at": now, "updated_at": now}
        self._decide(numbers, values, ("pending", "failed", "unknown"), "released")

    def abandon(self, numbers: Collection[int], now: datetime) -> None:
        """Never send these mails.

        Raises:
            OutboxError: one of them is not there, was sent, or is being sent.
        """
        values = {"state": "failed", "last_error": _ABANDONED, "updated_at": now}
        self._decide(numbers, values, ("pending", "failed", "unknown"), "abandoned")

    def _mails(self, *conditions: sa.ColumnElement[bool]) -> list[Mail]:
        query = sa.select(*_MAIL).where(*conditions).order_by(delivery.c.window_start, delivery.c.id)
        with read_transaction(self._engine) as connection:
            return [Mail(**row) for row in connection.execute(query).mappings()]

    def _change(
        self, mail: Mail, states: Iterable[State], values: dict[str, Any], now: datetime, *more: sa.ColumnElement[bool]
    ) -> bool:
        ours = (delivery.c.id == mail.id, delivery.c.state.in_(list(states)), *more)
        with write_transaction(self._engine) as connection:
            changed = connection.execute(sa.update(delivery).where(*ours).values(**values, updated_at=now))
            return changed.rowcount == 1

    def _decide(self, numbers: Collection[int], values: dict[str, Any], states: Collection[State], done: str) -> None:
        with write_transaction(self._engine) as connection:
            query = sa.select(delivery.c.id, delivery.c.state).where(delivery.c.id.in_(numbers)).with_for_update()
            known = {row.id: row.state for row in connection.execute(query)}
            for number in numbers:
                if known.get(number) not in states:
                    said = f"is {known[number]}" if number in known else "is not there"
                    raise OutboxError(f"mail {number} {said} and can't be {done}: `signals deliveries` lists the mails")
            connection.execute(sa.update(delivery).where(delivery.c.id.in_(numbers)).values(values))


def _suppressed(connection: Connection, recipients: Iterable[str]) -> set[str]:
    same = {each.casefold() for each in recipients}
    return set(connection.scalars(sa.select(suppression.c.recipient).where(suppression.c.recipient.in_(same))))


def _judged(verdict: DeliveryResult) -> dict[str, Any]:
    return {"state": verdict.state, "next_attempt_at": verdict.next_attempt_at, "last_error": verdict.error}
