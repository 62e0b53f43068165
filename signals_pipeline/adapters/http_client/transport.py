"""The transport adapter under `HttpClient`: it applies a `RequestPolicy` to everything that a session sends.

It is a module of its own because it imports `requests`, which `HttpClient` imports only once it is used.
"""

import io
from collections.abc import Callable, Mapping
from threading import Lock
from time import monotonic
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from signals_pipeline.adapters.http_client.policy import (
    HostRateLimiter,
    RequestPolicy,
    TransientError,
    host_and_path,
    raise_if_transient,
    root_cause,
    with_origin_overrides,
)
from signals_pipeline.core.news.feeds import SourceError

_CHUNK_BYTES = 65_536


class _RawBody(Protocol):
    """The part of `urllib3.HTTPResponse` that is used here; `requests` declares `raw` without a type."""

    def read1(self, amount: int, decode_content: bool) -> bytes: ...


class PolicyAdapter(HTTPAdapter):
    """Sends each request within the rate limit, retries transient errors, and reads the whole body.

    Args:
        policy: Limits, timeouts and retries.
        rate_limiter: The limiter, which may be shared.
        origins: Origins to replace by others; see `with_origin_overrides`.
        before_request: Called before every attempt; it may refuse the request by raising a `SourceError`.

    Attributes:
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
        self._policy = policy
        self._rate_limiter = rate_limiter
        self._origins = origins
        self._before_request = before_request
        self._lock = Lock()

    def send(self, request: requests.PreparedRequest, *_: object, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request; the session's own timeout and streaming options give way to the policy's.

        Raises:
            TransientError: No response after all attempts.
            SourceError: The request was refused, can't be sent, or the response is too large.
        """
        url = with_origin_overrides(request.url or "", self._origins)
        request = request.copy()
        request.url = url
        options.update(stream=True, timeout=self._policy.timeout)
        return self._policy.call_with_retry(
            lambda: self._send_once(request, url, options),
            host=urlsplit(url).netloc,
            rate_limiter=self._rate_limiter,
        )

    def _send_once(self, request: requests.PreparedRequest, url: str, options: dict[str, Any]) -> requests.Response:
        location = host_and_path(url)
        self._before_request()
        with self._lock:
            self.requests_sent += 1
        started = monotonic()
        try:
            response = super().send(request, **options)
            with response:
                raise_if_transient(location, response.status_code, response.headers)
                body = self._read_body(response, location, started)
        except requests.exceptions.SSLError as error:
            raise SourceError(
                f"{location}: no secure connection; check the server's certificate and this machine's clock"
            ) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            raise TransientError(f"{location}: {root_cause(error)}") from error
        # The session reads the body from here, decoded already.
        response.raw = io.BytesIO(body)
        return response

    def _read_body(self, response: requests.Response, location: str, started: float) -> bytes:
        """Read the whole body in chunks as they arrive, so that a slow trickle meets the deadline."""
        raw = cast("_RawBody", response.raw)
        body = bytearray()
        try:
            while chunk := raw.read1(_CHUNK_BYTES, decode_content=True):
                body += chunk
                if len(body) > self._policy.max_bytes:
                    raise SourceError(
                        f"{location}: the response exceeds {self._policy.max_bytes:,} bytes; check the address"
                    )
                if monotonic() - started > self._policy.deadline:
                    raise TransientError(f"{location}: the response is not complete after {self._policy.deadline:g} s")
        except HTTPError as error:
            raise TransientError(f"{location}: the connection broke off ({root_cause(error)})") from error
        return bytes(body)
