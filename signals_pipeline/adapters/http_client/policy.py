"""How vendors are called: rate limit per host, timeouts, and retries of transient errors with exponential backoff.

News and prices follow the same policy. The `requests` session that applies it is in `client` and `transport`, the
session under yfinance in `adapters.yahoo_session`.
"""

import math
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

from signals_pipeline.core.news.feeds import SourceError

if TYPE_CHECKING:
    import tenacity

Result = TypeVar("Result")

# A vendor that asks for a longer pause is not worth another attempt of the same pipeline run. Seconds.
MAX_PAUSE_WITHIN_RUN = 60.0

# urllib3 cuts longer values, by default at six hours; messages should say what the vendor asked for. A year in seconds.
_MAX_RETRY_AFTER = 366 * 24 * 60 * 60


class TransientError(OSError):
    """A request failed in a way that may pass: a timeout, a broken connection, HTTP 429 or 5xx.

    Attributes:
        retry_after: Seconds that the vendor asks to wait; None where it does not say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def to_source_error(self) -> SourceError:
        """The error for the source's caller; not transient where the vendor asks for a long pause."""
        pause = self.retry_after or 0.0
        return SourceError(str(self), transient=pause <= MAX_PAUSE_WITHIN_RUN)


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """Limits, timeouts and retries for requests to a vendor.

    Attributes:
        concurrency: Maximum number of requests to one host in progress at the same time.
        min_interval: Minimum seconds between the starts of two requests to one host.
        timeout: Seconds to connect, and to wait for the next bytes of a response.
        deadline: Seconds for one attempt: name resolution, connection, headers and body, however steadily they arrive.
        attempts: Maximum number of attempts for one response.
        backoff: Scale of the backoff in seconds: the n-th wait is drawn from [0, backoff * 2^(n-1)].
        max_wait: Maximum seconds between two attempts; a longer Retry-After ends the retries.
        max_bytes: Maximum size of a response body, decoded.
        fetch_seconds: Seconds for one fetch of a feed: all its requests, retries and documents together.
        until: Moment of the monotonic clock after which no attempt begins; see `for_one_fetch`.
    """

    concurrency: int = 10
    # 50 requests per second and host: a window's 50 symbols are fetched in about a second.
    min_interval: float = 0.02
    timeout: float = 10.0
    deadline: float = 20.0
    attempts: int = 3
    backoff: float = 0.5
    max_wait: float = 30.0
    # Far more than a feed, a page of results or a chart has: a larger response is not what was asked for.
    max_bytes: int = 8_000_000
    # Well below the 300 s of the stage, so that one slow feed does not hold up the others.
    fetch_seconds: float = 120.0
    until: float = math.inf

    def for_one_fetch(self) -> "RequestPolicy":
        """The policy for a fetch that begins now."""
        return replace(self, until=monotonic() + self.fetch_seconds)

    @property
    def seconds_left(self) -> float:
        """Seconds until the fetch's time is up; 0 or less once it is."""
        return self.until - monotonic()

    def call_with_retry(self, send: Callable[[], Result], *, host: str, rate_limiter: "HostRateLimiter") -> Result:
        """Send a request within the host's rate limit and retry it after a `TransientError`.

        A wait between two attempts holds every request to the host, not only this one: a vendor that is overloaded or
        has refused one request should not get others in the meantime.

        Args:
            send: Makes one attempt.
            host: Whose rate limit applies.
            rate_limiter: The limiter shared by all who call this host.

        Raises:
            TransientError: The last attempt's, once no attempt is left, the vendor asks to wait too long, or the time
                of the fetch is up.
        """
        import tenacity

        last_error: TransientError | None = None

        def attempt() -> Result:
            nonlocal last_error
            with rate_limiter.slot(host):
                # Looked at within the slot, for which the request may have waited long.
                if self.seconds_left <= 0:
                    _, _, shown_host = host.rpartition("@")  # the part before may be a password
                    raise last_error or TransientError(
                        f"{shown_host}: not requested, the {self.fetch_seconds:g} s for one fetch are over"
                    )
                try:
                    return send()
                except TransientError as error:
                    last_error = error
                    raise

        # Full jitter. Source: Brooker, Exponential Backoff And Jitter, AWS Architecture Blog (2015).
        backoff = tenacity.wait_random_exponential(multiplier=self.backoff, max=self.max_wait)

        def wait_seconds(state: "tenacity.RetryCallState") -> float:
            return max(backoff(state), _requested_wait(state))

        def is_retryable(state: "tenacity.RetryCallState") -> bool:
            longest_wait = min(self.max_wait, self.seconds_left)
            return _transient_error(state) is not None and _requested_wait(state) <= longest_wait

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.attempts),
            wait=wait_seconds,
            retry=is_retryable,
            # The next attempt waits for its slot, which opens when the hold is over.
            sleep=lambda seconds: rate_limiter.hold(host, seconds),
            reraise=True,
        )
        return retrying(attempt)


