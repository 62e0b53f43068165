"""Vendors on loopback: servers over real sockets that say what a test tells them to."""

import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from signals_pipeline.adapters.http_client.policy import RequestPolicy

QUICK = RequestPolicy(
    concurrency=8, min_interval=0.0, timeout=1.0, deadline=0.5, attempts=3, backoff=0.001, max_wait=0.3
)
JSON, XML = "application/json", "application/rss+xml; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """One answer; `cut` bytes of the announced body are never sent, `drip` seconds pass between two bytes.

    With `header_drip`, headers arrive byte by byte, so many seconds apart, and never end.
    """

    body: bytes = b""
    kind: str = JSON
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cut: int = 0
    drip: float = 0.0
    delay: float = 0.0
    header_drip: float = 0.0


@dataclass(frozen=True)
class Request:
    """What a server was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes


Answers = Callable[[Request], Reply] | Sequence[Reply]


@dataclass
class Vendor:
    """A server: answers by path (the last of a list is repeated), and the requests that it got."""

    origin: str = ""
    routes: dict[str, Answers] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    hung_up: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    served: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def asked(self, path: str) -> list[Request]:
        """The requests for a path."""
        return [request for request in self.requests if request.path == path]

    def reply(self, request: Request) -> Reply:
        with self.lock:
            self.requests.append(request)
            turn = self.served[request.path]
            self.served[request.path] += 1
        answers = self.routes.get(request.path)
        if answers is None:
            return Reply(b"", "text/plain", 404)
        return answers(request) if callable(answers) else answers[min(turn, len(answers) - 1)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, house: Vendor) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.house = house
        house.origin = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        assert isinstance(self.server, _Server)
        house = self.server.house
        with house.lock:
            house.at_once += 1
            house.most_at_once = max(house.most_at_once, house.at_once)
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        reply = house.reply(Request(self.command, parts.path, query, dict(self.headers.items()), content))
        house.over.wait(reply.delay)
        with house.lock:
            house.at_once -= 1
        if reply.header_drip:
            self._drip_headers(reply, house.over)
            return
        self.send_response(reply.status)
        kind = (("Content-Type", reply.kind),) if reply.kind else ()
        for name, value in (("Content-Length", str(len(reply.body))), *kind, *reply.headers):
            self.send_header(name, value)
        self.end_headers()
        self._send(reply, house.over)

    def _drip_headers(self, reply: Reply, over: threading.Event) -> None:
        self.close_connection = True
        pieces = chain([b"HTTP/1.1 200 OK\r\nX-Filler: "], repeat(b"a"))
        try:
            for piece in pieces:
                self.wfile.write(piece)
                if over.wait(reply.header_drip):
                    return
        except (BrokenPipeError, ConnectionResetError):  # the client has had enough
            house = cast("_Server", self.server).house
            house.hung_up.set()

    def _send(self, reply: Reply, over: threading.Event) -> None:
        body = reply.body[: len(reply.body) - reply.cut]
        pieces = [body[at : at + 1] for at in range(len(body))] if reply.drip else [body]
        self.close_connection = self.close_connection or bool(reply.cut)
        try:
            for piece in pieces:
                self.wfile.write(piece)
                if reply.drip and over.wait(reply.drip):
                    return
        except (BrokenPipeError, ConnectionResetError):  # the client has had enough
            self.close_connection = True

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep quiet."""


@contextmanager
def vendor() -> Iterator[Vendor]:
    """A server on an ephemeral port, ended with the block."""
    house = Vendor()
    server = _Server(house)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield house
    finally:
        house.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def stalled() -> Iterator[str]:
    """The address of a server that takes every connection and says nothing; at the end it hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"
