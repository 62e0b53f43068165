"""The transport adapter under `HttpClient`: it applies a `RequestPolicy` to everything that a session sends.

It is a module of its own because it imports `requests`, which `HttpClient` imports only once it is used.
"""

import io
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.poolmanager import PoolManager
from urllib3.response import HTTPResponse

from signals_pipeline.adapters.http_client.policy import (
    HostRateLimiter,
    RequestPolicy,
    TransientError,
    raise_if_transient,
    root_cause,
    with_origin_overrides,
)
from signals_pipeline.adapters.http_client.redirects import MAX_REDIRECTS, Redirect, is_public, redirect_to
from signals_pipeline.adapters.time_limit import TimeLimitError, call_within
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.redaction import host_and_path

_CHUNK_BYTES = 65_536

# At the level DEBUG it writes every request's path with its query, in which a key may be.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


class _RawBody(Protocol):
    """The part of `urllib3.HTTPResponse` that is used here; `requests` declares `raw` without a type."""

    def read1(self, amount: int, decode_content: bool) -> bytes: ...


class _Attempt:
    """The connection of one attempt: it is checked before anything is sent, and another thread can break it off.

    urllib3 has timeouts for single reads only: headers that arrive byte by byte never meet them.

    Attributes:
        reached_public: Whether the server, or the proxy before it, has a public address; None before a connection.
    """

    def __init__(self, redirect: Redirect | None = None) -> None:
        """Begin an attempt, which follows a redirect or none."""
        self.reached_public: bool | None = None
        self._redirect = redirect
        self._connection: HTTPConnection | None = None
        self._socket: socket.socket | None = None

    def uses(self, connection: HTTPConnection) -> None:
        """Keep the connection, and its socket if it has one already: http.client lets go of it before the body."""
        self._connection = connection
        self._socket = cast("socket.socket | None", getattr(connection, "sock", None)) or self._socket

    def check_server(self, connected: socket.socket) -> None:
        """Refuse a server to which a redirect may not lead.

        Raises:
            SourceError: Its address is not public, and the operator has not named it.
        """
        address = cast("str", connected.getpeername()[0])
        self.reached_public = is_public(address)
        if self._redirect is not None:
            self._redirect.check(address)

    def break_off(self) -> None:
        """Shut the socket down: whoever reads from it gets its end."""
        if self._connection is not None:
            self.uses(self._connection)
        if self._socket is not None:
            # The method of the plain socket: a TLS socket's own would pull its TLS object from under the reader.
            with suppress(OSError):  # it is closed or not connected
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


@dataclass
class _Chain:
    """Redirects that follow one another.

    Attributes:
        named: The URL with which they began.
        previous: The URL that redirected last.
        named_is_public: Whether the server of `named` has a public address.
    """

    named: str
    previous: str
    named_is_public: bool


class _Current(threading.local):
    """What the present thread is about.

    Attributes:
        attempt: The attempt that it makes.
        reached_public: Whether the server of the last response has a public address.
        chain: The redirects that it follows; None outside of any.
        redirect: The one of them that is being sent.
    """

    attempt: _Attempt | None = None
    reached_public: bool | None = None
    chain: _Chain | None = None
    redirect: Redirect | None = None


_current = _Current()


