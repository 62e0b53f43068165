"""What readers are told where a live run fails, and that no secret is told to anybody."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from signals_pipeline.core.windows import Window
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.dispatch import mailing_of
from signals_pipeline.defs.partitions import MODE_TAG, PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.defs.sensors import RETRIED_TAG, failed_live_window
from signals_pipeline_tests.support.live_runs import (
    DAYS,
    NEWEST,
    RECORDED,
    announce_failures,
    live,
    mailing,
    run,
    store,
)
from signals_pipeline_tests.support.mail_servers import Inbox, Misbehaviour, bad_server, mail_server
from signals_pipeline_tests.support.outbox_processes import WHO, At
from signals_pipeline_tests.support.pipeline import TestPipeline

__all__ = ["live", "store"]


def test_a_refused_mail_fails_the_step_and_nobody_is_told_that_there_is_no_digest(
    live: TestPipeline, store: Store
) -> None:
    inbox = Inbox(refused={WHO[1]: "550 no such user"})
    with mail_server(inbox) as port:
        result = run(live, DAYS[-1:], mailing(port))
        assert not result.success
        (failure,) = result.get_failed_step_keys()
        assert failure == "delivery"
        announce_failures(live, store, mailing(port))
    assert inbox.recipients == sorted({WHO[0], WHO[2]})


def test_a_failed_live_run_tells_its_readers_once_and_why(tmp_path: Path) -> None:
    missing = {**RECORDED, "signals_news_path": tmp_path / "nowhere.csv"}
    inbox = Inbox()
    with TestPipeline.open(tmp_path, signals_deployment="local", **missing) as pipeline, mail_server(inbox) as port:
        store = open_store(pipeline.settings.database_url)
        by = mailing(port)
        result = run(pipeline, DAYS[-1:], by)
        assert not result.success
        announce_failures(pipeline, store, by)
        announce_failures(pipeline, store, by)
        assert not run(pipeline, DAYS[-1:], by, mode="backfill").success
        announce_failures(pipeline, store, by)
        store.engine.dispose()
    assert inbox.recipients == sorted(WHO)
    mail = inbox.message()
    assert mail["Subject"] == f"Failed: no digest for {NEWEST.label}"
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert "Stage headlines:" in plain.get_content()
    assert "nowhere.csv" in "".join(plain.get_content().split())


def test_an_unexpected_error_is_reported_without_its_message(live: TestPipeline, store: Store) -> None:
    class Broken:
        def bars(self, *_: object) -> None:
            raise KeyError("planted-secret")

        actions = bars

    definitions = build_definitions(
        live.settings,
        resource_overrides={
            "prices": dg.ResourceDefinition.hardcoded_resource(Broken()),
            "mailing": dg.ResourceDefinition.hardcoded_resource(mailing(1)),
        },
    )
    tags = {MODE_TAG: "live", RANGE_START_TAG: NEWEST.key, RANGE_END_TAG: NEWEST.key}
    definitions.resolve_job_def("digest_job").execute_in_process(
        instance=live.instance,
        tags=tags,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )
    announce_failures(live, store, mailing(1))
    (detail,) = {mail.detail for mail in store.outbox.open()}
    assert detail == "Stage technicals: an unexpected error (KeyError); see the run's log"


def test_no_secret_reaches_logs_events_metadata_files_or_rows(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    password, key = "planted-password-7310", "planted-link-key-" + "7" * 32
    token, vendor = "planted-web-token-7311", "planted-vendor-key-7312"
    echo = b"535 " + password.encode() + b"\r\n"
    answers = {"EHLO": b"250-here\r\n250 AUTH PLAIN LOGIN\r\n", "AUTH": echo}
    with ExitStack() as stack:
        port = stack.enter_context(bad_server(Misbehaviour(answers)))
        settings: dict[str, Any] = {
            "digest_recipients": ",".join(WHO), "mail_transport": "smtp", "smtp_host": "127.0.0.1", "smtp_port": port,
            "smtp_tls": "none", "smtp_user": "desk", "smtp_password": password, "signals_link_key": key,
            "signals_base_url": "https://desk.example", "signals_deployment": "local",
            "signals_web_token": token, "newsapi_key": vendor, **RECORDED,
        }  # fmt: skip
        pipeline = stack.enter_context(TestPipeline.open(tmp_path, **settings))
        by = replace(mailing_of(pipeline.settings), now=At(NEWEST.end + timedelta(minutes=1)))
        definitions = build_definitions(
            pipeline.settings, resource_overrides={"mailing": dg.ResourceDefinition(lambda _: by)}
        )
        tags = {MODE_TAG: "live", RANGE_START_TAG: NEWEST.key, RANGE_END_TAG: NEWEST.key}
        result = definitions.resolve_job_def("digest_job").execute_in_process(instance=pipeline.instance, tags=tags)
        assert pipeline.metadata(result, "delivery")["pending"] == 3
        said = "".join(str(event) for event in result.all_events) + repr(by) + repr(pipeline.settings)
        files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    output = capfd.readouterr()
    assert "rejected the login of desk" in output.err + output.out
    assert any(b"rejected the login of desk" in content for content in files.values())
    for secret in (password, key, token, vendor):
        assert secret not in said + output.err + output.out
        assert [name for name, content in files.items() if secret.encode() in content] == []


LIVE_RUN = {MODE_TAG: "live", RANGE_END_TAG: NEWEST.key}


@pytest.mark.parametrize(
    ("tags", "window"),
    [
        (LIVE_RUN, NEWEST),
        ({MODE_TAG: "live", PARTITION_TAG: NEWEST.key}, NEWEST),
        (LIVE_RUN | {RETRIED_TAG: "true"}, None),
        (LIVE_RUN | {RETRIED_TAG: "false"}, NEWEST),
        (LIVE_RUN | {MODE_TAG: "backfill"}, None),
        ({RANGE_END_TAG: NEWEST.key}, None),
        ({MODE_TAG: "live"}, None),
    ],
)
def test_only_the_last_end_of_a_live_run_is_announced(tags: dict[str, str], window: Window | None) -> None:
    assert failed_live_window(tags) == window


def test_a_run_that_was_killed_is_told_in_plain_words(live: TestPipeline, store: Store) -> None:
    killed = live.instance.create_run_for_job(
        build_definitions(live.settings).resolve_job_def("digest_job"),
        tags=LIVE_RUN | {RANGE_START_TAG: NEWEST.key, "dagster/max_retries": "0"},
    )
    live.instance.report_run_failed(killed)
    announce_failures(live, store, mailing(1))
    (detail,) = {mail.detail for mail in store.outbox.open()}
    assert detail == "The run ended without an error message: the machine stopped it, or it ran out of memory."
