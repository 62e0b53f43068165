"""ASGI middleware in front of the application: rate limit, token, HEAD requests, security headers, request log.

`deploy/public_pages.js` asks for the token in the same ways in front of the published pages.
"""

import base64
import binascii
import hmac
import logging
import math
from collections import Counter
from http import HTTPStatus
from urllib.parse import quote, unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signals_pipeline.web.rate_limit import RateLimiter, client_network

# Paths that need no token: health checks, links that carry their own signature, and the pages' styles,
# scripts and icon.
_PUBLIC_PATHS = (
    "/healthz",
    "/readyz",
    "/unsubscribe/",
    "/resubscribe/",
    "/subscribe/",
    "/readers/",
    "/feedback/",
    "/feeds/",
    "/style.css",
    "/icon.svg",
    "/pages.js",
    "/uplot.js",
    "/uplot.css",
)

# Health checks are answered also by a server that has no time for other requests.
_HEALTH_PATHS = ("/healthz", "/readyz")

# A link with the token in this parameter puts it into this cookie, so that a browser need not ask for it again. The
# cookie holds the token itself: the published pages know only its hash, and a new token ends every cookie.
ACCESS_PARAMETER = "access"
ACCESS_COOKIE = "signals_access"
# 30 days: whoever reads a digest once a month is not asked again.
_ACCESS_SECONDS = 30 * 24 * 3600
# What encodeURIComponent leaves as it is, beside letters, digits and what `quote` leaves.
_UNQUOTED = "!~*'()"

# Maximum size of a request's body: a mail program's one-click POST has 26 bytes.
MAXIMUM_BODY_BYTES = 16 * 1024

# Maximum number of requests that the application works on: three rounds of its 40 threads. Those of the newest digest
# and other responses that are in memory don't count: they are made at once.
MAXIMUM_REQUESTS = 128
# Of one client, so that nobody takes all of them.
MAXIMUM_REQUESTS_OF_CLIENT = 64

# Seconds after which a client may try again: by then the requests in progress have ended, or their time is over.
_BUSY_RETRY_AFTER = 5

# Headers of every response. Only the site's own script files run, and nothing is loaded from other hosts.
HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; "
            b"base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
# Over HTTPS: browsers stay with HTTPS for a year.
HSTS = (b"strict-transport-security", b"max-age=31536000")
_LOG = logging.getLogger("signals_pipeline.web")


class RequestsInProgress:
    """Counts requests until their response is ready, all together and by client.

    Args:
        maximum: Of all clients.
        maximum_of_client: Of one client; an IPv6 network is one.
    """

    def __init__(self, maximum: int = MAXIMUM_REQUESTS, maximum_of_client: int = MAXIMUM_REQUESTS_OF_CLIENT) -> None:
        self._maximum = maximum
        self._maximum_of_client = maximum_of_client
        self._total = 0
        self._by_client: Counter[str] = Counter()

    def begin(self, client: str) -> bool:
        """Count a request and return True; False where there are too many."""
        if self._total >= self._maximum or self._by_client[client] >= self._maximum_of_client:
            return False
        self._total += 1
        self._by_client[client] += 1
        return True

    def end(self, client: str) -> None:
        """Count a request no more."""
        self._total -= 1
        self._by_client[client] -= 1
        if not self._by_client[client]:
            del self._by_client[client]


class SecurityMiddleware:
    """Limits, authenticates and logs requests, and adds the security headers to every response.

    Args:
        app: The application behind it.
        limiter: The rate limit per client.
        token: The token that requests must carry; None where everything is public.
        root: Path below which the application is served; empty at the top.
    """

    def __init__(self, app: ASGIApp, *, limiter: RateLimiter, token: str | None, root: str = "") -> None:
        self.app = app
        self._limiter = limiter
        self._in_progress = RequestsInProgress()
        self._token = token.encode() if token else None
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on to the application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._root:
            scope = {**scope, "root_path": self._root}
        headers = [*HEADERS, HSTS] if scope["scheme"] == "https" else HEADERS
        # A server on a Unix socket has no client address.
        address = scope["client"][0] if scope.get("client") else ""
        client = client_network(address)
        is_in_progress = False

        async def send_secured(message: Message) -> None:
            nonlocal is_in_progress
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
                _log(scope, message["status"])
                if is_in_progress:
                    # The response is made; a client that reads it slowly must not keep others waiting.
                    is_in_progress = False
                    self._in_progress.end(client)
            await send(message)

        # The rate limit comes first, so that it also limits guesses of the token.
        retry_after = math.ceil(self._limiter.retry_after(address))
        if retry_after:
            header = (b"retry-after", str(retry_after).encode())
            await _refuse(send_secured, scope, 429, f"Too many requests; try again in {retry_after} s.", header)
            return

        if self._token and not _is_public(scope):
            if _has_secret(_parameters(scope), ACCESS_PARAMETER, self._token):
                await _redirect_with_cookie(send_secured, scope, self._token)
                return
            if not _has_token(scope, self._token) and not _has_secret(_cookies(scope), ACCESS_COOKIE, self._token):
                header = (b"www-authenticate", b'Bearer realm="signals", Basic realm="signals", charset="UTF-8"')
                detail = "A token is required: send the header Authorization: Bearer TOKEN."
                await _refuse(send_secured, scope, 401, detail, header)
                return

        if _content_length(scope) > MAXIMUM_BODY_BYTES:
            detail = f"The request's body is too large; send at most {MAXIMUM_BODY_BYTES} bytes."
            # Or the server would read the body first.
            await _refuse(send_secured, scope, 413, detail, (b"connection", b"close"))
            return

        # The server drops the body of a response to HEAD.
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        if _path(scope) in _HEALTH_PATHS:
            await self.app(scope, receive, send_secured)
            return

        if not self._in_progress.begin(client):
            detail = f"The server is busy; try again in {_BUSY_RETRY_AFTER} s."
            header = (b"retry-after", str(_BUSY_RETRY_AFTER).encode())
            await _refuse(send_secured, scope, 503, detail, header)
            return
        is_in_progress = True
        try:
            await self.app(scope, receive, send_secured)
        finally:
            # The client has gone, or the application has failed, before there was a response.
            if is_in_progress:
                self._in_progress.end(client)


