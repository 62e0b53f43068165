"""The processes of a soak, waiting less: `python -m benchmarks.soak.hurried daemon|code|cron ...`.

The scheduler looks at the clock every second, not at every full minute, so that a clock put forward is seen at once.
Processes of runs are forked from one that has imported the project, instead of importing it anew each: 5 s of CPU less.
Everything else is as `dagster-daemon`, `dagster` and `signals` have it.
"""

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from benchmarks.soak.power import note_synced_files

PRELOADED = [
    "signals_pipeline.definitions",
    "dagster._grpc.server",
    "signals_pipeline.adapters.mail.message",
    "benchmarks.soak.hurried",
]
RUNS_CLOCK = "clock of runs"
"""The clock file of run processes: a link to the deployment's, until a fault gives them a wrong clock of their own."""


def daemon() -> None:
    """`dagster-daemon`, whose scheduler looks every second."""
    from dagster._daemon.cli import main
    from dagster._scheduler import scheduler

    scheduler._get_next_scheduler_iteration_time = lambda start: start + 1  # noqa: SLF001
    main()


def code() -> None:
    """`dagster`, whose runs are forked from a process that has everything imported and a clock file of its own."""
    from dagster._cli import main

    forking, usual = multiprocessing.get_context("forkserver"), multiprocessing.get_context
    forking.set_forkserver_preload(PRELOADED)

    # libfaketime reads the variable at each look. The fork server inherits this value; then it is put back.
    variable = "FAKETIME_TIMESTAMP_FILE"
    clock = Path(os.environ[variable])
    os.environ[variable] = str(clock.with_name(RUNS_CLOCK))
    forkserver.ensure_running()
    os.environ[variable] = str(clock)

    def chosen(method: str | None = None) -> Any:  # noqa: ANN401 - as multiprocessing has it
        return forking if method == "spawn" else usual(method)

    multiprocessing.get_context = chosen
    main()


def cron() -> None:
    """A process from which crontab lines are forked; see `cron`."""
    from benchmarks.soak.cron import serve

    serve()


if "SOAK_SYNCED" in os.environ:
    note_synced_files(Path(os.environ["SOAK_SYNCED"]))

if __name__ == "__main__":
    wanted = {"daemon": daemon, "code": code, "cron": cron}[sys.argv.pop(1)]
    wanted()
