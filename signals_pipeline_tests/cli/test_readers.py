"""`signals readers` and `signals publish`: requests that come by hand, and pages published by hand."""

import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.cli import main
from signals_pipeline.core.digest import links
from signals_pipeline_tests.deploy.conftest import aws, aws_server
from signals_pipeline_tests.support.aws_clients import client

__all__ = ["aws", "aws_server"]


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    migrations.upgrade(f"sqlite:///{tmp_path / 'signals.db'}")


def signals(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_a_reader_is_unsubscribed_listed_and_resubscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = "there are no readers: set DIGEST_RECIPIENTS or SIGNALS_READERS\nnobody is unsubscribed\n"
    assert signals("readers", "list") == (0, nobody)
    assert signals("readers", "unsubscribe", "Ann@example.org") == (0, "Ann@example.org: unsubscribed\n")
    assert signals("readers", "unsubscribe", "ann@example.org")[1] == "ann@example.org: was unsubscribed before\n"
    assert "ann@example.org" in signals("readers", "list")[1]
    code, line = signals("readers", "resubscribe", "ANN@example.org")
    again = "ANN@example.org: gets mail again from the next digest on"
    assert (code, line) == (0, f"{again}, once DIGEST_RECIPIENTS or SIGNALS_READERS names it\n")
    assert signals("readers", "resubscribe", "ann@example.org")[1] == "ann@example.org: was not unsubscribed\n"
    monkeypatch.setenv("DIGEST_RECIPIENTS", "ann@example.org")
    signals("readers", "unsubscribe", "ann@example.org")
    assert signals("readers", "resubscribe", "ann@example.org")[1].endswith("from the next digest on\n")


FILE = """\
readers:
- {address: ann@example.org, name: Ann, companies: [XOM], digests: morning, clock: 12h}
- {address: bob@example.org, least_score: 0.4}
"""


def test_readers_are_listed_with_what_they_get_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "readers.yaml"
    path.write_text(FILE)
    monkeypatch.setenv("SIGNALS_READERS", str(path))
    monkeypatch.setenv("DIGEST_RECIPIENTS", "BOB@example.org,cat@example.org")
    monkeypatch.setenv("COLUMNS", "200")
    signals("readers", "unsubscribe", "cat@example.org")

    assert signals("readers", "check") == (0, f"{path}: 2 readers, 0 channels, no mistakes\n")
    code, output = signals("readers", "list")

    assert code == 0
    words = " ".join(output.split())
    for expected in ("ann@example.org", "1 company", "morning", "12h", "at least 0.40", "none (unsubscribed)"):
        assert expected in words
    assert words.count("bob@example.org") == 1
    assert "BOB@example.org" not in words


def test_mistakes_of_the_readers_file_are_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, line = signals("readers", "check")
    assert (code, line) == (2, "signals: SIGNALS_READERS is empty: set it to the path of a readers file\n")
    path = tmp_path / "readers.yaml"
    path.write_text(f"{FILE}- {{address: cat}}\n- {{address: ann@example.org}}\n")
    monkeypatch.setenv("SIGNALS_READERS", str(path))
    code, lines = signals("readers", "check")
    assert code == 2
    first, second = lines.splitlines()
    assert "line 4: address: an address is like" in first
    assert "line 5: the same reader as on line 2; keep one entry" in second
    assert "address: an address is like" in signals("readers", "list")[1]
    monkeypatch.setenv("SIGNALS_READERS", "s3://bucket")
    code, line = signals("readers", "check")
    assert (code, line.count("\n")) == (2, 1)
    assert "use the path of a readers file, or s3://bucket/readers.yaml" in line


def test_a_readers_file_on_s3_is_read_from_there(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    client("s3").create_bucket(Bucket="desk-files")
    monkeypatch.setenv("SIGNALS_READERS", "s3://desk-files/signals/readers.yaml")
    code, line = signals("readers", "check")
    assert (code, line.count("\n")) == (2, 1)
    assert "s3://desk-files/signals/readers.yaml: does not exist; upload the file" in line
    client("s3").put_object(Bucket="desk-files", Key="signals/readers.yaml", Body=FILE.encode())
    assert signals("readers", "check")[1].endswith("2 readers, 0 channels, no mistakes\n")
    monkeypatch.setenv("SIGNALS_READERS", "s3://missing-bucket/readers.yaml")
    code, line = signals("readers", "check")
    assert (code, line.count("\n")) == (2, 1)
    assert "correct SIGNALS_READERS" in line


def test_an_invitation_carries_the_only_link_that_subscribes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, line = signals("readers", "invite", "ann@example.org")
    assert (code, line.count("\n")) == (2, 1)
    assert "set SIGNALS_BASE_URL and SIGNALS_LINK_KEY" in line
    key = "a key of thirty-two characters..."
    monkeypatch.setenv("SIGNALS_LINK_KEY", key)
    monkeypatch.setenv("SIGNALS_BASE_URL", "https://desk.example")

    assert signals("readers", "invite", "ann@example.org")[0] == 0

    [mail] = (tmp_path / "mail").glob("**/*.eml")
    text = message_from_bytes(mail.read_bytes(), policy=policy.default).get_content()
    [link] = [line for line in text.splitlines() if line.startswith("https://")]
    token = link.removeprefix("https://desk.example/subscribe/")
    assert links.verify_recipient_link("subscribe", token, as_of=datetime.now(UTC), key=key) == "ann@example.org"
    # Nothing is stored before the link is used.
    assert "there are no readers" in signals("readers", "list")[1]
    signals("readers", "unsubscribe", "ann@example.org")
    assert signals("readers", "invite", "ann@example.org")[0] == 2


@pytest.mark.parametrize("command", ["unsubscribe", "resubscribe", "invite"])
def test_what_is_no_address_is_refused_in_one_line(command: str) -> None:
    code, line = signals("readers", command, "ann at example.org")
    assert (code, line.count("\n")) == (2, 1)
    assert "an address is like ann@example.org" in line


def test_deliveries_applies_what_readers_asked_for_first(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    key = "a key of thirty-two characters..."
    queue = client("sqs").create_queue(QueueName="readers")["QueueUrl"]
    url = links.unsubscribe_url("", "ann@example.org", as_of=datetime.now(UTC), key=key)
    body = json.dumps({"purpose": "unsubscribe", "token": url.rpartition("/")[2]})
    client("sqs").send_message(QueueUrl=queue, MessageBody=body)
    monkeypatch.setenv("SIGNALS_READER_QUEUE", queue)
    monkeypatch.setenv("SIGNALS_LINK_KEY", key)
    assert signals("deliveries") == (0, "readers' requests applied: 1 unsubscribed\nno mail was ever promised\n")
    assert "ann@example.org" in signals("readers", "list")[1]
    monkeypatch.setenv("SIGNALS_READER_QUEUE", f"{queue}-missing")
    assert "the queue of readers' requests: " in signals("deliveries", "send")[1]


def test_publishing_needs_a_destination_and_then_says_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, line = signals("publish")
    assert (code, line) == (
        2,
        "signals: SIGNALS_PUBLISH_URL is empty: set it to s3://bucket/folder or file:///folder\n",
    )
    monkeypatch.setenv("SIGNALS_PUBLISH_URL", f"file://{tmp_path}/site")
    code, line = signals("publish")
    assert code == 0
    assert " pages, " in line
    assert (tmp_path / "site/index.html").is_file()
    assert ", 0 written, 0 deleted" in signals("publish")[1]
    assert ", 0 written" not in signals("publish", "--all")[1]


@pytest.mark.parametrize("url", ["s3://", "http://example.org/x", "file://host/x", "s3://key:secret@bucket/x", "/srv"])
def test_a_destination_that_is_none_is_refused_in_one_line(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_PUBLISH_URL", url)
    code, line = signals("publish")
    assert (code, line.count("\n")) == (2, 1)
    assert "SIGNALS_PUBLISH_URL" in line
    assert "use s3://bucket/folder or file:///folder" in line
    assert "secret" not in line
