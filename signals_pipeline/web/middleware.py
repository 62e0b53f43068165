"""What every request passes before anything else: rate limit, token, HEAD, security headers on every answer."""

import base64
import binascii
import hmac
import logging
import math

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signals_pipeline.web.rate_limit import Limiter

OPEN = ("/healthz", "/unsubscribe/", "/feedback/", "/style.css", "/icon.svg")
"""What needs no token: a probe, links that carry their own signature, and what pages are made of."""

HEADERS = (
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
_SECURE = (b"strict-transport-security", b"max-age=31536000")
_LOG = logging.getLogger("signals_pipeline.web")


class Guard:
    """An ASGI application in front of another.

    Args:
        app: The other.
        limiter: How many requests a client may make.
        token: What must be brought; None where everything is open.
        root: Path under which the application is served; empty at the top.
    """

    def __init__(self, app: ASGIApp, *, limiter: Limiter, token: str | None, root: str = "") -> None:
        self.app = app
        self._limiter = limiter
        self._token = token.encode() if token else None
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._root:
            scope = {**scope, "root_path": self._root}
        headers = [*HEADERS, _SECURE] if scope["scheme"] == "https" else HEADERS

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
                _log(scope, message["status"])
            await send(message)

        client = scope.get("client")
        seconds = self._limiter.wait(client[0] if client else "")
        if seconds:
            retry = (b"retry-after", str(math.ceil(seconds)).encode())
            await _refuse(guarded, scope, 429, f"Too many requests; try again in {math.ceil(seconds)} s.", retry)
        elif self._token and not _is_open(scope) and not _carries(scope, self._token):
            ask = (b"www-authenticate", b'Bearer realm="signals", Basic realm="signals", charset="UTF-8"')
            await _refuse(guarded, scope, 401, "A token is needed: send `Authorization: Bearer TOKEN`.", ask)
        elif scope["method"] == "HEAD":  # the server sends no body of an answer to HEAD
            await self.app({**scope, "method": "GET"}, receive, guarded)
        else:
            await self.app(scope, receive, guarded)


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.startswith(OPEN)


def _carries(scope: Scope, token: bytes) -> bool:
    """Whether a request brings the token, as a bearer or, for browsers, as the password of any user."""
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, secret = given.partition(b" ")
    if scheme.lower() == b"basic":
        try:
            secret = base64.b64decode(secret.strip(), validate=True).partition(b":")[2]
        except binascii.Error:  # not Base64: no token is in it
            return False
    elif scheme.lower() != b"bearer":
        return False
    return hmac.compare_digest(secret.strip(), token)


async def _refuse(send: Send, scope: Scope, status: int, why: str, header: tuple[bytes, bytes]) -> None:
    as_json = "/api/" in scope["path"]
    body = f'{{"detail":"{why}"}}'.encode() if as_json else f"{why}\n".encode()
    kind = b"application/json" if as_json else b"text/plain; charset=utf-8"
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), length, header]})
    await send({"type": "http.response.body", "body": body})


def _log(scope: Scope, status: int) -> None:
    """One line a request: the route, never the path, which may hold a reader's token."""
    level = logging.WARNING if status >= 500 else logging.INFO if scope["method"] == "POST" else logging.DEBUG
    if _LOG.isEnabledFor(level):
        route = getattr(scope.get("route"), "path", "(no route)")
        _LOG.log(level, "%s %s %d", scope["method"], route, status)
