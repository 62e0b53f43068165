"""Processes that begin at once from nothing: each opens both databases, which are created, and records a run.

    python -m benchmarks.at_once --rounds 50

A round fails if a process fails, if a run is missing afterwards, or if the databases can't be opened again.
"""

import multiprocessing
import tempfile
import time
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import click
import dagster as dg

from signals_pipeline.adapters.stores.migrations import require_head, upgrade
from signals_pipeline.cli.database import database_engine
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.settings import Settings

PROCESSES = 6
ANSWER_SECONDS = 300  # far beyond what an answer takes
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_PRELOADED = [__name__, "alembic.command", "dagster._core.storage.event_log.sqlite.sqlite_event_log"]


@dg.op
def nothing() -> None:
    """Do nothing, and leave the events of a step."""


@dg.job
def short_job() -> None:
    """A run that needs no other database than Dagster's."""
    nothing()


def settings_in(folder: Path) -> Settings:
    """Settings of a deployment in a folder, whose DAGSTER_HOME has no dagster.yaml."""
    home = folder / "dagster"
    home.mkdir(exist_ok=True)
    return Settings.checked(signals_data_dir=folder / "data", dagster_home=home, _env_file=None)


def begin(folder: Path, start: Barrier, failures: "Queue[str]") -> None:
    """Create or open everything together with the other processes; report one failure, or an empty text."""
    settings = settings_in(folder)
    start.wait()
    try:
        upgrade(settings.database_url)
        with local_instance(settings) as instance:
            short_job.execute_in_process(instance=instance, run_config=QUIET)
    except Exception as error:  # noqa: BLE001 - whatever it is, the round has failed and says why
        failures.put(f"{type(error).__name__}: {error}")
    else:
        failures.put("")


def failures_of_round(folder: Path, processes: int = PROCESSES) -> list[str]:
    """What went wrong when so many processes began at once in an empty folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    start = context.Barrier(processes)
    answers: Queue[str] = context.Queue()
    running = [context.Process(target=begin, args=(folder, start, answers)) for _ in range(processes)]
    for process in running:
        process.start()
    failures = [answer for _ in running if (answer := answers.get(timeout=ANSWER_SECONDS))]
    for process in running:
        process.join()

    settings = settings_in(folder)
    with database_engine(settings) as engine:
        require_head(engine)
    with local_instance(settings) as instance:
        succeeded = instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
    if succeeded != processes:
        failures.append(f"{succeeded} of {processes} runs are there")
    return failures


@click.command()
@click.option("--rounds", default=50, show_default=True)
def main(rounds: int) -> None:
    """Count the rounds that fail."""
    failed = 0
    started = time.perf_counter()
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            failures = failures_of_round(Path(folder))
        if failures:
            failed += 1
            click.echo(f"round {number}: {'; '.join(failures)}")
    seconds = time.perf_counter() - started
    click.echo(f"{failed} of {rounds} rounds with {PROCESSES} processes failed, {seconds:.0f} s")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
