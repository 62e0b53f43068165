"""Mails of digests, and reading them as a mail program does."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.mail.message import digest_message
from signals_pipeline.core.digest.model import Digest

KEY = "k" * 32


SENT = datetime(2024, 1, 11, 13, 30, tzinfo=UTC)


ENVELOPE = Envelope("Signals <signals@example.org>", "ann@example.org", "<digest.1@example.org>", SENT)


LINKS = Links("https://desk.example/", KEY)


def read(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)


def mail_of(digest: Digest, links: Links = LINKS) -> EmailMessage:
    return read(digest_message(digest, ENVELOPE, links))


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return part.get_content()


def shape(mail: EmailMessage) -> list[str]:
    return [part.get_content_type() for part in mail.walk()]
