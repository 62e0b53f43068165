"""The pipeline under Dagster's own processes over PostgreSQL: what production does, less ECS."""

from collections.abc import Iterator

import pytest

from signals_pipeline_tests.operation.deployment import Deployment, running
from signals_pipeline_tests.operation.polling import until

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """One for all tests of this file: each has windows of its own."""
    with running(tmp_path_factory.mktemp("operation"), schedule="digest_schedule") as started:
        yield started


def test_the_schedule_ticks_and_its_run_succeeds(deployment: Deployment) -> None:
    web = deployment.webserver
    [run] = until(lambda: web.runs(**{"signals/mode": "live"}), "a run of the schedule")
    assert run["tags"]["dagster/partition"] == "2015-02-05-17:30"
    assert run["tags"]["dagster/schedule_name"] == "digest_schedule"
    assert deployment.ended(run["runId"])["status"] == "SUCCESS"
