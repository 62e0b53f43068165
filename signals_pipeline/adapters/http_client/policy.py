"""How vendors are called: so many at once, so far apart, so patiently; only what can heal is tried again."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

from signals_pipeline.core.news.feeds import SourceError

if TYPE_CHECKING:
    import tenacity

Answer = TypeVar("Answer")
SHORT_REST = 60.0  # seconds


class TransientError(OSError):
    """A failure that may pass: a timeout, a broken connection, 429 or 5xx; the message is one line.

    Attributes:
        retry_after: Seconds that the vendor asks to wait; None where it doesn't say.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def given_up(self) -> SourceError:
        """What it is to whoever asked the source; one that wants a long rest is not asked again within the run."""
        return SourceError(str(self), transient=(self.retry_after or 0.0) <= SHORT_REST)


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """Politeness and patience towards one vendor.

    Attributes:
        at_once: Calls under way to one host at the same time.
        spacing: Seconds between the starts of two calls to one host.
        timeout: Seconds to connect, and between two pieces of an answer.
        deadline: Seconds for a whole answer, however steadily it drips.
        attempts: Calls made at most for one answer.
        backoff: Seconds: the n-th wait is drawn from [0, backoff * 2^(n-1)] (full jitter).
        longest_wait: Seconds; a Retry-After beyond this is not waited for.
        largest: Bytes of an answer read at most.
    """

    at_once: int = 10
    spacing: float = 0.02
    timeout: float = 10.0
    deadline: float = 20.0
    attempts: int = 3
    backoff: float = 0.5
    longest_wait: float = 30.0
    largest: int = 8_000_000

    def call_with_retry(self, ask: Callable[[], Answer]) -> Answer:
        """The answer, asked for again after a `TransientError` as long as the manners allow.

        Raises:
            PassingError: the last one, where none of the attempts got an answer.
        """
        import tenacity

        jitter = tenacity.wait_random_exponential(multiplier=self.backoff, max=self.longest_wait)

        def wait(state: "tenacity.RetryCallState") -> float:
            return max(jitter(state), _retry_after(state) or 0.0)

        def may_heal(state: "tenacity.RetryCallState") -> bool:
            failure = state.outcome.exception() if state.outcome else None
            return isinstance(failure, TransientError) and (failure.retry_after or 0.0) <= self.longest_wait

        stop = tenacity.stop_after_attempt(self.attempts)
        return tenacity.Retrying(stop=stop, wait=wait, retry=may_heal, reraise=True, sleep=sleep)(ask)


def _retry_after(state: "tenacity.RetryCallState") -> float | None:
    failure = state.outcome.exception() if state.outcome else None
    return failure.retry_after if isinstance(failure, TransientError) else None


@dataclass
class HostRateLimiter:
    """One door a host, through which calls pass as the manners say; shared by threads."""

    manners: RequestPolicy
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _places: dict[str, threading.BoundedSemaphore] = field(default_factory=dict)
    _next: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def through(self, host: str) -> Iterator[None]:
        """Wait for a place at this host, hold it, give it back."""
        with self._lock:
            place = self._places.setdefault(host, threading.BoundedSemaphore(self.manners.at_once))
        with place:
            with self._lock:
                now = monotonic()
                turn = max(now, self._next.get(host, now))
                self._next[host] = turn + self.manners.spacing
            if turn > now:
                sleep(turn - now)
            yield


def raise_if_transient(where: str, status: int, headers: Mapping[str, str]) -> None:
    """Raise where a status tells of something that may pass.

    Raises:
        PassingError: 429 or 5xx.
    """
    if status == 429 or status >= 500:
        after = retry_after(headers.get("Retry-After"))
        says = f", wants {after:.0f} s of rest" if after is not None else ""
        raise TransientError(f"{where} answers HTTP {status}{says}", after)


def retry_after(value: str | None) -> float | None:
    """Seconds to wait by a Retry-After header: a number or an HTTP date; None where there is none to read."""
    if not value:
        return None
    if value.isascii() and value.strip().isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
