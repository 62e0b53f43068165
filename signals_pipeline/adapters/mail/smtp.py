"""Mail over SMTP (RFC 5321), such that a lost connection always tells whether the server accepted the mail.

`smtplib.sendmail` does not distinguish a failure before the content from one after it; here the two are separate
steps. What the outcomes mean for a mail is in `core.digest.delivery`.
"""

import base64
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from signals_pipeline.adapters.mail.transport import error_line
from signals_pipeline.core.digest.delivery import NotSent, Unanswered
from signals_pipeline.core.errors import SignalsError

Tls = Literal["starttls", "tls", "none"]

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
# Reply codes about the login rather than about the mail (RFC 4954, section 6): credentials can be corrected.
_LOGIN_CODES = {530, 534, 535, 538}
_SERVICE_READY = 220
_START_MAIL_INPUT = 354
_ACCEPTED = (250, 251)  # done; done, and the server forwards it
_QUIT_SECONDS = 2  # the mail's fate is known by then, so a slow server is not waited for
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class SmtpConfigError(SignalsError, ValueError):
    """The SMTP settings would expose a password; the message is one line."""


@dataclass(frozen=True, slots=True)
class SmtpTransport:
    """A mail server reached over SMTP, one connection per mail.

    Attributes:
        host: Its name.
        port: Its port.
        tls: `starttls`, `tls` (from the first byte) or `none`.
        user: User name of the login; empty: no login.
        password: The password, never shown.
        step_seconds: Timeout of each reply, in seconds.
        total_seconds: Limit of one mail in all, in seconds; it also ends a server that trickles its replies. A process
            that is told to stop finishes its mail, so this is shorter than the grace period of a container (110 s).
        context: The trusted certificates; None: those of the system.
    """

    host: str
    port: int
    tls: Tls = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    step_seconds: float = 30
    total_seconds: float = 60
    context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if self.tls == "none" and self.user and self.host not in _LOOPBACK:
            raise SmtpConfigError(
                f"SMTP_TLS=none would send the password of {self.user} to {self.host} unencrypted: choose starttls"
            )

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Generator["_Conversation", None, None]:
        """Connect, encrypt, log in, name sender and recipient.

        Raises:
            NotSent: on entering; permanent where the server refuses sender or recipient for good.
        """
        server = self._client()
        with _time_limit(server, self.total_seconds):
            try:
                self._start(server, sender, recipient)
                yield _Conversation(server, self)
            finally:
                _close(server)

    def _client(self) -> smtplib.SMTP:
        """A client that is not connected yet, so that its time is limited from the first byte."""
        if self.tls == "tls":
            server = smtplib.SMTP_SSL(timeout=self.step_seconds, context=self._tls_context())
        else:
            server = smtplib.SMTP(timeout=self.step_seconds)
        # smtplib checks certificates against this name, which only its constructor sets, and that would connect.
        server._host = self.host  # noqa: SLF001 # pyright: ignore[reportAttributeAccessIssue]
        return server

    def _start(self, server: smtplib.SMTP, sender: str, recipient: str) -> None:
        """Do everything up to the content."""
        try:
            self._connect(server)
            self.check(server.mail(sender), "sender")
            self.check(server.rcpt(recipient), "recipient")
        except OSError as error:  # smtplib's exceptions are OSErrors, too
            raise self.not_sent(error) from error

    def _connect(self, server: smtplib.SMTP) -> None:
        code, greeting = self._open(server)
        if code != _SERVICE_READY:
            # Whatever the code, this is about the connection and not about the mail.
            raise NotSent(f"{self.name}: {code} {self._reply_text(greeting)}", permanent=False)
        server.ehlo_or_helo_if_needed()
        if self.tls == "starttls":
            server.starttls(context=self._tls_context())
            server.ehlo()  # RFC 3207, section 4.2: what the server said before encryption is void
        if self.user:
            self._login(server)

    def _open(self, server: smtplib.SMTP) -> tuple[int, bytes]:
        """Connect and return the server's greeting."""
        try:
            return server.connect(self.host, self.port)
        except UnicodeError as error:  # of the codec for host names, which refuses empty and long labels
            message = f"SMTP_HOST {self.host!r} is not a valid host name ({error_line(error)}); correct it"
            raise NotSent(message, permanent=False) from error

    def _login(self, server: smtplib.SMTP) -> None:
        try:
            server.login(self.user, self.password)
        except UnicodeError as error:
            # smtplib sends ASCII alone. Its message would name a character of the password.
            is_user = not self.user.isascii()
            setting = "SMTP_USER" if is_user else "SMTP_PASSWORD"
            message = f"{setting} has characters outside ASCII, which can't be sent to {self.name}; choose another"
            raise NotSent(message, permanent=False) from error

    def _tls_context(self) -> ssl.SSLContext:
        return self.context or ssl.create_default_context()

    def check(self, reply: tuple[int, bytes], what: str, accepted: tuple[int, ...] = _ACCEPTED) -> None:
        """Check a reply of the server.

        Args:
            reply: Code and text.
            what: What the server replied to, for the message.
            accepted: Codes of success.

        Raises:
            NotSent: any other reply; permanent where its code says so.
        """
        code, text = reply
        if code in accepted:
            return
        # RFC 5321, section 4.2.1: 5yz is a permanent negative reply.
        permanent = code // 100 == 5 and code not in _LOGIN_CODES
        raise NotSent(f"{self.name} rejected the {what}: {code} {self._reply_text(text)}", permanent=permanent)

    def not_sent(self, error: OSError) -> NotSent:
        """The outcome of a failure before the content: never permanent, since it may be over within hours."""
        if isinstance(error, smtplib.SMTPAuthenticationError):
            message = f"{self.name} rejected the login of {self.user}: {self.error_text(error)}"
        else:
            message = f"{self.name}: {self.error_text(error)}"
        return NotSent(message, permanent=False)

    def error_text(self, error: object) -> str:
        """A message of the server or of a library, without the password, plain or as a login encodes it."""
        secrets: list[str] = []
        if self.password:
            # AUTH PLAIN sends user and password together, AUTH LOGIN the password alone (RFC 4616; RFC 4954).
            logins = (f"\0{self.user}\0{self.password}", self.password)
            secrets += [base64.b64encode(login.encode()).decode() for login in logins]
        # Encoded first: a short password may be part of its own encoding.
        secrets.append(self.password)
        return error_line(error, secrets) or type(error).__name__

    def _reply_text(self, text: bytes) -> str:
        return self.error_text(text.decode(errors="replace"))

    @property
    def name(self) -> str:
        """The server, for messages."""
        return f"SMTP server {self.host}:{self.port}"


