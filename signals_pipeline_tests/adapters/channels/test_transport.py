"""Messages to real local servers: every documented answer of each service, breaks, and servers that are refused."""

import json
import socket
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from signals_pipeline.adapters.channels.channel import Channel
from signals_pipeline.adapters.channels.configuration import Channels, parse_channels
from signals_pipeline.adapters.channels.connection import Limits
from signals_pipeline.adapters.channels.transport import digest_content, failure_content, trial_content
from signals_pipeline.core.digest.channels import ChannelKind
from signals_pipeline.core.digest.delivery import NotSent, SendOutcome, Sent, Unanswered
from signals_pipeline_tests.support.channel_server import (
    ACCEPTED,
    DROP,
    RECIPIENTS,
    SECRET,
    STALL,
    TOKEN,
    answer,
    channel_server,
    entries,
)
from signals_pipeline_tests.support.digest_pages import NOW, everything

AT = datetime(2026, 3, 2, 13, 31, tzinfo=UTC)
LOCAL = Limits(private_hosts=("127.0.0.1", "localhost"), connect_seconds=5, reply_seconds=5)
PAGE = "https://signals.example.org/digests/2024-01-10-17:30"
DIGEST = everything()
PLANTED = ("XXXXXXXX", "SecretT", "SecretS", TOKEN, SECRET, "tk_")


def channels(origin: str, limits: Limits = LOCAL) -> Channels:
    """A channel of each kind at this server."""
    return parse_channels(entries(origin), lambda _: "", limits, warn_of_clear_text=False)


def send(origin: str, recipient: str, limits: Limits = LOCAL) -> SendOutcome:
    """What becomes of one digest to a channel."""
    known = channels(origin, limits)
    channel = known.channel(recipient)
    body = digest_content(channel, DIGEST, PAGE)
    try:
        with known.transport(channel, "msg_1_abc", AT).offer() as conversation:
            return Sent(conversation.hand_over(body))
    except (NotSent, Unanswered) as problem:
        return problem


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_a_message_that_a_service_accepts_is_sent_once_under_the_services_name(recipient: str) -> None:
    with channel_server(ACCEPTED[recipient]) as server:
        outcome = send(server.origin, recipient)

    names = {"slack:s": "HTTP 200", "telegram:t": "77", "discord:d": "88", "teams:m": "99", "ntfy:n": "aBc"}
    assert outcome == Sent(names.get(recipient, "HTTP 204"))
    (post,) = server.posts
    assert post.headers["content-type"] == "application/json; charset=utf-8"
    assert post.headers["host"] == f"127.0.0.1:{server.port}"
    targets = {
        "telegram:t": f"/bot{TOKEN}/sendMessage",
        "discord:d": "/api/webhooks/1234567890/SecretTokenOfDiscord?wait=true",
        "ntfy:n": "/",
        "webhook:w": "/hooks/signals",
    }
    assert post.target == targets.get(recipient, post.target)
    text = json.dumps(post.json, ensure_ascii=False)
    assert all(words in text for words in ("AAA", "BBB", PAGE))


@pytest.mark.parametrize(
    ("recipient", "reply", "seconds"),
    [
        ("slack:s", answer(429, "rate_limited", Retry_After="30"), 30),
        ("telegram:t", answer(429, {"ok": False, "error_code": 429, "parameters": {"retry_after": 35}}), 35),
        ("discord:d", answer(429, {"message": "limited", "retry_after": 64.57, "global": False}), 64.57),
        ("discord:d", answer(429, {"retry_after": 64.57}, Retry_After="65"), 65),
        ("teams:m", answer(429, "too many", Retry_After="7"), 7),
        ("ntfy:n", answer(429, {"code": 42901, "http": 429, "error": "limit reached"}), None),
        ("webhook:w", answer(503, "", Retry_After="120"), 120),
        ("webhook:w", answer(429, "", Retry_After="Mon, 01 Jan 2001 00:00:00 GMT"), 0),
        ("webhook:w", answer(429, {"retry_after": "soon", "parameters": [1]}), None),
        ("webhook:w", answer(429, '{"retry_after": NaN}'), None),
        ("webhook:w", answer(429, {"retry_after": True}, Retry_After="x"), None),
        ("webhook:w", answer(408), None),
        ("webhook:w", answer(425), None),
    ],
)
def test_a_service_that_asks_to_wait_gets_its_pause(recipient: str, reply: bytes, seconds: float | None) -> None:
    with channel_server(reply) as server:
        outcome = send(server.origin, recipient)

    assert isinstance(outcome, NotSent)
    assert not outcome.permanent
    assert outcome.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("recipient", RECIPIENTS)
