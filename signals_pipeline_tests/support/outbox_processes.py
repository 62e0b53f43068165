"""An outbox with mails in it, and processes that send them and are killed where a test says."""

import os
import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from signals_pipeline.adapters.mail.smtp import SmtpTransport
from signals_pipeline.adapters.mail.transport import Conversation, Transport
from signals_pipeline.adapters.stores.outbox import Outbox
from signals_pipeline.defs.dispatch import DispatchReport, Mailing, send_due
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline_tests.support.digest_pages import NOW as WINDOW
from signals_pipeline_tests.support.digest_pages import everything
from signals_pipeline_tests.support.mail_servers import AUTHORITY, PASSWORD, USER

WHO = ("ann@example.org", "bob@example.org", "cem@example.org")
DUE = WINDOW.end + timedelta(minutes=1)


@dataclass(frozen=True)
class At:
    """A clock that stands still; can be given to another process."""

    instant: datetime

    def __call__(self) -> datetime:
        return self.instant


def smtp(port: int, authority: str, *, patience: float = 10) -> SmtpTransport:
    """SMTP with STARTTLS and a log-in; `authority`: the certificate, PEM, of who vouches for the server."""
    trusted = ssl.create_default_context(cadata=authority)
    return SmtpTransport("127.0.0.1", port, "starttls", USER, PASSWORD, step_seconds=patience, context=trusted)


def mailing(port: int, now: datetime = DUE, transport: Transport | None = None, *, patience: float = 10) -> Mailing:
    """Mail to a server on this machine, at a fixed time."""
    through = transport or smtp(port, AUTHORITY, patience=patience)
    return Mailing("Signals <signals@example.org>", WHO, through, now=At(now))


@contextmanager
def filled(url: str, who: tuple[str, ...] = WHO) -> Iterator[Store]:
    """A store whose outbox holds a live digest's mails to these recipients, which the checks let go."""
    store = open_store(url)
    digest = replace(everything(), mode="live")
    mails = replace(mailing(0), recipients=who).mail_recipients(store, WINDOW)
    store.digests.put(WINDOW, digest.to_json(), kind="full", mode="live", subject=digest.subject, mails=mails)
    store.outbox.record_verdict(WINDOW, problem="", now=DUE)
    yield store
    store.engine.dispose()


def send(store: Store, port: int, after: timedelta = timedelta(), *, patience: float = 10) -> DispatchReport:
    """One pass over the outbox; `patience`: seconds that a server may be silent."""
    return send_due(store, mailing(port, DUE + after, patience=patience))


def states(store: Store) -> dict[str, str]:
    """State by recipient."""
    return {mail.recipient: mail.state for mail in store.outbox.mails_for(WINDOW)}


def deadly_pass(url: str, port: int, authority: str, place: str) -> None:
    """In a process of its own, which `authority` comes to: one pass, killed at a place of the second mail."""
    store = open_store(url)
    deadly = Deadly(place)
    through = DeadlyTransport(smtp(port, authority), deadly)
    outbox = DeadlyOutbox(store.engine, deadly)
    send_due(replace(store, outbox=outbox), mailing(port, transport=through))


class Deadly:
    """Kills its process the second time that a place is passed."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._times = 0

    def at(self, place: str) -> None:
        self._times += place == self._place
        if self._times == 2:
            os.kill(os.getpid(), signal.SIGKILL)


class DeadlyTransport:
    """A mail server before and after which the sender is killed."""

    def __init__(self, inner: SmtpTransport, deadly: Deadly) -> None:
        self._inner, self._deadly = inner, deadly

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Iterator[Conversation]:
        self._deadly.at("unconnected")
        with self._inner.offer(sender, recipient) as conversation:
            self._deadly.at("connected")
            yield DeadlyConversation(conversation, self._deadly)
        self._deadly.at("disconnected")


class DeadlyConversation:
    """A server that is ready for the content, with which the sender is killed."""

    def __init__(self, inner: Conversation, deadly: Deadly) -> None:
        self._inner, self._deadly = inner, deadly

    def hand_over(self, content: bytes) -> str:
        self._deadly.at("claimed")
        name = self._inner.hand_over(content)
        self._deadly.at("handed over")
        return name


class DeadlyOutbox(Outbox):
    """An outbox after whose record of a result the sender is killed."""

    def __init__(self, engine: Any, deadly: Deadly) -> None:  # SQLAlchemy's
        super().__init__(engine)
        self._deadly = deadly

    def record_result(self, *mail: Any, **values: Any) -> bool:
        done = super().record_result(*mail, **values)
        self._deadly.at("settled")
        return done


def killer(pid: Callable[[], int | None], place: str) -> Callable[[str], None]:
    """A server's hook that kills the sending process the second time that an event comes."""
    seen: list[str] = []

    def hook(event: str) -> None:
        seen.append(event)
        process = pid()
        if event == place and seen.count(place) == 2 and process is not None:
            os.kill(process, signal.SIGKILL)

    return hook
