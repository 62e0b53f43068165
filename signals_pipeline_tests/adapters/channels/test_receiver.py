"""The page about channels: the receiver that it shows takes what is genuine, once; its tables are the code's."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest
import yaml

from signals_pipeline.adapters.channels.channel import Channel
from signals_pipeline.adapters.channels.configuration import parse_channels
from signals_pipeline.adapters.channels.connection import Limits
from signals_pipeline.adapters.channels.payload import WebhookCorrection, WebhookDigest, WebhookSignal
from signals_pipeline.adapters.channels.transport import ChannelTransport, digest_content, trial_content
from signals_pipeline.adapters.readers import load_readers
from signals_pipeline.core.digest.channels import ChannelKind
from signals_pipeline.core.digest.delivery import NotSent
from signals_pipeline_tests.support.channel_server import SECRET
from signals_pipeline_tests.support.digest_pages import everything

GUIDE = (Path(__file__).parents[3] / "docs" / "channels.md").read_text(encoding="utf-8")
LOCAL = Limits(private_hosts=("127.0.0.1",))


def block(language: str) -> str:
    """The page's first block of code in a language."""
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1]


@contextmanager
def receiver(folder: Path) -> Iterator[tuple[int, IO[str]]]:
    """The page's receiver as a process: its port, and what it prints."""
    path = folder / "receiver.py"
    path.write_text(block("python"), encoding="utf-8")
    variables = {**os.environ, "WEBHOOK_SECRET": SECRET}
    command = [sys.executable, str(path), "0"]
    quiet = subprocess.DEVNULL  # it logs every request there
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().rpartition(" ")[2]), process.stdout
        finally:
            process.terminate()


def test_the_receiver_takes_what_is_genuine_once_and_nothing_else(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with receiver(tmp_path) as (port, printed):
        channel = Channel(ChannelKind.WEBHOOK, "w", f"http://127.0.0.1:{port}/", SECRET)
        body = digest_content(channel, everything(), "")
        sender = ChannelTransport(channel, "msg_1_a", now, LOCAL)

        def post(transport: ChannelTransport, content: bytes = body) -> str:
            with transport.offer() as conversation:
                return conversation.hand_over(content)

        assert post(sender) == "HTTP 204"
        assert printed.readline() == "digest.published ['AAA', 'BBB', 'CCC']\n"
        assert post(sender) == "HTTP 204"  # the same message again

        other = replace(channel, secret=f"whsec_{'QUJD' * 8}")
        both = replace(channel, secret=f"whsec_{'QUJD' * 8} {SECRET}")
        old = now - timedelta(minutes=6)
        for forged in (replace(sender, channel=other), replace(sender, sent_at=old, message_id="msg_2_a")):
            with pytest.raises(NotSent, match="HTTP 401"):
                post(forged)
        assert post(replace(sender, channel=both, message_id="msg_3_a"), trial_content(channel, now)) == "HTTP 204"
        # The second of the same message and the forged ones printed nothing.
        assert printed.readline() == "test []\n"


def test_the_pages_example_is_a_readers_file_with_a_channel_of_each_kind(tmp_path: Path) -> None:
    path = tmp_path / "readers.yaml"
    path.write_text(block("yaml"), encoding="utf-8")
    file = load_readers(str(path))
    secrets = {"TRADER_SECRET": SECRET, "TELEGRAM_TOKEN": "1:a", "NTFY_TOKEN": "tk_1"}
    found = parse_channels(
        file.channels, lambda name: secrets.get(name, "https://example.org/x"), Limits(), warn_of_clear_text=True
    )

    assert (file.problems, found.problems, found.warnings) == ((), {}, ())
    assert {channel.kind for channel in found.usable.values()} == set(ChannelKind)
    assert [reader.recipient for reader in file.readers] == ["slack:desk", "telegram:alerts"]
    assert set(yaml.safe_load(block("yaml"))) == {"readers", "channels"}


def test_the_page_names_every_field_of_a_webhook() -> None:
    for model in (WebhookDigest, WebhookSignal, WebhookCorrection):
        for name in model.model_fields:
            assert f"`{name}`" in GUIDE, name
