"""The mail of a digest to one recipient (RFC 5322, 2045, 2392, 8058): text, HTML and charts in one message.

The structure is multipart/alternative with the text and a multipart/related of the HTML and its pictures. The same
arguments give the same bytes. `adapters.rendering.digest` has the two renderings, `envelope` the links.
"""

import binascii
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime
from typing import Literal

from signals_pipeline.adapters.mail.chart import sparkline
from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.mail.headers import header_lines, mailbox_tokens, text_tokens
from signals_pipeline.adapters.rendering.digest import (
    MAX_HTML_BYTES,
    MAX_STRING_LENGTH,
    MailParts,
    mail_parts,
    render_failure,
    size_in_mail,
)
from signals_pipeline.adapters.rendering.drawings import headline_close_index, signal_close_index
from signals_pipeline.adapters.rendering.personal import FeedbackLinks, Personal, card_key
from signals_pipeline.adapters.rendering.safe_text import clean_line
from signals_pipeline.core.digest.addresses import check_address, parse_sender
from signals_pipeline.core.digest.editions import edit, edition_note
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.digest.readers import WHOLE_EDITION, Edition
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

# How mails with the same renderings can differ in size, in bytes: address and token stand in the header, in the text
# and up to twice in the HTML, and base64 adds a third; the rest is for lines that break elsewhere.
_BYTES_PER_CHARACTER = 6
_BYTES_OF_BREAKS = 200

_TransferEncoding = Literal["quoted-printable", "base64"]


def digest_message(digest: Digest, envelope: Envelope, links: Links, edition: Edition = WHOLE_EDITION) -> bytes:
    """Make the mail of a digest, of at most 90,000 bytes: a long one is shown in less detail until it fits.

    Raises:
        LinkKeyError: the key that signs the links is too short.
    """
    return EditionMail(digest, edition, links).content(envelope)


@dataclass(slots=True)
class _SharedLevel:
    """A rendering in one level of detail, with placeholders.

    Attributes:
        parts: Text and HTML.
        skeletons: The message around them, by the transfer encodings of text and HTML.
        size: Bytes of the last mail in this level that was too large; 0 where none was.
        personal_length: Characters of that mail that were its recipient's own.
    """

    parts: MailParts
    skeletons: dict[tuple[str, str], bytes] = field(default_factory=dict[tuple[str, str], bytes])
    size: int = 0
    personal_length: int = 0

    def is_too_large(self, personal_length: int) -> bool:
        """Whether a mail with so many characters of its own is certainly too large, without making it."""
        shorter = max(0, self.personal_length - personal_length)
        return self.size - shorter * _BYTES_PER_CHARACTER - _BYTES_OF_BREAKS > MAX_MESSAGE_BYTES


