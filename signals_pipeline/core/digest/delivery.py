"""Who may be sent what and when: the states of a mail in the outbox and what each answer of a server makes of it.

A mail goes to one recipient. It is `pending` until a process claims it, `sending` from then until the server's answer,
and then `sent`, `failed` for good, `pending` again, or `unknown` where no answer came. Claiming is the last step before
the content leaves, so a mail that is still pending was never handed over, and one that was handed over is never pending
unless the server said that it did not take it: nobody gets two. `unknown` waits for an operator, who can look.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["pending", "sending", "sent", "failed", "unknown"]
MailKind = Literal["digest", "failed"]

SEND_WITHIN = timedelta(hours=3)
"""After a window's end its mail is sent by itself; later only where an operator releases it."""

CLAIM_LASTS = timedelta(minutes=10)
"""A mail claimed longer ago than any attempt can last: the process that claimed it is gone."""

MAX_ATTEMPTS = 8
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(minutes=30)


class NotSent(Exception):  # noqa: N818 - a verdict on one mail, not a fault of the program
    """The server did not take the mail, and says so or was never given it.

    Attributes:
        permanent: Trying again would not help.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class Unanswered(Exception):  # noqa: N818 - a verdict on one mail, not a fault of the program
    """The mail was handed over and no answer came: it may have been taken or not."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took the mail.

    Attributes:
        provider_id: The server's name for it.
    """

    provider_id: str


Answer = Sent | NotSent | Unanswered


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What an answer makes of a mail.

    Attributes:
        state: Its new state.
        next_attempt_at: From when it may be tried again, where it is pending; otherwise now.
        error: What was wrong, one line; empty where nothing was.
    """

    state: State
    next_attempt_at: datetime
    error: str


def delivery_result(answer: Answer, *, attempts: int, now: datetime) -> DeliveryResult:
    """What becomes of a mail after an attempt.

    Args:
        answer: The attempt's end.
        attempts: Attempts so far, this one included, 1 or more.
        now: The instant of the answer (aware).
    """
    error = " ".join(str(answer).split()) if isinstance(answer, Exception) else ""
    if isinstance(answer, Sent):
        return DeliveryResult("sent", now, "")
    if isinstance(answer, Unanswered):
        return DeliveryResult("unknown", now, error)
    if answer.permanent:
        return DeliveryResult("failed", now, error)
    if attempts >= MAX_ATTEMPTS:
        return DeliveryResult("failed", now, f"given up after {attempts} attempts: {error}")
    return DeliveryResult("pending", now + wait(attempts), error)


def wait(attempts: int) -> timedelta:
    """How long a mail rests after so many attempts: 1 minute, doubled each time, 30 minutes at most."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(attempts - 1, 10))


def hold(window_end: datetime, *, released: bool, now: datetime) -> str:
    """Why a pending mail is not sent by itself, for the operator; empty where nothing speaks against it.

    Windows are longer than SEND_WITHIN, so the mail of any but the newest complete window is held, too.
    """
    if released:
        return ""
    if now < window_end:
        return f"its window ends at {window_end.isoformat()}: check this machine's clock"
    if now - window_end > SEND_WITHIN:
        return (
            f"its window ended more than {SEND_WITHIN // timedelta(hours=1)} h ago: release it to send it all the same"
        )
    return ""


def message_id(kind: MailKind | Literal["notice"], about: str, recipient: str, domain: str) -> str:
    """The Message-ID of a mail to a recipient, the same whenever it is made (RFC 5322, 3.6.4).

    A mail reader that gets two with one Message-ID shows one.

    Args:
        kind: `digest`, or `failed` where there is none; `notice` to an operator.
        about: Key of the window; what a notice is about.
        recipient: The address; only its hash enters.
        domain: Domain of the sender.
    """
    name = hashlib.sha256(recipient.strip().casefold().encode()).hexdigest()[:20]
    return f"<{kind}.{about.replace(':', '').replace('/', '-')}.{name}@{domain}>"
