"""Messages on their way to channels: what is written, and what a reply makes of the message.

No library for notifications is used: those that were read (apprise above all) reply with a truth value, repeat requests
by themselves and follow redirects, so that nobody could say whether a message was accepted, refused, or lost.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from signals_pipeline.adapters.channels.channel import Channel
from signals_pipeline.adapters.channels.connection import Connection, Limits, Reply, connect
from signals_pipeline.adapters.channels.payload import WebhookBody, digest_body, failure_body, trial_body
from signals_pipeline.adapters.channels.services import JSON_HEADERS, SERVICES, json_object
from signals_pipeline.adapters.channels.signing import signature_headers
from signals_pipeline.adapters.http_client.policy import parse_retry_after
from signals_pipeline.adapters.rendering.safe_text import clean_strings
from signals_pipeline.core.digest.channels import ChannelKind
from signals_pipeline.core.digest.chat import digest_chat, failure_chat, most_that_fits, trial_chat
from signals_pipeline.core.digest.delivery import NotSent, Unanswered
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.windows import Window

MAX_WEBHOOK_BYTES = 20_000
"""Bytes of a webhook's body: what the Standard Webhooks specification recommends at most."""

_MAX_STRING = 2_000  # characters of any text in a message; longer ones come from no feed
_MAX_SECONDS = 366 * 24 * 60 * 60  # a year: far beyond what is honoured, and within a timedelta
_USER_AGENT = "signals-pipeline"

# Statuses of a request that was not taken and may be later. 503 is among them (RFC 9110, 15.6.4: "currently unable to
# handle the request"); after any other 5xx the server may have accepted the message.
_TRANSIENT = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
}


def digest_content(channel: Channel, digest: Digest, page: str, note: str = "") -> bytes:
    """The request's body for a digest.

    Args:
        channel: Where it goes.
        digest: The digest.
        page: Address of its page; empty without pages.
        note: What it leaves out for this reader; empty for a whole digest.
    """
    cleaned = clean_strings(digest, _MAX_STRING)
    if channel.kind is not ChannelKind.WEBHOOK:
        return SERVICES[channel.kind].body(channel, digest_chat(cleaned, page, note))
    count = len(digest.new) + len(digest.changed) + len(digest.from_missed)

    if note:
        cleaned = replace(cleaned, notes=(*cleaned.notes, note))

    def write(kept: int) -> bytes:
        return _json(digest_body(cleaned, page, count=kept))

    return most_that_fits(count, write, lambda body: len(body) <= MAX_WEBHOOK_BYTES)


def failure_content(channel: Channel, window: Window, reason: str) -> bytes:
    """The request's body where a window has no digest."""
    reason = clean_strings(reason, _MAX_STRING)
    if channel.kind is ChannelKind.WEBHOOK:
        return _json(failure_body(window, reason))
    return SERVICES[channel.kind].body(channel, failure_chat(window, reason))


def trial_content(channel: Channel, now: datetime) -> bytes:
    """The request's body of a test message."""
    if channel.kind is ChannelKind.WEBHOOK:
        return _json(trial_body(trial_chat(), now))
    return SERVICES[channel.kind].body(channel, trial_chat())


@dataclass(frozen=True, slots=True)
class ChannelTransport:
    """Sends one message to one channel.

    Attributes:
        channel: Where it goes.
        message_id: Its identifier, the same in every attempt; without a full stop.
        sent_at: When this attempt is made (aware).
        limits: What its connection may do.
    """

    channel: Channel
    message_id: str
    sent_at: datetime
    limits: Limits = field(default_factory=Limits)

    @contextmanager
    def offer(self) -> Generator["_Post", None, None]:
        """Connect to the channel's server.

        Raises:
            NotSent: on entering; the server can't be reached, or its address is private.
        """
        url = self._url()
        with connect(url, name=self.channel.recipient, limits=self.limits) as connection:
            yield _Post(self, url, connection)

    def _url(self) -> str:
        if self.channel.kind is ChannelKind.WEBHOOK:
            return self.channel.url
        return SERVICES[self.channel.kind].url(self.channel)

    def headers(self, body: bytes) -> Mapping[str, str]:
        """The request's headers."""
        own = {"User-Agent": _USER_AGENT, "Accept": "application/json"}
        if self.channel.kind is not ChannelKind.WEBHOOK:
            return {**own, **SERVICES[self.channel.kind].headers(self.channel)}
        signature = signature_headers(self.channel.secret, message_id=self.message_id, sent_at=self.sent_at, body=body)
        return {**own, **JSON_HEADERS, **signature}


class _Post:
    """A server that waits for the message."""

    def __init__(self, transport: ChannelTransport, url: str, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        parts = urlsplit(url)
        self._target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"

    def hand_over(self, content: bytes) -> str:
        """Post the content, and return the service's identifier of the message, or the status where it gives none.

        Raises:
            NotSent: the service says that it did not accept the message.
            Unanswered: no reply came, or one after which the message may have been accepted.
        """
        channel = self._transport.channel
        reply = self._connection.post(self._target, self._transport.headers(content), content)
        if reply.status // 100 != 2:
            raise _refusal(channel, reply)
        identifier = "" if channel.kind is ChannelKind.WEBHOOK else SERVICES[channel.kind].message_id(reply)
        return channel.error_line(identifier) or f"HTTP {reply.status}"


def _refusal(channel: Channel, reply: Reply) -> NotSent | Unanswered:
    """What a reply other than 2xx means."""
    status = reply.status
    said = channel.error_line(reply.body.decode(errors="replace"))
    answer = f"{channel.recipient} replied HTTP {status}{': ' if said else ''}{said}"
    if status in _TRANSIENT:
        return NotSent(answer, permanent=False, retry_after=_retry_after(reply))
    if status // 100 == 3:
        return NotSent(
            f"{channel.recipient} replied HTTP {status}: redirects are not followed; set the address to which it leads",
            permanent=True,
        )
    if status // 100 == 4:
        return NotSent(answer, permanent=True)
    return Unanswered(answer)


def _retry_after(reply: Reply) -> timedelta | None:
    """How long the service asks to wait: the longest of what it says in the places that services document."""
    body = json_object(reply.body)
    stated = (
        parse_retry_after(reply.headers.get("retry-after")),
        _seconds(body.get("retry_after")),  # Discord, with decimals
        _seconds(json_object(body.get("parameters")).get("retry_after")),  # Telegram
    )
    seconds = [value for value in stated if value is not None]
    return timedelta(seconds=max(seconds)) if seconds else None


def _seconds(value: object) -> float | None:
    """A number of seconds in JSON; None where it is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # Written so that NaN is refused, too.
    return float(value) if 0 <= value <= _MAX_SECONDS else None


def _json(body: WebhookBody) -> bytes:
    return body.model_dump_json().encode()
