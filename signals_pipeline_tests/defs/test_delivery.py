"""Mails from real runs of the job: live runs only, each recipient once."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from signals_pipeline.adapters.mail.envelope import Links
from signals_pipeline.adapters.mail.files import FileTransport
from signals_pipeline.adapters.mail.ses import SesTransport
from signals_pipeline.adapters.mail.smtp import SmtpTransport
from signals_pipeline.defs.dispatch import mailing_of, send_due
from signals_pipeline.defs.partitions import MODE_TAG
from signals_pipeline.defs.resources import Store
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, asked_again, live, mailing, run, store
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.outbox_processes import WHO
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.stored_rows import write_row

__all__ = ["live", "store"]


def test_a_live_run_mails_its_newest_window_once_whatever_runs_after_it(live: TestPipeline, store: Store) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        first = run(live, DAYS[-2:], mailing(port))
        assert first.success
        assert inbox.recipients == sorted(WHO)
        assert {inbox.message(place)["Message-ID"] for place in range(3)} == {
            f"{each.message_id}" for each in mailing(port).mail_recipients(NEWEST)
        }
        for mode in ("live", "backfill"):
            assert run(live, DAYS[-1:], mailing(port), mode=mode).success
        assert run(live, DAYS[-1:], mailing(port), mode="manual", job="delivery_job").success
    assert inbox.recipients == sorted(WHO)
    assert store.outbox.mails_for(DAYS[-2]) == []
    (metadata,) = (live.metadata(first, "delivery"),)
    assert {name: metadata[name] for name in ("sent", "pending", "failed", "unknown", "held", "recipients")} == {
        "sent": 3, "pending": 0, "failed": 0, "unknown": 0, "held": 0, "recipients": 3,
    }  # fmt: skip


@pytest.mark.parametrize("mode", ["manual", None])
def test_no_other_run_makes_a_mail(live: TestPipeline, store: Store, mode: str | None) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        assert run(live, DAYS[-1:], mailing(port), mode=mode).success
    assert inbox.taken == []
    assert store.outbox.open() == []


def test_a_backfill_leaves_waiting_mails_of_its_windows_alone(live: TestPipeline, store: Store) -> None:
    inbox = Inbox()
    assert run(live, DAYS[-1:], mailing(1)).success  # nobody listens there
    assert {mail.state for mail in store.outbox.mails_for(NEWEST)} == {"pending"}
    with mail_server(inbox) as port:
        assert run(live, DAYS[-2:], mailing(port, timedelta(minutes=30)), mode="backfill").success
        assert inbox.taken == []
        assert run(live, DAYS[-1:], mailing(port, timedelta(minutes=30)), mode="manual", job="delivery_job").success
    assert inbox.recipients == sorted(WHO)


def test_an_old_live_run_mails_nobody(live: TestPipeline, store: Store) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        result = run(live, DAYS[-1:], mailing(port, timedelta(hours=4)))
    assert result.success
    assert live.metadata(result, "delivery")["held"] == 3
    assert inbox.taken == []
    assert {mail.state for mail in store.outbox.open()} == {"pending"}


def test_what_a_server_did_not_take_is_tried_again_when_its_time_comes(live: TestPipeline, store: Store) -> None:
    run(live, DAYS[-1:], mailing(1))
    assert isinstance(asked_again(live, store, mailing(1)), dg.SkipReason)
    later = timedelta(minutes=3)
    request = asked_again(live, store, mailing(1, later))
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.tags[MODE_TAG]) == (NEWEST.key, "live")
    assert asked_again(live, store, mailing(1, later)).run_key == request.run_key  # asked for once an attempt
    run(live, DAYS[-1:], mailing(1, later), job="delivery_job")
    again = timedelta(minutes=10)
    assert asked_again(live, store, mailing(1, again)).run_key != request.run_key
    inbox = Inbox()
    with mail_server(inbox) as port:
        assert run(live, DAYS[-1:], mailing(port, again), job="delivery_job").success
    assert inbox.recipients == sorted(WHO)
    assert isinstance(asked_again(live, store, mailing(1, again)), dg.SkipReason)


def test_the_mails_of_a_digest_that_a_check_holds_back_are_not_asked_for(live: TestPipeline, store: Store) -> None:
    """They were never tried, as those of a run whose database was lost: only the latter came as far as `delivery`."""
    assert run(live, DAYS[:-1], mailing(1), mode="backfill").success
    first = live.history()[0]
    write_row(store, replace(first, decided_at=first.decided_at + timedelta(minutes=1)), DAYS[-2])
    unfit = run(live, DAYS[-1:], mailing(1))
    assert not unfit.success
    assert "delivery" not in unfit.get_failed_step_keys()
    assert {(mail.state, mail.attempts) for mail in store.outbox.mails_for(NEWEST)} == {("pending", 0)}
    assert isinstance(asked_again(live, store, mailing(1)), dg.SkipReason)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, FileTransport),
        ({"mail_transport": "ses"}, SesTransport),
        ({"mail_transport": "smtp", "smtp_host": "mail.example.org"}, SmtpTransport),
    ],
)
def test_the_settings_choose_how_mail_leaves(tmp_path: Path, settings: dict[str, Any], kind: type) -> None:
    made = mailing_of(Settings.checked(signals_data_dir=tmp_path, digest_recipients="a@b.example", **settings))
    assert isinstance(made.transport, kind)
    assert made.recipients == ("a@b.example",)
    assert made.links == Links()
    assert made.now().tzinfo is not None


def test_a_pass_over_some_windows_leaves_the_mails_of_others(live: TestPipeline, store: Store) -> None:
    by = replace(mailing(1), transport=FileTransport(live.settings.mail_dir))
    store.outbox.announce_failure(NEWEST, by.mail_recipients(NEWEST, "failed"), detail="no feed", now=by.now())
    assert send_due(store, by, DAYS[:2]).counts["sent"] == 0
    assert send_due(store, by, ()).counts["sent"] == 0
    assert send_due(store, by, (NEWEST,)).counts["sent"] == 3
    assert len(list(live.settings.mail_dir.iterdir())) == 3
