"""The outbox: mails that wait, were sent, or need an operator; at most one process ever hands each one over.

Every change is one conditional UPDATE in a transaction of its own, so that a process that is killed leaves each mail in
the state that was true of it. What the states mean, and what an attempt's result makes of a mail, is decided in
`core.digest.delivery`; `defs.dispatch` sends.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.suppressions import suppressed_among
from signals_pipeline.adapters.stores.tables import delivery, digest
from signals_pipeline.adapters.stores.upsert import insert_or_ignore
from signals_pipeline.core.digest.delivery import CLAIM_LASTS, DeliveryResult, Mail, MailKind, State
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Window

# Text for the operator. The release before compares the first two with stored rows, so they stay as they are.
_UNSUBSCRIBED = "not sent: this recipient has unsubscribed, or mail to it came back"
_ABANDONED = "abandoned by an operator"
_LOST = "the process that was sending it stopped without reporting a result: it may have arrived or not"

# States from which an operator may release or abandon a mail: neither sent nor being sent.
_UNDECIDED: tuple[State, ...] = ("pending", "failed", "unknown")

# A mail of a digest that may have reached its reader.
IS_CLAIMED_DIGEST = sa.and_(delivery.c.kind == "digest", delivery.c.claimed_at.is_not(None))


def has_untold_mails(window_start: sa.ColumnElement[datetime]) -> sa.ColumnElement[bool]:
    """Whether a window's digest was promised to readers and has certainly reached none of them.

    The window's signals are then told by the next digest, as those of a window that was caught up.
    """
    of_window = sa.and_(delivery.c.window_start == window_start, delivery.c.kind == "digest")
    promised = sa.exists().where(of_window).correlate_except(delivery)
    may_have_arrived = sa.exists().where(of_window, IS_CLAIMED_DIGEST).correlate_except(delivery)
    return sa.and_(promised, sa.not_(may_have_arrived))


class OutboxError(SignalsError, ValueError):
    """The outbox can't do that; the message is one line."""


@dataclass(frozen=True, slots=True)
class MailRecipient:
    """A recipient, the Message-ID of the mail to it, and what of a digest it shows; None for all of it."""

    recipient: str
    message_id: str
    edition: str | None = None


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
            "edition": recipient.edition,
        }
        added += connection.execute(insert_or_ignore(connection, delivery).values(row)).rowcount
    return added


