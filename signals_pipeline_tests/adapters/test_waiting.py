"""A wait is announced when it lasts, and again each time it has lasted twice as long."""

import sqlite3
from pathlib import Path
from threading import Thread

import pytest

from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.waiting import Announcements, announced_wait
from signals_pipeline_tests.support.polling import until


def test_announcements_become_rarer() -> None:
    announcements = Announcements(5)
    assert [second for second in range(100) if announcements.due(second)] == [5, 10, 20, 40, 80]
    late = Announcements(5)
    assert [second for second in (4, 17, 19, 20, 21) if late.due(second)] == [17, 20]


def test_a_wait_says_what_it_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    with announced_wait("somebody", first=0.01):
        until(lambda: len(caplog.messages) > 1, "two announcements")
    assert all(message.startswith("waiting for somebody, ") for message in caplog.messages)


def test_a_writer_names_the_database_whose_lock_it_waits_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"sqlite:///{tmp_path / 'signals.db'}"
    engine = engine_for(url)
    holder = sqlite3.connect(tmp_path / "signals.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    def write() -> None:
        with write_transaction(engine):
            pass

    writer = Thread(target=write)
    writer.start()
    until(lambda: caplog.messages, "an announcement")
    holder.execute("COMMIT")
    writer.join()
    holder.close()
    engine.dispose()
    assert caplog.messages[0] == f"waiting for another process that writes to database {url}, 5 s so far"
