"""The pipeline under Dagster's own processes over PostgreSQL: what production does, less ECS.

Each test has windows of its own in one deployment; whatever else ran before does not matter.
"""

import itertools
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import psutil
import pytest
import requests
import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.dagster_webserver import Event
from signals_pipeline_tests.support.deployment import Deployment, running
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS
from signals_pipeline_tests.support.polling import until

pytestmark = pytest.mark.postgres
POOLS = {"headlines": "news", "technicals": "prices", "signals": "signals", "outcomes": "signals"}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with running(tmp_path_factory.mktemp("operation"), schedule="digest_schedule") as started:
        yield started


def test_the_schedule_ticks_and_its_run_succeeds(deployment: Deployment) -> None:
    web = deployment.webserver
    [run] = until(lambda: web.runs(**{"signals/mode": "live"}), "a run of the schedule")
    assert run["tags"]["dagster/partition"] == "2015-02-05-17:30"
    assert run["tags"]["dagster/schedule_name"] == "digest_schedule"
    assert deployment.ended(run["runId"])["status"] == "SUCCESS"
    assert "dagster/run_key" in run["tags"]


def test_a_backfill_of_a_range_is_one_run(deployment: Deployment) -> None:
    windows = SAMPLE_WINDOWS[:3]
    backfill = deployment.webserver.backfill([window.key for window in windows])
    [run] = until(lambda: deployment.webserver.runs(**{"dagster/backfill": backfill}), "the backfill's run")
    assert deployment.ended(run["runId"])["status"] == "SUCCESS"
    assert len(deployment.webserver.runs(**{"dagster/backfill": backfill})) == 1
    assert digests(deployment, windows[0].key, windows[-1].key) == ["backfill"] * 3


def test_a_run_is_taken_up_again_where_it_failed(deployment: Deployment) -> None:
    web, window = deployment.webserver, SAMPLE_WINDOWS[4]
    kept = shutil.move(deployment.prices, f"{deployment.prices}.away")
    failed = web.launch(window, window)
    assert deployment.ended(failed)["status"] == "FAILURE"
    assert "headlines" in steps(web.events(failed), "STEP_SUCCESS")
    assert steps(web.events(failed), "STEP_FAILURE") == ["technicals"]
    shutil.move(kept, deployment.prices)
    again = web.take_up(failed)
    assert deployment.ended(again)["status"] == "SUCCESS"
    done = {*steps(web.events(failed), "STEP_SUCCESS")}
    assert not done & {*steps(web.events(again), "STEP_START")}
    assert {*steps(web.events(again), "STEP_SUCCESS")} | done == {*web.run(failed)["stepKeysToExecute"]}


def test_a_run_that_hangs_is_ended_by_monitoring_and_repeated(deployment: Deployment) -> None:
    web = deployment.webserver
    with locked(deployment, "coverage"):
        hung, worker = begun(deployment, SAMPLE_WINDOWS[6], "headlines")
        assert web.run(hung)["status"] == "STARTED"
        deployment.clock.forward(timedelta(minutes=61))  # `max_runtime_seconds` is an hour
        assert deployment.ended(hung)["status"] == "FAILURE"
        assert any("exceeding maximum runtime of 3600 seconds" in each.text for each in web.events(hung))
    until(lambda: not worker.is_running(), "the end of its process, when what it waits for lets it hear")
    assert repeated(deployment, hung)["status"] == "SUCCESS"


def test_a_run_whose_process_is_killed_is_repeated_whole(deployment: Deployment) -> None:
    web = deployment.webserver
    with locked(deployment, "signal_candidate"):
        killed, worker = begun(deployment, SAMPLE_WINDOWS[7], "signals")
        worker.kill()
        assert deployment.ended(killed)["status"] == "FAILURE"
    again = repeated(deployment, killed)
    assert again["status"] == "SUCCESS"
    assert "headlines" in steps(web.events(again["runId"]), "STEP_START")


def test_a_run_that_dies_together_with_daemon_and_code_server_is_ended_and_repeated(deployment: Deployment) -> None:
    web = deployment.webserver
    with locked(deployment, "signal_candidate"):
        killed, worker = begun(deployment, SAMPLE_WINDOWS[12], "signals")
        commands = deployment.cut_power("daemon", "code", beside=worker)
    # Nobody was left to tell Dagster: run monitoring finds by the run's lease that its process is gone.
    assert web.run(killed)["status"] == "STARTED"
    deployment.start("code", *commands["code"])
    until(lambda: _serves(commands["code"]), "the code server")
    deployment.start("daemon", *commands["daemon"])
    assert deployment.ended(killed)["status"] == "FAILURE"
    assert any(f"process {worker.pid} on" in each.text for each in web.events(killed))
    assert repeated(deployment, killed)["status"] == "SUCCESS"


def test_pools_let_one_step_at_a_time_to_a_vendor_and_to_the_signals(deployment: Deployment) -> None:
    web, (first, second) = deployment.webserver, SAMPLE_WINDOWS[8:10]
    web.limit("signals", 0)
    with locked(deployment, "coverage"):
        one, _ = begun(deployment, first, "headlines")
        other = web.launch(second, second)
        # The queue holds no run back for a pool: a live run would wait there behind a backfill.
        until(lambda: held_back(web.events(other), "headlines"), "a run that waits for the pool `news`")
        assert web.run(other)["status"] == "STARTED"
    for run in (one, other):
        until(lambda run=run: held_back(web.events(run), "signals"), "a run that waits for the pool `signals`")
    web.limit("signals", 1)
    assert [deployment.ended(run)["status"] for run in (one, other)] == ["SUCCESS", "SUCCESS"]
    spans = [span for run in (one, other) for span in spent(web.events(run))]
    for pool in {*POOLS.values()}:
        held = sorted(span for name, *span in spans if name == pool)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(held)), pool


