"""Signed links: what a reader may do from a mail without logging in, bound to one purpose, recipient and last day.

A token is `payload.signature`, both URL-safe Base64 without padding. The signature is HMAC-SHA256 (RFC 2104) of the
purpose and the payload, truncated to its first 128 bits (section 5 allows no less than half of the hash), so that a
token of one purpose is worthless for another. Tokens are signed, not encrypted: their reader may know what is in them.
They are short because a mail with 25 signals carries 50 of them. The format is our own and has to stay: mails that
were sent keep their links for up to 400 days. The pages behind the links are in `web.actions`.
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

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import day

LinkPurpose = Literal["unsubscribe", "feedback", "resubscribe", "subscribe", "readers", "feed"]
"""`readers`: a reader changes what they get."""
Verdict = Literal["useful", "not_useful"]

UNSUBSCRIBE_DAYS = 400
"""Lifetime of an unsubscribe link in days: a mail found again a year later must still let its reader unsubscribe."""

FEEDBACK_DAYS = 30
"""Lifetime of a feedback link in days: by then a signal's longest outcome (10 sessions) is known."""

SUBSCRIBE_DAYS = 14
"""Lifetime of a confirmation link in days: an address is only mailed once its reader has used one."""

MIN_KEY_LENGTH = 32
"""Characters of a signing key: 128 bits in hexadecimal."""

# Part of every signature, so that no other use of the key can yield a valid token. Never change it: links would break.
_DOMAIN = "signals_pipeline link 1"
_SIGNATURE_BYTES = 16
_RECIPIENT_HASH_LENGTH = 32


class LinkError(ValueError):
    """A link is not one of ours, was changed, is for another purpose, or has expired; the message is for its reader."""


class LinkKeyError(SignalsError, ValueError):
    """The key is unfit for signing links; the message is for the operator and does not repeat the key."""


@dataclass(frozen=True, slots=True)
class FeedbackFields:
    """What a feedback link is about: one signal and one reader (`recipient_hash`, never the address)."""

    window_key: str
    symbol: str
    signal_type: str
    recipient_hash: str


def sign_link(purpose: LinkPurpose, fields: Mapping[str, str], *, expires_on: date, key: str) -> str:
    """Sign a token; the same arguments give the same token.

    Args:
        purpose: What the link is for.
        fields: What it carries; anyone who holds the link can read it.
        expires_on: Last day (UTC) on which it works.
        key: The secret, at least 32 characters.

    Raises:
        LinkKeyError: the key is too short.
    """
    stored = [expires_on.isoformat(), dict(fields)]
    content = json.dumps(stored, sort_keys=True, separators=(",", ":"))
    payload = _encode(content.encode())
    return f"{payload}.{_signature(purpose, payload, key)}"


def verify_link(purpose: LinkPurpose, token: str, *, as_of: datetime, key: str) -> dict[str, str]:
    """Verify a token that `sign_link` made, and return its fields.

    Args:
        purpose: What the link is used for.
        token: The token, from an untrusted source.
        as_of: Now (aware).
        key: The secret.

    Raises:
        LinkError: the token is not one of ours, is for another purpose, or has expired.
        LinkKeyError: the key is too short.
    """
    payload, _, signature = token.partition(".")
    expected = _signature(purpose, payload, key)
    # compare_digest takes constant time; it accepts ASCII text only.
    if not token.isascii() or not hmac.compare_digest(signature, expected):
        raise LinkError("This link is not valid here: it is incomplete, was changed, or was made for something else.")

    # The signature is ours, so the payload is what sign_link wrote.
    expires_on, fields = json.loads(_decode(payload))
    last_day = date.fromisoformat(expires_on)
    if as_of.astimezone(UTC).date() > last_day:
        raise LinkError(f"This link worked until {day(last_day, year=True)} and has expired.")
    return fields


def recipient_hash(recipient: str, *, key: str) -> str:
    """A recipient's pseudonym, 32 hex characters: without the key nobody can test an address against it.

    Raises:
        LinkKeyError: the key is too short.
    """
    return _mac("recipient", recipient.strip().casefold(), key).hex()[:_RECIPIENT_HASH_LENGTH]


def unsubscribe_url(base_url: str, recipient: str, *, as_of: datetime, key: str) -> str:
    """The URL where a recipient unsubscribes: GET shows a page, POST acts (also RFC 8058's one-click POST).

    Args:
        base_url: Public address of the web pages.
        recipient: The address that the mail goes to.
        as_of: The digest's as_of (aware); the link lasts 400 days from then.
        key: The secret.

    Raises:
        LinkKeyError: the key is too short.
    """
    return _recipient_url("unsubscribe", base_url, recipient, expires_on=_days_after(as_of, UNSUBSCRIBE_DAYS), key=key)


def resubscribe_url(base_url: str, recipient: str, *, as_of: datetime, key: str) -> str:
    """The URL where a recipient who has unsubscribed takes that back; arguments and errors as in `unsubscribe_url`."""
    return _recipient_url("resubscribe", base_url, recipient, expires_on=_days_after(as_of, UNSUBSCRIBE_DAYS), key=key)


