"""Mails from real runs of the job: live runs only, each recipient once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.mail.envelope import Links
from signals_pipeline.adapters.mail.files import FileTransport
from signals_pipeline.adapters.mail.ses import SesTransport
from signals_pipeline.adapters.mail.smtp import SmtpTransport
from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.tables import delivery
from signals_pipeline.core.digest.delivery import SEND_WITHIN, Hold
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.dispatch import mailing_of, send_due
from signals_pipeline.defs.partitions import MODE_TAG
from signals_pipeline.defs.resources import Store
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, asked_again, live, mailing, run, store
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.outbox_processes import WHO, At
from signals_pipeline_tests.support.pipeline import TestPipeline

__all__ = ["live", "store"]
MISSED = DAYS[-2]
STAGES = ("headlines", "sentiment", "technicals", "scores", "signals", "outcomes", "digest")


def test_a_live_run_mails_its_newest_window_once_whatever_runs_after_it(live: TestPipeline, store: Store) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        first = run(live, DAYS[-2:], mailing(port))
        assert first.success
        assert inbox.recipients == sorted(WHO)
        assert {inbox.message(place)["Message-ID"] for place in range(3)} == {
            f"{each.message_id}" for each in mailing(port).mail_recipients(store, NEWEST)
        }
        for mode in ("live", "backfill"):
            assert run(live, DAYS[-1:], mailing(port), mode=mode).success
        assert run(live, DAYS[-1:], mailing(port), mode="manual", job="delivery_job").success
    assert inbox.recipients == sorted(WHO)
    assert store.outbox.mails_for(DAYS[-2]) == []
    (metadata,) = (live.metadata(first, "delivery"),)
    assert {name: metadata[name] for name in ("sent", "pending", "failed", "unknown", "held")} == {
        "sent": 3, "pending": 0, "failed": 0, "unknown": 0, "held": 0,
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


def test_a_run_that_is_too_late_for_its_mails_is_reported_by_the_next_digest(live: TestPipeline, store: Store) -> None:
    """The daemon was off over the window's end, for longer than mails may wait and less than until the next window."""
    inbox = Inbox()
    with mail_server(inbox) as port:
        assert run(live, DAYS[:-2], mailing(port), mode="backfill").success
        late = run(live, [MISSED], mailing(port, timedelta(hours=4) + MISSED.end - NEWEST.end))
        assert late.success
        assert live.metadata(late, "delivery")["held"] == 0
        assert store.history.modes(MISSED.end)[MISSED.start] == "catch_up"
        assert (inbox.taken, store.outbox.open()) == ([], [])
        assert run(live, [NEWEST], mailing(port)).success
    assert inbox.recipients == sorted(WHO)
    assert_tells_the_missed_window(store)


def test_a_window_whose_mails_never_left_is_reported_by_the_next_digest(live: TestPipeline, store: Store) -> None:
    """No server took its mails for hours; they wait for the operator, and their signals for nobody."""
    assert run(live, DAYS[:-2], mailing(1), mode="backfill").success
    assert run(live, [MISSED], mailing(1, MISSED.end - NEWEST.end)).success  # nobody listens there
    assert store.history.modes(MISSED.end)[MISSED.start] == "live"
    inbox = Inbox()
    with mail_server(inbox) as port:
        assert run(live, [NEWEST], mailing(port)).success
    assert inbox.recipients == sorted(WHO)
    assert {mail.hold(NEWEST.end) for mail in store.outbox.open()} == {Hold.TOO_OLD}
    assert_tells_the_missed_window(store)


def assert_tells_the_missed_window(store: Store) -> None:
    """The newest digest has a card for each signal of the missed window, and none of them only as a line."""
    missed = [signal.symbol for signal in store.history.between(MISSED.end, MISSED.end + timedelta(seconds=1))]
    stored = Digest.from_json(store.digests.content(NEWEST))
    assert missed
    assert sorted(card.symbol for card in stored.from_missed) == sorted(missed)
    assert not set(missed) & {line.symbol for line in stored.still_active}


def test_a_run_that_straddles_the_limit_keeps_the_mode_of_its_decision(live: TestPipeline, store: Store) -> None:
    """Its digest is live as its signals are; its mails wait for the operator, its signals for the next digest."""
    ticks = iter(range(10_000))
    limit = NEWEST.end + SEND_WITHIN
    straddling = replace(mailing(1), now=lambda: limit if not next(ticks) else limit + timedelta(minutes=1))
    assert run(live, DAYS[-1:], straddling).success
    stored = store.digests.get(NEWEST.start)
    assert stored is not None
    assert (stored.entry.mode, store.history.modes(NEWEST.end)[NEWEST.start]) == ("live", "live")
    assert {mail.hold(straddling.now()) for mail in store.outbox.mails_for(NEWEST)} == {Hold.TOO_OLD}
    assert store.outbox.untold_windows(NEWEST.end) == [NEWEST.start]


