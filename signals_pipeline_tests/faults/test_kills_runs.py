"""A run that dies in whatever way holds nobody up: the next one ends it, says so, and goes through by itself."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any

import dagster as dg
import pytest

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.cli.doctor.runs import runs as doctor_runs
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.defs.leases import PID_TAG
from signals_pipeline_tests.support.databases import PROCESSES
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline
from signals_pipeline_tests.support.polling import until
from signals_pipeline_tests.support.stopped_runs import (
    INTERRUPTED,
    messages_of,
    run_until_signal,
    run_windows,
    settings_in,
)

# Where and how each run ends: in a step that holds a pool, between the steps, and while Dagster writes.
ENDS = [
    (signal.SIGKILL, "UPDATE", "concurrency_slots"),
    (signal.SIGKILL, "SELECT", "coverage"),
    (signal.SIGTERM, "SELECT", "coverage"),
    (signal.SIGHUP, "INSERT", "headline_score"),
    (signal.SIGTERM, "UPDATE", "runs"),
    (signal.SIGKILL, "INSERT", "window_run"),
    (signal.SIGHUP, "SELECT", "digest"),
    (signal.SIGKILL, "INSERT", "digest"),
]
WINDOWS = SAMPLE_WINDOWS[8 : 8 + len(ENDS)]
UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def ended_by(folder: Path, at: int) -> int | None:
    """Exit code of a process that runs one window and receives a signal on the way."""
    number, words, table = ENDS[at]
    worker = PROCESSES.Process(target=run_until_signal, args=(folder, WINDOWS[at].key, words, table, number))
    worker.start()
    worker.join()
    return worker.exitcode


def unfinished(folder: Path) -> int:
    """Number of runs that are unfinished for Dagster."""
    with local_instance(settings_in(folder)) as instance:
        return instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED))


def held(instance: dg.DagsterInstance) -> set[str]:
    """The runs that hold or wait for slots."""
    return instance.event_log_storage.get_concurrency_run_ids()


def test_runs_that_end_in_every_way_hold_nobody_up_and_leave_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ended"
    with TestPipeline.open(folder) as pipeline:
        for at, (number, _, table) in enumerate(ENDS):
            code = ended_by(folder, at)
            # What was killed waits for the next run; what was asked to end has ended.
            killed = number == signal.SIGKILL
            assert code == (-signal.SIGKILL if killed else INTERRUPTED), f"{number.name} at {table}"
            assert unfinished(folder) == (1 if killed else 0), f"{number.name} at {table}"
            report = doctor_runs(settings_in(folder), utc_now)
            assert report.status == ("fail" if killed else "ok"), report.text
            if killed:
                assert f"run of window {WINDOWS[at].key}".split()[-1] in report.text
                assert "is gone" in report.text
                assert "signals run" in report.remedy
            else:
                assert held(pipeline.instance) == set()

        capsys.readouterr()
        run_windows(folder, [window.key for window in WINDOWS])
        said = messages_of(folder).read_text(encoding="utf-8") + capsys.readouterr().err

        for window, (number, _, _) in zip(WINDOWS, ENDS, strict=True):
            assert (f"of window {window.key} died" in said) == (number == signal.SIGKILL)
        assert said.count("marked as failed, its slots are free") == 4
        assert doctor_runs(settings_in(folder), utc_now).status == "ok"
        assert held(pipeline.instance) == set()
        state, digests = pipeline.state(), pipeline.files("digests")
    with TestPipeline.open(tmp_path / "whole") as pipeline:
        pipeline.run(WINDOWS)
        assert (state, digests) == (pipeline.state(), pipeline.files("digests"))


@contextmanager
def stopped_run(folder: Path, key: str) -> Iterator[BaseProcess]:
    """A run that stands still in its first step, and so holds the pool `news`; it lives."""
    worker = PROCESSES.Process(target=run_until_signal, args=(folder, key, "SELECT", "coverage", signal.SIGSTOP))
    worker.start()
    try:
        with local_instance(settings_in(folder)) as instance:
            until(lambda: held(instance), "a run that holds a pool")
        yield worker
    finally:
        worker.kill()
        worker.join()


def command(folder: Path, key: str, **options: Any) -> subprocess.Popen[str]:
    """`signals run --window` over a folder."""
    settings = settings_in(folder)
    surroundings = {"SIGNALS_DATA_DIR": str(settings.signals_data_dir), "DAGSTER_HOME": str(settings.dagster_home)}
    program = str(Path(sys.executable).with_name("signals"))
    return subprocess.Popen(
        [program, "run", "--window", key], env={**os.environ, **surroundings}, cwd=folder, text=True, **options
    )


def line_with(stream: IO[str], words: str) -> str:
    """The next line that contains these words."""
    for line in stream:
        if words in line:
            return line
    pytest.fail(f"no line with {words!r}")


def test_a_run_that_waits_says_for_whom_and_outlives_the_one_it_waits_for(tmp_path: Path) -> None:
    first, second = SAMPLE_WINDOWS[4:6]
    folder = tmp_path / "data"
    with TestPipeline.open(folder), stopped_run(folder, first.key) as holder:
        with command(folder, second.key, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
            assert waiting.stderr is not None
            line = line_with(waiting.stderr, "waiting for pool")
            assert "waiting for pool news, held by run" in line
            assert f"(pid {holder.pid} on " in line
            assert "since " in line
            holder.kill()
            line = line_with(waiting.stderr, "died")
            assert f"of window {first.key} died (its process {holder.pid} is gone): marked as failed" in line
            waiting.communicate()
        assert waiting.returncode == 0


def test_two_runs_at_once_both_finish_and_a_closed_terminal_ends_a_third(tmp_path: Path) -> None:
    first, second, third = SAMPLE_WINDOWS[4:7]
    folder = tmp_path / "data"
    with TestPipeline.open(folder) as pipeline, stopped_run(folder, first.key) as holder:
        assert holder.pid is not None
        # The third run's terminal is closed while it waits.
        terminal, its_end = pty.openpty()
        closing = command(
            folder,
            third.key,
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(its_end)
        with open(terminal, encoding="utf-8") as shown:  # noqa: PTH123 - a descriptor, not a path
            line_with(shown, "waiting for pool")
        closing.wait(timeout=120)
        assert holder.is_alive()
        assert [run.status for run in pipeline.instance.get_runs(limit=1)] == [dg.DagsterRunStatus.FAILURE]
        assert {int(run.tags[PID_TAG]) for run in pipeline.instance.get_runs()} == {holder.pid, closing.pid}

        # The second one waits, and both go through as soon as the first goes on.
        with command(folder, second.key, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as waiting:
            assert waiting.stderr is not None
            line_with(waiting.stderr, "waiting for pool")
            os.kill(holder.pid, signal.SIGCONT)
            _, said = waiting.communicate()
        holder.join()
        assert waiting.returncode == 0
        assert "died" not in said
        assert held(pipeline.instance) == set()
        statuses = [run.status for run in pipeline.instance.get_runs()]
        assert sorted(status.value for status in statuses) == ["FAILURE", "SUCCESS", "SUCCESS"]
