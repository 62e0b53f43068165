"""Dispatch of the mails in the outbox, shared by the asset `delivery`, the sensors and the command line."""

import logging
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from functools import partial
from pathlib import Path

import dagster as dg

from signals_pipeline import sample
from signals_pipeline.adapters.aws.reader_queue import ReaderQueue
from signals_pipeline.adapters.channels.configuration import Channels
from signals_pipeline.adapters.channels.transport import digest_content, failure_content
from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.adapters.mail.envelope import Envelope, Links, domain_of
from signals_pipeline.adapters.mail.files import FileTransport
from signals_pipeline.adapters.mail.ses import SesTransport
from signals_pipeline.adapters.mail.smtp import SmtpTransport
from signals_pipeline.adapters.mail.transport import Conversation, Transport
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.stores.outbox import MailRecipient
from signals_pipeline.adapters.termination import deferred_termination
from signals_pipeline.core.digest.delivery import (
    MAX_ATTEMPTS,
    DeliveryResult,
    Hold,
    Mail,
    MailKind,
    NotSent,
    SendOutcome,
    Sent,
    State,
    Unanswered,
    age_hold,
    delivery_result,
    webhook_id,
)
from signals_pipeline.core.digest.readers import is_channel_recipient
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.channels import channels_reader
from signals_pipeline.defs.mail_contents import MailContents
from signals_pipeline.defs.reader_requests import RequestReport, apply_requests, link_key_of, reader_queue_of
from signals_pipeline.defs.recipients import ReaderSources, readership
from signals_pipeline.defs.resources import Store
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import MailTransport

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mailing:
    """Mail settings of a deployment.

    Attributes:
        sender: An address, or Name <address>.
        recipients: Addresses that get every digest.
        transport: Hands mails to a server or writes them to files.
        links: Makes the links in mails.
        now: Clock; returns an aware instant.
        operators: Addresses that get alerts.
        requests: The queue with readers' requests, which are applied before any mail is sent; None for none.
        channels: Reads the channels that get messages instead of mails.
        readers_file: SIGNALS_READERS; empty for none.
        watchlist: The watchlist, whose companies readers choose from.
    """

    sender: str
    recipients: tuple[str, ...]
    transport: Transport
    links: Links = field(default_factory=Links)
    now: Callable[[], datetime] = utc_now
    operators: tuple[str, ...] = ()
    requests: ReaderQueue | None = None
    channels: Callable[[], Channels] = Channels
    readers_file: str = ""
    watchlist: Path | None = None

    @property
    def readers(self) -> ReaderSources:
        """Where the readers come from."""
        return ReaderSources(self.recipients, self.readers_file, self.watchlist)

    @property
    def address(self) -> str:
        """The sender's address alone."""
        return parseaddr(self.sender)[1]

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return domain_of(self.sender)

    def is_too_late(self, window: Window) -> bool:
        """Whether the mails of a window would be too old to be sent automatically now."""
        return age_hold(window.end, self.now()) is Hold.TOO_OLD

    def mail_recipients(self, store: Store, window: Window, kind: MailKind = "digest") -> tuple[MailRecipient, ...]:
        """The recipients of a window's mail, each with its Message-ID and edition; raises as `readership` does."""
        return readership(self.readers, store).recipients(window, self.domain, kind)


def _no_mails() -> dict[State, int]:
    return {"sent": 0, "pending": 0, "failed": 0, "unknown": 0}


@dataclass(slots=True)
class DispatchReport:
    """What one pass over the outbox did.

    Attributes:
        counts: Number of mails by their state after the pass.
        problems: One line per mail that was not sent; it names a recipient only if the server did.
        lost: Mails of a process that died while it sent them; their state is `unknown` now.
        suppressed: Mails dropped because their recipients have unsubscribed.
        held: Pending mails that need an operator: too old, or of a digest that is unfit to send.
        claimed: Mails that this pass took for sending, whatever became of them.
        requests: The readers' requests that were applied before.
    """

    counts: dict[State, int] = field(default_factory=_no_mails)
    problems: list[str] = field(default_factory=list)
    lost: int = 0
    suppressed: int = 0
    held: int = 0
    claimed: int = 0
    requests: RequestReport = field(default_factory=RequestReport)

    @property
    def must_be_seen(self) -> bool:
        """Whether an operator must see this report: another pass would not say again what this one did."""
        return bool(self.claimed) or self.needs_operator

    @property
    def needs_operator(self) -> bool:
        """Whether a mail was refused for good, or may have arrived or not."""
        return bool(self.counts["failed"] or self.counts["unknown"] or self.lost)


