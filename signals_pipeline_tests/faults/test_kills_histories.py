"""Random histories of real kills: processes that send mail to a real server over SQLite, killed by SIGKILL anywhere.

The random histories of `defs/test_delivery_histories.py` are many and raise an exception where a process would die;
those here are few, and nothing in them is simulated but the time: the clock is moved by libfaketime.
"""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Literal

import pytest
import sqlalchemy as sa

from signals_pipeline.core.digest.delivery import Mail, Standing, account, standing
from signals_pipeline.core.windows import newest_complete, window_for_key
from signals_pipeline.defs.alerts import WAITING_INTERVAL_SECONDS
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.fake_clock import Clock
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.mortal_sender import Ended, Senders, Task, senders

READERS = ("ann@example.org", "bob@example.org")
OPERATOR = "ops@example.org"
START = window_for_key("2026-03-02-08:30").end + timedelta(minutes=1)
STEPS = [timedelta(hours=1), timedelta(days=1), timedelta(days=365)]
EVENTS = ("MAIL", "RCPT", "DATA", "content", "taken")
ENDS = {Standing.SENT, Standing.CLOSED, Standing.NOTIFIED}


@dataclass
class Server(Inbox):
    """A mail server that kills the process which talks to it at an event, counted down from `kills_in`; 0: never."""

    kills_in: int = 0
    pid: int = 0
    begun: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hook = self._count_down

    def _count_down(self, _event: str) -> None:
        if self.kills_in:
            self.kills_in -= 1
            if self.kills_in == 0:
                assert self.begun.wait(timeout=30)
                os.kill(self.pid, signal.SIGKILL)


@dataclass
class History:
    """One machine over some days: its clock, its database, its mail server, and the processes on it."""

    rng: random.Random
    clock: Clock
    store: Store
    server: Server
    senders: Senders
    calls: dict[str, int] = field(default_factory=dict)
    promised: set[tuple[object, str]] = field(default_factory=set)
    kills: int = 0

    def run(self, work: Literal["window", "sensors"], *, dies: str = "nowhere") -> Ended:
        """One process, which may be killed at one of its own calls or while the server has its mail."""
        at = 0
        if dies == "at a call":
            # As far into it as the first process of this kind got, which had something to do and was not killed.
            at = self.rng.randrange(1, self.calls[work])
        self.server.kills_in = self.rng.randrange(1, 2 * len(EVENTS)) if dies == "at the server" else 0
        self.server.begun.clear()
        self.server.pid = self.senders.begin(Task(work, at, counts=work not in self.calls))
        self.server.begun.set()
        ended = self.senders.end()
        self.server.kills_in = 0
        self.kills += ended.is_killed
        self.calls.setdefault(work, ended.calls)
        self.promised |= {(mail.window_start, mail.recipient) for mail in self.mails()}
        return ended

    def next_window(self, dies: str) -> None:
        """The schedule's run of the next window."""
        self.clock.put(newest_complete(self.clock.now + timedelta(days=4)).end + timedelta(minutes=1))
        self.run("window", dies=dies)

    def awake(self, span: timedelta, every: timedelta = timedelta(seconds=WAITING_INTERVAL_SECONDS)) -> None:
        """Let a daemon be awake for so long, which looks at the outbox at intervals."""
        for _ in range(span // every + 1):
            self.run("sensors")
            self.clock.forward(every)

    def mails(self) -> list[Mail]:
        return self.store.outbox._select(sa.true())  # noqa: SLF001 - no part of the product reads them all

    def require_account(self) -> None:
        """Every promised mail is there, none went twice, and whoever must know of one knows."""
        now = self.clock.now
        mails = self.mails()
        assert {(mail.window_start, mail.recipient) for mail in mails} >= self.promised
        assert account(mails, now).unaccounted == ()
        # A notice may come twice, a reader's mail never does.
        copies = Counter(_name(mail) for mail in self.server.taken if mail[0] in READERS)
        assert [each for each, count in copies.items() if count > 1] == []
        reports = " ".join(_text(content) for recipient, content in self.server.taken if recipient == OPERATOR)
        untold = [
            mail
            for mail in mails
            if standing(mail, now) is Standing.NOTIFIED
            and f"Mail {mail.id}, {mail.window_key}, {mail.state}:" not in reports
        ]
        assert untold == []
        # A mail that the server has taken is never counted as one that is still to be sent.
        taken = {name for _, name in map(_name, self.server.taken)}
        assert [mail for mail in mails if mail.state in ("pending", "failed") and mail.message_id in taken] == []


def _name(mail: tuple[str, bytes]) -> tuple[str, str]:
    recipient, content = mail
    return recipient, str(message_from_bytes(content, policy=policy.default)["Message-ID"])


def _text(content: bytes) -> str:
    return " ".join(str(message_from_bytes(content, policy=policy.default).get_content()).split())


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clock, Server, Senders, str]]:
    """A clock, a mail server, and the processes over a database, whose file each history replaces."""
    folder = tmp_path_factory.mktemp("machine")
    clock, server, url = Clock(folder, START), Server(), f"sqlite:///{folder / 'signals.db'}"
    with mail_server(server) as port:
        variables = {
            "SIGNALS_DEPLOYMENT": "local",
            "SIGNALS_DATABASE_URL": url,
            "DIGEST_RECIPIENTS": ",".join(READERS),
            "OPERATOR_RECIPIENTS": OPERATOR,
            "MAIL_TRANSPORT": "smtp",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(port),
            "SMTP_TLS": "none",
        }
        with senders({**clock.environment, **variables}) as begun:
            yield clock, server, begun, url


@pytest.mark.parametrize("seed", range(6))
def test_whoever_is_killed_wherever_every_promised_mail_is_accounted_for(
    seed: int, machine: tuple[Clock, Server, Senders, str], tmp_path: Path
) -> None:
    clock, server, begun, url = machine
    rng = random.Random(seed)
    Path(new_database("sqlite", tmp_path).removeprefix("sqlite:///")).replace(url.removeprefix("sqlite:///"))
    server.taken.clear()
    server.refused = {}
    clock.put(START)
    store = open_store(url)
    history = History(rng, clock, store, server, begun)
    history.next_window("nowhere")
    server.refused = {READERS[0]: "451 later", READERS[1]: "550 no such user"}
    history.next_window("nowhere")
    server.refused = {}
    history.awake(timedelta(minutes=2))

    for _ in range(4):
        dies = rng.choice(["at a call", "at a call", "at the server"])
        match rng.choice(["window", "window", "sensors", "clock", "off", "refused"]):
            case "window":
                history.next_window(dies)
            case "sensors":
                history.next_window("at a call")
                history.run("sensors", dies=dies)
            case "clock":
                step = rng.choice(STEPS) * rng.choice([-1, 1])
                history.next_window(dies)
                clock.forward(step)
                history.run("sensors", dies=dies)
                clock.forward(-step)
            case "off":
                history.next_window(dies)
                clock.forward(timedelta(hours=rng.choice([1, 4, 12])))
            case "refused":
                server.refused = {READERS[0]: rng.choice(["451 later", "550 no such user"])}
                history.next_window(dies)
                server.refused = {}
        # Less than what may pass until somebody is told, and more than a claim lasts.
        history.awake(timedelta(minutes=12), every=timedelta(minutes=12))
        history.require_account()

    history.awake(timedelta(hours=4), every=timedelta(minutes=80))
    history.require_account()
    assert set(account(history.mails(), clock.now).counts) <= ENDS
    assert history.kills >= 2
    store.engine.dispose()