def _keep_for_break_off(connection: HTTPConnection) -> None:
    if _current.attempt is not None:
        _current.attempt.uses(connection)


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        # Overridden, as urllib3's own connections to SOCKS proxies do: here the address is known, and neither a TLS
        # handshake nor a request has been sent.
        connected = super()._new_conn()
        try:
            self._check_server(connected)
        except BaseException:
            connected.close()
            raise
        return connected

    def _check_server(self, connected: socket.socket) -> None:
        if _current.attempt is not None and self.proxy is None:
            _current.attempt.check_server(connected)

    def connect(self) -> None:
        _keep_for_break_off(self)
        super().connect()

    def request(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        # A connection that is used again was opened for another request, which may have been allowed more.
        if self.sock is not None:
            self._check_server(self.sock)
        super().request(*args, **options)

    def getresponse(self) -> HTTPResponse:
        _keep_for_break_off(self)
        return super().getresponse()


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS: `super()` in `_Connection` is then urllib3's `HTTPSConnection`."""


class _ConnectionPool(HTTPConnectionPool):
    ConnectionCls = cast("Any", _Connection)  # urllib3 casts its own in the same way


class _TlsConnectionPool(HTTPSConnectionPool):
    ConnectionCls = cast("Any", _TlsConnection)


def _use_own_connections(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _ConnectionPool, "https": _TlsConnectionPool}


class PolicyAdapter(HTTPAdapter):
    """Sends each request within the rate limit, retries transient errors, and reads the whole body.

    Args:
        policy: Limits, timeouts and retries.
        rate_limiter: The limiter, which may be shared.
        origins: Origins to replace by others; see `with_origin_overrides`.
        before_request: Called before every attempt; it may refuse the request by raising a `SourceError`.

    Attributes:
        policy: The policy in force; a client replaces it for the time of one fetch.
        requests_sent: Attempts made so far.
    """

    def __init__(
        self,
        policy: RequestPolicy,
        *,
        rate_limiter: HostRateLimiter,
        origins: Mapping[str, str],
        before_request: Callable[[], None],
    ) -> None:
        super().__init__(pool_maxsize=policy.concurrency)
        self.requests_sent = 0
        self.policy = policy
        self._rate_limiter = rate_limiter
        self._origins = origins
        self._before_request = before_request
        self._lock = threading.Lock()

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:  # noqa: ANN401
        """Have connections opened whose attempts can be broken off."""
        super().init_poolmanager(*sizes, **options)
        _use_own_connections(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:  # noqa: ANN401
        """The same for connections through a proxy; through a SOCKS proxy, an attempt only stops being waited for."""
        manager = cast("PoolManager", super().proxy_manager_for(proxy, **options))
        if not proxy.lower().startswith("socks"):
            _use_own_connections(manager)
        return manager

    def send(self, request: requests.PreparedRequest, *_: object, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request; the session's own timeout and streaming options give way to the policy's.

        Raises:
            TransientError: No response after all attempts.
            SourceError: The request was refused, can't be sent, or the response is too large.
        """
        url = with_origin_overrides(request.url or "", self._origins)
        request = request.copy()
        request.url = url
        policy = self.policy
        redirect = _current.redirect
        options.update(stream=True, timeout=policy.timeout)
        return policy.call_with_retry(
            lambda: self._send_once(request, url, policy, options, redirect),
            host=urlsplit(url).netloc,
            rate_limiter=self._rate_limiter,
        )

    def _send_once(
        self,
        request: requests.PreparedRequest,
        url: str,
        policy: RequestPolicy,
        options: dict[str, Any],
        redirect: Redirect | None,
    ) -> requests.Response:
        location = host_and_path(url)
        self._before_request()
        with self._lock:
            self.requests_sent += 1

        attempt = _Attempt(redirect)

        def exchange() -> requests.Response:
            _current.attempt = attempt
            return self._exchange(request, location, options)

        seconds, ended = policy.deadline, f"after {policy.deadline:g} s"
        if policy.seconds_left < seconds:
            seconds, ended = policy.seconds_left, f"within the {policy.fetch_seconds:g} s for one fetch"
        try:
            response = call_within(seconds, exchange, name=f"GET {location}", on_expiry=attempt.break_off)
        except TimeLimitError as error:
            raise TransientError(f"{location}: no complete response {ended}") from error
        _current.reached_public = attempt.reached_public
        return response

    def _exchange(self, request: requests.PreparedRequest, location: str, options: dict[str, Any]) -> requests.Response:
        """Send the request once and read the whole response."""
        try:
            response = super().send(request, **options)
            with response:
                raise_if_transient(location, response.status_code, response.headers)
                body = self._read_body(response, location)
        # Without their causes, whose messages repeat the URL with its query, in which a key may be.
        except requests.exceptions.SSLError:
            raise SourceError(
                f"{location}: no secure connection; check the server's certificate and this machine's clock"
            ) from None
        except (requests.ConnectionError, requests.Timeout) as error:
            raise TransientError(f"{location}: {root_cause(error)}") from None
        # The session reads the body from here, decoded already.
        response.raw = io.BytesIO(body)
        return response

    def _read_body(self, response: requests.Response, location: str) -> bytes:
        """Read the whole body in chunks as they arrive, so that it is refused as soon as it is too large."""
        raw = cast("_RawBody", response.raw)
        max_bytes = self.policy.max_bytes
        body = bytearray()
        try:
            while chunk := raw.read1(_CHUNK_BYTES, decode_content=True):
                body += chunk
                if len(body) > max_bytes:
                    raise SourceError(f"{location}: the response exceeds {max_bytes:,} bytes; check the address")
        except HTTPError as error:
            raise TransientError(f"{location}: the connection broke off ({root_cause(error)})") from error
        return bytes(body)


class PolicySession(requests.Session):
    """A session that follows redirects only to where they may lead; see `redirects`.

    Args:
        adapter: Sends everything.
        allowed_hosts: SIGNALS_REDIRECT_HOSTS.
    """

    def __init__(self, adapter: PolicyAdapter, allowed_hosts: Iterable[str] = ()) -> None:
        super().__init__()
        self.max_redirects = MAX_REDIRECTS
        self._allowed_hosts = tuple(allowed_hosts)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request; one that follows a redirect only where that may lead.

        Raises:
            SourceError: The redirect is refused.
        """
        chain = _current.chain
        if chain is None:
            return super().send(request, **options)
        _current.redirect = redirect_to(
            request.url or "",
            previous=chain.previous,
            named=chain.named,
            named_is_public=chain.named_is_public,
            allowed_hosts=self._allowed_hosts,
        )
        try:
            response = super().send(request, **options)
        finally:
            _current.redirect = None
        chain.previous = response.url
        return response

    def resolve_redirects(self, resp: requests.Response, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Follow the redirects of a response; `send` gets each, and knows by the chain that it is one."""
        outer = _current.chain
        # Called again for each response of a chain, which asks whether it is a redirect, too.
        _current.chain = outer or _Chain(resp.url, resp.url, named_is_public=bool(_current.reached_public))
        try:
            yield from super().resolve_redirects(resp, *args, **options)
        finally:
            _current.chain = outer

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Send no credentials to another host than the one for which they are, nor those that `.netrc` has for it."""
        if self.should_strip_auth(response.request.url or "", prepared_request.url or ""):
            prepared_request.headers.pop("Authorization", None)