def mailing_of(settings: Settings) -> Mailing:
    """The mail settings of a deployment.

    Raises:
        SmtpConfigError: the password would go unencrypted.
    """
    return Mailing(
        settings.mail_from,
        settings.recipients,
        _transport_of(settings),
        Links(settings.signals_base_url, link_key_of(settings), has_preferences=not settings.signals_publish_url),
        operators=settings.operators,
        requests=reader_queue_of(settings),
        channels=channels_reader(settings),
        readers_file=settings.signals_readers,
        watchlist=settings.signals_watchlist or sample.WATCHLIST,
    )


def mailing_resource(settings: Settings) -> dg.ResourceDefinition:
    """`mailing_of` as a resource. Secrets are not configuration fields, because the UI shows those with every run."""
    return dg.ResourceDefinition(
        lambda _: mailing_of(settings), description="Sender, recipients and transport of mails."
    )


def send_due(store: Store, mailing: Mailing, windows: Collection[Window] | None = None) -> DispatchReport:
    """Attempt to send every mail that is due, once.

    At most one process sends a mail, and none does again once it may have arrived.

    Args:
        store: The database with the outbox.
        mailing: How mails are sent.
        windows: Windows whose mails are sent; None for all.

    Raises:
        DatabaseError: the database fails. It is transient only before the first claim: after that an operator must
            learn of a mail that may have arrived or not, which a retry would not report again.
    """
    if windows is not None and not windows:
        return DispatchReport()

    # First of all: who has unsubscribed meanwhile gets none of these mails. A queue that can't be read holds none back.
    requests = apply_requests(store, mailing.requests, mailing.links.key)

    # Mails that no process may send any more.
    now = mailing.now()
    report = DispatchReport(
        lost=store.outbox.expire_claims(now), suppressed=store.outbox.drop_suppressed(now), requests=requests
    )
    for mail in store.outbox.open():
        if mail.state == "pending" and mail.needs_operator(now):
            report.held += 1

    starts = None if windows is None else {window.start for window in windows}
    try:
        _send_each(store, mailing, starts, report)
    except DatabaseError as error:
        transient = error.transient and not report.must_be_seen
        raise DatabaseError(str(error), transient=transient) from error
    return report


def _send_each(store: Store, mailing: Mailing, starts: Collection[datetime] | None, report: DispatchReport) -> None:
    """Attempt the due mails of windows with these starts, or all, and count the results."""
    contents = MailContents(store, mailing.links)
    for mail in store.outbox.due(mailing.now()):
        if starts is not None and mail.window_start not in starts:
            continue
        result = _attempt(store, mailing, mail, contents, report)
        if result is None:
            continue  # another process sends it, or it has become too old
        report.counts[result.state] += 1
        if result.error:
            report.problems.append(f"mail {mail.id} of window {mail.window_key} {result.state}: {result.error}")


def content_of(contents: MailContents, mailing: Mailing, mail: Mail) -> bytes:
    """The message of a mail in the outbox, or the body of the request that takes it to a channel.

    Raises:
        NotSent: the recipient is a channel that can't be used.
        DigestError, EditionError, DatabaseError: as `MailContents.digest_mail`.
    """
    if is_channel_recipient(mail.recipient):
        return _channel_content(contents, mailing, mail)

    from signals_pipeline.adapters.mail import message  # noqa: PLC0415 - loads the template engine, which most processes never need

    envelope = Envelope(mailing.sender, mail.recipient, mail.message_id, mailing.now())
    content = contents.digest_mail(mail, envelope) if mail.kind == "digest" else None
    # A mail of kind "failed" says why there is no digest; its text is in the outbox.
    if content is None:
        return message.failure_message(mail.window, mail.detail, envelope, mailing.links)
    return content


def _channel_content(contents: MailContents, mailing: Mailing, mail: Mail) -> bytes:
    """The body of the request that takes a digest, or the notice that there is none, to a channel."""
    channel = mailing.channels().channel(mail.recipient)
    edited = contents.edited_digest(mail) if mail.kind == "digest" else None
    if edited is None:
        return failure_content(channel, mail.window, mail.detail)
    digest, note = edited
    return digest_content(channel, digest, mailing.links.page(f"digests/{digest.window_key}"), note)


