"""A soak on SQLite without a daemon: a crontab's line every 15 minutes of the deployment's clock, and nothing else."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.soak.cron import INTERVAL_MINUTES
from benchmarks.soak.faults import MoodyInbox
from benchmarks.soak.folder import Folder
from benchmarks.soak.hurried import RUNS_CLOCK
from benchmarks.soak.power import lose_unsynced
from benchmarks.soak.setup import Setup
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.fake_clock import Clock

INTERVAL = timedelta(minutes=INTERVAL_MINUTES)
STUCK = 150.0  # seconds after which a line of the crontab is taken for hung
TRIES = 12  # lines of the crontab, three hours, until a window's run has succeeded
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


class WithoutDaemon(Setup):
    """Lines of a crontab, forked from a process that has the project imported."""

    def __init__(
        self, folder: Folder, inbox: MoodyInbox, windows: Sequence[Window], clock: Clock, variables: dict[str, str]
    ) -> None:
        home = folder.home
        (home / "data").mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{home / 'data' / 'signals.db'}"
        super().__init__(folder, inbox, windows, clock, {**variables, "SIGNALS_DATABASE_URL": url})
        shutil.copy(repository() / "dagster.yaml", home)
        link = home / RUNS_CLOCK
        if not link.is_symlink():
            link.symlink_to("clock")
        environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **clock.environment,
            "TZ": "UTC",
            "DAGSTER_HOME": str(home),
            "DAGSTER_DISABLE_TELEMETRY": "true",
            "PYTHONWARNINGS": "ignore",
            "SIGNALS_DEPLOYMENT": "local",
            "SIGNALS_DATA_DIR": str(home / "data"),
            "SIGNALS_DATABASE_URL": url,
            "SOAK_SYNCED": str(self.synced),
            **variables,
        }
        program = [sys.executable, "-m", "benchmarks.soak.hurried", "cron"]
        with (folder.root / "cron.log").open("ab") as log:
            self._server = subprocess.Popen(
                program, cwd=home, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, bufsize=0
            )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n", "the process of the crontab did not start: see cron.log"
        os.set_blocking(self._server.stdout.fileno(), False)
        self._answers = ""
        self._outputs: dict[int, Path] = {}
        self._ended: dict[int, int] = {}
        self._lines = len(list(folder.root.glob("line *.txt")))

    def close(self) -> None:
        """End the process that forks."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(timeout=60)
        self._server.stdout.close()

    # --- What a set-up can do ---

    def tick(self, window: Window) -> None:  # noqa: ARG002 - the line finds its window by the clock
        """Begin the crontab's line."""
        self._begin()

    def running(self, window: Window) -> bool:  # noqa: ARG002
        """Whether the line goes on."""
        return bool(self._alive())

    def settle(self, window: Window) -> None:
        """Wait for the line's end; let the next ones come until the window's run has succeeded."""
        self._wait()
        self.right_clock()
        tries = 0
        while self._done() != window.key:
            if tries == TRIES:
                # Without its source no line can: a later window makes up for it.
                if not self.is_source_away:
                    self.hand(f"no line of the crontab could run window {window.key}")
                return
            self.minutes(INTERVAL)
            self.look()
            tries += 1

    def minutes(self, span: timedelta) -> None:
        """Let time pass until the crontab's next line, and wait for its end."""
        span = max(span, INTERVAL)
        self.clock.forward(span)
        self.awake += span.total_seconds() / 60
        self._begin()
        self._wait()

    def strike(self, name: str, window: Window, rng: random.Random) -> None:
        """Kill what runs, or close its terminal, or cut the power."""
        sent = signal.SIGHUP if name == "terminal closed" else signal.SIGKILL
        for pid in self._alive():
            with suppress(ProcessLookupError):  # it was faster
                os.killpg(pid, sent)
        if name == "power cut":
            lost = lose_unsynced(self.data, self.synced, self._began, rng)
            self.folder.add("lost files", {"window": window.key, "files": [str(path) for path in lost]})

    def suspend(self, span: timedelta) -> None:
        """Stop what runs for so long."""
        alive = self._alive()
        for sent in (signal.SIGSTOP, signal.SIGCONT):
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.killpg(pid, sent)
            if sent == signal.SIGSTOP:
                self.clock.forward(span)

    def off(self, until: datetime) -> None:
        """Nothing runs until then."""
        self.clock.put(until)

    def wrong_clock(self, step: timedelta, *, whole: bool) -> None:  # noqa: ARG002 - there is one machine
        """The whole machine's."""
        self._step = step
        self.clock.forward(step)

    def right_clock(self) -> None:
        """Put it back, where it was put wrong."""
        self.clock.forward(-self._step)
        self._step = timedelta()

    @contextmanager
    def two_at_once(self) -> Iterator[None]:
        """A second line of the crontab beside the first."""
        self._begin()
        yield

    def messages(self) -> list[str]:
        """What cron mailed."""
        return [line["text"] for line in self.folder.lines("cron")]

    def sample(self) -> dict[str, Any]:
        """Nothing goes on between two windows."""
        return {}

    # --- Processes ---

    def _begin(self) -> None:
        output = self.folder.root / f"line {self._lines}.txt"
        self._lines += 1
        assert self._server.stdin is not None
        self._server.stdin.write(f"{output}\n".encode())
        before = len(self._outputs)
        while len(self._outputs) == before:
            self._read(output)
            time.sleep(0.01)

    def _read(self, output: Path | None = None) -> None:
        """Take note of what has begun and ended."""
        assert self._server.stdout is not None
        assert self._server.poll() is None, "the process of the crontab ended: see cron.log"
        self._answers += (self._server.stdout.read() or b"").decode()
        *lines, self._answers = self._answers.split("\n")
        for line in lines:
            what, pid, *status = line.split()
            if what == "started":
                assert output is not None
                self._outputs[int(pid)] = output
            else:
                self._ended[int(pid)] = int(status[0])

    def _alive(self) -> list[int]:
        self._read()
        return [pid for pid in self._outputs if pid not in self._ended]

    def _wait(self) -> None:
        """Wait until no line goes on, and mail the operator what they printed."""
        deadline = time.monotonic() + STUCK
        while alive := self._alive():
            if time.monotonic() > deadline:
                for pid in alive:
                    os.kill(pid, signal.SIGUSR1)  # so that its output says where it hangs
                time.sleep(1)
                for pid in alive:
                    os.killpg(pid, signal.SIGKILL)
                self._free_slots()
                deadline += STUCK
            time.sleep(0.05)
        for pid, output in self._outputs.items():
            text = output.read_text(encoding="utf-8").strip()
            status = self._ended[pid]
            if text or status:
                self.folder.add("cron", {"at": self.clock.now.isoformat(), "status": status, "text": text})
            output.unlink()
        self._outputs.clear()
        self._ended.clear()

    def _free_slots(self) -> None:
        """What an operator would have to do where a run waits for slots that a dead one holds."""
        self.hand("a line of the crontab hung: killed, pool slots freed")
        index = self.folder.home / "var" / "dagster" / "history" / "runs" / "index.db"
        engine = sa.create_engine(f"sqlite:///{index}", poolclass=sa.NullPool)
        with engine.begin() as connection:
            free = "UPDATE concurrency_slots SET run_id = NULL, step_key = NULL"
            connection.execute(sa.text(free))
            connection.execute(sa.text("DELETE FROM pending_steps"))
        engine.dispose()

    def _done(self) -> str:
        done = self.data / "done"
        return done.read_text(encoding="ascii") if done.exists() else ""
