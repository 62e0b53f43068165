"""The pipeline under Dagster's own processes over PostgreSQL: what production does, less ECS.

Each test has windows of its own in one deployment; whatever else ran before does not matter.
"""

import shutil
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.database import engine_for
from signals_pipeline_tests.desk import SAMPLE_WINDOWS
from signals_pipeline_tests.operation.deployment import Deployment, running
from signals_pipeline_tests.operation.polling import until
from signals_pipeline_tests.operation.webserver import Event

pytestmark = pytest.mark.postgres


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


def steps(events: list[Event], kind: str) -> list[str]:
    """Steps that had an event of this kind."""
    return [event.step for event in events if event.kind == kind]


def digests(deployment: Deployment, first: str, last: str) -> list[str]:
    """Modes of the digests from one window to another."""
    starts = [window.start for window in SAMPLE_WINDOWS if first <= window.key <= last]
    engine = engine_for(deployment.database_url)
    query = sa.text("SELECT mode FROM digest WHERE window_start BETWEEN :first AND :last")
    with engine.connect() as connection:
        found = connection.execute(query, {"first": starts[0], "last": starts[-1]}).scalars().all()
    engine.dispose()
    return list(found)