def _transient_error(state: "tenacity.RetryCallState") -> TransientError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, TransientError) else None


def _requested_wait(state: "tenacity.RetryCallState") -> float:
    """Seconds that the vendor asked to wait; 0 where it did not."""
    error = _transient_error(state)
    if error is None or error.retry_after is None:
        return 0.0
    return error.retry_after


class HostRateLimiter:
    """Limits the concurrency and the pace of requests per host; shared by threads and clients.

    Args:
        policy: Concurrency and minimum interval.
        clock: Monotonic seconds.
        pause: Sleeps for a number of seconds.
    """

    def __init__(
        self,
        policy: RequestPolicy,
        *,
        clock: Callable[[], float] = monotonic,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._semaphores: dict[str, threading.BoundedSemaphore] = {}
        # Per host, the earliest moment at which the next request may start.
        self._next_start: dict[str, float] = {}

    @contextmanager
    def slot(self, host: str) -> Generator[None]:
        """Wait until a request to the host may start, and occupy one of its slots within the block."""
        with self._lock:
            semaphore = self._semaphores.setdefault(host, threading.BoundedSemaphore(self._policy.concurrency))
        with semaphore:
            self._wait_for_turn(host)
            yield

    def hold(self, host: str, seconds: float) -> None:
        """Let no request to the host start for a number of seconds; a longer hold in force stays."""
        with self._lock:
            now = self._clock()
            self._next_start[host] = max(self._next_start.get(host, now), now + seconds)

    def _wait_for_turn(self, host: str) -> None:
        # Reserve the start under the lock, sleep outside of it, so that others can reserve theirs meanwhile.
        with self._lock:
            now = self._clock()
            start = max(now, self._next_start.get(host, now))
            self._next_start[host] = start + self._policy.min_interval
        if start > now:
            self._pause(start - now)


def raise_if_transient(location: str, status_code: int, headers: Mapping[str, str | None]) -> None:
    """Raise for HTTP statuses that may pass.

    Args:
        location: Host and path, for the message.
        status_code: HTTP status.
        headers: Response headers.

    Raises:
        TransientError: HTTP 429 or 5xx.
    """
    if status_code != 429 and status_code < 500:
        return
    seconds = parse_retry_after(headers.get("Retry-After"))
    request_to_wait = "" if seconds is None else f" and asked to wait {seconds:.0f} s"
    raise TransientError(f"{location} returned HTTP {status_code}{request_to_wait}", seconds)


def parse_retry_after(value: str | None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110, 10.2.3), which is a number of seconds or an HTTP date.

    Returns:
        0 for a date in the past, None where there is no value or none that can be read.
    """
    if not value:
        return None
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return float(Retry(retry_after_max=_MAX_RETRY_AFTER).parse_retry_after(value))
    except (InvalidHeader, ValueError, OverflowError):  # the latter two for dates that no calendar has
        return None


def with_origin_overrides(url: str, origins: Mapping[str, str]) -> str:
    """The URL at the origin that replaces its own; unchanged where no override is given.

    Args:
        url: Absolute URL.
        origins: Replacements by origin, as in `{"https://newsapi.org": "http://127.0.0.1:8000"}`.
    """
    # Compared as text: a malformed URL, which `urlsplit` refuses, is nobody's origin.
    for origin, replacement in origins.items():
        rest = url.removeprefix(origin)
        if rest != url and (not rest or rest[0] in "/?#"):
            return replacement + rest
    return url


def root_cause(error: BaseException) -> str:
    """The class name of the innermost cause; its text may hold the URL's query."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return type(error).__name__
