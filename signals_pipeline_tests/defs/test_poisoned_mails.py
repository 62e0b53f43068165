"""One mail that can't be made or sent stops no other, is given up in the end, and is reported once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.mail.smtp import SmtpTransport
from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.tables import delivery, digest
from signals_pipeline.core.digest.delivery import MAX_ATTEMPTS, REPEAT_NOTICE_AFTER, Hold
from signals_pipeline.core.windows import window_containing
from signals_pipeline.defs.alerts import report_waiting_mails, waiting_sensor
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.defs.resources import Store
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.digest_pages import everything
from signals_pipeline_tests.support.mail_servers import Inbox, Misbehaviour, bad_server, mail_server
from signals_pipeline_tests.support.outbox_processes import DUE, WHO, WINDOW, At, filled, states

OPERATORS = ("ops@example.org",)
NEXT = window_containing(WINDOW.end)
LATER = NEXT.end + timedelta(minutes=1)
# When the eight attempts of a mail are due, in minutes after the first.
ATTEMPTS = (0, 1, 3, 7, 15, 31, 61, 91)


@pytest.fixture
def outbox_store(tmp_path: Path) -> Iterator[Store]:
    """A store on SQLite with the mails of WINDOW."""
    with filled(new_database("sqlite", tmp_path)) as opened:
        yield opened


def by(port: int, after: timedelta = timedelta()) -> Mailing:
    """Mail over plain SMTP, so long after the next window's end."""
    transport = SmtpTransport("127.0.0.1", port, "none", step_seconds=10)
    return Mailing("Signals <signals@example.org>", WHO, transport, now=At(LATER + after), operators=OPERATORS)


def put_next(store: Store) -> None:
    """The next window's digest with its mails, checked."""
    content = replace(everything(), mode="live", window_key=NEXT.key).to_json()
    mails = by(0).mail_recipients(store, NEXT)
    store.digests.put(NEXT, content, kind="full", mode="live", subject="1 new", mails=mails)
    store.outbox.record_verdict(NEXT, problem="", now=LATER)


@pytest.mark.parametrize("content", ['{"version": 99}', "no JSON", "[]", '{"version": null}'])
def test_a_digest_that_can_not_be_read_keeps_nobody_else_from_theirs(outbox_store: Store, content: str) -> None:
    put_next(outbox_store)
    outbox_store.outbox.release([mail.id for mail in outbox_store.outbox.mails_for(WINDOW)], LATER)
    with write_transaction(outbox_store.engine) as connection:
        connection.execute(sa.update(digest).where(digest.c.window_start == WINDOW.start).values(content=content))

    inbox = Inbox()
    with mail_server(inbox) as port:
        for minute in ATTEMPTS[:-1]:
            report = send_due(outbox_store, by(port, timedelta(minutes=minute)))
            assert not report.needs_operator
        assert sorted(inbox.recipients) == sorted(WHO)  # of the next window
        assert report_waiting_mails(outbox_store, by(port, timedelta(minutes=90))) == (0, [])
        send_due(outbox_store, by(port, timedelta(minutes=ATTEMPTS[-1])))

        poisoned = outbox_store.outbox.mails_for(WINDOW)
        assert {(mail.state, mail.reason, mail.attempts) for mail in poisoned} == {("failed", "attempts", MAX_ATTEMPTS)}
        assert all("stored digest" in mail.last_error for mail in poisoned)

        # Reported in one mail, and again after hours until somebody decides.
        inbox.taken.clear()
        for after in (timedelta(hours=2), timedelta(hours=3), REPEAT_NOTICE_AFTER, timedelta(hours=11)):
            assert report_waiting_mails(outbox_store, by(port, after))[0] == len(WHO)
        assert inbox.recipients == [*OPERATORS] * 2
        assert inbox.message()["Subject"] == "Signals: Mails wait for you: 3"
        outbox_store.outbox.abandon([mail.id for mail in poisoned], LATER)
        assert report_waiting_mails(outbox_store, by(port, timedelta(days=1))) == (0, [])
    assert inbox.recipients == [*OPERATORS] * 2


def test_a_mail_of_no_window_waits_for_the_operator_and_stops_no_other(outbox_store: Store) -> None:
    """A row that another program wrote, or that survived a change of the digest times."""
    odd = WINDOW.start + timedelta(minutes=7)
    with write_transaction(outbox_store.engine) as connection:
        first = sa.select(sa.func.min(delivery.c.id)).scalar_subquery()
        changed = {"kind": "failed", "mode": None, "window_start": odd}
        connection.execute(sa.update(delivery).where(delivery.c.id == first).values(changed))
    inbox = Inbox()
    with mail_server(inbox) as port:
        here = replace(by(port), now=At(DUE))
        assert send_due(outbox_store, here).held == 1
        assert inbox.recipients == sorted(WHO[1:])
        report_waiting_mails(outbox_store, here)
    (mail,) = outbox_store.outbox.open()
    assert mail.hold(DUE) is Hold.NO_WINDOW
    assert Hold.NO_WINDOW.message in inbox.message(2).get_content().replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"user": "desk", "password": "pässword"}, "SMTP_PASSWORD has characters outside ASCII"),
        ({"host": "mail..example.org"}, "SMTP_HOST 'mail..example.org' is not a valid host name"),
    ],
)
def test_a_wrong_setting_of_the_transport_is_an_attempt_with_backoff(
    outbox_store: Store, options: dict[str, str], named: str
) -> None:
    with bad_server(Misbehaviour({"EHLO": b"250-here\r\n250 AUTH PLAIN\r\n"})) as port:
        transport = SmtpTransport(**{"host": "127.0.0.1", "port": port, "tls": "none", **options})
        here = replace(by(port), transport=transport, now=At(DUE))
        report = send_due(outbox_store, here)
        assert send_due(outbox_store, here).problems == []  # each waits for its next attempt
    assert len(report.problems) == len(WHO)
    mails = outbox_store.outbox.mails_for(WINDOW)
    assert {(mail.state, mail.attempts, mail.next_attempt_at - DUE) for mail in mails} == {
        ("pending", 1, timedelta(minutes=1))
    }
    assert all(mail.last_error.startswith(named) for mail in mails)
    assert "pässword" not in str(report)


