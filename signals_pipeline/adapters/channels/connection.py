"""One HTTPS request whose steps can be told apart: connected, sent, answered.

`adapters.http_client` reads: it retries, follows redirects and hides where an attempt ended. A message must be sent at
most once, so here is one connection for one POST, and its failures say whether the message may have arrived. No proxy
is used and no redirect is followed. The server's address is checked before anything is sent, and the connection goes
to the very address that was checked, so that a name that resolves to another one later gains nothing.
"""

import http.client
import socket
import ssl
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from signals_pipeline.adapters.http_client.redirects import is_public
from signals_pipeline.adapters.time_limit import TimeLimitError, call_within
from signals_pipeline.core.digest.delivery import NotSent, Unanswered

MAX_REPLY_BYTES = 65_536  # replies are an identifier or an error; the rest is not read

# Both together are shorter than the grace period of a container (110 s), in which a message that was begun is finished.
# Standard Webhooks recommends 15 to 30 s for a receiver's reply.
CONNECT_SECONDS = 20.0
REPLY_SECONDS = 30.0

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply.

    Attributes:
        status: HTTP status.
        headers: Headers; their names in lower case.
        body: The beginning of the body, at most MAX_REPLY_BYTES; empty where it could not be read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may do.

    Attributes:
        private_hosts: CHANNELS_PRIVATE_HOSTS: servers that may have private addresses: `host`, or `host:port`.
        connect_seconds: Time limit of name resolution, connection and TLS together, in seconds.
        reply_seconds: Time limit of request and reply, in seconds.
        context: The trusted certificates; None: those of the system.
    """

    private_hosts: Collection[str] = ()
    connect_seconds: float = CONNECT_SECONDS
    reply_seconds: float = REPLY_SECONDS
    context: ssl.SSLContext | None = None

    def may_be_private(self, host: str, port: int) -> bool:
        """Whether the operator has named a server that may have a private address."""
        named = {entry.lower() for entry in self.private_hosts}
        return bool({host.lower(), f"{host.lower()}:{port}"} & named)


class Connection:
    """A connection to a server that has not been sent anything yet.

    Args:
        connected: The socket.
        host: The server's name, with its port unless that is the scheme's own, for the Host header.
        name: The channel, for messages.
        seconds: Time limit of request and reply.
    """

    def __init__(self, connected: socket.socket, host: str, *, name: str, seconds: float) -> None:
        self._socket = connected
        self._client = http.client.HTTPConnection("unused")
        self._client.sock = connected
        # Never a second connection, whose server would not have been checked.
        self._client.auto_open = 0
        self._host = host
        self._name = name
        self._seconds = seconds

    def post(self, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one POST request and read its reply.

        Args:
            target: Path and query.
            headers: Headers beside Host and Content-Length.
            body: The body.

        Raises:
            NotSent: the connection broke before the whole request was sent.
            Unanswered: it was sent, and no reply came.
        """
        name = f"POST to {self._name}"
        try:
            return call_within(
                self._seconds, lambda: self._exchange(target, headers, body), name=name, on_expiry=self.shut_down
            )
        except TimeLimitError as error:
            raise Unanswered(f"{self._name} did not reply within {self._seconds:g} s") from error

    def _exchange(self, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        try:
            self._client.request("POST", target, body, {"Host": self._host, **headers})
        except OSError as error:
            # A body that ends before its Content-Length is no message.
            cause = type(error).__name__
            raise NotSent(f"{self._name}: the connection broke while sending ({cause})", permanent=False) from None
        try:
            response = self._client.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{self._name} did not reply to the message ({type(error).__name__})") from None
        named = {header.lower(): value for header, value in response.getheaders()}
        try:
            reply = response.read(MAX_REPLY_BYTES)
        except (OSError, http.client.HTTPException):
            reply = b""  # the status says what became of the message
        return Reply(response.status, named, reply)

    def shut_down(self) -> None:
        """End the connection: whoever waits for it goes on at once."""
        with suppress(OSError):  # it may just have ended by itself
            # The method of the plain socket: a TLS socket's own would say good-bye and wait.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@contextmanager
def connect(url: str, *, name: str, limits: Limits) -> Generator[Connection, None, None]:
    """Connect to the server of a URL, which is closed with the block.

    Args:
        url: An http or https URL; no part of it is repeated in messages, since it may be secret.
        name: The channel, for messages.
        limits: What the connection may do.

    Raises:
        NotSent: on entering; permanent where the server's address is private.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    is_private_allowed = limits.may_be_private(host, port)
    opened: list[socket.socket] = []

    def open_socket() -> socket.socket:
        connected = _connect_checked(name, host, port, is_private_allowed=is_private_allowed, limits=limits)
        opened.append(connected)
        if parts.scheme == "https":
            context = limits.context or ssl.create_default_context()
            # In two steps: a socket whose handshake fails is closed as well.
            secure = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
            opened.append(secure)
            secure.do_handshake()
            return secure
        return connected

    def close() -> None:
        for each in opened:
            each.close()

    try:
        try:
            connected = call_within(limits.connect_seconds, open_socket, name=f"connect to {name}", on_expiry=close)
        except TimeLimitError as error:
            raise NotSent(f"{name}: no connection after {limits.connect_seconds:g} s", permanent=False) from error
        except ssl.SSLError as error:
            reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
            raise NotSent(f"{name}: no secure connection ({reason})", permanent=False) from None
        # UnicodeError is of the codec for host names, which refuses empty and long labels.
        except (OSError, UnicodeError) as error:
            cause = getattr(error, "strerror", None) or type(error).__name__
            raise NotSent(f"{name}: no connection ({cause})", permanent=False) from None
        yield Connection(connected, parts.netloc, name=name, seconds=limits.reply_seconds)
    finally:
        close()


def _connect_checked(name: str, host: str, port: int, *, is_private_allowed: bool, limits: Limits) -> socket.socket:
    """Connect to the first address that answers; all of them are checked before.

    Raises:
        NotSent: one of them is private, and the operator has not named the server.
        OSError: the name can't be resolved, or no address answers.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_private_allowed and not is_public(address):
            raise NotSent(
                f"{name}: refused, its server has the address {address}, which is not public; name the server in"
                " CHANNELS_PRIVATE_HOSTS if messages may go there",
                permanent=True,
            )
    failure = OSError("no address")
    for address in addresses:
        try:
            connected = socket.create_connection((address, port), timeout=limits.connect_seconds)
        except OSError as error:
            failure = error
            continue
        connected.settimeout(limits.reply_seconds)
        return connected
    raise failure
