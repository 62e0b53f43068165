"""Sending what waits in the outbox: the one loop that assets, sensors and the command line share."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr

import dagster as dg

from signals_pipeline.adapters.mail.envelope import Envelope, Links, domain_of
from signals_pipeline.adapters.mail.files import FileTransport
from signals_pipeline.adapters.mail.ses import SesTransport
from signals_pipeline.adapters.mail.smtp import SmtpTransport
from signals_pipeline.adapters.mail.transport import Transport
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.stores.outbox import Addressed, Mail
from signals_pipeline.core.digest.delivery import (
    DeliveryResult,
    MailKind,
    NotSent,
    Sent,
    State,
    Unanswered,
    delivery_result,
    message_id,
)
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.resources import Store
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import MailTransport


def clock() -> datetime:
    """The present instant, aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Mailing:
    """How a deployment mails.

    Attributes:
        sender: An address, or Name <address>.
        recipients: Who gets every digest.
        transport: How mail leaves.
        links: What links in mails are made with.
        now: Gives the present instant, aware.
        operators: Who is told when something is wrong.
    """

    sender: str
    recipients: tuple[str, ...]
    transport: Transport
    links: Links = field(default_factory=Links)
    now: Callable[[], datetime] = clock
    operators: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The sender's address alone."""
        return parseaddr(self.sender)[1]

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return domain_of(self.sender)

    def addressed(self, window: Window, kind: MailKind = "digest") -> tuple[Addressed, ...]:
        """The recipients of a window's mail, each with its Message-ID."""
        return tuple(Addressed(each, message_id(kind, window.key, each, self.domain)) for each in self.recipients)


@dataclass(slots=True)
class Posted:
    """What one pass over the outbox did.

    Attributes:
        counts: Mails by the state that they were left in.
        problems: What went wrong, one line a mail; it names no recipient unless the server did.
        lost: Mails whose sender had died: `unknown` now.
        suppressed: Mails dropped because their recipients have unsubscribed.
        held: Mails that are too old to go without an operator.
        claimed: Mails that were on their way, whatever became of them.
    """

    counts: dict[State, int] = field(default_factory=lambda: dict.fromkeys(("sent", "pending", "failed", "unknown"), 0))
    problems: list[str] = field(default_factory=list)
    lost: int = 0
    suppressed: int = 0
    held: int = 0
    claimed: int = 0

    @property
    def serious(self) -> bool:
        """Whether another pass would tell less than this one."""
        return bool(self.claimed) or self.needs_operator

    @property
    def needs_operator(self) -> bool:
        """Whether a mail was refused for good, or may have arrived or not."""
        return bool(self.counts["failed"] or self.counts["unknown"] or self.lost)


def mailing_of(settings: Settings) -> Mailing:
    """How the settings say to mail.

    Raises:
        SmtpConfigError: the password would go unencrypted.
    """
    key = settings.signals_link_key.get_secret_value() if settings.signals_link_key else ""
    return Mailing(
        settings.mail_from,
        settings.recipients,
        _transport_of(settings),
        Links(settings.signals_base_url, key),
        operators=settings.operators,
    )


def mailing_resource(settings: Settings) -> dg.ResourceDefinition:
    """`mailing_of` as a resource; its secrets are no configuration fields, which every run shows."""
    return dg.ResourceDefinition(lambda _: mailing_of(settings), description="How digests are mailed, and to whom.")


def send_due(store: Store, mailing: Mailing, windows: Collection[Window] | None = None) -> Posted:
    """Try every mail that is due once: those of these windows, or all.

    Each is handed over by one process at most, and never again once it may have been taken.

    Raises:
        DatabaseError: the database refuses. Only before the first claim is it `passing`: afterwards the operator must
            hear of a mail that may have arrived or not, which another pass would not tell again.
    """
    if windows is not None and not windows:
        return Posted()
    now = mailing.now()
    posted = Posted(lost=store.outbox.settle_lost(now), suppressed=store.outbox.drop_suppressed(now))
    posted.held = sum(mail.state == "pending" and bool(mail.held(now)) for mail in store.outbox.open())
    starts = None if windows is None else {window.start for window in windows}
    try:
        _try_each(store, mailing, starts, posted)
    except DatabaseError as error:
        raise DatabaseError(str(error), transient=error.transient and not posted.serious) from error
    return posted


def _try_each(store: Store, mailing: Mailing, starts: Collection[datetime] | None, posted: Posted) -> None:
    """Try the due mails of these windows, or all, and count what becomes of them."""
    for mail in store.outbox.due(mailing.now()):
        if starts is not None and mail.window_start not in starts:
            continue
        judged = _attempt(store, mailing, mail, content_of(store, mailing, mail), posted)
        if judged is None:
            continue  # another process has it
        posted.counts[judged.state] += 1
        if judged.error:
            posted.problems.append(f"mail {mail.id} of window {mail.window.key} {judged.state}: {judged.error}")


def content_of(store: Store, mailing: Mailing, mail: Mail) -> bytes:
    """The message of a mail in the outbox.

    Raises:
        DigestError: the stored digest can't be read.
    """
    from signals_pipeline.adapters.mail import message  # noqa: PLC0415 - brings the template engine, which no import needs

    envelope = Envelope(mailing.sender, mail.recipient, mail.message_id, mailing.now())
    stored = store.digests.get(mail.window_start) if mail.kind == "digest" else None
    if stored is None:
        return message.failure_message(mail.window, mail.detail, envelope, mailing.links)
    return message.digest_message(Digest.from_json(stored.content), envelope, mailing.links)


def _attempt(store: Store, mailing: Mailing, mail: Mail, content: bytes, posted: Posted) -> DeliveryResult | None:
    """Hand one mail over; None where it was no longer there to be claimed."""
    try:
        with mailing.transport.offer(mailing.address, mail.recipient) as conversation:
            claimed_at = mailing.now()
            if not store.outbox.claim(mail, claimed_at):
                return None
            posted.claimed += 1
            answer: Sent | NotSent | Unanswered
            try:
                answer = Sent(conversation.hand_over(content))
            except (NotSent, Unanswered) as problem:
                answer = problem
            judged = delivery_result(answer, attempts=mail.attempts + 1, now=mailing.now())
            name = answer.provider_id if isinstance(answer, Sent) else ""
            store.outbox.settle(mail, judged, now=mailing.now(), claimed_at=claimed_at, provider_id=name)
            return judged
    except NotSent as problem:
        judged = delivery_result(problem, attempts=mail.attempts + 1, now=mailing.now())
        store.outbox.put_off(mail, judged, mailing.now())
        return judged


def _transport_of(settings: Settings) -> Transport:
    if settings.mail_transport is MailTransport.FILES:
        return FileTransport(settings.mail_dir)
    if settings.mail_transport is MailTransport.SES:
        return SesTransport()
    return SmtpTransport(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_tls.value,
        settings.smtp_user,
        settings.smtp_password.get_secret_value() if settings.smtp_password else "",
    )
