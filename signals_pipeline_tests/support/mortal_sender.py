"""Processes that run a window or do what the sensors do, one after another, and are killed where a test says.

`python -m signals_pipeline_tests.support.mortal_sender` imports everything once and forks a process for each task: a
line of JSON on its standard input. It opens no connection itself, so that nothing is shared. Settings and the clock are
those of its environment.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import IO, Literal

import sqlalchemy as sa

from signals_pipeline.adapters.mail.files import FileTransport
from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.tables import delivery
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.defs.alerts import report_waiting_mails
from signals_pipeline.defs.dispatch import Mailing, mailing_of, send_due
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.digest_pages import everything

CONTENT = replace(everything(), mode="live").to_json()


@dataclass(frozen=True, slots=True)
class Task:
    """What a process is to do.

    Attributes:
        work: Run the newest window, or look at the outbox as the sensors do.
        dies_at: Before which of its calls and returns it is killed (SIGKILL), the first being 1; 0: nowhere.
        counts: Whether its calls and returns are counted, which takes as long as they do.
    """

    work: Literal["window", "sensors"]
    dies_at: int = 0
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended.

    Attributes:
        is_killed: Whether by SIGKILL.
        calls: Calls and returns that it made; 0 if it was killed, or they were not counted.
    """

    is_killed: bool
    calls: int


class Senders:
    """The process that forks them; `begin` starts one, `end` waits for it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self, task: Task) -> int:
        """The process's id."""
        print(json.dumps(asdict(task)), file=_open(self._process.stdin), flush=True)
        return int(self._line())

    def end(self) -> Ended:
        """How the process that was begun last has ended."""
        return Ended(**json.loads(self._line()))

    def _line(self) -> str:
        line = _open(self._process.stdout).readline()
        assert line, "the process that forks the others has ended"
        return line


def _open(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextmanager
def senders(environment: Mapping[str, str]) -> Iterator[Senders]:
    """Processes with these variables beside the present ones, until the end of the block."""
    command = [sys.executable, "-m", __name__]
    variables = {**os.environ, **environment}
    with subprocess.Popen(command, text=True, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Senders(process)
        _open(process.stdin).close()


def _main() -> None:
    _warm_up()
    settings = Settings.checked()
    for line in sys.stdin:
        task = Task(**json.loads(line))
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _work(task, settings, writing)
        os.close(writing)
        _answer(str(pid))
        with os.fdopen(reading) as calls:
            counted = calls.read()
        _, status = os.waitpid(pid, 0)
        is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert is_killed or status == 0, f"{task} ended with {status}"
        _answer(json.dumps(asdict(Ended(is_killed, int(counted or 0)))))


def _answer(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _warm_up() -> None:
    """Do once what makes the first pass slow, imports and templates above all, over a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(new_database("sqlite", Path(folder)))
        transport = FileTransport(Path(folder))
        mailing = Mailing("a@example.org", ("b@example.org",), transport, operators=("c@example.org",))
        _run_window(store, mailing)
        with write_transaction(store.engine) as connection:
            connection.execute(sa.update(delivery).values(state="unknown"))
        _look(store, mailing)
        store.engine.dispose()


def _work(task: Task, settings: Settings, calls: int) -> None:
    """Do it in the process that was forked for it, write how many calls it took, and end that process."""
    status = 1
    try:
        store, mailing = open_store(settings.database_url), mailing_of(settings)
        counter = _MortalCounter(task.dies_at)
        if task.dies_at or task.counts:
            sys.setprofile(counter)
        if task.work == "window":
            _run_window(store, mailing)
        else:
            _look(store, mailing)
        sys.setprofile(None)
        os.write(calls, str(counter.count).encode())
        status = 0
    finally:
        # Without the clean-up of the process that it was forked from.
        os._exit(status)


def _run_window(store: Store, mailing: Mailing) -> None:
    """As the run of the newest window: store the digest and its mails, check them, send them."""
    window = newest_complete(mailing.now())
    mails = mailing.mail_recipients(store, window)
    store.digests.put(window, CONTENT, kind="full", mode="live", subject="1 new", mails=mails)
    store.outbox.record_verdict(window, problem="", now=mailing.now())
    send_due(store, mailing)


def _look(store: Store, mailing: Mailing) -> None:
    """As the sensors and the runs that they request."""
    now = mailing.now()
    waiting = store.outbox.open()
    unchecked = {mail.window_start: mail.window for mail in waiting if mail.is_left_unchecked(now)}
    for window in unchecked.values():
        store.outbox.record_verdict(window, problem="", now=now)
    if unchecked or any(mail.is_due(now) for mail in waiting):
        send_due(store, mailing)
    report_waiting_mails(store, mailing)


class _MortalCounter:
    """Counts calls and returns, of Python's functions and C's, and kills its process before one of them."""

    def __init__(self, dies_at: int) -> None:
        self.count = 0
        self._dies_at = dies_at

    def __call__(self, _frame: FrameType, _event: str, _argument: object) -> None:
        self.count += 1
        if self.count == self._dies_at:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _main()
