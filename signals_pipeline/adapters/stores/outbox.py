"""The outbox: mails that wait, were sent, or need an operator; at most one process ever hands each one over.

Every change is one conditional UPDATE in a transaction of its own, so that a process that is killed leaves each mail in
the state that was true of it. What the states mean, and what an attempt's result makes of a mail, is decided in
`core.digest.delivery`; `defs.dispatch` sends.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.suppressions import suppressed_among
from signals_pipeline.adapters.stores.tables import delivery, digest
from signals_pipeline.adapters.stores.upsert import insert_or_ignore
from signals_pipeline.core.digest.delivery import CLAIM_LASTS, DeliveryResult, MailKind, State, hold_reason
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Window, window_starting

# `Outbox.open` looks for the first two in stored rows: they can't be reworded without a migration.
_UNSUBSCRIBED = "not sent: this recipient has unsubscribed, or mail to it came back"
_ABANDONED = "abandoned by an operator"
_LOST = "the process that was sending it stopped without reporting a result: it may have arrived or not"

# States from which an operator may release or abandon a mail: neither sent nor being sent.
_UNDECIDED: tuple[State, ...] = ("pending", "failed", "unknown")

# A mail of a digest that some process has claimed to hand it over: readers may have that digest.
IS_CLAIMED_DIGEST = sa.and_(delivery.c.kind == "digest", delivery.c.claimed_at.is_not(None))


class OutboxError(SignalsError, ValueError):
    """The outbox can't do that; the message is one line."""


