"""Mails put into an outbox, and the states that they are in."""

from datetime import timedelta
from typing import Any

from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.outbox import MailRecipient, Outbox
from signals_pipeline_tests.support.history_builders import WINDOWS

WINDOW = WINDOWS[3]


NOW = WINDOW.end + timedelta(minutes=1)


WHO = ("ann@example.org", "Bob@example.org", "cem@example.org")


def mail_recipients(*recipients: str) -> list[MailRecipient]:
    return [MailRecipient(each, f"<{each}>") for each in recipients]


def put(
    engine: Engine,
    *recipients: str,
    window: Any = WINDOW,
    mode: str = "live",
    content: str = "{}",
    checked: bool = True,
) -> None:
    """A digest with its mails, which the checks let go where it is `checked`."""
    DigestRepository(engine).put(
        window, content, kind="full", mode=mode, subject="1 new", mails=mail_recipients(*recipients)
    )
    if checked:
        Outbox(engine).record_verdict(window, problem="", now=NOW)


def states(engine: Engine) -> dict[str, str]:
    return {mail.recipient: mail.state for mail in Outbox(engine).mails_for(WINDOW)}
