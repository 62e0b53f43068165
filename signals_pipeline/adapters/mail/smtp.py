"""Mail over SMTP (RFC 5321), so that an end of the connection at any point says whether the mail was taken.

`smtplib.sendmail` does not tell a break before the content from one after it; here the two are separate steps.
"""

import base64
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from signals_pipeline.adapters.mail.transport import told
from signals_pipeline.core.digest.delivery import NotSent, Unanswered
from signals_pipeline.core.errors import SignalsError

Tls = Literal["starttls", "tls", "none"]
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_LOG_IN = {530, 534, 535, 538}  # RFC 4954, 6: about the log-in, not about the mail
_GOOD_BYE_SECONDS = 2
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class SmtpConfigError(SignalsError, ValueError):
    """The SMTP settings would give a password away; the message is one line."""


@dataclass(frozen=True, slots=True)
class SmtpTransport:
    """A mail server reached over SMTP, one connection a mail.

    Attributes:
        host: Its name.
        port: Its port.
        tls: `starttls`, `tls` (from the first byte) or `none`.
        user: Who logs in; empty: nobody.
        password: The password, never shown.
        step_seconds: How long the server may be silent.
        total_seconds: How long one mail may take in all; a server that sends a byte now and then is cut off.
        context: Which certificates are trusted; None: those of the system.
    """

    host: str
    port: int
    tls: Tls = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    step_seconds: float = 30
    total_seconds: float = 120
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if self.tls == "none" and self.user and self.host not in _LOOPBACK:
            raise SmtpConfigError(
                f"SMTP_TLS=none would send the password of {self.user} to {self.host} unencrypted: choose starttls"
            )

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Iterator["_Conversation"]:
        """Connect, encrypt, log in, name sender and recipient.

        Raises:
            NotSent: on entering; permanent where the server refuses sender or recipient for good.
        """
        server = self._client()
        with _cut_off(server, self.total_seconds):
            try:
                self._name_both(server, sender, recipient)
                yield _Conversation(server, self)
            finally:
                _close(server)

    def _name_both(self, server: smtplib.SMTP, sender: str, recipient: str) -> None:
        try:
            self._log_in(server)
            self.check(server.mail(sender), "sender")
            self.check(server.rcpt(recipient), "recipient")
        except OSError as error:  # smtplib's exceptions are OSErrors, too
            raise self.not_sent(error) from error

    def _client(self) -> smtplib.SMTP:
        """A client that is not connected yet, so that its time can be limited from the first byte."""
        context = self.context or ssl.create_default_context()
        made = smtplib.SMTP_SSL(timeout=self.step_seconds, context=context) if self.tls == "tls" else None
        server = made or smtplib.SMTP(timeout=self.step_seconds)
        server._host = self.host  # noqa: SLF001 # pyright: ignore[reportAttributeAccessIssue] - as its constructor does
        return server

    def _log_in(self, server: smtplib.SMTP) -> None:
        code, answer = server.connect(self.host, self.port)
        if code != 220:  # about the connection, whatever the code, and not about the mail
            raise NotSent(f"{self.name}: {code} {self.told(answer.decode(errors='replace'))}", permanent=False)
        server.ehlo_or_helo_if_needed()
        if self.tls == "starttls":
            server.starttls(context=self.context or ssl.create_default_context())
            server.ehlo()
        if self.user:
            server.login(self.user, self.password)

    def check(self, reply: tuple[int, bytes], what: str, wanted: tuple[int, ...] = (250, 251)) -> None:
        """Read a reply.

        Raises:
            NotSent: it is not the one wanted; permanent where its code says so.
        """
        code, answer = reply
        if code not in wanted:
            line = f"{self.name} refuses the {what}: {code} {self.told(answer.decode(errors='replace'))}"
            raise NotSent(line, permanent=code // 100 == 5 and code not in _LOG_IN)

    def not_sent(self, error: OSError) -> NotSent:
        """What a break before the content means: it may be mended within the hours that follow."""
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return NotSent(f"{self.name} refuses the log-in of {self.user}: {self.told(error)}", permanent=False)
        return NotSent(f"{self.name}: {self.told(error)}", permanent=False)

    def told(self, problem: object) -> str:
        """What the server or a library said, without the password, plain or as log-ins encode it."""
        encoded = (f"\0{self.user}\0{self.password}", self.password) if self.password else ()
        hidden = [base64.b64encode(secret.encode()).decode() for secret in encoded]
        return told(problem, (*hidden, self.password)) or type(problem).__name__

    @property
    def name(self) -> str:
        """The server, for messages."""
        return f"SMTP server {self.host}:{self.port}"


class _Conversation:
    """A connection whose server takes sender and recipient."""

    def __init__(self, server: smtplib.SMTP, transport: SmtpTransport) -> None:
        self._server = server
        self._transport = transport

    def hand_over(self, content: bytes) -> str:
        """DATA and the content (RFC 5321, 4.1.1.4).

        A break before the server's 354 leaves it without the mail, one after it leaves us without knowing: the last
        line may have arrived.

        Raises:
            NotSent: the server refuses the mail.
            Unanswered: the connection broke after the content began.
        """
        try:
            self._transport.check(self._server.docmd("DATA"), "content", (354,))
        except OSError as error:
            raise self._transport.not_sent(error) from error
        stuffed = _LEADING_DOT.sub(b"..", content)
        try:
            self._server.send(stuffed.rstrip(b"\r\n") + b"\r\n.\r\n")
            reply = self._server.getreply()
        except OSError as error:
            said = self._transport.told(error)
            raise Unanswered(f"{self._transport.name} gave no answer to the mail: {said}") from error
        self._transport.check(reply, "mail")
        return self._transport.told(reply[1].decode(errors="replace"))


@contextmanager
def _cut_off(server: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """End the connection after this time, from another thread: whoever waits for the server sees it end."""

    def cut() -> None:
        if server.sock is not None:
            with suppress(OSError):  # it may just have ended by itself
                socket.socket.shutdown(server.sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _close(server: smtplib.SMTP) -> None:
    """Say good-bye where the server still listens, and close; the mail's fate is known by now, whatever it answers."""
    with suppress(OSError):
        if server.sock is not None:
            server.sock.settimeout(_GOOD_BYE_SECONDS)
            server.docmd("QUIT")
    server.close()