@dataclass(frozen=True, slots=True)
class MailRecipient:
    """A recipient and the Message-ID of the mail to it."""

    recipient: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in the outbox; instants are aware, in UTC.

    Attributes:
        id: Number of its row, by which operators name it.
        window_start: Start of the window that it reports on.
        kind: A digest, or the report that a window has none.
        mode: The digest's mode; None where there is no digest.
        released: An operator sends it whatever its age.
        recipient: Address.
        state: See `core.digest.delivery`.
        attempts: Attempts so far.
        message_id: The same in every attempt, so that a mail server can tell a duplicate.
        detail: Why there is no digest; empty in a digest's mail.
        provider_id: The mail server's name for it, once it was sent.
        last_error: What went wrong last; empty where nothing did.
        next_attempt_at: When it may be tried again.
        claimed_at: When a process last claimed it.
        sent_at: When the server accepted it.
    """

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
        """The window that it reports on."""
        return window_starting(self.window_start)

    def held(self, now: datetime) -> str:
        """Why it is not sent automatically; empty where it is. See `core.digest.delivery.hold`."""
        return hold_reason(self.window.end, released=self.released, now=now)


_MAIL_COLUMNS = [delivery.c[field.name] for field in fields(Mail)]


def add_mails(
    connection: Connection,
    window: Window,
    recipients: Sequence[MailRecipient],
    *,
    kind: MailKind,
    mode: str | None,
    now: datetime,
    released: bool = False,
    detail: str = "",
) -> int:
    """Put a window's mails into the outbox inside the caller's transaction; those already there stay as they are.

    A suppressed recipient gets none.

    Returns:
        How many are new.
    """
    suppressed = suppressed_among(connection, [recipient.recipient for recipient in recipients])
    # Row by row, because only a single row's count says whether it was new on both databases.
    added = 0
    for recipient in recipients:
        if recipient.recipient in suppressed:
            continue
        row = {
            "window_start": window.start,
            "kind": kind,
            "mode": mode,
            "released": released,
            "recipient": recipient.recipient,
            "state": "pending",
            "attempts": 0,
            "message_id": recipient.message_id,
            "detail": detail,
            "provider_id": "",
            "last_error": "",
            "created_at": now,
            "next_attempt_at": window.end,
            "updated_at": now,
        }
        added += connection.execute(insert_or_ignore(connection, delivery).values(row)).rowcount
    return added


class Outbox:
    """The mails of all windows. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime) -> list[Mail]:
        """Pending mails that may be sent now, the oldest first."""
        # The age limit depends on the window's end, which is computed and not a column.
        ready = self._select(delivery.c.state == "pending", delivery.c.next_attempt_at <= now)
        return [mail for mail in ready if not mail.held(now)]

    def open(self) -> list[Mail]:
        """Every mail that was not sent and that somebody still expects, the oldest first."""
        was_given_up = sa.and_(delivery.c.state == "failed", delivery.c.last_error.in_([_ABANDONED, _UNSUBSCRIBED]))
        return self._select(delivery.c.state != "sent", sa.not_(was_given_up))

    def mails_for(self, window: Window) -> list[Mail]:
        """The mails of a window."""
        return self._select(delivery.c.window_start == window.start)

    def announce_failure(
        self, window: Window, recipients: Sequence[MailRecipient], *, detail: str, now: datetime
    ) -> int:
        """Put in the mails that report that a window has no digest; none where it has a live one.

        Returns:
            How many are new.
        """
        has_live_digest = sa.exists().where(digest.c.window_start == window.start, digest.c.mode == "live")
        with write_transaction(self._engine, alone=True) as connection:
            if connection.execute(sa.select(has_live_digest)).scalar_one():
                return 0
            return add_mails(connection, window, recipients, kind="failed", mode=None, now=now, detail=detail)

    def release_digest(self, window: Window, recipients: Sequence[MailRecipient], *, now: datetime) -> int:
        """Put in the mails of any digest, also a backfilled or old one, released by an operator.

        Mails of these recipients that are pending already are released, too; those sent stay sent.

        Returns:
            How many are pending now.

        Raises:
            OutboxError: the window has no digest.
        """
        with write_transaction(self._engine, alone=True) as connection:
            mode = connection.scalar(sa.select(digest.c.mode).where(digest.c.window_start == window.start))
            if mode is None:
                raise OutboxError(f"window {window.key} has no digest: run `signals run --window {window.key}` first")
            add_mails(connection, window, recipients, kind="digest", mode=mode, now=now, released=True)

            # Release those that were there before, too.
            addresses = [recipient.recipient for recipient in recipients]
            waiting = sa.and_(
                delivery.c.window_start == window.start,
                delivery.c.kind == "digest",
                delivery.c.state == "pending",
                delivery.c.recipient.in_(addresses),
            )
            values = {"released": True, "next_attempt_at": now, "updated_at": now}
            return connection.execute(sa.update(delivery).where(waiting).values(values)).rowcount

    def claim(self, mail: Mail, now: datetime) -> bool:
        """Claim a pending mail to hand it over now; False where another process, or an operator, was first."""
        values = {"state": "sending", "claimed_at": now, "attempts": mail.attempts + 1}
        return self._update(mail, ("pending",), values, now)

    def record_result(
        self, mail: Mail, result: DeliveryResult, *, now: datetime, claimed_at: datetime, provider_id: str
    ) -> bool:
        """Record the result of an attempt, even if the claim has expired since: a result is better than `unknown`.

        Args:
            mail: The mail.
            result: What became of it.
            now: When the result was known.
            claimed_at: The instant of this process's claim, which differs from that of a later claim.
            provider_id: The mail server's name for the mail; empty where it accepted none.

        Returns:
            Whether the claim was this process's, so that the result is recorded.
        """
        values = {
            **_result_columns(result),
            "provider_id": provider_id,
            "sent_at": now if result.state == "sent" else None,
        }
        return self._update(mail, ("sending", "unknown"), values, now, delivery.c.claimed_at == claimed_at)

    def reschedule(self, mail: Mail, result: DeliveryResult, now: datetime) -> bool:
        """Record an attempt that ended before the mail was claimed, so that a later one follows."""
        values = {**_result_columns(result), "attempts": mail.attempts + 1}
        # Another process may have recorded the same attempt.
        return self._update(mail, ("pending",), values, now, delivery.c.attempts == mail.attempts)

    def expire_claims(self, now: datetime) -> int:
        """Mark mails `unknown` whose claim has expired, because the process that claimed them is gone.

        Returns:
            How many.
        """
        is_expired = sa.and_(delivery.c.state == "sending", delivery.c.claimed_at < now - CLAIM_LASTS)
        values = {"state": "unknown", "last_error": _LOST, "updated_at": now}
        with write_transaction(self._engine) as connection:
            return connection.execute(sa.update(delivery).where(is_expired).values(values)).rowcount

    def drop_suppressed(self, now: datetime) -> int:
        """Fail pending mails whose recipient has been suppressed since.

        Returns:
            How many.
        """
        pending_mails = self._select(delivery.c.state == "pending")
        with write_transaction(self._engine) as connection:
            suppressed = suppressed_among(connection, [mail.recipient for mail in pending_mails])
            numbers = [mail.id for mail in pending_mails if mail.recipient in suppressed]
            # Another process may have claimed one meanwhile.
            still_pending = sa.and_(delivery.c.state == "pending", delivery.c.id.in_(numbers))
            values = {"state": "failed", "last_error": _UNSUBSCRIBED, "updated_at": now}
            return connection.execute(sa.update(delivery).where(still_pending).values(values)).rowcount

    def release(self, numbers: Collection[int], now: datetime) -> None:
        """Let an operator send these mails all the same, whatever their age and number of attempts.

        Raises:
            OutboxError: one of them does not exist, was sent, or is being sent; none is released.
        """
        values = {"state": "pending", "released": True, "attempts": 0, "next_attempt_at": now, "updated_at": now}
        self._decide(numbers, values, "released")

    def abandon(self, numbers: Collection[int], now: datetime) -> None:
        """Never send these mails.

        Raises:
            OutboxError: one of them does not exist, was sent, or is being sent; none is abandoned.
        """
        values = {"state": "failed", "last_error": _ABANDONED, "updated_at": now}
        self._decide(numbers, values, "abandoned")

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Mail]:
        query = sa.select(*_MAIL_COLUMNS).where(*conditions).order_by(delivery.c.window_start, delivery.c.id)
        with read_transaction(self._engine) as connection:
            return [Mail(**row) for row in connection.execute(query).mappings()]

    def _update(
        self, mail: Mail, states: Iterable[State], values: dict[str, Any], now: datetime, *more: sa.ColumnElement[bool]
    ) -> bool:
        """Update a mail if it is still in one of these states; whether it was."""
        is_unchanged = sa.and_(delivery.c.id == mail.id, delivery.c.state.in_(list(states)), *more)
        with write_transaction(self._engine) as connection:
            result = connection.execute(sa.update(delivery).where(is_unchanged).values(**values, updated_at=now))
            return result.rowcount == 1

    def _decide(self, numbers: Collection[int], values: dict[str, Any], action: str) -> None:
        """Update all of these mails or, where one of them is already decided, none."""
        ours = delivery.c.id.in_(numbers)
        with write_transaction(self._engine) as connection:
            # FOR UPDATE keeps a sending process from claiming one between the check and the update.
            query = sa.select(delivery.c.id, delivery.c.state).where(ours).with_for_update()
            states = {row.id: row.state for row in connection.execute(query)}
            for number in numbers:
                if states.get(number) not in _UNDECIDED:
                    state = f"is {states[number]}" if number in states else "does not exist"
                    raise OutboxError(
                        f"mail {number} {state} and can't be {action}: `signals deliveries` lists the mails"
                    )
            connection.execute(sa.update(delivery).where(ours).values(values))


def _result_columns(result: DeliveryResult) -> dict[str, Any]:
    return {"state": result.state, "next_attempt_at": result.next_attempt_at, "last_error": result.error}
