"""Asset `publication`: live runs publish after their mails; a failure is its own and holds no mail."""

from pathlib import Path

from signals_pipeline.web.publication import SitePublisher
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, RECORDED, mailing, run
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.outbox_processes import WHO
from signals_pipeline_tests.support.pipeline import TestPipeline


def test_a_live_run_publishes_after_its_mails_and_other_runs_do_not(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    options = {"signals_deployment": "local", "signals_publish_url": f"file://{folder}", **RECORDED}
    inbox = Inbox()
    with TestPipeline.open(tmp_path, **options) as pipeline, mail_server(inbox) as port:
        assert run(pipeline, DAYS[-2:-1], mailing(port), mode="backfill").success
        assert not folder.exists()
        first = run(pipeline, DAYS[-1:], mailing(port))
        assert first.success
        steps = [event.step_key for event in first.all_events if event.is_step_success]
        assert steps.index("delivery") < steps.index("publication")
        assert (folder / f"digests/{NEWEST.key}.html").is_file()
        assert pipeline.metadata(first, "publication")["problems"] == 0


def test_a_destination_that_fails_fails_the_run_after_every_mail_was_sent(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    options = {"signals_deployment": "local", "signals_publish_url": f"file://{blocked}", **RECORDED}
    inbox = Inbox()
    with TestPipeline.open(tmp_path, **options) as pipeline, mail_server(inbox) as port:
        result = run(pipeline, DAYS[-1:], mailing(port))
        assert inbox.recipients == sorted(WHO)
        [failure] = [event for event in result.all_events if event.is_step_failure]
        assert failure.step_key == "publication"
        described = failure.step_failure_data.user_failure_data
        assert described is not None
        assert "Not a directory" in str(described.description)
        assert "the next live run publishes again, or run `signals publish`" in str(described.description)
        # By hand, once the destination can be written to.
        blocked.unlink()
        assert SitePublisher(pipeline.settings).publish().written > 0
        assert (blocked / "index.html").is_file()
