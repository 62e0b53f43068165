"""The session under yfinance for Yahoo's daily charts; it remembers for each symbol why there are no prices.

yfinance logs what goes wrong and delivers columns without numbers. What a chart must contain is in `yahoo_chart`.
"""

from curl_cffi.requests import Response

from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind, problem_of, times_without_volume
from signals_pipeline.adapters.yahoo_symbols import GIVE_UP_AFTER, Refused, SymbolSession

YAHOO_CHARTS_ORIGIN = "https://query2.finance.yahoo.com"
CHART_PATH = "/v8/finance/chart/"


class ChartSession(SymbolSession):
    """A session that yfinance can use for daily charts.

    Attributes:
        times_without_volume: Timestamps, in seconds, whose volume is null, by symbol as Yahoo writes it.
    """

    data_path = CHART_PATH

    def __init__(
        self, policy: RequestPolicy, *, rate_limiter: HostRateLimiter | None = None, base_url: str = ""
    ) -> None:
        super().__init__(policy, rate_limiter=rate_limiter, base_url=base_url)
        self.times_without_volume: dict[str, frozenset[int]] = {}

    def check_response(self, path: str, response: Response, location: str) -> None:
        """Raise where a response is not a chart of the symbol that can be read.

        Raises:
            Refused: A refusal, or a response in another format.
        """
        symbol = self.symbol_of(path)
        problem = problem_of(response.content, response.headers.get("Content-Type") or "", symbol)
        # For an unknown symbol Yahoo explains itself in JSON; other refusals are described by their status.
        is_explained = problem is not None and problem.kind is ProblemKind.UNKNOWN
        if response.status_code >= 300 and not is_explained:
            problem = Problem(ProblemKind.UNREADABLE, f"{location} returned HTTP {response.status_code}")
        if problem is not None:
            raise Refused(symbol, problem)
        self.times_without_volume[symbol] = times_without_volume(response.content)

    def problem_after_retries(self, error: TransientError) -> Problem:
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
