"""Channels through the outbox: a real file of readers, real servers beside a real mail server, one line per mistake."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from signals_pipeline.adapters.mail.smtp import SmtpTransport
from signals_pipeline.cli.doctor.readers import channels
from signals_pipeline.core.digest.delivery import SEND_WITHIN
from signals_pipeline.defs.channels import channels_of, channels_reader
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.channel_server import SECRET, answer, channel_server
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.digest_pages import everything
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.outbox_processes import DUE, WINDOW, At, filled, states

FILE = """
readers:
- {address: ann@example.org}
- {channel: desk}
channels:
  desk: {kind: slack, url: env:DESK_URL}
  hook: {kind: webhook, url: env:HOOK_URL, secret: env:HOOK_SECRET}
  broken: {kind: slack, url: env:NOBODY_SET_THIS}
  odd: {kind: fax, url: env:DESK_URL}
"""
WHO = ("ann@example.org", "slack:broken", "fax:odd", "slack:desk", "webhook:hook", "slack:gone")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A deployment with a file of readers whose channels lead to HOOK_URL and DESK_URL."""
    path = tmp_path / "readers.yaml"
    path.write_text(FILE)
    (tmp_path / ".env").write_text("HOOK_URL=https://example.org/hook\n")
    monkeypatch.chdir(tmp_path)
    # As the secret of a stack on AWS has them.
    variables = f"HOOK_SECRET={SECRET}\nHOOK_URL=https://counts.last.example.org"
    return Settings.checked(signals_readers=str(path), channels_private_hosts="127.0.0.1", channels_variables=variables)


