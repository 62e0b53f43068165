"""Channels on the command line: `signals send-test KIND:NAME`, and the address of a reader's feed."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.cli import main
from signals_pipeline_tests.support.channel_server import answer, channel_server
from signals_pipeline_tests.support.web_site import KEY

FILE = """
readers:
- {channel: desk, companies: [AAPL], least_score: 0.4}
channels:
  desk: {kind: slack, url: env:DESK_URL}
"""


@pytest.fixture(autouse=True)
def _deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "readers.yaml"
    path.write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNALS_READERS", str(path))
    monkeypatch.setenv("CHANNELS_PRIVATE_HOSTS", "127.0.0.1")
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path))


def signals(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a command."""
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_a_test_message_says_what_the_service_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with channel_server(answer(200, "ok")) as server:
        monkeypatch.setenv("DESK_URL", f"{server.origin}/services/SecretPath")
        assert signals("send-test", "slack:desk") == (0, "slack:desk: accepted the test message (HTTP 200)\n")
        assert "a test message" in server.posts[0].json["text"]
        server.answer = lambda _: answer(404, "no_service")
        code, line = signals("send-test", "slack:desk")
        assert (code, line.count("\n")) == (2, 1)
        assert "the test message was not sent: slack:desk replied HTTP 404: no_service" in line
    assert "no such channel" in signals("send-test", "slack:dusk")[1]
    monkeypatch.delenv("DESK_URL")
    assert "DESK_URL is not set" in signals("send-test", "slack:desk")[1]


def test_a_reader_has_a_feed_where_pages_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations.upgrade(f"sqlite:///{tmp_path / 'signals.db'}")
    assert "needs the pages of `signals web`" in signals("readers", "feed", "slack:desk")[1]
    monkeypatch.setenv("SIGNALS_BASE_URL", "https://signals.example.org")
    monkeypatch.setenv("SIGNALS_LINK_KEY", KEY)

    code, line = signals("readers", "feed", "slack:desk")
    assert code == 0
    assert line.startswith("https://signals.example.org/feeds/")
    assert "no such reader" in signals("readers", "feed", "ann@example.org")[1]
