"""What readers ask for by a link of a mail, and what mail servers report about a mail: one message of a queue each.

A link's message carries the signed token itself, so that whoever may write to the queue can't speak for a reader. The
reports are events that Amazon SES publishes (bounces and complaints); every mail has one recipient, so an event of one
names the reader that it is about. `defs.reader_requests` applies the requests, `links` verifies the tokens.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Literal

from signals_pipeline.core.digest.addresses import AddressError, check_address
from signals_pipeline.core.digest.links import (
    FeedbackFields,
    LinkError,
    LinkKeyError,
    Verdict,
    verify_feedback_link,
    verify_unsubscribe_link,
)
from signals_pipeline.core.errors import SignalsError

_VERDICTS: dict[str, Verdict] = {"useful": "useful", "not_useful": "not_useful"}

# The beginning of the plain text that SES publishes once, when an event destination is made.
_SES_GREETING = "Successfully validated SNS topic"


class ReaderRequestError(SignalsError, ValueError):
    """A message of the queue can't be read; the text says why and repeats neither address nor token."""


@dataclass(frozen=True, slots=True)
class Suppress:
    """Recipients who are to get no more mail, and why."""

    recipients: tuple[str, ...]
    reason: Literal["unsubscribed", "bounced", "complaint"]


@dataclass(frozen=True, slots=True)
class Rate:
    """A reader's verdict on a signal."""

    fields: FeedbackFields
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class NoAction:
    """A message that changes nothing, such as a temporary bounce; `kind` names it."""

    kind: str


ReaderRequest = Suppress | Rate | NoAction


def parse_request(body: str, *, sent_at: datetime, key: str) -> ReaderRequest:
    """Return what a message of the queue asks for.

    Args:
        body: The message, from an untrusted source.
        sent_at: When the queue received it (aware): a link that worked then counts, however late it is read.
        key: The secret that signs links; empty where none is set.

    Raises:
        ReaderRequestError: It is neither a link's message with a valid token nor an event of SES.
    """
    if body.startswith(_SES_GREETING):
        return NoAction("greeting")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ReaderRequestError("it is not JSON") from error
    if not isinstance(message, dict):
        raise ReaderRequestError("it is not a JSON object")
    fields: dict[str, Any] = message  # pyright: ignore[reportUnknownVariableType] - JSON's own types
    if "token" in fields:
        return _link_request(fields, sent_at, key)
    return _mail_event(fields)


def _link_request(message: dict[str, Any], sent_at: datetime, key: str) -> ReaderRequest:
    purpose, token = message.get("purpose"), message["token"]
    if not isinstance(token, str):
        raise ReaderRequestError("its token is not a text")
    try:
        if purpose == "unsubscribe":
            return Suppress((verify_unsubscribe_link(token, as_of=sent_at, key=key),), "unsubscribed")
        if purpose == "feedback":
            verdict = _VERDICTS.get(str(message.get("verdict")))
            if verdict is None:
                raise ReaderRequestError("its verdict is neither useful nor not_useful")
            return Rate(verify_feedback_link(token, as_of=sent_at, key=key), verdict)
    except (LinkError, LinkKeyError) as error:
        raise ReaderRequestError(f"its token is refused: {error}") from error
    raise ReaderRequestError("its purpose is neither unsubscribe nor feedback")


def _mail_event(event: dict[str, Any]) -> ReaderRequest:
    # Event publishing says eventType, the older notifications of an identity say notificationType.
    kind = event.get("eventType", event.get("notificationType"))
    if not isinstance(kind, str):
        raise ReaderRequestError("it is neither a link's request nor an event of SES")
    if kind == "Bounce":
        bounce = _object(event, "bounce")
        # Transient: a full mailbox, a large message. Undetermined: SES could not tell. Neither says that the address
        # is wrong.
        if bounce.get("bounceType") != "Permanent":
            return NoAction("temporary bounce")
        return Suppress(_recipients(bounce, "bouncedRecipients"), "bounced")
    if kind == "Complaint":
        complaint = _object(event, "complaint")
        # The reader took an earlier complaint back.
        if complaint.get("complaintFeedbackType") == "not-spam":
            return NoAction("not spam")
        return Suppress(_recipients(complaint, "complainedRecipients"), "complaint")
    return NoAction("other event")


def _object(event: dict[str, Any], name: str) -> dict[str, Any]:
    value = event.get(name)
    if not isinstance(value, dict):
        raise ReaderRequestError(f"its event has no object {name}")
    return value  # pyright: ignore[reportUnknownVariableType] - JSON's own types


def _recipients(report: dict[str, Any], name: str) -> tuple[str, ...]:
    entries: Any = report.get(name)
    if not isinstance(entries, list) or not entries:
        raise ReaderRequestError(f"its event has no {name}")
    recipients: list[str] = []
    for entry in entries:  # pyright: ignore[reportUnknownVariableType] - JSON's own types
        text: Any = entry.get("emailAddress") if isinstance(entry, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        # An address, or Name <address>.
        _, address = parseaddr(text) if isinstance(text, str) else ("", "")
        try:
            recipients.append(check_address(address))
        except AddressError as error:
            raise ReaderRequestError(f"entry {len(recipients) + 1} of its {name} is not an address") from error
    return tuple(recipients)
