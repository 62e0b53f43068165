"""A sender that is told to stop finishes its mail, and one that was suspended sends nothing late: real processes."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from signals_pipeline.core.digest.delivery import Hold
from signals_pipeline_tests.support.databases import PROCESSES, database_url, store
from signals_pipeline_tests.support.fake_clock import Clock
from signals_pipeline_tests.support.mail_servers import AUTHORITY, Inbox, mail_server
from signals_pipeline_tests.support.outbox_processes import DUE, WHO, WINDOW, deadly_pass, filled, send, states

__all__ = ["database_url", "store"]

AT_THE_SERVER = ("MAIL", "RCPT", "DATA", "content", "taken")
BEFORE_THE_CLAIM = ("MAIL", "RCPT")


def once_at(place: str, act: Callable[[], None]) -> Callable[[str], None]:
    """A server's hook that acts when the second mail comes to this place, before the server answers."""
    seen: list[str] = []

    def hook(event: str) -> None:
        seen.append(event)
        if event == place and seen.count(place) == 2:
            act()

    return hook


@pytest.mark.parametrize("place", AT_THE_SERVER)
def test_a_sender_that_is_told_to_stop_finishes_its_mail_and_begins_no_other(database_url: str, place: str) -> None:
    running: list[BaseProcess] = []

    def stop() -> None:
        pid = running[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)

    inbox = Inbox(hook=once_at(place, stop))
    with filled(database_url) as opened, mail_server(inbox, tls="starttls", login=True) as port:
        process = PROCESSES.Process(target=deadly_pass, args=(database_url, port, AUTHORITY, "never"))
        running.append(process)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGTERM
        second = "pending" if place in BEFORE_THE_CLAIM else "sent"
        assert states(opened) == dict(zip(WHO, ("sent", second, "pending"), strict=True))
        send(opened, port, timedelta(minutes=2))
        assert states(opened) == dict.fromkeys(WHO, "sent")
    assert Counter(inbox.recipients) == dict.fromkeys(WHO, 1)


SENDER = """
import sys
from dataclasses import replace
from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.defs.dispatch import send_due
from signals_pipeline.defs.resources import open_store
from signals_pipeline_tests.support.outbox_processes import mailing, smtp
url, port, authority = sys.argv[1], int(sys.argv[2]), sys.stdin.read()
by = replace(mailing(port, transport=smtp(port, authority)), now=utc_now)
send_due(open_store(url), by)
"""


def test_a_sender_that_was_suspended_for_four_hours_sends_nothing_late(tmp_path: Path, database_url: str) -> None:
    """It is stopped when the second mail's recipient was named, directly before its claim."""
    clock = Clock(tmp_path, DUE)
    running: list[subprocess.Popen[str]] = []

    def suspend() -> None:
        running[0].send_signal(signal.SIGSTOP)
        clock.forward(timedelta(hours=4))
        running[0].send_signal(signal.SIGCONT)

    inbox = Inbox(hook=once_at("RCPT", suspend))
    with filled(database_url) as opened, mail_server(inbox, tls="starttls", login=True) as port:
        command = [sys.executable, "-c", SENDER, database_url, str(port)]
        environment = os.environ | clock.environment
        running.append(subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, text=True))
        running[0].communicate(AUTHORITY)
        assert running[0].returncode == 0
        assert states(opened) == dict(zip(WHO, ("sent", "pending", "pending"), strict=True))
        assert {mail.hold(clock.now) for mail in opened.outbox.open()} == {Hold.TOO_OLD}
    assert inbox.recipients == [WHO[0]]
    assert clock.now > WINDOW.end + timedelta(hours=4)
