"""The mail of a digest to one recipient (RFC 5322, 2045, 2392, 8058): text, HTML and charts in one message.

The structure is multipart/alternative with the text and a multipart/related of the HTML and its pictures. The same
arguments give the same bytes.
"""

import hashlib
from collections.abc import Sequence
from email import policy
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime

from signals_pipeline.adapters.mail.chart import sparkline
from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.rendering.digest import LONGEST_STRING, render_failure, render_html, render_text
from signals_pipeline.adapters.rendering.drawings import marked
from signals_pipeline.adapters.rendering.personal import Personal, card_key
from signals_pipeline.adapters.rendering.safe_text import clean_line
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.text import shorten
from signals_pipeline.core.windows import Window

SUBJECT_LENGTH = 150


def digest_message(digest: Digest, envelope: Envelope, links: Links) -> bytes:
    """The mail of a digest.

    Raises:
        LinkKeyError: the key that signs the links is too short.
    """
    cards = (*digest.new, *digest.changed, *digest.from_missed)
    page = f"digests/{digest.window_key}"
    plain = links.personal(envelope.recipient, digest.as_of, cards, page)
    pictures = {card_key(each): _content_id(each, envelope) for each in cards if each.closes}
    html = render_html(digest, _with_pictures(plain, pictures))
    shown = [each for each in cards if (name := pictures.get(card_key(each))) and f"cid:{name}" in html]
    message = _addressed(envelope, digest.subject, plain.unsubscribe)
    related = _bodies(message, render_text(digest, plain), html)
    for each in shown:
        picture = sparkline(each.closes, marked(each), each.signal_type)
        name = pictures[card_key(each)]
        related.add_related(picture, "image", "png", cid=f"<{name}>", disposition="inline", filename="prices.png")
    return _bytes(message, envelope)


def failure_message(window: Window, reason: str, envelope: Envelope, links: Links) -> bytes:
    """The mail that says that a window has no digest, and why.

    Raises:
        LinkKeyError: the key that signs the links is too short.
    """
    personal = links.personal(envelope.recipient, window.as_of, ())
    html, text = render_failure(window, reason, personal)
    message = _addressed(envelope, f"Failed: no digest for {window.label}", personal.unsubscribe)
    _bodies(message, text, html)
    return _bytes(message, envelope)


def notice_message(subject: str, lines: Sequence[str], envelope: Envelope) -> bytes:
    """A short plain mail to the operator."""
    message = _addressed(envelope, f"Signals: {subject}", "")
    message.set_content("\n".join(clean_line(line) for line in lines) + "\n", cte="quoted-printable")
    return message.as_bytes()


def trial_message(envelope: Envelope) -> bytes:
    """A short mail that shows that mail arrives."""
    message = _addressed(envelope, "Signals: a test mail", "")
    message.set_content("This is a test. If you read it, mail from the signals pipeline reaches you.\n")
    return _bytes(message, envelope)


def _content_id(card: Card, envelope: Envelope) -> str:
    name = hashlib.sha256(card_key(card).encode()).hexdigest()[:16]
    return f"{name}@{envelope.domain}"


def _with_pictures(personal: Personal, pictures: dict[str, str]) -> Personal:
    addresses = {key: f"cid:{name}" for key, name in pictures.items()}
    return Personal(personal.page, personal.unsubscribe, personal.feedback, addresses, mail=True)


def _addressed(envelope: Envelope, subject: str, unsubscribe: str) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = envelope.sender
    message["To"] = envelope.recipient
    # An encoded word within the text would be decoded, and may hold line breaks: no `=?` reaches a header.
    message["Subject"] = shorten(clean_line(subject[:LONGEST_STRING]).replace("=?", "= ?"), SUBJECT_LENGTH)
    message["Date"] = format_datetime(envelope.date)
    message["Message-ID"] = envelope.message_id
    message["List-ID"] = f"Signals digest <digest.{envelope.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    if unsubscribe:
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
    if unsubscribe.startswith("https://"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058 allows it over HTTPS only
    return message


def _bodies(message: EmailMessage, text: str, html: str) -> MIMEPart:
    """Give the message its two renderings; the HTML's part, which takes the pictures."""
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return list(message.iter_parts())[-1]


def _bytes(message: EmailMessage, envelope: Envelope) -> bytes:
    """The message with boundaries made from its Message-ID, where the library would draw random ones."""
    seed = hashlib.sha256(envelope.message_id.encode()).hexdigest()[:24]
    for place, part in enumerate(each for each in message.walk() if each.is_multipart()):
        part.set_boundary(f"={seed}.{place}=")
    return message.as_bytes()