def test_every_recipient_is_served_by_its_kind_and_one_broken_stops_no_other(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = Inbox()
    with (
        filled(new_database("sqlite", tmp_path), WHO) as store,
        mail_server(inbox) as port,
        channel_server(answer(200, "ok")) as taking,
        channel_server(answer(429, "", Retry_After="5400")) as limiting,
    ):
        monkeypatch.setenv("DESK_URL", f"{taking.origin}/services/SecretDeskPath")
        monkeypatch.setenv("HOOK_URL", f"{limiting.origin}/SecretHookPath")
        transport = SmtpTransport("127.0.0.1", port, "none")
        sender = Mailing("signals@example.org", WHO, transport, now=At(DUE), channels=channels_reader(settings))
        report = send_due(store, sender)

        waiting = dict.fromkeys(("slack:broken", "fax:odd", "webhook:hook", "slack:gone"), "pending")
        assert states(store) == {"ann@example.org": "sent", "slack:desk": "sent", **waiting}
        assert inbox.recipients == ["ann@example.org"]
        errors = {mail.recipient: mail.last_error for mail in store.outbox.open()}
        assert "NOBODY_SET_THIS is not set" in errors["slack:broken"]
        assert "unknown kind 'fax'" in errors["fax:odd"]
        assert "no such channel" in errors["slack:gone"]
        assert "HTTP 429" in errors["webhook:hook"]
        assert not [line for line in (*report.problems, *errors.values()) if "Secret" in line or SECRET in line]

        # The pause that the webhook's server asked for is kept, and counted as one attempt.
        (hook,) = (mail for mail in store.outbox.open() if mail.recipient == "webhook:hook")
        assert (hook.attempts, hook.next_attempt_at) == (1, DUE + timedelta(seconds=5400))
        send_due(store, replace(sender, now=At(DUE + timedelta(minutes=89))))
        assert len(limiting.posts) == 1
        send_due(store, replace(sender, now=At(DUE + timedelta(minutes=91))))
        assert [post.headers["webhook-id"] for post in limiting.posts] == [limiting.posts[0].headers["webhook-id"]] * 2
        assert limiting.posts[0].headers["webhook-id"].startswith(f"msg_{hook.id}_")

        # The next pause ends after the three hours: the message is held, and an operator told.
        late = send_due(store, replace(sender, now=At(WINDOW.end + SEND_WITHIN + timedelta(minutes=1))))
        assert late.held == 4
        assert len(limiting.posts) == 2


def test_a_window_that_failed_is_told_to_channels_as_to_mail_readers(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        filled(new_database("sqlite", tmp_path), ()) as store,
        channel_server(answer(200, "ok")) as server,
    ):
        monkeypatch.setenv("DESK_URL", f"{server.origin}/s")
        monkeypatch.setenv("HOOK_URL", f"{server.origin}/h")
        recipients = ("slack:desk", "webhook:hook")
        sender = Mailing(
            "signals@example.org",
            recipients,
            SmtpTransport("127.0.0.1", 1, "none"),
            now=At(DUE),
            channels=channels_reader(settings),
        )
        store.digests.put(WINDOW, "{}", kind="full", mode="manual", subject="", mails=())
        mails = sender.mail_recipients(store, WINDOW, "failed")
        assert store.outbox.announce_failure(WINDOW, mails, detail="no source answered", now=DUE) == 2
        send_due(store, sender)

        assert states(store) == dict.fromkeys(recipients, "sent")
    slack, hook = (post.json for post in server.posts)
    assert slack["text"].startswith(f"*Failed: no digest for {WINDOW.label}*")
    assert "no source answered" in slack["text"]
    assert (hook["type"], hook["data"]["window"]) == ("digest.failed", WINDOW.key)


def test_a_channel_gets_the_edition_of_its_reader(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(settings.signals_readers).write_text(
        "readers:\n- {channel: desk, companies: [BBB]}\n- {channel: hook, companies: [ZZZ]}"
        "\nchannels:\n  desk: {kind: slack, url: env:DESK_URL}"
        "\n  hook: {kind: webhook, url: env:HOOK_URL, secret: env:HOOK_SECRET}\n"
    )
    with filled(new_database("sqlite", tmp_path), ()) as store, channel_server(answer(200, "ok")) as server:
        monkeypatch.setenv("DESK_URL", f"{server.origin}/s")
        monkeypatch.setenv("HOOK_URL", f"{server.origin}/h")
        sender = Mailing(
            "signals@example.org",
            (),
            SmtpTransport("127.0.0.1", 1, "none"),
            now=At(DUE),
            channels=channels_reader(settings),
            readers_file=settings.signals_readers,
        )
        content = replace(everything(), mode="live").to_json()
        mails = sender.mail_recipients(store, WINDOW)
        store.digests.put(WINDOW, content, kind="full", mode="live", subject="", mails=mails)
        store.outbox.record_verdict(WINDOW, problem="", now=DUE)
        send_due(store, sender)
        assert states(store) == {"slack:desk": "sent", "webhook:hook": "sent"}

    posts = {post.target: post.json for post in server.posts}
    text = posts["/s"]["text"]
    assert "BBB" in text
    assert "AAA" not in text
    assert "Your selection: 1 company; " in text
    quiet = posts["/h"]["data"]
    assert (quiet["signals"], quiet["kind"]) == ([], "quiet")
    assert any("Your selection" in note for note in quiet["notes"])


def test_the_doctor_names_what_a_channel_lacks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_URL", "https://hooks.slack.com/services/SecretDeskPath")
    assert channels_of(settings).channel("webhook:hook").url == "https://example.org/hook"
    found = channels(settings)
    assert found.status == "fail"
    assert found.text.startswith("2 of 4 can be used; channel broken: NOBODY_SET_THIS is not set;")
    assert "Secret" not in found.text

    path = Path(settings.signals_readers)
    path.write_text("channels:\n  desk: {kind: slack, url: env:DESK_URL}\n")
    assert (channels(settings).status, channels(settings).text[:16]) == ("ok", "1 of 1 can be us")
    path.write_text("channels:\n  desk: {kind: slack, url: 'https://hooks.slack.com/services/SecretDeskPath'}\n")
    production = Settings.checked(**settings.model_dump() | {"signals_deployment": "production"})
    assert channels(production).status == "warn"
    assert "Secret" not in channels(production).text
    path.unlink()
    assert (channels(settings).status, channels_of(settings).usable) == ("fail", {})
    assert channels_of(Settings.checked(signals_readers="")).usable == {}