@dataclass
class Crashing:
    """A transport with a fault of its own, at one place and for one recipient."""

    place: str

    @contextmanager
    def offer(self, _sender: str, recipient: str) -> Iterator["Crashing"]:
        self.recipient = recipient
        self._reach("offer")
        yield self
        self._reach("end")

    def hand_over(self, _content: bytes) -> str:
        self._reach("hand over")
        return "250"

    def _reach(self, place: str) -> None:
        if (place, self.recipient) == (self.place, WHO[1]):
            raise KeyError("planted-secret")


@pytest.mark.parametrize(
    ("place", "state", "attempts"), [("offer", "pending", 1), ("hand over", "unknown", 1), ("end", "sent", 1)]
)
def test_an_unexpected_error_belongs_to_its_mail(outbox_store: Store, place: str, state: str, attempts: int) -> None:
    report = send_due(outbox_store, replace(by(0), transport=Crashing(place), now=At(DUE)))

    assert states(outbox_store) == {WHO[0]: "sent", WHO[1]: state, WHO[2]: "sent"}
    (second,) = [mail for mail in outbox_store.outbox.mails_for(WINDOW) if mail.recipient == WHO[1]]
    assert second.attempts == attempts
    assert ("KeyError" in second.last_error) == (place != "end")
    assert "planted-secret" not in str(report) + second.last_error


class Fatal(Crashing):
    """A transport that ends the process, as an out-of-memory killer or a time limit does."""

    def _reach(self, place: str) -> None:
        if (place, self.recipient) == (self.place, WHO[0]):
            raise SystemExit


def test_a_mail_that_ends_its_process_is_given_up_and_the_others_are_sent(outbox_store: Store) -> None:
    here = replace(by(0), transport=Fatal("offer"), now=At(DUE))
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(SystemExit):
            send_due(outbox_store, here)
    assert states(outbox_store) == {WHO[0]: "pending", WHO[1]: "sent", WHO[2]: "sent"}
    assert send_due(outbox_store, here).needs_operator
    (mail,) = outbox_store.outbox.open()
    assert (mail.state, mail.reason) == ("failed", "attempts")
    assert "the process stopped in the last one" in mail.last_error


def test_without_operators_the_mails_that_wait_are_an_error_of_the_sensor(outbox_store: Store) -> None:
    nobody = replace(by(0), operators=())
    assert report_waiting_mails(outbox_store, replace(nobody, now=At(DUE))) == (0, [])
    waiting, (problem,) = report_waiting_mails(outbox_store, nobody)
    assert waiting == len(WHO)
    assert problem.startswith("OPERATOR_RECIPIENTS is empty")


def test_the_alarm_of_a_stack_tells_of_mails_that_wait_until_none_does(
    outbox_store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here = replace(by(0), operators=())
    sensor = waiting_sensor(stack="desk-1")
    counts: list[list[float]] = []
    cursor: str | None = None
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        for step in ("waiting", "waiting", "decided", "quiet"):
            if step == "decided":
                outbox_store.outbox.abandon([mail.id for mail in outbox_store.outbox.open()], LATER)
            context = dg.build_sensor_context(
                instance, cursor=cursor, resources={"store": outbox_store, "mailing": here}
            )
            sensor(context)
            cursor = context.cursor
            lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"_aws"' in line]
            counts.append([line["MailsWaiting"] for line in lines])
    assert counts == [[3.0], [3.0], [0.0], []]
    assert {mail.notified_at for mail in outbox_store.outbox.mails_for(WINDOW)} == {LATER}


def test_a_notice_that_no_server_took_is_sent_again(outbox_store: Store) -> None:
    inbox = Inbox(refused=dict.fromkeys(OPERATORS, "450 later"))
    with mail_server(inbox) as port:
        assert len(report_waiting_mails(outbox_store, by(port))[1]) == 1
        inbox.refused = {}
        assert report_waiting_mails(outbox_store, by(port)) == (3, [])
        assert report_waiting_mails(outbox_store, by(port)) == (3, [])
    assert inbox.recipients == [*OPERATORS]


def test_a_claim_that_expired_is_reported_as_unknown(outbox_store: Store) -> None:
    mail = outbox_store.outbox.due(DUE)[0]
    assert outbox_store.outbox.claim(mail, DUE)
    inbox = Inbox()
    with mail_server(inbox) as port:
        soon = replace(by(port), now=At(DUE + timedelta(minutes=9)))
        assert report_waiting_mails(outbox_store, soon) == (0, [])
        expired = replace(by(port), now=At(DUE + timedelta(minutes=11)))
        assert report_waiting_mails(outbox_store, expired) == (1, [])
    assert states(outbox_store)[mail.recipient] == "unknown"
    assert inbox.recipients == [*OPERATORS]
