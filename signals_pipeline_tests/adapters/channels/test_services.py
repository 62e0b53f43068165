"""How each service's message is written: whole lines within its limit, and nothing that a headline could switch on."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.channels.configuration import parse_channels
from signals_pipeline.adapters.channels.connection import Limits
from signals_pipeline.adapters.channels.services import SERVICES
from signals_pipeline.adapters.channels.transport import MAX_WEBHOOK_BYTES, digest_content
from signals_pipeline.core.digest.chat import MAX_LINE, MAX_TITLE, ChatMessage
from signals_pipeline_tests.support.channel_server import entries
from signals_pipeline_tests.support.digest_pages import busy, everything

CHANNELS = parse_channels(
    entries("http://127.0.0.1:1"), lambda _: "", Limits(private_hosts=("127.0.0.1",)), warn_of_clear_text=False
).usable
CHAT = [recipient for recipient in CHANNELS if recipient != "webhook:w"]
PAGE = "https://signals.example.org/digests/1"
HOSTILE = "&<>\"'*_~`|[]()#\\@everyone <!channel> <@U1> é€😀"
LINES = st.lists(st.text(st.sampled_from(HOSTILE), min_size=1, max_size=MAX_LINE), max_size=120)


def text_of(recipient: str, body: bytes) -> str:
    """What the service shows, still marked up."""
    content = json.loads(body)
    if recipient == "teams:m":
        card = content["attachments"][0]["content"]
        actions = [action["title"] for action in card.get("actions", ())]
        return "\n".join([*(block["text"] for block in card["body"]), *actions])
    return str(content.get("text") or content.get("content") or content["message"])


def size_of(recipient: str, body: bytes) -> tuple[int, int]:
    """The size in the service's own measure, and its limit."""
    text = text_of(recipient, body)
    return {
        "slack:s": (len(text), 40_000),
        "telegram:t": (len(text.encode("utf-16-le")) // 2, 4096),
        "discord:d": (len(text), 2000),
        "teams:m": (len(body), 28_000),
        "ntfy:n": (len(text.encode()), 4096),
    }[recipient]


@pytest.mark.parametrize("recipient", CHAT)
@given(title=st.text(st.sampled_from(HOSTILE), min_size=1, max_size=MAX_TITLE), lines=LINES)
@settings(max_examples=25)
def test_a_message_is_within_the_limit_at_whole_lines(recipient: str, title: str, lines: list[str]) -> None:
    channel = CHANNELS[recipient]
    message = ChatMessage(title, "Mon 2 Mar", tuple(lines), PAGE)

    body = SERVICES[channel.kind].body(channel, message)

    size, limit = size_of(recipient, body)
    assert size <= limit
    left_out = re.search(r"and (\d+) more", text_of(recipient, body))
    kept = len(lines) - int(left_out[1]) if left_out else len(lines)
    assert body == SERVICES[channel.kind].body(channel, message.first_lines(kept)) or not left_out
    if left_out:
        written = text_of(recipient, body).split("\n")
        heads = 2 if recipient == "ntfy:n" else 3  # ntfy's title has a field of its own
        assert len(written) == kept + heads


@pytest.mark.parametrize("recipient", CHAT)
def test_markup_and_mentions_of_a_headline_are_text(recipient: str) -> None:
    channel = CHANNELS[recipient]
    body = SERVICES[channel.kind].body(channel, ChatMessage("T", "", ("a <b>*x*</b> & <!channel> @everyone",), ""))
    content: Any = json.loads(body)

    expected = {
        "slack:s": "a &lt;b&gt;*x*&lt;/b&gt; &amp; &lt;!channel&gt; @everyone",
        "telegram:t": "a &lt;b&gt;*x*&lt;/b&gt; &amp; &lt;!channel&gt; @everyone",
        "discord:d": r"a \<b\>\*x\*\</b\> & \<!channel\> \@everyone",
        "teams:m": r"a <b>\*x\*</b> & <!channel> @everyone",
        "ntfy:n": "a <b>*x*</b> & <!channel> @everyone",
    }
    assert text_of(recipient, body).split("\n")[-1] == expected[recipient]
    if recipient == "discord:d":
        assert content["allowed_mentions"] == {"parse": []}
    if recipient == "telegram:t":
        assert (content["parse_mode"], content["chat_id"]) == ("HTML", "@desk")
    if recipient == "ntfy:n":
        assert (content["topic"], content["title"]) == ("SecretTopic", "T")


def test_a_busy_day_leads_to_the_page() -> None:
    digest = busy(60)
    for recipient in CHAT:
        text = text_of(recipient, digest_content(CHANNELS[recipient], digest, PAGE))
        if recipient in ("discord:d", "telegram:t", "ntfy:n"):
            assert re.search(r"and \d+ more", text)
        else:
            assert text.count("SELL") + text.count("BUY") >= 60


def test_a_webhook_says_what_it_left_out() -> None:
    body = digest_content(CHANNELS["webhook:w"], busy(60), PAGE)
    content = json.loads(body)

    assert len(body) <= MAX_WEBHOOK_BYTES
    assert (content["type"], content["version"], content["data"]["page"]) == ("digest.published", 1, PAGE)
    assert len(content["data"]["signals"]) + content["data"]["left_out"] == 60
    assert content["data"]["left_out"] > 0
    small = json.loads(digest_content(CHANNELS["webhook:w"], replace(everything(), notes=()), ""))["data"]
    assert [each["section"] for each in small["signals"]] == ["new", "changed", "from_missed"]
    assert small["left_out"] == 0