class EditionMail:
    """The mails of one digest to all readers of one edition, rendered once.

    The renderings have placeholders where mails differ: tokens of links, Content-IDs of pictures, and boundaries. A
    mail is the same bytes whether it is made alone or as one of many.
    """

    def __init__(self, digest: Digest, edition: Edition, links: Links) -> None:
        self._digest = edit(digest, edition)
        self._cards = (*self._digest.new, *self._digest.changed, *self._digest.from_missed)
        self._edition = edition
        self._note = edition_note(digest, edition)
        self._links = links
        self._levels: list[_SharedLevel] = []
        self._unread_levels: Iterator[MailParts] | None = None
        # Unpredictable, so that no headline can hold a placeholder. No mail depends on it.
        self._seed = secrets.token_hex(6)
        self._placeholders = re.compile(rf"{self._seed}(t\d+t|\d{{4}})")

    def content(self, envelope: Envelope) -> bytes:
        """Make the mail to one recipient.

        Raises:
            LinkKeyError: the key that signs the links is too short.
        """
        page = f"digests/{self._digest.window_key}"
        personal = self._links.personal(envelope.recipient, self._digest.as_of, self._cards, page)
        values = self._values(personal, envelope)
        head = _head(envelope, self._digest.subject, personal.unsubscribe)

        # Everything else that differs between recipients has the same length.
        personal_length = sum(
            map(len, (envelope.recipient, envelope.message_id, personal.unsubscribe, personal.preferences))
        )

        content = b""
        for level in self._each_level(personal):
            if level.is_too_large(personal_length):
                continue
            html = self._filled(level.parts.html, values)
            # Placeholders are shorter than what replaces them.
            if size_in_mail(html) > MAX_HTML_BYTES:
                continue
            text = self._filled(level.parts.text, values)
            content = head + self._body(level, text, html, envelope, values)
            if len(content) <= MAX_MESSAGE_BYTES:
                break
            level.size, level.personal_length = len(content), personal_length
        return content

    def _each_level(self, personal: Personal) -> Iterator[_SharedLevel]:
        """The levels of detail, each rendered when it is first needed."""
        if self._unread_levels is None:
            self._unread_levels = mail_parts(self._digest, self._shared(personal), self._edition.times)
        yield from self._levels
        # The mail before needed no more levels than those that were read.
        for parts in self._unread_levels:
            level = _SharedLevel(parts)
            self._levels.append(level)
            yield level

    def _shared(self, personal: Personal) -> Personal:
        """What a mail carries, with placeholders in place of what is the recipient's own."""
        placeholder_of = {token: f"{self._seed}t{number}t" for number, token in enumerate(_tokens(personal))}

        def shared(url: str) -> str:
            before, _, last = url.rpartition("/")
            token, mark, query = last.partition("?")
            return f"{before}/{placeholder_of[token]}{mark}{query}" if url else ""

        feedback: dict[str, FeedbackLinks] = {}
        for key, each in personal.feedback.items():
            feedback[key] = FeedbackLinks(shared(each.page), shared(each.useful), shared(each.not_useful))
        pictures: dict[str, str] = {}
        for position, card in enumerate(self._cards):
            if card.closes:
                pictures[card_key(card)] = f"cid:{self._content_id(position)}"
        return replace(
            personal,
            unsubscribe=shared(personal.unsubscribe),
            preferences=shared(personal.preferences),
            feedback=feedback,
            pictures=pictures,
            selection=self._note,
        )

    def _content_id(self, position: int) -> str:
        """The placeholder of the Content-ID of a card's picture, as long as the real one."""
        return f"{self._seed}{position:04}@signals"

    def _values(self, personal: Personal, envelope: Envelope) -> dict[str, str]:
        """What the placeholders stand for in the mail to one recipient."""
        values = {f"t{number}t": token for number, token in enumerate(_tokens(personal))}
        for position, card in enumerate(self._cards):
            values[f"{position:04}"] = _content_name(card, envelope)
        return values

    def _filled(self, text: str, values: Mapping[str, str]) -> str:
        return self._placeholders.sub(lambda match: values[match[1]], text)

    def _body(self, level: _SharedLevel, text: str, html: str, envelope: Envelope, values: Mapping[str, str]) -> bytes:
        """The MIME headers and the parts of the mail to one recipient."""
        encodings = (_transfer_encoding(text), _transfer_encoding(html))
        skeleton = level.skeletons.get(encodings)
        if skeleton is None:
            skeleton = level.skeletons[encodings] = self._skeleton(level.parts, *encodings)
        boundary = hashlib.sha256(envelope.message_id.encode()).hexdigest()[:_BOUNDARY_LENGTH]
        # The placeholders of Content-IDs come before the contents, which have none any more.
        filled = self._filled(skeleton.decode("ascii"), values).encode("ascii")
        filled = filled.replace(self._boundary.encode(), boundary.encode())
        filled = filled.replace(self._part_name("text"), _encoded(text, encodings[0]))
        return filled.replace(self._part_name("html"), _encoded(html, encodings[1]))

    @property
    def _boundary(self) -> str:
        """The placeholder of the boundaries, as long as the real ones so that headers fold alike."""
        return self._seed.ljust(_BOUNDARY_LENGTH, "b")

    def _part_name(self, name: str) -> bytes:
        return f"{self._seed}-{name}".encode()

    def _skeleton(self, parts: MailParts, text_encoding: _TransferEncoding, html_encoding: _TransferEncoding) -> bytes:
        """The message without its head, and with placeholders for text and HTML."""
        message = EmailMessage(policy=_POLICY)
        message.set_content("text", cte=text_encoding)
        message.add_alternative("html", subtype="html", cte=html_encoding)
        text_part, html_part = message.iter_parts()
        text_part.set_payload(self._part_name("text").decode())
        html_part.set_payload(self._part_name("html").decode())
        for position, card in enumerate(self._cards):
            content_id = self._content_id(position)
            # A card without a picture, or one whose picture the HTML leaves out to stay small.
            if not card.closes or f"cid:{content_id}" not in parts.html:
                continue
            picture = sparkline(
                card.shown_closes, signal_close_index(card), card.signal_type, headline_close_index(card)
            )
            html_part.add_related(
                picture, "image", "png", cid=f"<{content_id}>", disposition="inline", filename="prices.png"
            )
        return _with_boundaries(message, self._boundary)