@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 410, 413, 422])
def test_a_refusal_is_final_and_no_redirect_is_followed(recipient: str, status: int) -> None:
    with channel_server(answer(200)) as elsewhere, channel_server(b"") as server:
        server.answer = lambda _: answer(status, f"channel_not_found at {elsewhere.origin}", Location=elsewhere.origin)
        outcome = send(server.origin, recipient)

    assert isinstance(outcome, NotSent)
    assert outcome.permanent
    assert f"{recipient} replied HTTP {status}" in str(outcome)
    assert ("channel_not_found" in str(outcome)) is (status >= 400)
    assert (len(server.posts), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize("status", [500, 501, 502, 504])
def test_after_a_servers_error_nobody_knows(status: int) -> None:
    with channel_server(answer(status, "rollup_error")) as server:
        outcome = send(server.origin, "slack:s")

    assert isinstance(outcome, Unanswered)
    assert "rollup_error" in str(outcome)


@pytest.mark.parametrize("recipient", RECIPIENTS)
@pytest.mark.parametrize("reply", [DROP, STALL, b"HTTP/1.1", b"not HTTP\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"])
def test_a_break_after_the_message_was_sent_is_unknown(recipient: str, reply: bytes) -> None:
    with channel_server(reply) as server:
        outcome = send(server.origin, recipient, replace(LOCAL, reply_seconds=0.2))

    assert isinstance(outcome, Unanswered)
    assert len(server.posts) == 1


def test_a_reply_whose_body_breaks_off_has_been_given_all_the_same() -> None:
    cut = answer(200, "ok").replace(b"Content-Length: 2", b"Content-Length: 200")
    with channel_server(cut) as server:
        assert isinstance(send(server.origin, "slack:s"), Sent)


def test_nobody_listens_and_a_silent_listener_leave_the_message_unsent() -> None:
    with channel_server(b"") as server:
        gone = server.origin
    outcome = send(gone, "slack:s")
    assert isinstance(outcome, NotSent)
    assert not outcome.permanent
    # A listener that waits for plain HTTP while it is to speak TLS.
    with channel_server(b"") as server:
        limits = replace(LOCAL, connect_seconds=0.2)
        outcome = send(server.origin.replace("http", "https"), "slack:s", limits)
    assert isinstance(outcome, NotSent)
    assert "slack:s: no connection" in str(outcome)
    assert not outcome.permanent


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_no_error_repeats_an_address_or_a_secret_that_a_server_echoes(recipient: str) -> None:
    def echo(post: Any) -> bytes:
        headers = " ".join(f"{name}: {value}" for name, value in post.headers.items())
        return answer(400, f"bad request {post.target} {headers} {post.body.decode()[:50]}")

    with channel_server(echo) as server:
        refused = send(server.origin, recipient)
        server.answer = lambda post: answer(200, {"id": post.target, "result": {"message_id": post.target}})
        accepted = send(server.origin, recipient)
    lost = send(server.origin, recipient)

    for outcome in (refused, accepted, lost):
        line = outcome.provider_id if isinstance(outcome, Sent) else str(outcome)
        assert not [secret for secret in PLANTED if secret in line]
        assert "\n" not in line
        assert len(line) < 400
    assert PLANTED[0] not in repr(channels(server.origin))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0",  # noqa: S104 - an address to connect to
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]",
        "224.0.0.1", "[64:ff9b::7f00:1]",
    ],
)  # fmt: skip
def test_no_request_reaches_an_address_that_is_not_public(host: str) -> None:
    with channel_server(answer(200)) as server:
        known = Channels()
        channel = Channel(ChannelKind.WEBHOOK, "w", f"https://{host}:{server.port}/SecretPath", SECRET)
        with (
            pytest.raises(NotSent, match="webhook:w: refused, its server has the address") as raised,
            known.transport(channel, "m", AT).offer(),
        ):
            pass
    assert raised.value.permanent
    assert "SecretPath" not in str(raised.value)
    assert server.connections == 0


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to a public address first and to a private one later gains nothing."""
    real = socket.getaddrinfo
    asked: list[str] = []

    def rebinding(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "rebind.example":
            return real(host, *arguments, **options)
        asked.append(host)
        address = "192.0.2.1" if len(asked) > 1 else "127.0.0.1"
        return real(address, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with channel_server(answer(200)) as server:
        limits = replace(LOCAL, private_hosts=(f"rebind.example:{server.port}",))
        outcome = send(f"http://rebind.example:{server.port}", "slack:s", limits)
    assert isinstance(outcome, Sent)
    assert asked == ["rebind.example"]


def test_certificates_are_checked() -> None:
    authority = trustme.CA()
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(serving)
    trusted = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())

    with channel_server(answer(200, "ok"), certificate=serving) as server:
        origin = f"https://localhost:{server.port}"
        assert isinstance(send(origin, "slack:s", replace(LOCAL, context=trusted)), Sent)
        stranger = send(origin, "slack:s")
        elsewhere = send(origin.replace("localhost", "127.0.0.1"), "slack:s", replace(LOCAL, context=trusted))
    for outcome in (stranger, elsewhere):
        assert isinstance(outcome, NotSent)
        assert "no secure connection" in str(outcome)
        assert not outcome.permanent
    assert len(server.posts) == 1


@pytest.mark.parametrize("recipient", RECIPIENTS)
def test_failed_windows_and_tests_are_messages_too(recipient: str) -> None:
    channel = channels("http://127.0.0.1:1").channel(recipient)
    failed = json.loads(failure_content(channel, NOW, "the feeds <failed>\n\u202eand @everyone"))
    trial = json.loads(trial_content(channel, AT))

    assert "no digest" in json.dumps(failed) or failed["type"] == "digest.failed"
    assert "\u202e" not in json.dumps(failed, ensure_ascii=False)
    assert "reach you" in json.dumps(trial)