def subscribe_url(base_url: str, recipient: str, *, as_of: datetime, key: str) -> str:
    """The URL where a recipient confirms that they want digests, for 14 days; otherwise as `unsubscribe_url`."""
    return _recipient_url("subscribe", base_url, recipient, expires_on=_days_after(as_of, SUBSCRIBE_DAYS), key=key)


def preferences_url(base_url: str, recipient: str, *, as_of: datetime, key: str) -> str:
    """The URL where a recipient changes what they get; arguments and errors as in `unsubscribe_url`."""
    return _recipient_url("readers", base_url, recipient, expires_on=_days_after(as_of, UNSUBSCRIBE_DAYS), key=key)


def reader_feed_url(base_url: str, edition: str | None, *, as_of: datetime, key: str) -> str:
    """The URL of an Atom feed of one edition of the digests, for 400 days. It holds no address.

    Args:
        base_url: Public address of the web pages.
        edition: As `editions.stored_edition` writes it; None for the whole digests.
        as_of: When the URL is given to a reader (aware).
        key: The secret.

    Raises:
        LinkKeyError: the key is too short.
    """
    token = sign_link("feed", {"e": edition or ""}, expires_on=_days_after(as_of, UNSUBSCRIBE_DAYS), key=key)
    return f"{base_url.rstrip('/')}/feeds/{token}"


def verify_feed_link(token: str, *, as_of: datetime, key: str) -> str | None:
    """The stored edition that a feed's token is for; raises as `verify_link` does."""
    return verify_link("feed", token, as_of=as_of, key=key)["e"] or None


def feedback_page_url(base_url: str, fields: FeedbackFields, *, as_of: datetime, key: str) -> str:
    """The URL where a recipient says whether a signal was useful: GET shows a page, POST acts.

    Args:
        base_url: Public address of the web pages.
        fields: The signal and the recipient.
        as_of: The digest's as_of (aware); the link lasts 30 days from then.
        key: The secret.

    Raises:
        LinkKeyError: the key is too short.
    """
    stored_fields = {
        "w": fields.window_key,
        "s": fields.symbol,
        "t": fields.signal_type,
        "r": _encode(bytes.fromhex(fields.recipient_hash)),  # a third shorter than hexadecimal
    }
    token = sign_link("feedback", stored_fields, expires_on=_days_after(as_of, FEEDBACK_DAYS), key=key)
    return f"{base_url.rstrip('/')}/feedback/{token}"


def feedback_url(base_url: str, fields: FeedbackFields, verdict: Verdict, *, as_of: datetime, key: str) -> str:
    """The URL of the feedback page with one verdict chosen; arguments and errors as in `feedback_page_url`."""
    return with_verdict(feedback_page_url(base_url, fields, as_of=as_of, key=key), verdict)


def with_verdict(page_url: str, verdict: Verdict) -> str:
    """The URL of a feedback page with one verdict chosen."""
    return f"{page_url}?verdict={quote(verdict)}"


def verify_recipient_link(purpose: LinkPurpose, token: str, *, as_of: datetime, key: str) -> str:
    """The recipient that a token of a purpose other than feedback is for; raises as `verify_link` does."""
    return verify_link(purpose, token, as_of=as_of, key=key)["r"]


def verify_unsubscribe_link(token: str, *, as_of: datetime, key: str) -> str:
    """The recipient that an unsubscribe token is for; raises as `verify_link` does."""
    return verify_link("unsubscribe", token, as_of=as_of, key=key)["r"]


def verify_feedback_link(token: str, *, as_of: datetime, key: str) -> FeedbackFields:
    """The signal and reader that a feedback token is for; raises as `verify_link` does."""
    fields = verify_link("feedback", token, as_of=as_of, key=key)
    return FeedbackFields(
        window_key=fields["w"],
        symbol=fields["s"],
        signal_type=fields["t"],
        recipient_hash=_decode(fields["r"]).hex(),
    )


def _recipient_url(purpose: LinkPurpose, base_url: str, recipient: str, *, expires_on: date, key: str) -> str:
    token = sign_link(purpose, {"r": recipient}, expires_on=expires_on, key=key)
    return f"{base_url.rstrip('/')}/{purpose}/{token}"


def _days_after(as_of: datetime, days: int) -> date:
    return as_of.astimezone(UTC).date() + timedelta(days=days)


def _signature(purpose: LinkPurpose, payload: str, key: str) -> str:
    return _encode(_mac(purpose, payload, key)[:_SIGNATURE_BYTES])


def _mac(purpose: str, text: str, key: str) -> bytes:
    if len(key) < MIN_KEY_LENGTH:
        raise LinkKeyError(
            f"SIGNALS_LINK_KEY needs at least {MIN_KEY_LENGTH} characters: generate one with `openssl rand -hex 32`"
        )
    # NUL separates the parts: no purpose contains it, so two different pairs never give the same bytes.
    message = f"{_DOMAIN}\0{purpose}\0{text}"
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    padding = "=" * (-len(text) % 4)
    return base64.urlsafe_b64decode(text + padding)
