"""A live run starts at once in a real deployment, with four backfills that run and more that wait."""

from pathlib import Path

import pytest

from signals_pipeline_tests.support.deployment import MORNING, running
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS
from signals_pipeline_tests.support.polling import until

pytestmark = pytest.mark.postgres
BACKFILLS = 7  # four run at a time


def test_the_tick_is_launched_before_backfills_that_wait_and_beside_those_that_run(tmp_path: Path) -> None:
    with running(tmp_path) as deployment:
        web = deployment.webserver
        command = deployment.commands["daemon"]
        until(web.ready, "the web server")
        web.switch_on("digest_schedule")
        launched = [web.launch(window, window) for window in SAMPLE_WINDOWS[:BACKFILLS]]
        until(lambda: any(web.run(each)["status"] == "STARTED" for each in launched), "a backfill that runs")
        # As on a machine that was asleep at half past eight: the daemon launches the tick as soon as it is up.
        deployment.stop("daemon")
        deployment.clock.put(MORNING.replace(minute=30, second=1))
        deployment.start("daemon", *command)

        live = until(lambda: web.runs(**{"signals/mode": "live"}), "the scheduled run")[0]["runId"]
        until(lambda: web.run(live)["status"] not in {"QUEUED", "NOT_STARTED", "STARTING"}, "its start")
        waiting = [each for each in launched if web.run(each)["status"] == "QUEUED"]
        assert waiting, "every backfill had been started: the test shows nothing"
        assert deployment.ended(live)["status"] == "SUCCESS"
        assert web.run(live)["tags"]["dagster/priority"] == "10"
