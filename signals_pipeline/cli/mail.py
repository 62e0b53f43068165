"""Mails from a terminal: what one looks like, whether it arrives, and sending what an operator releases."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from signals_pipeline.adapters.mail.envelope import Envelope
from signals_pipeline.adapters.mail.message import digest_message, trial_message
from signals_pipeline.adapters.rendering.files import digest_paths
from signals_pipeline.adapters.stores.outbox import OutboxError
from signals_pipeline.cli.report import stored_digest
from signals_pipeline.core.digest.delivery import NotSent, Unanswered, hold
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.defs.dispatch import Mailing, Posted, mailing_of, send_due
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.settings import Settings

EXAMPLE = "reader@example.org"


def write_mail(settings: Settings, key: str, folder: Path) -> Path:
    """Write a window's digest as the first recipient would get it, dated at the window's end; its path."""
    window, mailing = window_for_key(key), mailing_of(settings)
    digest = stored_digest(open_store(settings.database_url), window)
    mailing = replace(mailing, recipients=mailing.recipients or (EXAMPLE,))
    to = mailing.addressed(window)[0]
    content = digest_message(digest, Envelope(mailing.sender, to.recipient, to.message_id, window.as_of), mailing.links)
    path = digest_paths(key, folder).html.with_suffix(".eml")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def send_test(settings: Settings, address: str) -> str:
    """Send a short mail to an address by way of MAIL_TRANSPORT; what became of it.

    Raises:
        OutboxError: it was not taken, or no answer came.
        SettingsError: the address can't be one.
    """
    (recipient,) = Settings.checked(digest_recipients=address).recipients or (EXAMPLE,)
    mailing = mailing_of(settings)
    now = mailing.now()
    named = f"<trial.{now:%Y%m%d%H%M%S%f}@{mailing.domain}>"
    try:
        with mailing.transport.offer(mailing.address, recipient) as conversation:
            name = conversation.hand_over(trial_message(Envelope(mailing.sender, recipient, named, now)))
    except (NotSent, Unanswered) as problem:
        raise OutboxError(f"the test mail was not sent: {problem}") from problem
    return f"{recipient}: {settings.mail_transport} took the test mail ({name})"


def send(settings: Settings, key: str, *, release: bool) -> Iterator[str]:
    """Send a window's digest to whoever has not got it; a line a step.

    Raises:
        OutboxError: the window is not to be mailed by itself, or has no digest.
    """
    window, mailing, store = window_for_key(key), mailing_of(settings), open_store(settings.database_url)
    if not mailing.recipients:
        raise OutboxError("DIGEST_RECIPIENTS is empty: nobody to send to")
    if release:
        released = store.outbox.release_digest(window, mailing.addressed(window), now=mailing.now())
        yield f"mails of window {key} released: {released}"
    else:
        _must_go_by_itself(store, mailing, window)
    yield from told(send_due(store, mailing, (window,)))


def told(posted: Posted) -> Iterator[str]:
    """What a pass over the outbox did, in words."""
    counts = ", ".join(f"{count} {state}" for state, count in posted.counts.items() if count)
    yield counts or "nothing was due"
    yield from posted.problems
    if posted.needs_operator or posted.held:
        yield "some mails wait for you: signals deliveries"


def _must_go_by_itself(store: Store, mailing: Mailing, window: Window) -> None:
    stored = store.digests.get(window.start)
    stored_digest(store, window)
    problem = hold(window.end, released=False, now=mailing.now())
    if stored is not None and stored.entry.mode != "live":
        problem = f"its digest was made by a {stored.entry.mode} run"
    if problem:
        raise OutboxError(f"window {window.key} is not mailed by itself: {problem}; add --release to send it")
