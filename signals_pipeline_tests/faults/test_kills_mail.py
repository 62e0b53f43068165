"""Kill -9 at every step of sending, servers that break at every step, and two senders at once; STARTTLS and log-in.

Whatever happens, no recipient ever gets two, and none is lost silently: a mail that is not known to be sent is listed.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from multiprocessing.process import BaseProcess

import pytest

from signals_pipeline.core.digest.delivery import CLAIM_LASTS
from signals_pipeline_tests.support.databases import PROCESSES, database_url, store
from signals_pipeline_tests.support.mail_servers import (
    AUTHORITY,
    DROP,
    STALL,
    Inbox,
    Misbehaviour,
    bad_server,
    mail_server,
)
from signals_pipeline_tests.support.outbox_processes import WHO, WINDOW, deadly_pass, filled, killer, send, states

__all__ = ["database_url", "store"]

LATER = CLAIM_LASTS + timedelta(minutes=1)
# Where the sender is killed -> what becomes of the second mail, and how many copies of it there are.
IN_THE_SENDER = {
    "unconnected": ("sent", 1),
    "connected": ("sent", 1),
    "claimed": ("unknown", 0),
    "handed over": ("unknown", 1),
    "settled": ("sent", 1),
    "disconnected": ("sent", 1),
}
AT_THE_SERVER = {
    "MAIL": ("sent", 1),
    "RCPT": ("sent", 1),
    "DATA": ("unknown", 0),
    "content": ("unknown", 1),  # aiosmtpd has the mail by then, and takes it
    "taken": ("unknown", 1),
}


@pytest.mark.parametrize("place", IN_THE_SENDER)
def test_a_sender_killed_at_any_step_of_its_own(database_url: str, place: str) -> None:
    inbox = Inbox()
    with filled(database_url), mail_server(inbox, tls="starttls", login=True) as port:
        process = PROCESSES.Process(target=deadly_pass, args=(database_url, port, AUTHORITY, place))
        process.start()
        process.join()
        assert process.exitcode == -9
        _settled(database_url, inbox, port, IN_THE_SENDER[place])


@pytest.mark.parametrize("place", AT_THE_SERVER)
def test_a_sender_killed_at_any_step_of_the_server(database_url: str, place: str) -> None:
    running: list[BaseProcess] = []
    inbox = Inbox(hook=killer(lambda: running[0].pid if running else None, place))
    with filled(database_url), mail_server(inbox, tls="starttls", login=True) as port:
        process = PROCESSES.Process(target=deadly_pass, args=(database_url, port, AUTHORITY, "never"))
        running.append(process)
        process.start()
        process.join()
        assert process.exitcode == -9
        running.clear()
        _settled(database_url, inbox, port, AT_THE_SERVER[place])


def _settled(url: str, inbox: Inbox, port: int, expected: tuple[str, int]) -> None:
    """Other processes come by at once, and once the dead one's claim has lapsed."""
    with filled(url) as opened:  # putting the digest again makes no second mails
        for after in (timedelta(), timedelta(minutes=2), LATER, LATER):
            send(opened, port, after)
        copies = Counter(inbox.recipients)
        assert states(opened) == dict(zip(WHO, ("sent", expected[0], "sent"), strict=True))
        assert copies == Counter({WHO[0]: 1, WHO[1]: expected[1], WHO[2]: 1})
        assert {mail.recipient for mail in opened.outbox.open()} == ({WHO[1]} if expected[0] == "unknown" else set())


def test_two_senders_at_once_send_each_mail_once(database_url: str) -> None:
    inbox = Inbox()
    with filled(database_url) as opened, mail_server(inbox, tls="starttls", login=True) as port:
        senders = [
            PROCESSES.Process(target=deadly_pass, args=(database_url, port, AUTHORITY, "never")) for _ in range(3)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert [sender.exitcode for sender in senders] == [0, 0, 0]
        assert states(opened) == dict.fromkeys(WHO, "sent")
    assert inbox.recipients == sorted(WHO)


SERVERS: dict[str, tuple[Mapping[str, bytes], str]] = {
    "drops at once": ({"connect": DROP}, "pending"),
    "drops the encryption": ({"STAR": DROP}, "pending"),
    "refuses the log-in for now": ({"AUTH": b"454 later\r\n"}, "pending"),
    "stalls at the sender": ({"MAIL": STALL}, "pending"),
    "is busy": ({"RCPT": b"451 later\r\n"}, "pending"),
    "defers the content": ({"DATA": b"451 later\r\n"}, "pending"),
    "drops at DATA": ({"DATA": DROP}, "pending"),
    "refuses for good": ({"RCPT": b"550 nobody here\r\n"}, "failed"),
    "reads and defers": ({"content": b"452 full\r\n"}, "pending"),
    "reads and refuses": ({"content": b"554 spam\r\n"}, "failed"),
    "reads and dies": ({"content": DROP}, "unknown"),
    "reads and stalls": ({"content": STALL}, "unknown"),
    "takes and dies": ({"QUIT": DROP}, "sent"),
}


@pytest.mark.parametrize("case", SERVERS)
def test_a_server_that_breaks_at_any_step(database_url: str, case: str) -> None:
    answers, state = SERVERS[case]
    misbehaviour, inbox = Misbehaviour(answers, secure=True), Inbox()
    with filled(database_url) as opened:
        with bad_server(misbehaviour) as port:
            posted = send(opened, port, patience=0.5 if STALL in answers.values() else 10)
        assert states(opened) == dict.fromkeys(WHO, state)
        assert posted.needs_operator == (state in {"failed", "unknown"})
        assert {mail.recipient for mail in opened.outbox.open()} == (set() if state == "sent" else set(WHO))
        with mail_server(inbox, tls="starttls", login=True) as port:  # and then a server that works
            for after in (timedelta(), timedelta(minutes=1), LATER):
                send(opened, port, after)
        assert inbox.recipients == (sorted(WHO) if state == "pending" else [])
        assert states(opened) == dict.fromkeys(WHO, "sent" if state == "pending" else state)


def test_one_refused_recipient_does_not_keep_the_others_from_theirs(database_url: str) -> None:
    inbox = Inbox(refused={WHO[1]: "550 no such user"})
    with filled(database_url) as opened, mail_server(inbox, tls="starttls", login=True) as port:
        posted = send(opened, port)
        assert states(opened) == {WHO[0]: "sent", WHO[1]: "failed", WHO[2]: "sent"}
        (problem,) = posted.problems
        assert "550 no such user" in problem
        assert WINDOW.key in problem
    assert inbox.recipients == [WHO[0], WHO[2]]


def test_a_mail_that_is_never_taken_is_given_up_within_the_hours_it_may_wait(database_url: str) -> None:
    with filled(database_url) as opened:
        for minute in (0, 1, 3, 7, 15, 31, 61, 91, 121):
            send(opened, 1, timedelta(minutes=minute))  # nobody listens there
        assert states(opened) == dict.fromkeys(WHO, "failed")
        assert all("gave up after" in mail.last_error for mail in opened.outbox.open())
