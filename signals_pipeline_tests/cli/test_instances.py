"""The Dagster instance of a machine, from nothing: made by several processes at once, killed on the way, or ruined."""

import os
import signal
import sqlite3
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from benchmarks.at_once import failures_of_round, settings_in, short_job
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.stores.migrations import current, head, upgrade
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.defs.sqlite_storage import SHARED_FILES, BatchedEventLogStorage
from signals_pipeline_tests.support.databases import PROCESSES

ROUNDS = 2
DONE = 3  # exit code of a process that was not killed


@pytest.mark.parametrize("number", range(ROUNDS))
def test_six_processes_may_begin_at_once_from_nothing(tmp_path: Path, number: int) -> None:
    assert failures_of_round(tmp_path) == [], f"round {number}"


def create_until_killed(folder: Path, statements: int) -> None:
    """Create both databases and record a run, and be killed after so many statements."""
    left = [statements]

    def count(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "after_cursor_execute", count)
    settings = settings_in(folder)
    with local_instance(settings) as instance:
        short_job.execute_in_process(instance=instance)
    upgrade(settings.database_url)
    os._exit(DONE)


def test_what_a_killed_process_began_the_next_one_completes(tmp_path: Path) -> None:
    statements, kills = 7, 0
    while True:
        worker = PROCESSES.Process(target=create_until_killed, args=(tmp_path, statements))
        worker.start()
        worker.join()
        if worker.exitcode == DONE:
            break
        assert worker.exitcode == -signal.SIGKILL
        kills += 1
        statements = statements * 2  # later each time: in each of the files, and in the run
    assert kills >= 5

    settings = settings_in(tmp_path)
    assert current(settings.database_url) == head()
    with local_instance(settings) as instance:
        assert instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])) >= 1
        assert isinstance(instance.event_log_storage, BatchedEventLogStorage)
    assert list((tmp_path / "dagster").glob(".creating-*")) == []


def test_an_instance_that_two_processes_of_an_earlier_release_ruined_is_one_line(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with local_instance(settings):
        pass
    with sqlite3.connect(tmp_path / "dagster" / SHARED_FILES[0]) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('other')")
    with pytest.raises(DatabaseError, match=r"is damaged \(Version table .* more than one head .*move its folders"):
        local_instance(settings)
