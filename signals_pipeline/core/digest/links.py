"""Signed links: what a reader may do from a mail without logging in, bound to one purpose, one recipient and a date.

A token is `payload.signature`, both URL-safe Base64 without padding. The signature is HMAC-SHA256 (RFC 2104), its first
128 bits (section 5 of it: half of the hash at least), of the purpose and the payload's text, so that a token of one
purpose is worth nothing for another. Tokens are not encrypted: what is in one, its reader knows already. They are
short, since a mail of 25 signals carries 50 of them.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from urllib.parse import quote

from signals_pipeline.core.dates import day
from signals_pipeline.core.errors import SignalsError

Kind = Literal["unsubscribe", "feedback"]
Verdict = Literal["useful", "not_useful"]

UNSUBSCRIBE_DAYS = 400
"""Days that an unsubscribe link works: a mail found again a year later must still let its reader go."""

FEEDBACK_DAYS = 30
"""Days that a reader may say whether a signal was useful: its longest outcome is known by then."""

LEAST_KEY = 32
"""Characters of the shortest key that is taken."""

_DOMAIN = "signals_pipeline link 1"
_SIGNED_BYTES = 16


class LinkError(ValueError):
    """A link is not ours, was changed, serves another purpose, or has expired; the message is for its reader."""


class LinkKeyError(SignalsError, ValueError):
    """The key can't sign links; the message is for the operator and does not repeat the key."""


@dataclass(frozen=True, slots=True)
class FeedbackFields:
    """What a feedback link is about: one signal and who was told of it (`recipient_hash`, never the address)."""

    window_key: str
    symbol: str
    signal_type: str
    recipient_hash: str


def sign_link(kind: Kind, fields: Mapping[str, str], *, expires_on: date, key: str) -> str:
    """A token of these fields, the same for the same arguments.

    Args:
        kind: What the link is for.
        fields: What it carries; readable by whoever holds the link.
        expires_on: Last day (UTC) on which it works.
        key: The secret, at least 32 characters.

    Raises:
        LinkKeyError: the key is too short.
    """
    content = json.dumps([expires_on.isoformat(), dict(fields)], sort_keys=True, separators=(",", ":"))
    payload = _encoded(content.encode())
    return f"{payload}.{_signature(kind, payload, key)}"


def verify_link(kind: Kind, token: str, *, as_of: datetime, key: str) -> dict[str, str]:
    """The fields of a token that `sign_link` made for this purpose with this key and that has not expired.

    Args:
        kind: What the link is used for.
        token: The token, from anywhere.
        as_of: Now (aware).
        key: The secret.

    Raises:
        LinkError: the token is not one of ours, is for something else, or has expired.
        LinkKeyError: the key is too short.
    """
    payload, _, signature = token.partition(".")
    if not token.isascii() or not hmac.compare_digest(signature, _signature(kind, payload, key)):
        raise LinkError("This link is not valid here: it was cut off, changed, or made for something else.")
    expires_on, fields = json.loads(_decoded(payload))  # signed by us: it is what sign_link wrote
    last = date.fromisoformat(expires_on)
    if as_of.astimezone(UTC).date() > last:
        raise LinkError(f"This link worked until {day(last, year=True)} and has expired.")
    return fields


def recipient_hash(recipient: str, *, key: str) -> str:
    """A recipient's pseudonym, 32 hex characters: without the key, an address can't be tried against it.

    Raises:
        LinkKeyError: the key is too short.
    """
    return _mac("recipient", recipient.strip().casefold(), key).hex()[:32]


def unsubscribe_url(base_url: str, recipient: str, *, as_of: datetime, key: str) -> str:
    """Where a recipient unsubscribes: GET shows a page, POST acts (also RFC 8058's one-click POST).

    Args:
        base_url: Public address of the web pages.
        recipient: The address that the mail goes to.
        as_of: The digest's as_of (aware), from which the link lasts 400 days.
        key: The secret.

    Raises:
        LinkKeyError: the key is too short.
    """
    token = sign_link("unsubscribe", {"r": recipient}, expires_on=_days_after(as_of, UNSUBSCRIBE_DAYS), key=key)
    return f"{base_url.rstrip('/')}/unsubscribe/{token}"


def feedback_url(base_url: str, fields: FeedbackFields, verdict: Verdict, *, as_of: datetime, key: str) -> str:
    """Where a recipient says whether a signal was useful: GET shows a page with `verdict` first, POST acts.

    Raises:
        LinkKeyError: the key is too short.
    """
    reader = _encoded(bytes.fromhex(fields.recipient_hash))
    named = {"w": fields.window_key, "s": fields.symbol, "t": fields.signal_type, "r": reader}
    token = sign_link("feedback", named, expires_on=_days_after(as_of, FEEDBACK_DAYS), key=key)
    return f"{base_url.rstrip('/')}/feedback/{token}?verdict={quote(verdict)}"


def unsubscribing(token: str, *, as_of: datetime, key: str) -> str:
    """The recipient that an unsubscribe token is for; raises as `verify_link` does."""
    return verify_link("unsubscribe", token, as_of=as_of, key=key)["r"]


def judging(token: str, *, as_of: datetime, key: str) -> FeedbackFields:
    """The signal and reader that a feedback token is for; raises as `verify_link` does."""
    named = verify_link("feedback", token, as_of=as_of, key=key)
    return FeedbackFields(named["w"], named["s"], named["t"], _decoded(named["r"]).hex())


def _days_after(as_of: datetime, days: int) -> date:
    return as_of.astimezone(UTC).date() + timedelta(days=days)


def _signature(kind: str, payload: str, key: str) -> str:
    return _encoded(_mac(kind, payload, key)[:_SIGNED_BYTES])


def _mac(purpose: str, text: str, key: str) -> bytes:
    if len(key) < LEAST_KEY:
        raise LinkKeyError(f"SIGNALS_LINK_KEY needs at least {LEAST_KEY} characters: `openssl rand -hex 32` makes one")
    return hmac.new(key.encode(), f"{_DOMAIN}\0{purpose}\0{text}".encode(), hashlib.sha256).digest()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
