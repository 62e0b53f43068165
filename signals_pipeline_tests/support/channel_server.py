"""A service on loopback that takes messages over real sockets, and answers, drops or stalls where a test says."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

STALL = b"stall"
"""In place of an answer: the server stays silent."""

DROP = b"drop"
"""In place of an answer: the server ends the connection with a reset."""

PLACES = ("accepted", "headers", "body", "answered")
"""What a server sees of a request, in order: its connection, its headers, its body; and that it has answered."""


def answer(status: int, body: str | Mapping[str, object] = "", **headers: str) -> bytes:
    """An HTTP response; underscores in names of headers stand for hyphens."""
    content = (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + content


@dataclass(frozen=True)
class Post:
    """A request whose whole body arrived."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answers = Callable[[Post], bytes]


@dataclass
class ChannelServer:
    """The server, and what arrived.

    Attributes:
        origin: Its address.
        answer: Makes the answer to a request.
        drops: At which places it ends the connection instead of going on.
        hook: Called at each place.
        posts: Requests whose whole body arrived.
        connections: How many were made.
        certificate: It speaks TLS with this certificate; None: plain HTTP.
    """

    answer: Answers
    drops: tuple[str, ...] = ()
    hook: Callable[[str], None] = lambda _: None
    origin: str = ""
    posts: list[Post] = field(default_factory=list)
    connections: int = 0
    certificate: ssl.SSLContext | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    def serve(self, connection: socket.socket) -> None:
        """Handle one connection; a client that is killed breaks it off."""
        self.connections += 1
        with connection, suppress(OSError):
            if self.certificate is None:
                self._converse(connection)
                return
            with self.certificate.wrap_socket(connection, server_side=True) as secure:
                self._converse(secure)

    def _converse(self, connection: socket.socket) -> None:
        if self._passes("accepted", connection) and (head := self._until_blank_line(connection)):
            self._handle(connection, *head)

    def _handle(self, connection: socket.socket, head: bytes, rest: bytes) -> None:
        if not self._passes("headers", connection):
            return
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(rest) < length:
            if not (chunk := connection.recv(65_536)):
                return
            rest += chunk
        post = Post(first.split(" ")[1], headers, rest)
        self.posts.append(post)
        if not self._passes("body", connection):
            return
        reply = self.answer(post)
        if reply == STALL:
            self.over.wait()
        elif reply == DROP:
            _reset(connection)
        else:
            connection.sendall(reply)
            self._passes("answered", connection)

    @staticmethod
    def _until_blank_line(connection: socket.socket) -> tuple[bytes, bytes] | None:
        got = b""
        while b"\r\n\r\n" not in got:
            if not (chunk := connection.recv(65_536)):
                return None
            got += chunk
        head, _, rest = got.partition(b"\r\n\r\n")
        return head, rest

    def _passes(self, place: str, connection: socket.socket) -> bool:
        self.hook(place)
        if place in self.drops:
            _reset(connection)
            return False
        return True


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def channel_server(reply: bytes | Answers, **options: Any) -> Iterator[ChannelServer]:
    """A server that answers so, on a port of its own, until the end of the block."""
    server = ChannelServer(reply if callable(reply) else lambda _: reply, **options)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.origin = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:  # closed at the end of the block
                    return
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the specification's example
TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"  # noqa: S105 - of Telegram's documentation


def entries(origin: str) -> dict[str, dict[str, object]]:
    """One channel of each kind at a server, as a file of readers has them; the paths are those of the services."""
    return {
        "s": {"kind": "slack", "url": f"{origin}/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"},
        "t": {"kind": "telegram", "url": origin, "secret": TOKEN, "chat": "@desk"},
        "d": {"kind": "discord", "url": f"{origin}/api/webhooks/1234567890/SecretTokenOfDiscord"},
        "m": {"kind": "teams", "url": f"{origin}/workflows/a1b2c3d4/triggers/manual/paths/invoke?sig=SecretSignature"},
        "n": {"kind": "ntfy", "url": f"{origin}/SecretTopic", "secret": "tk_SecretToken"},
        "w": {"kind": "webhook", "url": f"{origin}/hooks/signals", "secret": SECRET},
    }


RECIPIENTS = ("slack:s", "telegram:t", "discord:d", "teams:m", "ntfy:n", "webhook:w")
# What a service replies where it accepts a message.
ACCEPTED = {
    "slack:s": answer(200, "ok"),
    "telegram:t": answer(200, {"ok": True, "result": {"message_id": 77}}),
    "discord:d": answer(200, {"id": "88", "type": 0}),
    "teams:m": answer(202, "", x_ms_workflow_run_id="99"),
    "ntfy:n": answer(200, {"id": "aBc", "event": "message"}),
    "webhook:w": answer(204),
}
