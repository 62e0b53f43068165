"""Mail on the command line: previews, a test mail, and sending what an operator releases.

The commands are `signals preview`, `send`, `send-test` and `deliveries`; what is sent, and when, is decided in
`defs.dispatch`.
"""

from collections.abc import Iterator
from pathlib import Path

from signals_pipeline.adapters.atomic_write import write_bytes
from signals_pipeline.adapters.channels.transport import trial_content
from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.adapters.mail.envelope import Envelope
from signals_pipeline.adapters.mail.message import digest_message, trial_message
from signals_pipeline.adapters.rendering.files import digest_paths
from signals_pipeline.adapters.stores.outbox import OutboxError
from signals_pipeline.cli.report import stored_digest
from signals_pipeline.core.digest.addresses import AddressError, check_address
from signals_pipeline.core.digest.delivery import NotSent, Unanswered, age_hold, message_id
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.defs.channels import channels_of
from signals_pipeline.defs.dispatch import DispatchReport, Mailing, mailing_of, send_due
from signals_pipeline.defs.reader_requests import RequestReport
from signals_pipeline.defs.recipients import readership
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError

EXAMPLE_RECIPIENT = "reader@example.org"  # of previews when DIGEST_RECIPIENTS is empty


def write_mail(settings: Settings, key: str, folder: Path) -> Path:
    """Write a window's digest as the mail to the first recipient, dated at the window's end.

    Returns:
        Path of the .eml file.

    Raises:
        DatabaseError: the window has no digest.
    """
    window = window_for_key(key)
    mailing = mailing_of(settings)
    digest = stored_digest(open_store(settings.database_url), window)

    # A preview needs a recipient even if nobody is to receive the digest.
    recipient = next(iter(mailing.recipients), EXAMPLE_RECIPIENT)
    identifier = message_id("digest", window.key, recipient, mailing.domain)
    envelope = Envelope(mailing.sender, recipient, identifier, window.as_of)
    content = digest_message(digest, envelope, mailing.links)

    path = digest_paths(key, folder).html.with_suffix(".eml")
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)
    return path


def send_test_mail(settings: Settings, address: str) -> str:
    """Send a short mail to an address through MAIL_TRANSPORT, or a short message to a channel such as slack:desk.

    Returns:
        A line that says so.

    Raises:
        OutboxError: it was rejected, or the server did not respond.
        SettingsError: the address is invalid.
    """
    if ":" in address:
        return _send_test_message(settings, address)
    try:
        recipient = check_address(address)
    except AddressError as error:
        raise SettingsError(f"ADDRESS {address!r}: {error}") from error
    mailing = mailing_of(settings)
    now = mailing.now()
    # Microseconds make the Message-ID unique, so that mail clients do not merge repeated tests.
    message_id = f"<trial.{now:%Y%m%d%H%M%S%f}@{mailing.domain}>"
    message = trial_message(Envelope(mailing.sender, recipient, message_id, now))
    try:
        with mailing.transport.offer(mailing.address, recipient) as conversation:
            name = conversation.hand_over(message)
    except (NotSent, Unanswered) as problem:
        raise OutboxError(f"the test mail was not sent: {problem}") from problem
    return f"{recipient}: {settings.mail_transport} accepted the test mail ({name})"


def _send_test_message(settings: Settings, recipient: str) -> str:
    """Send a short message to a channel; returns and raises as `send_test_mail`."""
    channels = channels_of(settings)
    now = utc_now()
    try:
        channel = channels.channel(recipient)
        body = trial_content(channel, now)
        with channels.transport(channel, f"msg_test_{now:%Y%m%d%H%M%S%f}", now).offer() as conversation:
            name = conversation.hand_over(body)
    except (NotSent, Unanswered) as problem:
        raise OutboxError(f"the test message was not sent: {problem}") from problem
    return f"{recipient}: accepted the test message ({name})"


def send_digest(settings: Settings, key: str, *, release: bool) -> Iterator[str]:
    """Send a window's digest to every recipient who has not received it.

    Args:
        settings: The deployment.
        key: The window's key.
        release: Send it even if it is too old, or was not made by a live run.

    Yields:
        A line per step.

    Raises:
        OutboxError: there are no recipients, or the digest needs `release`.
        DatabaseError: the window has no digest.
    """
    window = window_for_key(key)
    mailing = mailing_of(settings)
    store = open_store(settings.database_url)
    readers = readership(mailing.readers, store)
    yield from readers.problems
    if not readers.readers:
        raise OutboxError("there are no readers to send the digest to: set DIGEST_RECIPIENTS or SIGNALS_READERS")
    if release:
        recipients = readers.recipients(window, mailing.domain)
        released = store.outbox.release_digest(window, recipients, now=mailing.now())
        yield f"mails of window {key} released: {released}"
    else:
        _require_automatic(store, mailing, window)
    yield from summary_lines(send_due(store, mailing, (window,)))


def summary_lines(posted: DispatchReport) -> Iterator[str]:
    """What a pass over the outbox did: counts per state, problems, and whether the operator must decide something."""
    counts = [f"{count} {state}" for state, count in posted.counts.items() if count]
    yield from request_lines(posted.requests)
    yield ", ".join(counts) or "no mail was due"
    yield from posted.problems
    if posted.needs_operator or posted.held:
        yield "some mails need a decision: signals deliveries"


def request_lines(requests: RequestReport) -> Iterator[str]:
    """What became of readers' requests: counts per kind, and problems."""
    if requests.applied:
        counts = [f"{count} {kind}" for kind, count in sorted(requests.applied.items())]
        yield f"readers' requests applied: {', '.join(counts)}"
    yield from requests.lines


def _require_automatic(store: Store, mailing: Mailing, window: Window) -> None:
    """Refuse a digest that the pipeline would not mail automatically."""
    stored_digest(store, window)
    stored = store.digests.get(window.start)
    if stored is not None and stored.entry.mode != "live":
        problem = f"its digest is from a {stored.entry.mode} run"
    else:
        hold = age_hold(window.end, mailing.now())
        problem = hold.message if hold else ""
    if problem:
        raise OutboxError(
            f"window {window.key} is not mailed automatically: {problem}; add --release to send it anyway"
        )
