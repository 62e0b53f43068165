"""Delivery rules: when a mail may be sent, what each outcome of an attempt makes of it, and who has to know of it.

A mail goes to one recipient. It is `pending` until a process claims it, `sending` until the server replies, and then
`sent`, `failed` for good, `pending` again, or `unknown` where no reply came. Claiming is the last step before the
content leaves. So a pending mail was never handed over, and a mail that was handed over becomes pending again only if
the server said that it did not accept it: nobody gets two. `unknown` waits for an operator, who can look.

Instants may have been written while the clock was wrong. No rule lets one of them stop a mail for longer than the
rule's own time span: an instant from too far in the future counts as past. The outbox itself is in
`adapters.stores.outbox`, the transports in `adapters.mail`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from signals_pipeline.core.digest.readers import is_channel_recipient
from signals_pipeline.core.windows import Window, WindowError, window_starting

State = Literal["pending", "sending", "sent", "failed", "unknown"]
MailKind = Literal["digest", "failed"]

Reason = Literal["unfit", "rejected", "attempts", "lost", "unanswered", "unsubscribed", "abandoned"]
"""Why a mail is in its state.

- `unfit`: pending; the checks of its window found something serious.
- `rejected`, `attempts`: failed; the server refused it for good, or every attempt failed.
- `unsubscribed`, `abandoned`: failed; nobody expects it any more.
- `lost`, `unanswered`: unknown; the process that sent it stopped, or the server did not reply.
"""

SEND_WITHIN = timedelta(hours=3)
"""How long after its window's end a mail is sent automatically; later an operator has to release it."""

CLAIM_LASTS = timedelta(minutes=10)
"""Longer than any attempt can take: the process behind an older claim is gone."""

CHECKED_WITHIN = timedelta(minutes=5)
"""Longer than a run takes from its digest to the end of its checks: the run behind an older unchecked mail is gone."""

NOTIFY_WITHIN = timedelta(minutes=15)
"""How soon an operator must have been told of a mail that waits for one, while the daemon runs."""

REPEAT_NOTICE_AFTER = timedelta(hours=8)
"""When an operator is told again of a cause that is still there."""

MAX_ATTEMPTS = 8
"""Attempts before a mail fails for good; with the delays between them they fit into SEND_WITHIN."""

# Exponential backoff between attempts: 1 minute, doubled each time, 30 minutes at most.
_FIRST_DELAY = timedelta(minutes=1)
_MAX_DELAY = timedelta(minutes=30)
_MAX_DOUBLINGS = 10  # far beyond _MAX_DELAY already; keeps the power from overflowing a timedelta


