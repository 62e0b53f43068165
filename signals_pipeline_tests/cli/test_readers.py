"""`signals readers` and `signals publish`: requests that come by hand, and pages published by hand."""

import json
from datetime import UTC, datetime
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
    assert signals("readers", "list") == (0, "nobody is unsubscribed\n")
    assert signals("readers", "unsubscribe", "Ann@example.org") == (0, "Ann@example.org: unsubscribed\n")
    assert signals("readers", "unsubscribe", "ann@example.org")[1] == "ann@example.org: was unsubscribed before\n"
    assert "ann@example.org" in signals("readers", "list")[1]
    code, line = signals("readers", "resubscribe", "ANN@example.org")
    assert (code, line) == (
        0,
        "ANN@example.org: gets mail again from the next digest on, once DIGEST_RECIPIENTS names it\n",
    )
    assert signals("readers", "resubscribe", "ann@example.org")[1] == "ann@example.org: was not unsubscribed\n"
    monkeypatch.setenv("DIGEST_RECIPIENTS", "ann@example.org")
    signals("readers", "unsubscribe", "ann@example.org")
    assert signals("readers", "resubscribe", "ann@example.org")[1].endswith("from the next digest on\n")


@pytest.mark.parametrize("command", ["unsubscribe", "resubscribe"])
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