def _tokens(personal: Personal) -> list[str]:
    """The tokens of the links that are a recipient's own, always in the same order."""
    urls = [personal.unsubscribe, personal.preferences, *(each.page for each in personal.feedback.values())]
    return [url.rpartition("/")[2] for url in urls if url]


def _encoded(text: str, encoding: _TransferEncoding) -> bytes:
    """The body of a text part as the library writes it."""
    part = MIMEPart(policy=_POLICY)
    part.set_content(text, cte=encoding)
    lines = str(part.get_payload()).splitlines(keepends=True)
    return "".join(line.rstrip("\r\n") + "\r\n" for line in lines).encode("ascii")


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


def confirmation_message(link: str, envelope: Envelope) -> bytes:
    """Make the mail whose link subscribes its reader; without a click nothing follows."""
    message = EmailMessage(policy=_POLICY)
    text = (
        "Somebody asked to send you the digests of the signals pipeline: trading signals from news and prices.\n\n"
        f"To get them, open this page and press its button, within 14 days:\n\n{link}\n\n"
        "If it was not you, do nothing: no other mail will follow.\n"
    )
    message.set_content(text, cte=_transfer_encoding(text))
    return _head(envelope, "Signals: confirm that you want the digests") + _body(message, envelope)


def trial_message(envelope: Envelope) -> bytes:
    """Make a short mail that shows that mail arrives."""
    message = EmailMessage(policy=_POLICY)
    message.set_content("This is a test. If you can read it, mail from the signals pipeline reaches you.\n")
    return _head(envelope, "Signals: a test mail") + _body(message, envelope)


def _content_name(card: Card, envelope: Envelope) -> str:
    """The first part of the Content-ID of a card's picture (RFC 2392); `@signals` follows."""
    # Unique in the world, since a Message-ID is. The sender's domain would make it too long for a line that can't fold.
    return hashlib.sha256(f"{envelope.message_id} {card_key(card)}".encode()).hexdigest()[:_ID_LENGTH]


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


def _add_renderings(message: EmailMessage, text: str, html: str) -> None:
    message.set_content(text, cte=_transfer_encoding(text))
    message.add_alternative(html, subtype="html", cte=_transfer_encoding(html))


def _transfer_encoding(text: str) -> _TransferEncoding:
    """The shorter encoding: quoted-printable, unless most of the text is not in Latin letters."""
    content = text.encode()
    # Four characters per three bytes, and a line end per 76 characters.
    base64_length = len(content) * 4 / 3 * 78 / 76
    return "base64" if len(binascii.b2a_qp(content)) > base64_length else "quoted-printable"


def _body(message: EmailMessage, envelope: Envelope) -> bytes:
    """The MIME headers and the parts, with boundaries made from the Message-ID; the library would draw random ones."""
    return _with_boundaries(message, hashlib.sha256(envelope.message_id.encode()).hexdigest()[:_BOUNDARY_LENGTH])


def _with_boundaries(message: EmailMessage, seed: str) -> bytes:
    multiparts = [part for part in message.walk() if part.is_multipart()]
    for position, part in enumerate(multiparts):
        part.set_boundary(f"={seed}.{position}=")
    return message.as_bytes()
