"""A running deployment for tests: code server, daemon and web server as real processes over a PostgreSQL of their own.

    with running(folder) as deployment:                  # 20 s or so: share it, as a fixture of a module or a session
        run_id = deployment.webserver.launch(first, last)    # through GraphQL and the queue, as the UI does
        assert deployment.ended(run_id)["status"] == "SUCCESS"
        page.goto(deployment.webserver.address)              # the UI

The instance is that of `deploy/dagster.yaml` (queue, limits, pools, run monitoring, retries), except that runs are
processes of this machine, not ECS tasks, and that the daemon looks more often. The definitions are those of the
deployment `local` over copies of the recorded weeks, schedules off, on Friday 6 February 2015, 08:29 New York:
`deployment.clock` is the time of all its processes. `running(folder, SIGNALS_DEPLOYMENT="demo")` sets other variables.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import yaml

from signals_pipeline import sample
from signals_pipeline.core.windows import NEW_YORK, window_containing
from signals_pipeline.defs.sqlite_storage import SAFEGUARDS
from signals_pipeline_tests.support.control_service import database_variables, home
from signals_pipeline_tests.support.dagster_webserver import ENDED, Webserver
from signals_pipeline_tests.support.fake_clock import Clock
from signals_pipeline_tests.support.polling import until
from signals_pipeline_tests.support.postgres import Server, server

MORNING = datetime(2015, 2, 6, 8, 29, tzinfo=NEW_YORK)
PROGRAMS = {"code": ("dagster", "api", "grpc"), "daemon": ("dagster-daemon", "run")}
_LOCATION = ("--module-name=signals_pipeline.definitions", "--location-name=signals_pipeline", "--host=127.0.0.1")
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")


@dataclass
class Deployment:
    """Processes over one data folder, one database server and one clock.

    Attributes:
        folder: Everything of it; `news` and `prices` are the recorded files that it reads, `log` has what it says.
        environment: Variables of its processes.
    """

    folder: Path
    clock: Clock
    postgres: Server
    webserver: Webserver
    environment: Mapping[str, str]
    processes: dict[str, psutil.Popen] = field(default_factory=dict)
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def news(self) -> Path:
        return Path(self.environment["SIGNALS_NEWS_PATH"])

    @property
    def prices(self) -> Path:
        return Path(self.environment["SIGNALS_PRICES_PATH"])

    @property
    def database_url(self) -> str:
        """The pipeline's own database."""
        return self.environment["SIGNALS_DATABASE_URL"]

    def start(self, name: str, *command: str) -> psutil.Popen:
        """Start a process, its words in `<name>.log`."""
        program = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        with (self.folder / f"{name}.log").open("ab") as log:
            started = psutil.Popen(program, cwd=self.folder, env=dict(self.environment), stdout=log, stderr=log)
        self.processes[name] = started
        self.commands[name] = command
        return started

    def start_again(self) -> list[str]:
        """Start every process that was started once and has ended, as a supervisor does; their names."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in ended:
            self.start(name, *self.commands[name])
        return ended

    def kill(self, name: str) -> None:
        """SIGKILL to one process, not to those that it started."""
        self.processes[name].kill()
        self.processes[name].wait()

    def cut_power(self, *names: str, beside: psutil.Process) -> dict[str, list[str]]:
        """Kill processes, and another one beside them, as a power cut does; the commands that `start` them again."""
        doomed = {name: self.processes.pop(name) for name in names}
        # The first two words are the interpreter and the program's path.
        commands = {name: [Path(words[1]).name, *words[2:]] for name, words in _commands(doomed).items()}
        for process in [beside, *doomed.values()]:
            process.kill()
        for process in doomed.values():
            process.wait()
        return commands

    def stop(self, name: str) -> None:
        """End a process and all that it started, by force where it does not listen."""
        process = self.processes.pop(name)
        if process.poll() is not None:
            return
        family = [process, *process.children(recursive=True)]
        process.terminate()
        _, left = psutil.wait_procs(family, timeout=20)
        for each in left:
            each.kill()
        process.wait()

    def signals(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command `signals` in this deployment's surroundings."""
        program = str(Path(sys.executable).with_name("signals"))
        return subprocess.run(
            [program, *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def ended(self, run_id: str) -> dict[str, Any]:
        """A run as soon as it is over."""
        return until(
            lambda: run if (run := self.webserver.run(run_id))["status"] in ENDED else None, f"end of {run_id}"
        )

    def worker(self, run_id: str) -> psutil.Process:
        """The process of a run, as soon as it is there."""

        def found() -> psutil.Process | None:
            texts = " ".join(each.text for each in self.webserver.events(run_id))
            said = re.search(r"Started process for run \(pid: (\d+)\)", texts)
            return psutil.Process(int(said[1])) if said else None

        return until(found, f"the process of run {run_id}")


def _commands(processes: Mapping[str, psutil.Popen]) -> dict[str, list[str]]:
    return {name: process.cmdline() for name, process in processes.items()}


@contextmanager
def running(
    folder: Path,
    start: datetime = MORNING,
    *,
    schedule: str = "",
    programs: Mapping[str, tuple[str, ...]] | None = None,
    database: Path | None = None,
    **variables: str,
) -> Iterator[Deployment]:
    """A deployment until the end of the block.

    Args:
        folder: Everything of it, but for the database server's files.
        start: Its clock, aware.
        schedule: One to switch on; the daemon is then started when the next window has just ended, as on a machine
            that was asleep, and launches that tick at once instead of at the next full minute.
        programs: Other programs than Dagster's as `code` and `daemon`, with their first arguments.
        database: Folder of the database server's files, which stay; without it they go at the end.
        variables: Added to its environment.
    """
    chosen = {**PROGRAMS, **(programs or {})}
    with ExitStack() as stack:
        deployment = _made(folder, start, stack.enter_context(server(database)), variables)
        made = deployment.signals("prepare")
        assert made.returncode == 0, made.stderr
        code, web = (_free_port() for _ in range(2))
        stack.callback(lambda: [deployment.stop(name) for name in [*deployment.processes][::-1]])
        workspace = f"--workspace={_workspace(folder, code)}"
        deployment.webserver = Webserver(f"http://127.0.0.1:{web}")
        deployment.start("code", *chosen["code"], *_LOCATION, f"--port={code}")
        until(lambda: _listens(code), "the code server")
        deployment.start("webserver", "dagster-webserver", "--host=127.0.0.1", f"--port={web}", workspace)
        until(deployment.webserver.ready, "the web server")
        if schedule:
            deployment.clock.put(start)
            deployment.webserver.switch_on(schedule)
            deployment.clock.put(window_containing(start).end)
        deployment.start("daemon", *chosen["daemon"], workspace)
        yield deployment


def _made(folder: Path, start: datetime, postgres: Server, variables: Mapping[str, str]) -> Deployment:
    clock, url = Clock(folder, start), postgres.create("signals")
    _instance(folder, url)
    environment = {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        **clock.environment,
        **database_variables(url),
        "TZ": "UTC",
        "DAGSTER_HOME": str(folder),
        "DAGSTER_DISABLE_TELEMETRY": "true",
        "PYTHONWARNINGS": "ignore",
        "SIGNALS_DATABASE_PASSWORD": "s" * 40,
        "SIGNALS_DEPLOYMENT": "local",
        "SIGNALS_DATA_DIR": str(folder / "data"),
        "SIGNALS_NEWS_PATH": str(shutil.copy(sample.HEADLINES, folder)),
        "SIGNALS_PRICES_PATH": str(shutil.copy(sample.PRICES, folder)),
        **variables,
    }
    return Deployment(folder, clock, postgres, Webserver(""), environment)


def _instance(folder: Path, url: str) -> None:
    """`deploy/dagster.yaml`, its runs as processes of this machine, looking once a second."""
    path = home(folder, url) / "dagster.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["run_launcher"] = dict(SAFEGUARDS["run_launcher"])
    config["run_coordinator"]["config"]["dequeue_interval_seconds"] = 1
    config["run_monitoring"]["poll_interval_seconds"] = 1
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


def _workspace(folder: Path, port: int) -> Path:
    path = folder / "workspace.yaml"
    server = {"host": "127.0.0.1", "port": port, "location_name": "signals_pipeline"}
    path.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
    return path


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as knocking:
        knocking.settimeout(2)
        return knocking.connect_ex(("127.0.0.1", port)) == 0
