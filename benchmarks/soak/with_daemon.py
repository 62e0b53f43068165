"""A soak on PostgreSQL with Dagster's daemon: the instance of production, its processes started again when they end."""

import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import psutil

from benchmarks.soak.faults import OPERATOR, MoodyInbox
from benchmarks.soak.folder import Folder, belongs
from benchmarks.soak.hurried import RUNS_CLOCK
from benchmarks.soak.power import lose_unsynced
from benchmarks.soak.setup import Setup
from benchmarks.soak.watching import Watch
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.deployment import Deployment, running

HURRIED = ("python", "-m", "benchmarks.soak.hurried")
PROGRAMS = {"code": (*HURRIED, "code", "api", "grpc"), "daemon": (*HURRIED, "daemon", "run")}
SCHEDULE = "digest_schedule"


@contextmanager
def with_daemon(
    folder: Folder, inbox: MoodyInbox, windows: Sequence[Window], start: datetime, variables: dict[str, str]
) -> Iterator["WithDaemon"]:
    """The deployment until the end of the block, its schedule on."""
    home, database = folder.home, folder.root / "postgres"
    database.mkdir(exist_ok=True)
    link = home / RUNS_CLOCK
    link.unlink(missing_ok=True)
    link.symlink_to("clock")
    # Where each look reads the clock's file anew, threads of one process race for it in libfaketime, and about one look
    # in 100,000 has the machine's own time: a loop of the daemon that then waits "for the rest" waits for years.
    cached = {"FAKETIME_NO_CACHE": "0", "FAKETIME_CACHE_DURATION": "1"}
    variables = {**variables, **cached, "SOAK_SYNCED": str(folder.root / "synced")}
    with running(home, start, schedule=SCHEDULE, programs=PROGRAMS, database=database, **variables) as deployment:
        inbox.now = lambda: deployment.clock.now
        yield WithDaemon(folder, inbox, windows, deployment)


class WithDaemon(Setup):
    """Code server, web server, daemon and database server of one deployment."""

    def __init__(self, folder: Folder, inbox: MoodyInbox, windows: Sequence[Window], deployment: Deployment) -> None:
        super().__init__(folder, inbox, windows, deployment.clock, dict(deployment.environment))
        self.deployment = deployment
        self._whole = False
        self.watch = Watch(deployment)
        self.watch.give_up()

    # --- What a set-up can do ---

    def tick(self, window: Window) -> None:
        """The schedule does it."""

    def running(self, window: Window) -> bool:
        """Wait for the process of the window's run."""
        self._worker = self.watch.worker(window)
        return self._worker is not None

    def settle(self, window: Window) -> None:
        """Wait for the window's run and what is repeated of it."""
        begun = self.watch.settled(window, self._start_again, self._stepped)
        if self._step:
            self.right_clock()
            self.watch.idle(self._start_again, self._stepped)
        if not begun:
            self.hand(f"no run of window {window.key} was begun within an hour of an awake daemon")

    def minutes(self, span: timedelta) -> None:
        """Let time pass, and wait until the sensors have looked and what they launched is over."""
        newest = self.watch.newest_tick()
        self.clock.forward(span)
        self._start_again()
        self.watch.looked(newest, span)
        self.watch.idle(self._start_again, self._stepped)
        self.awake += span.total_seconds() / 60

    def strike(self, name: str, window: Window, rng: random.Random) -> None:
        """Kill, cut or restart what the fault names."""
        postgres = self.deployment.postgres
        if name == "run killed":
            worker = self._worker or self.watch.worker(window)
            if worker is not None:
                _send([worker], signal.SIGKILL)
        elif name == "daemon killed":
            self.deployment.kill("daemon")
        elif name == "code server killed":
            self.deployment.kill("code")
        elif name == "terminal closed":
            _send(self._processes(), signal.SIGHUP)
        elif name == "power cut":
            _send(self._processes(), signal.SIGKILL)
            postgres.crash()
            lost = lose_unsynced(self.data, self.synced, self._began, rng)
            self.folder.add("lost files", {"window": window.key, "files": [str(path) for path in lost]})
            postgres.start()
        elif name == "connections cut":
            postgres.tell(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        elif name == "database restarted":
            postgres.stop()
            postgres.start()

    def suspend(self, span: timedelta) -> None:
        """The whole machine, but for the database server, which has no clock of its own here."""
        processes = self._processes()
        _send(processes, signal.SIGSTOP)
        self.clock.forward(span)
        _send(processes, signal.SIGCONT)

    def off(self, until: datetime) -> None:
        """The daemon ends, and is started at that instant."""
        self.deployment.stop("daemon")
        self.clock.put(until)
        self.deployment.start("daemon", *self.deployment.commands["daemon"])

    def wrong_clock(self, step: timedelta, *, whole: bool) -> None:
        """That of the whole machine, or that of the runs alone, which in production are machines of their own."""
        self._step, self._whole = step, whole
        if whole:
            self.clock.forward(step)
            return
        home = self.folder.home
        offset = float((home / "clock").read_text(encoding="ascii")) + step.total_seconds()
        fresh = home / "wrong clock"
        fresh.write_text(f"{offset:+.6f}", encoding="ascii")
        fresh.replace(home / RUNS_CLOCK)

    def right_clock(self) -> None:
        """Put it back, where it was put wrong."""
        if self._whole:
            self.clock.forward(-self._step)
        else:
            fresh = self.folder.home / "right clock"
            fresh.symlink_to("clock")
            fresh.replace(self.folder.home / RUNS_CLOCK)
        self._step = timedelta()

    @contextmanager
    def two_at_once(self) -> Iterator[None]:
        """A second daemon over the same instance."""
        self.deployment.start("daemon 2", *self.deployment.commands["daemon"])
        try:
            yield
        finally:
            self.deployment.stop("daemon 2")

    def messages(self) -> list[str]:
        """What the operator's mailbox has."""
        return [line["text"] for line in self.folder.lines("mails") if line["recipient"] == OPERATOR]

    def sample(self) -> dict[str, Any]:
        """Memory and open files of daemon and code server, which the last fault may have ended."""
        self._start_again()
        return self.watch.sample()

    # --- Processes ---

    def _processes(self) -> list[psutil.Process]:
        """Every process of the deployment, but for the database server."""
        return [process for process in psutil.process_iter() if belongs(process, self.folder.home)]

    def _stepped(self, span: timedelta) -> None:
        """Take note of time that passed while a run hung."""
        self.awake += span.total_seconds() / 60
        self.look()

    def _start_again(self) -> None:
        """Start what has ended, as the service manager of the machine does."""
        self.deployment.start_again()


def _send(processes: Sequence[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it was faster
            process.send_signal(number)