class _Conversation:
    """A connection whose server has accepted sender and recipient."""

    def __init__(self, server: smtplib.SMTP, transport: SmtpTransport) -> None:
        self._server = server
        self._transport = transport

    def hand_over(self, content: bytes) -> str:
        """Send DATA and the content (RFC 5321, section 4.1.1.4), and return the server's reply.

        A failure before the server's 354 leaves it without the mail. After that nobody can tell: the last line may have
        arrived.

        Raises:
            NotSent: the server rejected the mail.
            Unanswered: the connection failed after the content began.
        """
        transport = self._transport
        try:
            transport.check(self._server.docmd("DATA"), "content", (_START_MAIL_INPUT,))
        except OSError as error:
            raise transport.not_sent(error) from error

        # A line of one dot ends the content; other lines that begin with a dot get a second one (section 4.5.2).
        stuffed = _LEADING_DOT.sub(b"..", content)
        try:
            self._server.send(stuffed.rstrip(b"\r\n") + b"\r\n.\r\n")
            reply = self._server.getreply()
        except OSError as error:
            raise Unanswered(f"{transport.name} did not reply to the mail: {transport.error_text(error)}") from error

        transport.check(reply, "mail")
        _, text = reply
        return transport.error_text(text.decode(errors="replace"))


@contextmanager
def _time_limit(server: smtplib.SMTP, seconds: float) -> Generator[None, None, None]:
    """End the connection after this time.

    A socket's timeout starts again with every byte. Shutting the socket down from another thread makes the waiting
    call return at once.
    """

    def shut_down() -> None:
        if server.sock is not None:
            with suppress(OSError):  # it may just have ended by itself
                # An SSL socket would say good-bye and wait; its base class just ends the connection.
                socket.socket.shutdown(server.sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _close(server: smtplib.SMTP) -> None:
    """Send QUIT where the server still listens, and close; the mail's fate does not depend on the reply."""
    with suppress(OSError):
        if server.sock is not None:
            server.sock.settimeout(_QUIT_SECONDS)
            server.docmd("QUIT")
    server.close()
