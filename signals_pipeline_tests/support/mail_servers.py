"""Mail servers on loopback: one that takes mail (STARTTLS, log-in, refusals), and one that misbehaves as it is told."""

import asyncio
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "desk", "correct horse battery staple"
CA = trustme.CA()
AUTHORITY = CA.cert_pem.bytes().decode()
DROP, STALL = b"drop", b"stall"


def client_context() -> ssl.SSLContext:
    """Trusts the certificates of these servers and no others."""
    context = ssl.create_default_context()
    CA.configure_trust(context)
    return context


def server_context() -> ssl.SSLContext:
    """With a certificate for localhost."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CA.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@dataclass
class Inbox:
    """What a server took, by recipient; `hooks` are called with each event's name before the server answers it."""

    refused: Mapping[str, str] = field(default_factory=dict)
    hook: Callable[[str], None] = lambda _event: None
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    logged_in: list[str] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd finds handlers by name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.hook("MAIL")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.hook("RCPT")
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.hook("content")
        content = envelope.original_content or b""
        self.taken += [(each, content) for each in envelope.rcpt_tos]
        self.hook("taken")
        return f"250 queued as {len(self.taken)}"

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, given: Any) -> AuthResult:
        known = isinstance(given, LoginPassword) and (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        if known:
            self.logged_in.append(USER)
        return AuthResult(success=known, handled=False)

    @property
    def recipients(self) -> list[str]:
        """Who got a mail, once a copy."""
        return sorted(each for each, _ in self.taken)

    def message(self, place: int = 0) -> EmailMessage:
        """A mail as its recipient's program reads it."""
        return message_from_bytes(self.taken[place][1], policy=policy.default)


class _Smtp(SMTP):
    """Tells the inbox's hook of DATA, too, for which handlers have no method."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        self.event_handler.hook("DATA")
        await super().smtp_DATA(arg)


class _Server(Controller):
    """On a port that the system chooses; bound before it starts, so that nobody else gets it."""

    def __init__(self, inbox: Inbox, **options: Any) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        port = self.listening.getsockname()[1]
        super().__init__(inbox, hostname="127.0.0.1", port=port, **options)

    def factory(self) -> SMTP:
        return _Smtp(self.handler, **self.SMTP_kwargs)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self.listening, ssl=self.ssl_context)


@contextmanager
def mail_server(inbox: Inbox, *, tls: str = "none", login: bool = False) -> Iterator[int]:
    """A server that takes mail until the end of the block; its port."""
    options: dict[str, Any] = {"loop": asyncio.new_event_loop()}
    if tls == "starttls":
        options |= {"tls_context": server_context(), "require_starttls": True}
    if tls == "tls":
        options["ssl_context"] = server_context()
    if login:
        options |= {"authenticator": inbox.authenticate, "auth_required": True, "auth_require_tls": tls == "starttls"}
    server = _Server(inbox, **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@dataclass
class Misbehaviour:
    """Answers by command (`connect`, `EHLO`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `content`): a reply, DROP or STALL.

    With `secure` it speaks STARTTLS (`STAR`) and takes any log-in.
    `taken` counts the contents that were read whole: what a server that dies then may have delivered.
    """

    answers: Mapping[str, bytes]
    taken: int = 0
    secure: bool = False
    over: threading.Event = field(default_factory=threading.Event)


_USUAL = {
    "connect": b"220 here\r\n",
    "EHLO": b"250 here\r\n",
    "DATA": b"354 go on\r\n",
    "QUIT": b"221 bye\r\n",
}
_SECURE = {
    "EHLO": b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
    "STAR": b"220 go on\r\n",
    "AUTH": b"235 welcome\r\n",
}


class _Bad(socketserver.StreamRequestHandler):
    @property
    def wanted(self) -> Misbehaviour:
        assert isinstance(self.server, _BadServer)
        return self.server.misbehaviour

    def say(self, command: str) -> bool:
        usual = _USUAL | _SECURE if self.wanted.secure else _USUAL
        reply = self.wanted.answers.get(command, usual.get(command, b"250 OK\r\n"))
        if reply == STALL:
            self.wanted.over.wait(timeout=60)
        elif reply != DROP:
            self.wfile.write(reply)
        return reply not in {STALL, DROP}

    def handle(self) -> None:
        going = self.say("connect")
        while going and (line := self.rfile.readline()):
            command = line[:4].decode().upper()
            going = self.say(command)
            if command == "STAR" and going and self.wanted.secure:
                self.encrypt()
            if command == "DATA" and going and self.wanted.answers.get("DATA", b"354")[:3] == b"354":
                going = self.read_content()
            going = going and command != "QUIT"

    def encrypt(self) -> None:
        self.request = server_context().wrap_socket(self.request, server_side=True)
        self.setup()

    def read_content(self) -> bool:
        content = b""
        while not re.search(rb"(^|\r\n)\.\r\n\Z", content) and (more := self.rfile.readline()):
            content += more
        self.wanted.taken += 1
        return self.say("content")

    def finish(self) -> None:
        super().finish()
        self.request.close()  # the server closes the plain socket alone


class _BadServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, misbehaviour: Misbehaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Bad)
        self.misbehaviour = misbehaviour


@contextmanager
def bad_server(misbehaviour: Misbehaviour) -> Iterator[int]:
    """A server that does as it is told until the end of the block; its port."""
    with _BadServer(misbehaviour) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            misbehaviour.over.set()
            server.shutdown()
            thread.join()


@contextmanager
def answering_http(
    status: int, body: str | bytes, bodies: list[bytes] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that gives every request this answer (or DROP, STALL); its address, and the requests that came.

    The bodies of the requests are added to `bodies`.
    """
    calls: list[str] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(self.path)
            received = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if bodies is not None:
                bodies.append(received)
            if body == STALL:
                over.wait(timeout=60)
            if isinstance(body, bytes):
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", calls
        finally:
            over.set()
            server.shutdown()
            thread.join()
