"""The session under yfinance for Yahoo's daily charts; it remembers for each symbol why there are no prices.

yfinance logs what goes wrong and delivers columns without numbers. What a chart must contain is in `yahoo_chart`.
"""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from curl_cffi.requests import Response

from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind, problem_of, times_without_volume
from signals_pipeline.adapters.yahoo_session import YahooSession

YAHOO_CHARTS_ORIGIN = "https://query2.finance.yahoo.com"
CHART_PATH = "/v8/finance/chart/"

# After this many symbols in a row that failed in spite of retries, the vendor is down: the others are skipped.
GIVE_UP_AFTER = 3


class Refused(Exception):  # noqa: N818  # yfinance turns it into a column without numbers
    """Yahoo gave no prices for a symbol.

    Attributes:
        problem: Why.
    """

    def __init__(self, symbol: str, problem: Problem) -> None:
        super().__init__(f"{symbol}: {problem.text}")
        self.problem = problem


class ChartSession(YahooSession):
    """A session that yfinance can use for daily charts.

    Args:
        policy: Limits, timeouts and retries.
        rate_limiter: The limiter; None: one of its own.
        base_url: Where to send the requests instead of Yahoo's hosts, for tests.

    Attributes:
        problems: Why there are no prices, by symbol as Yahoo writes it.
        times_without_volume: Timestamps, in seconds, whose volume is null, by symbol as Yahoo writes it.
    """

    def __init__(
        self, policy: RequestPolicy, *, rate_limiter: HostRateLimiter | None = None, base_url: str = ""
    ) -> None:
        super().__init__(
            policy,
            rate_limiter or HostRateLimiter(policy),
            rewrite_url=lambda url: f"{base_url}{urlsplit(url).path or '/'}" if base_url else url,
        )
        self.problems: dict[str, Problem] = {}
        self.times_without_volume: dict[str, frozenset[int]] = {}
        self._consecutive_failures = 0
        # Why no further chart is requested; empty as long as charts are requested.
        self._stop_reason = ""

    def is_data_request(self, path: str) -> bool:
        """Whether the request is for a chart."""
        return path.startswith(CHART_PATH)

    def before_attempt(self, path: str) -> None:
        """Refuse the attempt where charts are no longer requested; others may have failed while it waited for its slot.

        Raises:
            Refused: The vendor is down, or has asked for a long pause.
        """
        if self._stop_reason:
            raise Refused(_symbol(path), Problem(ProblemKind.UNREADABLE, self._stop_reason))

    def check_response(self, path: str, response: Response, location: str) -> None:
        """Raise where a response is not a chart of the symbol that can be read.

        Raises:
            Refused: A refusal, or a response in another format.
        """
        symbol = _symbol(path)
        problem = problem_of(response.content, response.headers.get("Content-Type") or "", symbol)
        # For an unknown symbol Yahoo explains itself in JSON; other refusals are described by their status.
        is_explained = problem is not None and problem.kind is ProblemKind.UNKNOWN
        if response.status_code >= 300 and not is_explained:
            problem = Problem(ProblemKind.UNREADABLE, f"{location} returned HTTP {response.status_code}")
        if problem is not None:
            raise Refused(symbol, problem)
        self.times_without_volume[symbol] = times_without_volume(response.content)

    def request_data(self, path: str, target: str, send: Callable[[float], Response]) -> Response:
        """Request a chart.

        Raises:
            Refused: A chart that can't be had; `problems` says why.
        """
        symbol = _symbol(path)
        try:
            response = super().request_data(path, target, send)
        except TransientError as error:
            problem = self._problem_after_retries(error)
            self.problems[symbol] = problem
            raise Refused(symbol, problem) from error
        except Refused as error:
            self.problems[symbol] = error.problem
            raise
        self._consecutive_failures = 0
        return response

    def _problem_after_retries(self, error: TransientError) -> Problem:
        """The problem behind the last transient error; it may stop the requests for the other symbols."""
        asked_to_wait_too_long = (error.retry_after or 0.0) > self._policy.max_wait
        if asked_to_wait_too_long:
            self._stop_reason = f"skipped: {error}"
            return Problem(ProblemKind.UNREADABLE, str(error))
        with self._lock:
            self._consecutive_failures += 1
            if self._consecutive_failures >= GIVE_UP_AFTER:
                self._stop_reason = f"skipped after {GIVE_UP_AFTER} consecutive failures; the last: {error}"
        return Problem(ProblemKind.UNREADABLE, str(error), transient=True)


def _symbol(path: str) -> str:
    return unquote(path.removeprefix(CHART_PATH))
