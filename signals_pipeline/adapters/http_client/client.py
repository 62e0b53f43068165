"""A client for HTTP GET requests that follows a `RequestPolicy` and returns whole responses or raises."""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from signals_pipeline.adapters.http_client.policy import (
    HostRateLimiter,
    RequestPolicy,
    TransientError,
    root_cause,
    with_origin_overrides,
)
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.redaction import host_and_path

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response with a final status: 2xx, or 4xx other than 429.

    Attributes:
        location: Host and path, for messages.
        status_code: HTTP status.
        headers: Headers; their names in any case.
        body: Decoded bytes.
        url: The whole address, after redirects; not shown, since its query may hold a key.
    """

    location: str
    status_code: int
    headers: Mapping[str, str]
    body: bytes
    url: str = field(default="", repr=False)

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty where the response names none."""
        media_type, _, _ = self.headers.get("Content-Type", "").partition(";")
        return media_type.strip().lower()

    def json(self) -> Any:  # noqa: ANN401
        """The body as JSON.

        Raises:
            SourceError: The body is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:  # the latter: thousands of nested brackets
            content_type = self.content_type or "no content type"
            raise SourceError(
                f"{self.location} returned HTTP {self.status_code} with {content_type} that is not JSON"
            ) from error


class HttpClient:
    """A `requests` session whose requests are rate limited, retried, and limited in time and size.

    Attributes:
        policy: Limits, timeouts and retries.
        session: The session itself, for client libraries that take one. What is sent through it follows the policy.
    """

    def __init__(
        self,
        policy: RequestPolicy,
        *,
        user_agent: str,
        rate_limiter: HostRateLimiter | None = None,
        origins: Mapping[str, str] | None = None,
        before_request: Callable[[], None] = lambda: None,
        redirect_hosts: Iterable[str] = (),
    ) -> None:
        """Open a session.

        Args:
            policy: Limits, timeouts and retries.
            user_agent: The User-Agent header.
            rate_limiter: A limiter shared with other clients; None: one of its own.
            origins: Origins to replace by others; see `with_origin_overrides`.
            before_request: Called before every attempt; it may refuse the request by raising a `SourceError`.
            redirect_hosts: Hosts with private addresses to which redirects may lead: `host`, or `host:port`.
        """
        # `requests` is imported here: `signals doctor` imports this module and sends nothing through it.
        import requests

        from signals_pipeline.adapters.http_client.transport import PolicyAdapter, PolicySession

        self.policy = policy
        self._origins = dict(origins or {})
        self._adapter = PolicyAdapter(
            policy,
            rate_limiter=rate_limiter or HostRateLimiter(policy),
            origins=self._origins,
            before_request=before_request,
        )
        self.session: requests.Session = PolicySession(self._adapter, redirect_hosts)
        self.session.headers["User-Agent"] = user_agent

        # `requests` looks for cookies in the raw response, which the adapter has replaced by the body that it read.
        def keep_cookies(response: requests.Response, *_: object, **__: object) -> None:
            self.session.cookies.update(response.cookies)

        self.session.hooks["response"].append(keep_cookies)

    @property
    def requests_sent(self) -> int:
        """Requests sent so far; every attempt counts."""
        return self._adapter.requests_sent

    @contextmanager
    def one_fetch(self) -> Generator[RequestPolicy]:
        """Limit what is sent within the block, by whichever thread, to the time of one fetch (`fetch_seconds`).

        A client serves one fetch at a time.
        """
        limited = self.policy.for_one_fetch()
        self._adapter.policy = limited
        try:
            yield limited
        finally:
            self._adapter.policy = self.policy

    def get(self, url: str) -> Response:
        """Send a GET request.

        Raises:
            TransientError: No response after all attempts: timeouts, broken connections, HTTP 429 or 5xx.
            SourceError: The request was refused, the address or that of a redirect is invalid, or the response is too
                large.
        """
        try:
            response = self.session.get(url)
        except (TransientError, SourceError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised as ours
            # Not only `RequestException`: for the address of a redirect, urllib3's and ValueError come through. Without
            # the cause, whose message repeats the address.
            location = host_and_path(with_origin_overrides(url, self._origins))
            raise SourceError(
                f"{location}: the request, or a redirect that answers it, can't be sent ({root_cause(error)}); check"
                " the address"
            ) from None
        return self.to_response(response)

    @staticmethod
    def to_response(response: "requests.Response") -> Response:
        """A response of `session` in our own terms."""
        location = host_and_path(response.url)
        return Response(location, response.status_code, response.headers, response.content, response.url)

    def close(self) -> None:
        """Close the connections."""
        self.session.close()
