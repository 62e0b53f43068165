"""A client that abuses its connection is refused or cut off, and the others are answered meanwhile."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from signals_pipeline.web import server
from signals_pipeline.web.connections import ConnectionLimits
from signals_pipeline_tests.support.raw_http import (
    GET,
    OTHER,
    connected,
    drip,
    exchange,
    get,
    read_all,
    send_while_open,
    statuses,
)
from signals_pipeline_tests.support.web_server import served

LIMITS = ConnectionLimits(
    request_seconds=1, idle_seconds=1, response_seconds=1, linger_seconds=0.1, connections=40, unread_bytes=1 << 20
)
HOST = b" HTTP/1.1\r\nHost: site.example\r\n"
POST = b"POST /unsubscribe/x" + HOST


@pytest.fixture(scope="module")
def port(filled_url: str) -> Iterator[int]:
    """The port of a site whose time-outs are a second."""
    with served(filled_url, LIMITS) as address:
        found = urlsplit(address).port
        assert found is not None
        yield found


@pytest.fixture(autouse=True)
def others_are_answered(port: int) -> Iterator[None]:
    """Whatever a test does, another client is answered after it."""
    yield
    status, _, body = get(port)
    assert (status, body[:1]) == (200, b"{")


# What is sent at once, and the status of each response; some may be answered in one of two ways.
REQUESTS: dict[str, tuple[Any, ...]] = {
    "a long query": (b"GET /?before=" + b"9" * 40_000 + HOST + b"\r\n", [400]),
    "a query that nobody reads": (b"GET /healthz?" + b"9" * 10_000 + HOST + b"Connection: close\r\n\r\n", [200]),
    "ten thousand headers": (b"GET /" + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(10_000)) + b"\r\n", [400]),
    "an absurd method": (b"BREW /" + HOST + b"Connection: close\r\n\r\n", [405]),
    "CONNECT": (b"CONNECT site.example:443" + HOST + b"Connection: close\r\n\r\n", [404]),
    "no HTTP": (b"\x00\xff\r\n\r\n", [400]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500 + b"\r\n\r\n", [400]),
    "HTTP/0.9": (b"GET /\r\n\r\n", [400]),
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", [200]),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [404, 400]),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", [400]),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", [400]),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", [400]),
    "an unknown encoding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", [400]),
    "a folded header": (b"GET /healthz" + HOST + b"X-Long: 1\r\n 2\r\nConnection: close\r\n\r\n", [200]),
    "a large body": (POST + b"Content-Length: 1000000\r\n\r\n", [413]),
    "a large body that is announced": (POST + b"Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n", [413]),
    "a body that is announced": (POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", [403]),
    "a body that never comes": (POST + b"Content-Length: 5\r\n\r\n", [403]),
    # Both refuse it, the server and the application: the one that is first.
    "a malformed chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", [400], [403]),
    "garbage after a request": (GET + b"\x00\x01garbage\r\n\r\n", [200, 400]),
    "a WebSocket": (GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n", [200]),
    "HTTP/2 without TLS": (GET[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", [200]),
    "nothing": (b"", []),
    "half a request": (GET[:-2], [408]),
    # The time-out between two requests may be over before that of a request.
    "a request and a half": (GET + GET[:-2], [200], [200, 408]),
    "a thousand requests": (GET * 1000, [200] * 1000),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_each_request_has_its_response_and_its_connection_an_end(port: int, kind: str) -> None:
    request, *expected = REQUESTS[kind]

    assert statuses(exchange(port, request)) in expected


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"GET /" + HOST + b"X-Long: ", b"x" * 65_536),
        (b"GET /" + HOST, b"X-Header: 1\r\n" * 1000),
        (b"GET /", b"x" * 65_536),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1000", b";x=" + b"y" * 4096),
        (b"\r\n", b"\r\n" * 1000),
    ],
)
def test_a_request_without_end_is_cut_off(port: int, beginning: bytes, piece: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(beginning)
        send_while_open(connection, piece)
        # What is left is a refusal, or nothing where the system of the client has dropped it.
        answered = statuses(read_all(connection))
    assert answered in ([], [400], [403], [403, 400])


@pytest.mark.parametrize(
    ("beginning", "byte", "status"),
    [
        (b"GET /" + HOST + b"X-Slow: ", b"x", 408),
        (b"", b"G", 408),
        (POST + b"Content-Length: 10000\r\n\r\n", b"x", 403),
    ],
)
def test_a_request_that_comes_byte_by_byte_is_cut_off(port: int, beginning: bytes, byte: bytes, status: int) -> None:
    with connected(port) as connection:
        connection.sendall(beginning)
        answer = drip(connection, byte)
        while piece := drip(connection, byte):
            answer += piece
    assert statuses(answer) in ([], [status])


def test_responses_that_nobody_reads_are_given_up(port: int) -> None:
    with connected(port, receive_buffer=4096) as connection:
        # The server reads no further request while responses wait, and in the end closes the connection.
        sent = send_while_open(connection, GET * 100)
    assert sent < 20_000_000


def test_too_many_unread_bytes_are_given_up_before_their_time(filled_url: str) -> None:
    limits = ConnectionLimits(response_seconds=3600, unread_bytes=10_000)
    with served(filled_url, limits) as address:
        port = urlsplit(address).port or 0
        with connected(port, receive_buffer=4096) as connection:
            assert send_while_open(connection, GET * 100) < 20_000_000
        assert get(port)[0] == 200


def test_connections_above_their_number_take_the_place_of_the_same_clients_oldest(port: int) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(connected(port, OTHER))
        idle = [stack.enter_context(connected(port)) for _ in range(200)]

        # The other client's connection is the oldest of all and stays.
        other.sendall(GET)
        assert other.recv(12) == b"HTTP/1.1 200"
        # So does the newest of the client with too many, and a new client finds room.
        idle[-1].sendall(GET)
        assert idle[-1].recv(12) == b"HTTP/1.1 200"
        assert get(port, address="127.0.0.3")[0] == 200
        assert read_all(idle[0]) == b""


def test_limits_of_the_process_leave_files_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))

    def connections(soft: int, hard: int) -> int:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
        return server.limits_of_process().connections

    assert connections(256, 256) == 156
    assert connections(1024, 20_000) == 1000
    assert connections(20_000, 20_000) == 1000
    assert connections(resource.RLIM_INFINITY, resource.RLIM_INFINITY) == 1000
    assert connections(256, resource.RLIM_INFINITY) == 1000
    assert raised == [(256, 256), (1100, 20_000), (1100, resource.RLIM_INFINITY)]