def test_the_daemon_outlives_its_database_server(deployment: Deployment) -> None:
    processes = {name: process.pid for name, process in deployment.processes.items()}
    said = len(deployment.log("daemon"))
    deployment.postgres.stop()
    until(lambda: "OperationalError" in deployment.log("daemon")[said:], "the daemon's complaint")
    deployment.postgres.start()
    run = until(lambda: relaunched(deployment, SAMPLE_WINDOWS[11]), "a launch over new connections")
    assert deployment.ended(run)["status"] == "SUCCESS"
    assert {name: pid for name, pid in processes.items() if psutil.pid_exists(pid)} == processes


def test_a_long_backfill_goes_as_several_runs_and_leaves_out_what_is_done(deployment: Deployment) -> None:
    first, second, third = (window.key for window in SAMPLE_WINDOWS[13:16])
    said = parallel(deployment, "--from", first, "--to", second)
    assert said[0] == "windows to run: 2"
    assert sum(line.startswith("launched") for line in said) == 3  # one each, and one that tells over both
    assert digests(deployment, first, second) == ["backfill"] * 2
    said = parallel(deployment, "--from", first, "--to", third)
    assert said[0] == "windows to run: 1; 2 already have a digest (--force runs them again)"
    assert said[1].startswith(f"launched {third} to {third}, windows: 1, run ")
    said = parallel(deployment, "--from", third, "--to", third, "--force")
    assert said[0] == "windows to run: 1"
    assert len(ranged(deployment, third)) == 2
    for run in ranged(deployment, first):
        kinds = [each.kind for each in deployment.webserver.events(run["runId"])]
        assert kinds.index("RUN_ENQUEUED") < kinds.index("RUN_STARTING")  # the daemon took it from the queue


def begun(deployment: Deployment, window: Window, step: str) -> tuple[str, psutil.Process]:
    """A run over a window, launched and now in the middle of this step, and its process."""
    web = deployment.webserver
    run = web.launch(window, window)
    until(lambda: step in steps(web.events(run), "STEP_START"), f"step {step} of run {run}")
    return run, deployment.worker(run)


def _serves(command: Sequence[str]) -> bool:
    """Whether the code server that was started by this command takes connections."""
    [port] = [part.removeprefix("--port=") for part in command if part.startswith("--port=")]
    with socket.socket() as knocking:
        knocking.settimeout(2)
        return knocking.connect_ex(("127.0.0.1", int(port))) == 0


def relaunched(deployment: Deployment, window: Window) -> str | None:
    """A run over a window; None where the web server took a connection that was cut, which it then throws away."""
    try:
        return deployment.webserver.launch(window, window)
    except (AssertionError, requests.RequestException):
        return None


def parallel(deployment: Deployment, *arguments: str) -> list[str]:
    """Lines that `signals backfill --parallel 2` says."""
    done = deployment.signals("backfill", "--parallel", "2", "--at", deployment.webserver.address, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def ranged(deployment: Deployment, first: str) -> list[dict[str, Any]]:
    """Runs whose range begins with this window."""
    return deployment.webserver.runs(**{"dagster/asset_partition_range_start": first})


def repeated(deployment: Deployment, run_id: str) -> dict[str, Any]:
    """The run that Dagster launched by itself in place of one that failed, when it is over."""
    found = until(lambda: deployment.webserver.runs(**{"dagster/parent_run_id": run_id}), f"another try of {run_id}")
    return deployment.ended(found[0]["runId"])


def steps(events: list[Event], kind: str) -> list[str]:
    """Steps that had an event of this kind."""
    return [event.step for event in events if event.kind == kind]


def held_back(events: list[Event], step: str) -> bool:
    """Whether a step waits because its pool is full."""
    return any(event.step == step and "blocked by" in event.text for event in events)


def spent(events: list[Event]) -> list[tuple[str, float, float]]:
    """Pool, first and last second of every step that has one."""
    ends = {event.step: event.at for event in events if event.kind == "STEP_SUCCESS"}
    starts = {event.step: event.at for event in events if event.kind == "STEP_START"}
    return [(pool, starts[step], ends[step]) for step, pool in POOLS.items()]


def digests(deployment: Deployment, first: str, last: str) -> list[str]:
    """Modes of the digests from one window to another."""
    starts = [window.start for window in SAMPLE_WINDOWS if first <= window.key <= last]
    engine = engine_for(deployment.database_url)
    query = sa.text("SELECT mode FROM digest WHERE window_start BETWEEN :first AND :last")
    with engine.connect() as connection:
        found = connection.execute(query, {"first": starts[0], "last": starts[-1]}).scalars().all()
    engine.dispose()
    return list(found)


@contextmanager
def locked(deployment: Deployment, table: str) -> Iterator[None]:
    """Until the end of the block nobody writes to this table: a step that wants to waits in the middle of its work."""
    engine = sa.create_engine(deployment.database_url, poolclass=sa.NullPool)
    with closing(engine.connect()) as connection:
        connection.execute(sa.text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))
        yield
        connection.rollback()