def _path(scope: Scope) -> str:
    """Return the path below the one at which the application is served."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _is_public(scope: Scope) -> bool:
    return _path(scope).startswith(_PUBLIC_PATHS)


def _content_length(scope: Scope) -> int:
    """Return the size of a request's body in bytes where the client says it, else 0; the server checks the number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0


def _has_token(scope: Scope, token: bytes) -> bool:
    """Whether a request carries the token: as a bearer token or, for browsers, as the password of any user."""
    authorization = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value
            break

    scheme, _, credentials = authorization.partition(b" ")
    credentials = credentials.strip()
    if scheme.lower() == b"basic":
        try:
            user_and_password = base64.b64decode(credentials, validate=True)
        except binascii.Error:
            # Not Base64: it holds no token.
            return False
        secret = user_and_password.partition(b":")[2].strip()
    elif scheme.lower() == b"bearer":
        secret = credentials
    else:
        return False
    # In constant time: the time of an answer must not tell how much of a guess is right.
    return hmac.compare_digest(secret, token)


def _parameters(scope: Scope) -> list[bytes]:
    """Return a request's query parameters, name=value, encoded as they came."""
    query: bytes = scope["query_string"]
    return [pair for pair in query.split(b"&") if pair]


def _cookies(scope: Scope) -> list[bytes]:
    """Return a request's cookies, name=value."""
    headers = [value for name, value in scope["headers"] if name == b"cookie"]
    return [cookie.strip() for header in headers for cookie in header.split(b";")]


def _has_secret(pairs: list[bytes], wanted: str, token: bytes) -> bool:
    """Whether one of the pairs name=value has this name and, percent-encoded, the token."""
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        if name == wanted.encode() and hmac.compare_digest(unquote_to_bytes(value), token):
            return True
    return False


async def _redirect_with_cookie(send: Send, scope: Scope, token: bytes) -> None:
    """Respond with the cookie, and with the same address without the token, which then stays in no history."""
    kept = [pair for pair in _parameters(scope) if pair.partition(b"=")[0] != ACCESS_PARAMETER.encode()]
    # One slash: an address that began with two would name another host.
    location = "/" + quote(scope["path"].lstrip("/"), safe="/:@" + _UNQUOTED)
    if kept:
        location += "?" + b"&".join(kept).decode("latin-1")
    cookie = (
        f"{ACCESS_COOKIE}={quote(token, safe=_UNQUOTED)}; Path={scope.get('root_path') or '/'};"
        f" Max-Age={_ACCESS_SECONDS}; Secure; HttpOnly; SameSite=Lax"
    )
    headers = [
        (b"location", location.encode("latin-1")),
        (b"set-cookie", cookie.encode("latin-1")),
        (b"cache-control", b"no-store"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.FOUND, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(send: Send, scope: Scope, status: int, detail: str, header: tuple[bytes, bytes]) -> None:
    """Respond without calling the application; `detail` holds no quotes or backslashes."""
    if "/api/" in scope["path"]:
        content_type = b"application/json"
        body = f'{{"detail":"{detail}"}}'.encode()
    else:
        content_type = b"text/plain; charset=utf-8"
        body = f"{detail}\n".encode()
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), header]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _log(scope: Scope, status: int) -> None:
    """Log one line per request: the route, never the path, which may hold a reader's token."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        level = logging.WARNING
    elif scope["method"] == "POST":
        level = logging.INFO
    else:
        level = logging.DEBUG
    if _LOG.isEnabledFor(level):
        route = getattr(scope.get("route"), "path", "(no route)")
        _LOG.log(level, "%s %s %d", scope["method"], route, status)
