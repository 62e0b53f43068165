"""Delivery rules: when a mail in the outbox may be sent, and which state each outcome of an attempt puts it in.

A mail goes to one recipient. It is `pending` until a process claims it, `sending` until the server replies, and then
`sent`, `failed` for good, `pending` again, or `unknown` where no reply came. Claiming is the last step before the
content leaves. So a pending mail was never handed over, and a mail that was handed over becomes pending again only if
the server said that it did not accept it: nobody gets two. `unknown` waits for an operator, who can look. The outbox
itself is in `adapters.stores.outbox`, the transports in `adapters.mail`.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["pending", "sending", "sent", "failed", "unknown"]
MailKind = Literal["digest", "failed"]

SEND_WITHIN = timedelta(hours=3)
"""How long after its window's end a mail is sent automatically; later an operator has to release it."""

CLAIM_LASTS = timedelta(minutes=10)
"""Longer than any attempt can take: the process behind an older claim is gone."""

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
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


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
    """

    state: State
    next_attempt_at: datetime
    error: str


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
        return DeliveryResult("unknown", now, error)
    if outcome.permanent:
        return DeliveryResult("failed", now, error)
    if attempts >= MAX_ATTEMPTS:
        return DeliveryResult("failed", now, f"gave up after {attempts} attempts: {error}")
    return DeliveryResult("pending", now + retry_delay(attempts), error)


def retry_delay(attempts: int) -> timedelta:
    """The delay before the next attempt: 1 minute after the first, doubled each time, 30 minutes at most."""
    doublings = min(attempts - 1, _MAX_DOUBLINGS)
    return min(_MAX_DELAY, _FIRST_DELAY * 2**doublings)


def hold_reason(window_end: datetime, *, released: bool, now: datetime) -> str:
    """Why a pending mail is not sent automatically, for the operator; empty where it may be sent.

    Windows are longer than SEND_WITHIN, so every mail but that of the newest complete window is held.
    """
    if released:
        return ""
    if now < window_end:
        return f"its window ends at {window_end.isoformat()}: check this machine's clock"
    if now - window_end > SEND_WITHIN:
        hours = SEND_WITHIN // timedelta(hours=1)
        return f"its window ended more than {hours} h ago: release it to send it anyway"
    return ""


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
