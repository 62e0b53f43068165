"""ASGI middleware in front of the application: rate limit, token, HEAD requests, security headers, request log."""

import base64
import binascii
import hmac
import logging
import math
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signals_pipeline.web.rate_limit import RateLimiter

# Paths that need no token: health checks, links that carry their own signature, and the pages' style and icon.
_PUBLIC_PATHS = ("/healthz", "/unsubscribe/", "/feedback/", "/style.css", "/icon.svg")

# Headers of every response. No script runs and nothing is loaded from other hosts.
_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
            b"frame-ancestors 'none'"
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
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_LOG = logging.getLogger("signals_pipeline.web")


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
        self._token = token.encode() if token else None
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on to the application."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._root:
            scope = {**scope, "root_path": self._root}
        headers = [*_HEADERS, _HSTS] if scope["scheme"] == "https" else _HEADERS

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
                _log(scope, message["status"])
            await send(message)

        # The rate limit comes first, so that it also limits guesses of the token.
        # A server on a Unix socket has no client address.
        client = scope.get("client")
        retry_after = math.ceil(self._limiter.retry_after(client[0] if client else ""))
        if retry_after:
            header = (b"retry-after", str(retry_after).encode())
            await _refuse(send_secured, scope, 429, f"Too many requests; try again in {retry_after} s.", header)
            return

        if self._token and not _is_public(scope) and not _has_token(scope, self._token):
            header = (b"www-authenticate", b'Bearer realm="signals", Basic realm="signals", charset="UTF-8"')
            await _refuse(send_secured, scope, 401, "A token is required: send `Authorization: Bearer TOKEN`.", header)
            return

        # The server drops the body of a response to HEAD.
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send_secured)


def _is_public(scope: Scope) -> bool:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.startswith(_PUBLIC_PATHS)


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