def _attempt(
    store: Store, mailing: Mailing, mail: Mail, contents: MailContents, report: DispatchReport
) -> DeliveryResult | None:
    """Attempt to send one mail.

    Whatever goes wrong, except with the database, is an attempt of this mail alone: the others are sent all the same.

    Returns:
        What became of it; None if another process has claimed it, or if it may not be sent any more.
    """
    begun = store.outbox.begin_attempt(mail, mailing.now())
    if begun is None:
        return None
    mail, result = begun, None
    if mail.attempts > MAX_ATTEMPTS:
        return _reschedule(store, mailing, mail, NotSent("the process stopped in the last one", permanent=False))
    try:
        content = content_of(contents, mailing, mail)
        with _offer(mailing, mail) as conversation:
            hand_over = partial(conversation.hand_over, content)
            result = _claim_and_hand_over(store, mailing, mail, hand_over, report)
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 - a failure belongs to its mail, whatever it is
        if result is not None:
            # Its state is written already: only the end of the conversation failed.
            _log.warning("mail %s of window %s: the connection did not end properly", mail.id, mail.window_key)
            return result
        # The mail was not claimed and waits: no message could be made, or the server was not reached or refused it.
        return _reschedule(store, mailing, mail, _not_sent(error, mail))
    return result


def _offer(mailing: Mailing, mail: Mail) -> AbstractContextManager[Conversation]:
    """Do everything that comes before the content, at the mail server or at the channel's.

    Raises:
        NotSent: on entering; the server can't be reached, or refuses.
    """
    if not is_channel_recipient(mail.recipient):
        return mailing.transport.offer(mailing.address, mail.recipient)
    channels = mailing.channels()
    return channels.transport(channels.channel(mail.recipient), webhook_id(mail), mailing.now()).offer()


def _reschedule(store: Store, mailing: Mailing, mail: Mail, problem: NotSent) -> DeliveryResult:
    """Record an attempt that ended before the claim."""
    result = delivery_result(problem, attempts=mail.attempts, now=mailing.now())
    store.outbox.reschedule(mail, result, mailing.now())
    return result


def _claim_and_hand_over(
    store: Store, mailing: Mailing, mail: Mail, hand_over: Callable[[], str], report: DispatchReport
) -> DeliveryResult | None:
    """Claim a mail and hand it over; None if it can't be claimed.

    From the claim on the mail may arrive: its state is written before the process stops or sends anything else.
    """
    with deferred_termination():
        # Claimed only once the server listens, so that a server that is down costs no attempt of another process.
        # By now the mail may be too old: the server was slow, or this process was suspended.
        claimed_at = mailing.now()
        if not mail.is_due(claimed_at) or not store.outbox.claim(mail, claimed_at):
            return None
        report.claimed += 1

        outcome: SendOutcome
        try:
            outcome = Sent(hand_over())
        except (NotSent, Unanswered) as problem:
            outcome = problem
        except Exception as error:  # noqa: BLE001 - the mail may have arrived, whatever the transport met
            _log.exception("mail %s of window %s: unexpected error while it was sent", mail.id, mail.window_key)
            outcome = Unanswered(f"unexpected error ({type(error).__name__}) while it was sent; see the log")
        result = delivery_result(outcome, attempts=mail.attempts, now=mailing.now())
        provider_id = outcome.provider_id if isinstance(outcome, Sent) else ""
        store.outbox.record_result(mail, result, now=mailing.now(), claimed_at=claimed_at, provider_id=provider_id)
    return result


def _not_sent(error: Exception, mail: Mail) -> NotSent:
    """The outcome of an attempt that failed before the claim; messages of libraries may hold secrets."""
    if isinstance(error, NotSent):
        return error
    if isinstance(error, SignalsError):
        return NotSent(str(error), permanent=False)
    _log.error("mail %s of window %s: unexpected error before it was sent", mail.id, mail.window_key, exc_info=error)
    return NotSent(f"unexpected error ({type(error).__name__}) before it was sent; see the log", permanent=False)


def _transport_of(settings: Settings) -> Transport:
    if settings.mail_transport is MailTransport.FILES:
        return FileTransport(settings.mail_dir)
    if settings.mail_transport is MailTransport.SES:
        return SesTransport(configuration_set=settings.ses_configuration_set)
    return SmtpTransport(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_tls.value,
        settings.smtp_user,
        settings.smtp_password.get_secret_value() if settings.smtp_password else "",
    )
