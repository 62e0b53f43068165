"""The HTTP session that yfinance is given, for Yahoo's news and prices alike.

yfinance takes failed and changed responses for "no data". This session therefore applies our `RequestPolicy` and lets
its subclasses check every response before yfinance sees it.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any
from urllib.parse import urljoin, urlsplit

from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import RequestException

from signals_pipeline.adapters.http_client.policy import (
    HostRateLimiter,
    RequestPolicy,
    TransientError,
    raise_if_transient,
)
from signals_pipeline.adapters.http_client.redirects import MAX_REDIRECTS, is_within
from signals_pipeline.core.redaction import host_and_path

# Yahoo's pages for consent and cookies redirect to one another below this domain.
_DOMAIN = "yahoo.com"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

# Maximum length of curl's error text in our messages.
_ERROR_CHARACTERS = 200


class YahooSession(Session[Response]):
    """A session that rate limits, retries and checks the requests of yfinance.

    yfinance sends two kinds of requests: for data, and for the cookie and the "crumb" that Yahoo's pages use. Data is
    retried and checked. Cookie and crumb are optional for what we read, so each is requested at most once per session,
    whatever the outcome: where Yahoo sets no cookie, yfinance would ask for one before every request.

    Args:
        policy: Limits, timeouts and retries.
        rate_limiter: The limiter, which may be shared.
        rewrite_url: Where to send a request instead, for tests.

    Attributes:
        data_requests: Requests for data, each attempt counted.
        cookie_requests: Requests for cookies and crumbs.
    """

    def __init__(
        self,
        policy: RequestPolicy,
        rate_limiter: HostRateLimiter,
        *,
        rewrite_url: Callable[[str], str] = lambda url: url,
    ) -> None:
        # Yahoo refuses clients whose TLS handshake does not look like a browser's.
        super().__init__(impersonate="chrome")
        self.data_requests = 0
        self.cookie_requests = 0
        self._policy = policy
        self._rate_limiter = rate_limiter
        self._rewrite_url = rewrite_url
        self._lock = Lock()
        self._cookie_outcomes: dict[str, Response | TransientError] = {}

    def is_data_request(self, path: str) -> bool:
        """Whether a request to this path is for data, not for a cookie or crumb."""
        raise NotImplementedError

    def before_attempt(self, path: str) -> None:
        """Called before each attempt to get data; a subclass may refuse it by raising."""

    def check_response(self, path: str, response: Response, location: str) -> None:
        """Raise where a response is not the data that was requested.

        Args:
            path: Path that yfinance requested.
            response: A response with a final status: 2xx, or 4xx other than 429.
            location: Host and path, for messages.
        """
        raise NotImplementedError

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> Response:  # noqa: ANN401
        """Send a request of yfinance.

        Raises:
            TransientError: No response: after all attempts for data, after one for a cookie or crumb.
        """
        target = self._rewrite_url(url)

        def send(seconds: float) -> Response:
            options.update(timeout=seconds, allow_redirects=False)
            response = super(YahooSession, self).request(method, target, *args, **options)  # pyright: ignore[reportUnknownMemberType]  # curl_cffi leaves parameters unannotated
            return self._follow_redirects(url, response, seconds)

        path = urlsplit(url).path
        if self.is_data_request(path):
            return self.request_data(path, target, send)
        return self._request_cookie(target, send)

    def _follow_redirects(self, url: str, response: Response, seconds: float) -> Response:
        """The response at the end of a chain of redirects within Yahoo's hosts, or the first that leads elsewhere.

        Not curl's own way of following: its protection of private networks lets some spellings of addresses through.
        """
        for _ in range(MAX_REDIRECTS):
            if response.status_code not in _REDIRECTS:
                break
            url = urljoin(url, response.headers.get("Location") or "")
            if not is_within(url, _DOMAIN):
                break
            response = super().request("GET", self._rewrite_url(url), timeout=seconds, allow_redirects=False)  # pyright: ignore[reportUnknownMemberType]
        return response

    def request_data(self, path: str, target: str, send: Callable[[float], Response]) -> Response:
        """Request data, with retries, and check the response.

        Args:
            path: Path that yfinance requested.
            target: URL to which the request goes.
            send: Sends the request once with a timeout in seconds.
        """

        def attempt() -> Response:
            self.before_attempt(path)
            with self._lock:
                self.data_requests += 1
            location = host_and_path(target)
            response = _sent(lambda: send(self._policy.deadline), location)
            raise_if_transient(location, response.status_code, response.headers)
            self.check_response(path, response, location)
            return response

        return self._policy.call_with_retry(attempt, host=urlsplit(target).netloc, rate_limiter=self._rate_limiter)

    def _request_cookie(self, target: str, send: Callable[[float], Response]) -> Response:
        # No lock: yfinance itself requests cookies and crumbs under a lock, one after another.
        outcome = self._cookie_outcomes.get(target)
        if outcome is None:
            try:
                outcome = self._requested_once(target, send)
            except TransientError as error:
                outcome = error
            self._cookie_outcomes[target] = outcome
        if isinstance(outcome, TransientError):
            # A new instance for each caller: a raised exception collects a traceback.
            raise TransientError(str(outcome), outcome.retry_after)
        return outcome

    def _requested_once(self, target: str, send: Callable[[float], Response]) -> Response:
        location = host_and_path(target)
        with self._rate_limiter.slot(urlsplit(target).netloc):
            self.cookie_requests += 1
            response = _sent(lambda: send(self._policy.timeout), location)
        raise_if_transient(location, response.status_code, response.headers)
        return response


def _sent(send: Callable[[], Response], location: str) -> Response:
    """The response, or a `TransientError` for whatever curl reports: timeouts, broken connections, DNS."""
    try:
        return send()
    except RequestException as error:
        # curl ends its messages with a link to its own documentation.
        text = str(error).partition(" See https://curl.se")[0]
        line = " ".join(text.split())[:_ERROR_CHARACTERS]
        raise TransientError(f"{location}: {type(error).__name__}: {line}") from error
