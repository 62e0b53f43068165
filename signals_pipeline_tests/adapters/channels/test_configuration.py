"""Channels of a file: one mistake is one line and stops one channel; addresses come from the environment."""

from typing import Any

import pytest

from signals_pipeline.adapters.channels.configuration import Channels, parse_channels
from signals_pipeline.adapters.channels.connection import Limits
from signals_pipeline.core.digest.delivery import NotSent
from signals_pipeline_tests.support.channel_server import SECRET, TOKEN

URL = "https://hooks.slack.com/services/T0/B0/SecretPart"
ENVIRONMENT = {"DESK_URL": URL, "HOOK": SECRET, "BOT": TOKEN, "EMPTY": " ", "BAD": "ht tp://SecretPart"}
GOOD: dict[str, Any] = {"kind": "slack", "url": "env:DESK_URL"}


def parsed(*, warn: bool = False, hosts: tuple[str, ...] = (), **raw: dict[str, Any]) -> Channels:
    """The channels of these entries."""
    limits = Limits(private_hosts=hosts)
    return parse_channels(raw, lambda name: ENVIRONMENT.get(name, ""), limits, warn_of_clear_text=warn)


def test_each_kind_is_read_and_a_variable_gives_its_value() -> None:
    found = parsed(
        desk=GOOD,
        bot={"kind": "telegram", "secret": "env:BOT", "chat": "-100123"},
        hook={"kind": "webhook", "url": "https://example.org/hook", "secret": "env:HOOK"},
        push={"kind": "ntfy", "url": "https://ntfy.sh/topic"},
    )

    assert found.problems == {}
    assert found.channel("slack:desk").url == URL
    assert found.channel("telegram:bot").url == "https://api.telegram.org"
    assert (found.channel("webhook:hook").secret, found.channel("ntfy:push").secret) == (SECRET, "")


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"url": URL}, "unknown kind 'None'; use slack, telegram, discord, teams, ntfy, webhook"),
        ({"kind": "irc", "url": URL}, "unknown kind 'irc'"),
        ({**GOOD, "token": "SecretPart"}, "unknown key 'token'; use kind, url, secret, chat"),
        ({"kind": "slack"}, "slack needs `url`; write `url: env:NAME`"),
        ({"kind": "telegram", "secret": "env:BOT"}, "telegram needs `chat`"),
        ({"kind": "webhook", "url": "https://example.org"}, "webhook needs `secret`"),
        ({"kind": "slack", "url": None}, "`url` has no text"),
        ({"kind": "slack", "url": ["SecretPart"]}, "`url` has no text"),
        ({"kind": "slack", "url": "env:DESK_UR"}, "DESK_UR is not set"),
        ({"kind": "slack", "url": "env:EMPTY"}, "EMPTY is not set"),
        ({"kind": "slack", "url": "env:A B"}, "`url` names no variable"),
        ({"kind": "slack", "url": "env:BAD"}, "its url can't be read"),
        ({"kind": "slack", "url": "https://[SecretPart"}, "its url can't be read"),
        ({"kind": "slack", "url": "https://example.org:0/SecretPart"}, "its url can't be read"),
        ({"kind": "slack", "url": "https:///SecretPart"}, "its url can't be read"),
        ({"kind": "slack", "url": "https://desk:SecretPart@example.org/"}, "its url has a user or a fragment"),
        ({"kind": "slack", "url": "https://example.org/#SecretPart"}, "its url has a user or a fragment"),
        ({"kind": "slack", "url": "http://example.org/SecretPart"}, "its url is not https"),
        ({"kind": "slack", "url": "ftp://example.org/SecretPart"}, "its url is not https"),
        ({"kind": "ntfy", "url": "https://ntfy.sh/"}, "its url has no topic"),
        ({"kind": "webhook", "url": "https://example.org", "secret": "SecretPart"}, "a webhook's secret begins with"),
        ({"kind": "ntfy", "url": "https://ntfy.sh/x", "secret": "Secret Part"}, "its secret has a blank"),
        ({"kind": "telegram", "chat": "1", "secret": "a\r\nSecretPart"}, "its secret has a blank"),
    ],
)
def test_a_mistake_is_one_line_and_stops_one_channel(entry: dict[str, Any], line: str) -> None:
    found = parsed(wrong=entry, desk=GOOD)

    (problem,) = found.problems.values()
    assert problem.startswith("channel wrong: ")
    assert line in problem
    assert "\n" not in problem
    assert "SecretPart" not in problem
    assert found.channel("slack:desk").url == URL
    with pytest.raises(NotSent, match="channel wrong: ") as raised:
        found.channel(f"{entry.get('kind')}:wrong")
    assert not raised.value.permanent


def test_a_channel_that_no_file_has_says_where_to_add_it() -> None:
    with pytest.raises(NotSent, match="slack:gone: no such channel; add it to the channels of SIGNALS_READERS"):
        parsed(desk=GOOD).channel("slack:gone")
    with pytest.raises(NotSent, match=r"readers\.yaml: does not exist"):
        Channels(unread="readers.yaml: does not exist").channel("slack:desk")


def test_a_server_of_ones_own_network_is_named() -> None:
    entry = {"kind": "webhook", "url": "http://10.0.0.5:8080/hook", "secret": "env:HOOK"}

    assert parsed(hook=entry).problems
    assert parsed(hook=entry, hosts=("10.0.0.5:8081",)).problems
    assert not parsed(hook=entry, hosts=("10.0.0.5:8080",)).problems
    assert not parsed(hook=entry, hosts=("10.0.0.5",)).problems


def test_a_secret_in_the_file_is_a_warning_in_production() -> None:
    clear = {"kind": "slack", "url": URL}
    hook = {"kind": "webhook", "url": "https://example.org/hook", "secret": "env:HOOK"}

    assert parsed(desk=clear).warnings == ()
    assert parsed(desk=clear, hook=hook, warn=True).warnings == (
        "channel desk: its url stands in the file; write `url: env:NAME` and set NAME",
    )
    assert parsed(desk=GOOD, hook={**hook, "secret": SECRET}, warn=True).warnings == (
        "channel hook: its secret stands in the file; write `secret: env:NAME` and set NAME",
    )
