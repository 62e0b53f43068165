"""The mail of a digest to one recipient (RFC 5322, 2045, 2392, 8058): text, HTML and charts in one message.

The structure is multipart/alternative with the text and a multipart/related of the HTML and its pictures. The same
arguments give the same bytes. `adapters.rendering.digest` has the two renderings, `envelope` the links.
"""

import binascii
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from email import policy
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime
from typing import Literal

from signals_pipeline.adapters.mail.chart import sparkline
from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.mail.headers import header_lines, mailbox_tokens, text_tokens
from signals_pipeline.adapters.rendering.digest import MAX_STRING_LENGTH, mail_parts, render_failure
from signals_pipeline.adapters.rendering.drawings import headline_close_index, signal_close_index
from signals_pipeline.adapters.rendering.personal import card_key
from signals_pipeline.adapters.rendering.safe_text import clean_line
from signals_pipeline.core.digest.addresses import check_address, parse_sender
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.text import shorten, shorten_counted
from signals_pipeline.core.windows import Window

MAX_SUBJECT_LENGTH = 150
"""Characters of a subject: more than any mail program shows."""

MAX_MESSAGE_BYTES = 90_000
"""Bytes of a mail, pictures included: Gmail clips longer ones at 102 KB, and what relays add counts as well."""

MAX_NOTICE_LENGTH = 15_000
"""Characters of a mail to the operator, of up to six bytes each once they are encoded."""

# The library takes the length of lines for quoted-printable as well, which RFC 2045, 6.7 limits to 76 characters.
_POLICY = policy.SMTP.clone(max_line_length=76)
_ID_LENGTH = 16  # hex characters; 64 bits tell the pictures of one mail apart
_BOUNDARY_LENGTH = 24


def digest_message(digest: Digest, envelope: Envelope, links: Links) -> bytes:
    """Make the mail of a digest, of at most 90,000 bytes: a long one is shown in less detail until it fits.

    Raises:
        LinkKeyError: the key that signs the links is too short.
    """
    cards = (*digest.new, *digest.changed, *digest.from_missed)
    page = f"digests/{digest.window_key}"
    personal = links.personal(envelope.recipient, digest.as_of, cards, page)

    content_ids = {card_key(card): _content_id(card, envelope) for card in cards if card.closes}
    sources = {key: f"cid:{content_id}" for key, content_id in content_ids.items()}
    draw = functools.cache(sparkline)  # a picture may be in several of the attempts below

    content = b""
    for parts in mail_parts(digest, replace(personal, pictures=sources)):
        message = EmailMessage(policy=_POLICY)
        related = _add_renderings(message, parts.text, parts.html)
        for card in cards:
            content_id = content_ids.get(card_key(card))
            # A card without a picture, or one whose picture the HTML leaves out to stay small.
            if content_id is None or f"cid:{content_id}" not in parts.html:
                continue
            picture = draw(card.shown_closes, signal_close_index(card), card.signal_type, headline_close_index(card))
            related.add_related(
                picture, "image", "png", cid=f"<{content_id}>", disposition="inline", filename="prices.png"
            )
        content = _head(envelope, digest.subject, personal.unsubscribe) + _body(message, envelope)
        if len(content) <= MAX_MESSAGE_BYTES:
            break
    return content


def failure_message(window: Window, reason: str, envelope: Envelope, links: Links) -> bytes:
    """Make the mail that says that a window has no digest, and why.

    Raises:
        LinkKeyError: the key that signs the links is too short.
    """
    personal = links.personal(envelope.recipient, window.as_of, ())
    html, text = render_failure(window, reason, personal)
    message = EmailMessage(policy=_POLICY)
    _add_renderings(message, text, html)
    head = _head(envelope, f"Failed: no digest for {window.label}", personal.unsubscribe)
    return head + _body(message, envelope)


def notice_message(subject: str, lines: Sequence[str], envelope: Envelope) -> bytes:
    """Make a short plain-text mail to the operator."""
    message = EmailMessage(policy=_POLICY)
    text = shorten_counted("\n".join(clean_line(line) for line in lines), MAX_NOTICE_LENGTH) + "\n"
    message.set_content(text, cte=_transfer_encoding(text))
    return _head(envelope, f"Signals: {subject}") + _body(message, envelope)


def trial_message(envelope: Envelope) -> bytes:
    """Make a short mail that shows that mail arrives."""
    message = EmailMessage(policy=_POLICY)
    message.set_content("This is a test. If you can read it, mail from the signals pipeline reaches you.\n")
    return _head(envelope, "Signals: a test mail") + _body(message, envelope)


def _content_id(card: Card, envelope: Envelope) -> str:
    """The Content-ID of a card's picture, without the angle brackets (RFC 2392)."""
    # Unique in the world, since a Message-ID is. The sender's domain would make it too long for a line that can't fold.
    name = hashlib.sha256(f"{envelope.message_id} {card_key(card)}".encode()).hexdigest()[:_ID_LENGTH]
    return f"{name}@signals"


def _head(envelope: Envelope, subject: str, unsubscribe: str = "") -> bytes:
    """The headers of a mail except those of its MIME structure; `unsubscribe` is a URL or empty.

    Raises:
        HeaderError: a value can't stand in a header.
    """
    sender = parse_sender(envelope.sender)
    headers: list[tuple[str, list[str]]] = [
        ("From", mailbox_tokens(sender)),
        ("To", [check_address(envelope.recipient)]),
        ("Subject", text_tokens(_safe_subject(subject))),
        ("Date", format_datetime(envelope.date).split()),
        ("Message-ID", [envelope.message_id]),
        ("List-ID", ["Signals", "digest", f"<digest.{sender.domain}>"]),
        ("Auto-Submitted", ["auto-generated"]),  # RFC 3834: asks for no out-of-office replies
    ]
    if unsubscribe:
        headers.append(("List-Unsubscribe", [f"<{unsubscribe}>"]))
    if unsubscribe.startswith("https://"):
        headers.append(("List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"]))  # RFC 8058: over HTTPS only
    return "".join(header_lines(name, tokens) for name, tokens in headers).encode("ascii")


def _safe_subject(subject: str) -> str:
    return shorten(clean_line(subject[:MAX_STRING_LENGTH]), MAX_SUBJECT_LENGTH)


def _add_renderings(message: EmailMessage, text: str, html: str) -> MIMEPart:
    """Add text and HTML to the message; returns the HTML's part, to which pictures are added."""
    message.set_content(text, cte=_transfer_encoding(text))
    message.add_alternative(html, subtype="html", cte=_transfer_encoding(html))
    *_, html_part = message.iter_parts()
    return html_part


def _transfer_encoding(text: str) -> Literal["quoted-printable", "base64"]:
    """The shorter encoding: quoted-printable, unless most of the text is not in Latin letters."""
    content = text.encode()
    # Four characters per three bytes, and a line end per 76 characters.
    base64_length = len(content) * 4 / 3 * 78 / 76
    return "base64" if len(binascii.b2a_qp(content)) > base64_length else "quoted-printable"


def _body(message: EmailMessage, envelope: Envelope) -> bytes:
    """The MIME headers and the parts, with boundaries made from the Message-ID; the library would draw random ones."""
    seed = hashlib.sha256(envelope.message_id.encode()).hexdigest()[:_BOUNDARY_LENGTH]
    multiparts = [part for part in message.walk() if part.is_multipart()]
    for position, part in enumerate(multiparts):
        part.set_boundary(f"={seed}.{position}=")
    return message.as_bytes()
