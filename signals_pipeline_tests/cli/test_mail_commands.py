"""Mails from a terminal: previews, a test mail, sending what is released, and the mails that wait."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.outbox import MailRecipient
from signals_pipeline.cli import main
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.digest_examples import WINDOWS
from signals_pipeline_tests.support.digest_pages import everything
from signals_pipeline_tests.support.mail_servers import PASSWORD, Inbox, mail_server

OLD = WINDOWS[6]
Signals = Callable[..., Result]


@pytest.fixture
def mail_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where mails to files go; a bare data folder with a database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DIGEST_RECIPIENTS", "ann@example.org, bob@example.org")
    migrations.upgrade(Settings.checked().database_url)
    return tmp_path / "data" / "mail"


@pytest.fixture
def store(mail_folder: Path) -> Store:  # noqa: ARG001
    """Its database, with a digest that a backfill made long ago and one that is live and new."""
    opened = open_store(Settings.checked().database_url)
    content = everything().to_json()
    opened.digests.put(OLD, content, kind="full", mode="backfill", subject="old")
    newest = newest_complete(datetime.now(UTC))
    mails = [MailRecipient(f"{name}@example.org", f"<{name}@x>") for name in ("ann", "bob")]
    opened.digests.put(newest, content, kind="full", mode="live", subject="new", mails=mails)
    opened.outbox.record_verdict(newest, problem="", now=datetime.now(UTC))
    return opened


@pytest.fixture
def signals(mail_folder: Path) -> Signals:  # noqa: ARG001
    """Runs `signals` in this process."""
    return lambda *words: CliRunner().invoke(main, words)


def refused(result: Result) -> str:
    """The one line of a refusal."""
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    (line,) = result.stderr.splitlines()
    return line.removeprefix("signals: ")


def test_a_preview_is_the_mail_as_a_file_and_sends_nothing(signals: Signals, store: Store, mail_folder: Path) -> None:
    shown = signals("preview", OLD.key, "--to", "shown")
    assert shown.exit_code == 0, shown.output
    paths = [Path(line) for line in shown.stdout.splitlines()]
    assert [path.suffix for path in paths] == [".html", ".txt", ".json", ".eml"]
    mail = message_from_bytes(paths[-1].read_bytes(), policy=policy.default)
    assert mail["To"] == "ann@example.org"
    assert mail["Date"].datetime == OLD.as_of
    before = paths[-1].read_bytes()
    signals("preview", OLD.key, "--to", "shown")
    assert paths[-1].read_bytes() == before
    assert not mail_folder.exists()
    assert {each.state for each in store.outbox.open()} == {"pending"}


def test_a_window_that_is_not_mailed_by_itself_needs_its_release(
    signals: Signals, store: Store, mail_folder: Path
) -> None:
    assert refused(signals("send", OLD.key)) == (
        f"window {OLD.key} is not mailed automatically: its digest is from a backfill run;"
        " add --release to send it anyway"
    )
    first = signals("send", OLD.key, "--release")
    assert first.stdout.splitlines()[:2] == [f"mails of window {OLD.key} released: 2", "2 sent"]
    again = signals("send", OLD.key, "--release")
    assert again.stdout.splitlines()[:2] == [f"mails of window {OLD.key} released: 0", "no mail was due"]
    assert len(list(mail_folder.glob("*.eml"))) == 2
    assert {each.state for each in store.outbox.mails_for(OLD)} == {"sent"}
    assert "has no digest" in refused(signals("send", WINDOWS[7].key))
    assert "has no digest" in refused(signals("send", WINDOWS[7].key, "--release"))


def test_nobody_to_send_to_is_said(signals: Signals, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGEST_RECIPIENTS")
    assert (
        refused(signals("send", OLD.key, "--release"))
        == "there are no readers to send the digest to: set DIGEST_RECIPIENTS or SIGNALS_READERS"
    )
    assert signals("preview", OLD.key).exit_code == 0
    assert store.outbox.mails_for(OLD) == []


def test_waiting_mails_are_listed_released_abandoned_and_sent(
    signals: Signals, store: Store, mail_folder: Path
) -> None:
    ann, bob = (mail.id for mail in store.outbox.open())
    listed = signals("deliveries").stdout
    assert re.search(rf"│ {ann} +│.*│ ann@example.org +│ pending", listed)
    assert signals("deliveries", "abandon", str(ann)).stdout == f"abandoned: {ann}\n"
    assert signals("deliveries", "release", str(bob)).stdout == f"released: {bob}; next: signals deliveries send\n"
    assert signals("deliveries", "send").stdout == "1 sent\n"
    assert signals("deliveries").stdout == "all mails were sent\n"
    assert [message_from_bytes(path.read_bytes())["To"] for path in mail_folder.glob("*.eml")] == ["bob@example.org"]
    assert f"mail {bob} is sent and can't be released" in refused(signals("deliveries", "release", str(bob)))
    assert "mail 99 does not exist" in refused(signals("deliveries", "abandon", "99"))
    assert signals("deliveries", "release").exit_code == 2


def test_a_server_that_is_down_leaves_mails_that_say_why(
    signals: Signals, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MAIL_TRANSPORT", "smtp"), ("SMTP_PORT", "1"), ("SMTP_TLS", "none")):
        monkeypatch.setenv(name, value)
    said = signals("send", OLD.key, "--release").stdout.splitlines()
    assert said[1] == "2 pending"
    assert "SMTP server localhost:1" in said[2]
    assert "refused" in signals("deliveries").stdout
    assert {mail.attempts for mail in store.outbox.mails_for(OLD)} == {1}


def test_a_test_mail_arrives_or_says_why_not(signals: Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "accepted the test mail" in signals("send-test", "you@example.org").stdout
    assert "ADDRESS 'you': an address is like" in refused(signals("send-test", "you"))
    inbox = Inbox(refused={"no@example.org": "550 no such user"})
    with mail_server(inbox) as port:
        for name, value in (("MAIL_TRANSPORT", "smtp"), ("SMTP_PORT", str(port)), ("SMTP_TLS", "none")):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
        assert "smtp accepted the test mail" in signals("send-test", "you@example.org").stdout
        assert "the test mail was not sent: " in refused(signals("send-test", "no@example.org"))
    assert inbox.recipients == ["you@example.org"]


def test_settings_that_would_give_the_password_away_are_refused(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("MAIL_TRANSPORT", "smtp"),
        ("SMTP_TLS", "none"),
        ("SMTP_HOST", "mail.example.org"),
        ("SMTP_USER", "desk"),
        ("SMTP_PASSWORD", PASSWORD),
    ):
        monkeypatch.setenv(name, value)
    line = refused(signals("send-test", "you@example.org"))
    assert line.startswith("SMTP_TLS=none would send the password of desk")
    assert PASSWORD not in line