def test_a_run_that_ends_between_digest_and_mails_is_finished_by_the_sensor(live: TestPipeline, store: Store) -> None:
    """It was killed, or its machine stopped: nobody had checked the digest, and no mail was ever tried."""
    until_digest = [dg.AssetKey(name) for name in STAGES]
    inbox = Inbox()
    with mail_server(inbox) as port:
        assert run(live, DAYS[-1:], mailing(port), selection=until_digest).success
        # Dagster runs an asset's checks with it; a run that is killed before them leaves this.
        with write_transaction(store.engine) as connection:
            connection.execute(sa.update(delivery).values(cleared_at=None))
        assert {mail.hold(NEWEST.end) for mail in store.outbox.mails_for(NEWEST)} == {Hold.UNCHECKED}
        assert run(live, DAYS[-1:], mailing(port), job="delivery_job").success
        assert inbox.taken == []  # nothing leaves before the checks

        request = asked_again(live, store, mailing(port, timedelta(minutes=7)))
        assert isinstance(request, dg.RunRequest)
        assert (request.job_name, request.partition_key) == ("checked_delivery_job", NEWEST.key)
        assert run(live, DAYS[-1:], mailing(port, timedelta(minutes=8)), job="checked_delivery_job").success
        assert isinstance(asked_again(live, store, mailing(port, timedelta(minutes=20))), dg.SkipReason)
    assert inbox.recipients == sorted(WHO)


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


def test_the_mails_of_a_digest_that_a_check_holds_back_wait_for_the_operator(live: TestPipeline, store: Store) -> None:
    """Neither a sensor nor another run sends them."""
    assert run(live, DAYS[:-1], mailing(1), mode="backfill").success
    with write_transaction(store.engine) as connection:
        # As soon as the window has its digest, its own coverage is damaged.
        connection.execute(
            sa.text(
                "CREATE TRIGGER damage AFTER INSERT ON digest BEGIN"
                " UPDATE coverage SET content = '{}' WHERE window_start = NEW.window_start; END"
            )
        )
    inbox = Inbox()
    with mail_server(inbox) as port:
        unfit = run(live, DAYS[-1:], mailing(port))
        assert not unfit.success
        assert "delivery" not in unfit.get_failed_step_keys()
        later = mailing(port, timedelta(minutes=20))
        mails = store.outbox.mails_for(NEWEST)
        assert {(mail.attempts, mail.hold(later.now())) for mail in mails} == {(0, Hold.UNFIT)}
        assert isinstance(asked_again(live, store, later), dg.SkipReason)
        assert run(live, DAYS[-1:], later, job="delivery_job").success
        assert not run(live, DAYS[-1:], later, job="checked_delivery_job").success
        assert inbox.taken == []
        store.outbox.release([mail.id for mail in mails], later.now())
        assert asked_again(live, store, later).job_name == "delivery_job"
        assert run(live, DAYS[-1:], later, job="delivery_job").success
    assert inbox.recipients == sorted(WHO)


def test_a_delivery_run_that_fails_before_any_attempt_is_repeated_with_backoff(
    live: TestPipeline, store: Store
) -> None:
    """As where its process can't start: each time after twice the delay, not each minute."""
    store.outbox.announce_failure(
        NEWEST, mailing(1).mail_recipients(store, NEWEST, "failed"), detail="", now=NEWEST.end
    )
    store.outbox.release([mail.id for mail in store.outbox.open()], NEWEST.end)
    job = build_definitions(live.settings).resolve_job_def("delivery_job")
    keys = set()
    for failures in (0, 1, 2):
        waited = timedelta(minutes=2**failures)
        by = replace(mailing(1), now=At(datetime.now(UTC) + waited))
        request = asked_again(live, store, by)
        keys.add(request.run_key)
        failed = live.instance.create_run_for_job(job, tags=request.tags)
        live.instance.report_run_failed(failed)
        early = replace(mailing(1), now=At(datetime.now(UTC) + waited / 2))
        assert isinstance(asked_again(live, store, early), dg.SkipReason)
    assert len(keys) == 3


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
    assert made.links == Links(has_preferences=True)
    assert made.now().tzinfo is not None


def test_a_pass_over_some_windows_leaves_the_mails_of_others(live: TestPipeline, store: Store) -> None:
    by = replace(mailing(1), transport=FileTransport(live.settings.mail_dir))
    store.outbox.announce_failure(NEWEST, by.mail_recipients(store, NEWEST, "failed"), detail="no feed", now=by.now())
    assert send_due(store, by, DAYS[:2]).counts["sent"] == 0
    assert send_due(store, by, ()).counts["sent"] == 0
    assert send_due(store, by, (NEWEST,)).counts["sent"] == 3
    assert len(list(live.settings.mail_dir.iterdir())) == 3
