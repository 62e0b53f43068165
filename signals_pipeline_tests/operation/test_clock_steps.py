"""A daemon that runs while the clock is put back goes on by itself: its schedule, its queue and its mails."""

from datetime import timedelta
from pathlib import Path

import pytest

from signals_pipeline_tests.support.deployment import MORNING, running
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.polling import until

pytestmark = pytest.mark.postgres
DUE = MORNING.replace(minute=30, second=1)
# A year and two days, to a weekday: the same time of the day, so that a digest is due there as well.
AHEAD = timedelta(days=367)


def test_a_daemon_that_ran_a_year_ahead_makes_and_mails_the_next_digest_when_the_clock_is_put_back(
    tmp_path: Path,
) -> None:
    inbox = Inbox()
    with (
        mail_server(inbox) as port,
        running(
            tmp_path,
            MAIL_TRANSPORT="smtp",
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(port),
            SMTP_TLS="none",
            DIGEST_RECIPIENTS="a@x.example",
        ) as deployment,
    ):
        web, command = deployment.webserver, deployment.commands["daemon"]
        web.switch_on("digest_schedule")
        deployment.stop("daemon")
        deployment.clock.put(DUE + AHEAD)
        deployment.start("daemon", *command)
        until(lambda: len(inbox.taken) == 1, "the mail of the window that ends a year ahead")
        daemon = deployment.processes["daemon"]

        deployment.clock.put(DUE)

        until(lambda: len(inbox.taken) == 2, "the mail of the window that ends now")
        [run] = web.runs(**{"dagster/partition": "2015-02-05-17:30"})
        assert deployment.ended(run["runId"])["status"] == "SUCCESS"
        assert run["tags"]["dagster/schedule_name"] == "digest_schedule"
        # The same process, so that `dagster dev` and any other supervisor has noticed nothing.
        assert daemon.poll() is None
        assert "the daemon starts anew" in deployment.log("daemon")
        assert "digest_schedule waited for 2016-02-08 13:30 UTC" in deployment.log("daemon")