class Outbox:
    """The mails of all windows. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime) -> list[Mail]:
        """Pending mails that may be sent now: those with fewest attempts first, of these the oldest.

        So a mail whose attempts end the process, or use up its time, keeps no other from being sent.
        """
        # Which are due depends on the window's end, which is computed and not a column.
        due_mails = [mail for mail in self._select(delivery.c.state == "pending") if mail.is_due(now)]
        return sorted(due_mails, key=lambda mail: mail.attempts)

    def open(self) -> list[Mail]:
        """Every mail that was not sent and that somebody still expects, the oldest first."""
        closed_reasons = delivery.c.reason.in_(["abandoned", "unsubscribed"])
        # Rows of older releases have no reason, which is not the same as another reason in SQL.
        is_closed = sa.and_(delivery.c.state == "failed", delivery.c.reason.is_not(None), closed_reasons)
        return self._select(delivery.c.state != "sent", sa.not_(is_closed))

    def is_empty(self) -> bool:
        """Whether no mail was ever promised."""
        with read_transaction(self._engine) as connection:
            return connection.scalar(sa.select(sa.literal(1)).select_from(delivery).limit(1)) is None

    def untold_windows(self, before: datetime) -> list[datetime]:
        """Starts of the windows before this instant whose digest was promised to readers and has reached none."""
        start = digest.c.window_start
        query = sa.select(start).where(start < before, has_untold_mails(start)).order_by(start)
        with read_transaction(self._engine) as connection:
            return list(connection.scalars(query))

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
            values = {
                "released": True,
                "reason": None,
                "next_attempt_at": now,
                "notified_at": None,
                "updated_at": now,
            }
            return connection.execute(sa.update(delivery).where(waiting).values(values)).rowcount

    def record_verdict(self, window: Window, *, problem: str, now: datetime) -> int:
        """Record whether the checks of a window let the mails of its digest go.

        Args:
            window: The window.
            problem: What keeps its digest from being sent, in one line; empty where nothing does.
            now: When the checks ended.

        Returns:
            How many mails it concerns: those that are pending.
        """
        pending_mails = sa.and_(
            delivery.c.window_start == window.start, delivery.c.kind == "digest", delivery.c.state == "pending"
        )
        unfit = {"reason": "unfit", "cleared_at": None, "last_error": problem, "updated_at": now}
        fit = {"reason": None, "cleared_at": now, "updated_at": now}
        with write_transaction(self._engine) as connection:
            if problem:
                # A verdict that changes nothing leaves alone when an operator was told of it.
                first_time = sa.or_(delivery.c.reason.is_(None), delivery.c.reason != "unfit")
                values = {**unfit, "notified_at": sa.case((first_time, sa.null()), else_=delivery.c.notified_at)}
                return connection.execute(sa.update(delivery).where(pending_mails).values(values)).rowcount
            # The verdict before this one is no error of an attempt.
            was_unfit = sa.and_(pending_mails, delivery.c.reason == "unfit")
            connection.execute(sa.update(delivery).where(was_unfit).values(last_error="", notified_at=None))
            return connection.execute(sa.update(delivery).where(pending_mails).values(fit)).rowcount

    def begin_attempt(self, mail: Mail, now: datetime) -> Mail | None:
        """Count an attempt before anything is done for it, so that one that ends the process is counted, too.

        Returns:
            The mail as it is now; None where the row has changed since the mail was read.
        """
        begun = replace(mail, attempts=mail.attempts + 1, updated_at=now)
        return begun if self._update(mail, ("pending",), {"attempts": begun.attempts}, now, _is_as_read(mail)) else None

    def claim(self, mail: Mail, now: datetime) -> bool:
        """Claim a pending mail, whose attempt has begun, to hand it over now.

        Returns:
            False where the row has changed since the mail was read: another process or an operator was first, or the
            digest was composed again and is not the one whose content the caller has.
        """
        values = {"state": "sending", "reason": None, "claimed_at": now}
        return self._update(mail, ("pending",), values, now, _is_as_read(mail))

    def record_result(
        self, mail: Mail, result: DeliveryResult, *, now: datetime, claimed_at: datetime, provider_id: str
    ) -> bool:
        """Record the result of an attempt, even if the claim has expired since: a result is better than `unknown`.

        Args:
            mail: The mail, as it was before it was claimed.
            result: What became of it.
            now: When the result was known.
            claimed_at: The instant of this process's claim, which differs from that of a later claim.
            provider_id: The mail server's name for the mail; empty where it accepted none.

        Returns:
            Whether the claim was this process's, so that the result is recorded.
        """
        certainly_not_arrived = result.state in ("pending", "failed")
        values = {
            **_result_columns(result),
            "provider_id": provider_id,
            "claimed_at": mail.claimed_at if certainly_not_arrived else claimed_at,
            "sent_at": now if result.state == "sent" else None,
        }
        return self._update(mail, ("sending", "unknown"), values, now, delivery.c.claimed_at == claimed_at)

    def reschedule(self, mail: Mail, result: DeliveryResult, now: datetime) -> bool:
        """Record an attempt that ended before the mail was claimed, so that a later one follows.

        Returns:
            False where the row has changed since the attempt began.
        """
        return self._update(mail, ("pending",), _result_columns(result), now, _is_as_read(mail))

    def expire_claims(self, now: datetime) -> int:
        """Mark mails `unknown` whose claim has expired, because the process that claimed them is gone.

        A claim from as far in the future was made by a wrong clock, and has expired as well.

        Returns:
            How many.
        """
        is_old = delivery.c.claimed_at < now - CLAIM_LASTS
        is_from_wrong_clock = delivery.c.claimed_at > now + CLAIM_LASTS
        is_unknown = delivery.c.claimed_at.is_(None)
        is_expired = sa.and_(delivery.c.state == "sending", sa.or_(is_old, is_from_wrong_clock, is_unknown))
        values = {
            "state": "unknown",
            "reason": "lost",
            "last_error": _LOST,
            "notified_at": None,
            "updated_at": now,
        }
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
            values = {"state": "failed", "reason": "unsubscribed", "last_error": _UNSUBSCRIBED, "updated_at": now}
            return connection.execute(sa.update(delivery).where(still_pending).values(values)).rowcount

    def mark_notified(self, mails: Collection[Mail], now: datetime) -> None:
        """Record that an operator was told of these mails, where they are still as the notice says."""
        with write_transaction(self._engine) as connection:
            for mail in mails:
                is_as_reported = sa.and_(delivery.c.id == mail.id, _is_as_read(mail))
                connection.execute(sa.update(delivery).where(is_as_reported).values(notified_at=now))

    def release(self, numbers: Collection[int], now: datetime) -> None:
        """Let an operator send these mails all the same, whatever their age and number of attempts.

        Raises:
            OutboxError: one of them does not exist, was sent, or is being sent; none is released.
        """
        values = {
            "state": "pending",
            "reason": None,
            "released": True,
            "attempts": 0,
            "next_attempt_at": now,
            "notified_at": None,
            "updated_at": now,
        }
        self._decide(numbers, values, "released")

    def abandon(self, numbers: Collection[int], now: datetime) -> None:
        """Never send these mails.

        Raises:
            OutboxError: one of them does not exist, was sent, or is being sent; none is abandoned.
        """
        values = {"state": "failed", "reason": "abandoned", "last_error": _ABANDONED, "updated_at": now}
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


def _is_as_read(mail: Mail) -> sa.ColumnElement[bool]:
    """Whether nobody has changed the row since the mail was read; two attempts never have the same number."""
    return sa.and_(delivery.c.updated_at == mail.updated_at, delivery.c.attempts == mail.attempts)


def _result_columns(result: DeliveryResult) -> dict[str, Any]:
    return {
        "state": result.state,
        "reason": result.reason,
        "next_attempt_at": result.next_attempt_at,
        "last_error": result.error,
        "notified_at": None,
    }