class NotSent(Exception):  # noqa: N818 - an outcome of one mail, not a fault of the program
    """The server did not accept the mail: it refused it, or was never given it.

    Attributes:
        permanent: Whether a retry is pointless.
        retry_after: How long the server asks to wait; None where it does not say.
    """

    def __init__(self, message: str, *, permanent: bool, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after


class Unanswered(Exception):  # noqa: N818 - an outcome of one mail, not a fault of the program
    """The mail was handed over and no reply came: it may have been accepted or not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The server accepted the mail.

    Attributes:
        provider_id: The server's identifier of the mail.
    """

    provider_id: str


SendOutcome = Sent | NotSent | Unanswered


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The effect of an attempt on a mail.

    Attributes:
        state: Its new state.
        next_attempt_at: When it may be retried if it is pending; otherwise the instant of the outcome.
        error: What went wrong, in one line; empty for a mail that was sent.
        reason: Why it is in its state; None for a mail that was sent or is to be retried.
    """

    state: State
    next_attempt_at: datetime
    error: str
    reason: Reason | None = None


def delivery_result(outcome: SendOutcome, *, attempts: int, now: datetime) -> DeliveryResult:
    """Decide what becomes of a mail after an attempt.

    Args:
        outcome: How the attempt ended.
        attempts: Attempts so far, including this one; 1 or more.
        now: The instant of the outcome (aware).
    """
    if isinstance(outcome, Sent):
        return DeliveryResult("sent", now, "")

    error = " ".join(str(outcome).split())  # servers may reply on several lines
    if isinstance(outcome, Unanswered):
        return DeliveryResult("unknown", now, error, "unanswered")
    if outcome.permanent:
        return DeliveryResult("failed", now, error, "rejected")
    if attempts >= MAX_ATTEMPTS:
        return DeliveryResult("failed", now, f"gave up after {attempts} attempts: {error}", "attempts")
    # Who asks for a longer pause than the backoff gets it. Beyond SEND_WITHIN the mail is too old anyway.
    delay = max(retry_delay(attempts), min(outcome.retry_after or timedelta(), SEND_WITHIN))
    return DeliveryResult("pending", now + delay, error)


def retry_delay(attempts: int) -> timedelta:
    """The delay before the next attempt: 1 minute after the first, doubled each time, 30 minutes at most."""
    doublings = min(attempts - 1, _MAX_DOUBLINGS)
    return min(_MAX_DELAY, _FIRST_DELAY * 2**doublings)


class Hold(StrEnum):
    """Why a pending mail is not sent automatically."""

    NO_WINDOW = "no window"
    UNFIT = "unfit"
    CLOCK = "clock"
    TOO_OLD = "too old"
    UNCHECKED = "unchecked"

    @property
    def message(self) -> str:
        """The same for an operator."""
        return _HOLD_MESSAGES[self]


_HOURS = SEND_WITHIN // timedelta(hours=1)
_HOLD_MESSAGES = {
    Hold.NO_WINDOW: "no window starts at its time: abandon it",
    Hold.UNFIT: "the checks found its digest unfit: run the window again, or release it",
    Hold.CLOCK: "its window has not ended yet: check this machine's clock",
    Hold.TOO_OLD: f"its window ended more than {_HOURS} h ago: release it to send it anyway",
    Hold.UNCHECKED: "the checks of its window have not run yet",
}


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail in the outbox; instants are aware, in UTC.

    Attributes:
        id: Number of its row, by which operators name it.
        window_start: Start of the window that it reports on.
        kind: A digest, or the report that a window has none.
        mode: The digest's mode; None where there is no digest.
        released: An operator sends it whatever its age and whatever the checks found.
        recipient: A mail address, or a channel as `KIND:NAME`.
        state: See this module.
        reason: Why it is in its state; None where the state says everything, and in rows of older releases.
        attempts: Attempts so far.
        message_id: The same in every attempt, so that a mail server can tell a duplicate.
        detail: Why there is no digest; empty in a digest's mail.
        provider_id: The mail server's name for it, once it was sent.
        last_error: What went wrong last; empty where nothing did.
        next_attempt_at: When it may be tried again.
        cleared_at: When the checks of its window found the digest fit to send; None before that.
        claimed_at: When a process last claimed it; None where it certainly reached nobody.
        sent_at: When the server accepted it.
        notified_at: When an operator was last told of it in its present state.
        updated_at: When the row last changed.
        edition: What of the digest it shows, as `core.digest.editions.stored_edition` writes it; None for all of it.
    """

    id: int
    window_start: datetime
    kind: MailKind
    mode: str | None
    released: bool
    recipient: str
    state: State
    reason: Reason | None
    attempts: int
    message_id: str
    detail: str
    provider_id: str
    last_error: str
    next_attempt_at: datetime
    cleared_at: datetime | None
    claimed_at: datetime | None
    sent_at: datetime | None
    notified_at: datetime | None
    updated_at: datetime
    edition: str | None = None

    @property
    def window(self) -> Window:
        """The window that it reports on.

        Raises:
            WindowError: no window starts at its time.
        """
        return window_starting(self.window_start)

    @property
    def window_key(self) -> str:
        """The key of its window; its start as text where it belongs to none."""
        window = self._window_or_none()
        return self.window_start.isoformat() if window is None else window.key

    def hold(self, now: datetime) -> Hold | None:
        """Why it is not sent automatically now; None where it may be sent, and where it is not pending.

        Windows are longer than SEND_WITHIN, so every mail but that of the newest complete window is held.
        """
        if self.state != "pending":
            return None
        window = self._window_or_none()
        if window is None:
            return Hold.NO_WINDOW
        if self.released:
            return None
        if self.reason == "unfit":
            return Hold.UNFIT
        too_early_or_late = age_hold(window.end, now)
        if too_early_or_late is not None:
            return too_early_or_late
        # The mail that there is no digest rests on no data that could be checked.
        if self.kind == "digest" and self.cleared_at is None:
            return Hold.UNCHECKED
        return None

    def is_due(self, now: datetime) -> bool:
        """Whether it may be sent now."""
        if self.state != "pending" or self.hold(now) is not None:
            return False
        # No delay is longer: an instant beyond it was written by a wrong clock. Channels may ask for a pause.
        longest_delay = SEND_WITHIN if is_channel_recipient(self.recipient) else _MAX_DELAY
        return self.next_attempt_at <= now or self.next_attempt_at > now + longest_delay

    def is_left_unchecked(self, now: datetime) -> bool:
        """Whether it waits for checks that its run should have finished long ago."""
        return self.hold(now) is Hold.UNCHECKED and not _is_recent(self.updated_at, now, CHECKED_WITHIN)

    def is_claim_expired(self, now: datetime) -> bool:
        """Whether the process that claimed it is gone."""
        if self.state != "sending":
            return False
        return self.claimed_at is None or not _is_recent(self.claimed_at, now, CLAIM_LASTS)

    def needs_operator(self, now: datetime) -> bool:
        """Whether it stays where it is until an operator releases or abandons it."""
        if self.state == "failed":
            return self.reason not in ("unsubscribed", "abandoned")
        if self.state == "pending":
            return self.hold(now) not in (None, Hold.UNCHECKED)
        return self.state == "unknown" or self.is_claim_expired(now)

    def needs_notice(self, now: datetime) -> bool:
        """Whether an operator must be told of it now: for the first time, or again because it is still there."""
        if not self.needs_operator(now):
            return False
        return self.notified_at is None or not _is_recent(self.notified_at, now, REPEAT_NOTICE_AFTER)

    def explanation(self, now: datetime) -> str:
        """Why it was not sent yet, in one line for an operator."""
        hold = self.hold(now)
        if hold is None:
            return self.last_error or "queued"
        return "; ".join(part for part in (hold.message, self.last_error) if part)

    def _window_or_none(self) -> Window | None:
        try:
            return self.window
        except WindowError:
            return None


def age_hold(window_end: datetime, now: datetime) -> Hold | None:
    """Whether a window's mails are too early or too late to be sent automatically."""
    if now < window_end:
        return Hold.CLOCK
    if now - window_end > SEND_WITHIN:
        return Hold.TOO_OLD
    return None


def _is_recent(instant: datetime, now: datetime, span: timedelta) -> bool:
    """Whether an instant lies within a span before now; one that lies as far ahead was written by a wrong clock."""
    return abs(now - instant) <= span


class Standing(StrEnum):
    """What has become of a promised mail, or will."""

    SENT = "sent"
    UNDER_WAY = "under way"  # a process hands it over, and its claim ends by itself
    WAITING = "waiting"  # it is due, will be retried, or its checks will be finished
    CLOSED = "closed"  # its recipient has unsubscribed, or an operator abandoned it
    NOTIFIED = "notified"  # it waits for an operator, who was told
    NOTICE_DUE = "notice due"  # it waits for an operator, who will be told within NOTIFY_WITHIN
    UNACCOUNTED = "unaccounted"  # it waits for an operator, and nobody was told in time


@dataclass(frozen=True, slots=True)
class Account:
    """Every promised mail by its standing.

    Attributes:
        counts: Number of mails by standing; the sum is the number of mails.
        unaccounted: Those that stay where they are with nobody told.
    """

    counts: Mapping[Standing, int]
    unaccounted: tuple[Mail, ...]

    @property
    def waiting_for_operator(self) -> int:
        """Number of mails that stay where they are until an operator decides."""
        return sum(self.counts.get(standing, 0) for standing in _FOR_OPERATOR)


_FOR_OPERATOR = (Standing.NOTIFIED, Standing.NOTICE_DUE, Standing.UNACCOUNTED)


def account(mails: Iterable[Mail], now: datetime) -> Account:
    """Account for promised mails: each is sent, will be tried again, is closed, or waits for an operator who knows.

    Args:
        mails: Mails of the outbox.
        now: The present instant (aware).
    """
    counts: Counter[Standing] = Counter()
    unaccounted: list[Mail] = []
    for mail in mails:
        place = standing(mail, now)
        counts[place] += 1
        if place is Standing.UNACCOUNTED:
            unaccounted.append(mail)
    return Account(counts, tuple(unaccounted))


def standing(mail: Mail, now: datetime) -> Standing:
    """What has become of a mail, or will."""
    if mail.state == "sent":
        return Standing.SENT
    if mail.needs_operator(now):
        if mail.notified_at is not None:
            return Standing.NOTIFIED
        return Standing.NOTICE_DUE if _is_recent(_held_since(mail, now), now, NOTIFY_WITHIN) else Standing.UNACCOUNTED
    if mail.state == "failed":
        return Standing.CLOSED
    if mail.state == "sending":
        return Standing.UNDER_WAY
    return Standing.WAITING


def _held_since(mail: Mail, now: datetime) -> datetime:
    """Since when a mail waits for an operator: its last change, the end of its claim, or when it became too old."""
    if mail.state == "sending" and mail.claimed_at is not None:
        return mail.claimed_at + CLAIM_LASTS
    if mail.hold(now) is Hold.TOO_OLD:
        return max(mail.updated_at, mail.window.end + SEND_WITHIN)
    return mail.updated_at


def message_id(kind: MailKind | Literal["notice"], about: str, recipient: str, domain: str) -> str:
    """The Message-ID of a mail to a recipient, the same on every attempt (RFC 5322, 3.6.4).

    A mail program that receives two messages with one Message-ID shows one.

    Args:
        kind: `digest`; `failed` where a window has no digest; `notice` for a mail to an operator.
        about: Key of the window, or the subject of a notice.
        recipient: The address; only its hash is part of the Message-ID.
        domain: Domain of the sender.
    """
    # 20 hex characters: 80 bits are enough to keep recipients of one window apart.
    address = recipient.strip().casefold()
    recipient_digest = hashlib.sha256(address.encode()).hexdigest()[:20]
    topic = about.replace(":", "").replace("/", "-")
    return f"<{kind}.{topic}.{recipient_digest}@{domain}>"


def webhook_id(mail: Mail) -> str:
    """The identifier of a message to a channel: of its row, the same on every attempt, and without a full stop.

    The hash of the Message-ID tells the rows of two databases apart.
    """
    return f"msg_{mail.id}_{hashlib.sha256(mail.message_id.encode()).hexdigest()[:16]}"
