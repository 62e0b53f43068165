"""Sessions under yfinance for data of one symbol a request: each symbol has its data, or the reason why it has none."""

from collections.abc import Callable
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from curl_cffi.requests import Response

from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind
from signals_pipeline.adapters.yahoo_session import YahooSession

# After this many symbols in a row that failed in spite of retries, the vendor is down: the others are skipped.
GIVE_UP_AFTER = 3


class Refused(Exception):  # noqa: N818  # it passes through yfinance
    """Yahoo gave nothing for a symbol.

    Attributes:
        problem: Why.
    """

    def __init__(self, symbol: str, problem: Problem) -> None:
        super().__init__(f"{symbol}: {problem.text}")
        self.problem = problem


class SymbolSession(YahooSession):
    """A session whose requests for data each name a symbol in the path.

    Args:
        policy: Limits, timeouts and retries.
        rate_limiter: The limiter; None: one of its own.
        base_url: Where to send the requests instead of Yahoo's hosts, for tests.

    Attributes:
        problems: Why there is no data, by symbol as Yahoo writes it.
    """

    data_path: ClassVar[str]
    """What stands before the symbol in the path of a request for data."""

    def __init__(
        self, policy: RequestPolicy, *, rate_limiter: HostRateLimiter | None = None, base_url: str = ""
    ) -> None:
        super().__init__(
            policy,
            rate_limiter or HostRateLimiter(policy),
            rewrite_url=lambda url: f"{base_url}{urlsplit(url).path or '/'}" if base_url else url,
        )
        self.problems: dict[str, Problem] = {}
        self._consecutive_failures = 0
        # Why nothing more is requested; empty as long as something is.
        self._stop_reason = ""

    def symbol_of(self, path: str) -> str:
        """The symbol that a request for data names."""
        return unquote(path.removeprefix(self.data_path))

    def is_data_request(self, path: str) -> bool:
        """Whether the request names a symbol."""
        return path.startswith(self.data_path)

    def before_attempt(self, path: str) -> None:
        """Refuse the attempt where nothing more is requested; others may have failed while it waited for its slot.

        Raises:
            Refused: The vendor is down, or has asked for a long pause.
        """
        if self._stop_reason:
            raise Refused(self.symbol_of(path), Problem(ProblemKind.UNREADABLE, self._stop_reason))

    def request_data(self, path: str, target: str, send: Callable[[float], Response]) -> Response:
        """Request a symbol's data.

        Raises:
            Refused: It can't be had; `problems` says why.
        """
        symbol = self.symbol_of(path)
        try:
            response = super().request_data(path, target, send)
        except TransientError as error:
            problem = self.problem_after_retries(error)
            self.problems[symbol] = problem
            raise Refused(symbol, problem) from error
        except Refused as error:
            self.problems[symbol] = error.problem
            raise
        self._consecutive_failures = 0
        return response

    def problem_after_retries(self, error: TransientError) -> Problem:
        """The problem behind the last transient error; it may stop the requests for the other symbols."""
        raise NotImplementedError
