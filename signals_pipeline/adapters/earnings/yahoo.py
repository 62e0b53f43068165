"""Earnings dates of Yahoo Finance through yfinance; what is checked and read of its answers is in `yahoo_calendar`."""

import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind, chart_policy
from signals_pipeline.adapters.yfinance_module import yfinance_in

if TYPE_CHECKING:
    from signals_pipeline.adapters.earnings.yahoo_calendar import Announcement, CalendarSession


@dataclass(frozen=True, slots=True)
class EarningsDelivery:
    """What a vendor returned.

    Attributes:
        announcements: What it lists of each symbol about which it has answered.
        refused: Why there is nothing of the others.
        calls: Requests sent.
    """

    announcements: Mapping[str, "Announcement"]
    refused: Mapping[str, Problem]
    calls: int


class YahooEarnings:
    """Yahoo Finance as a vendor of earnings dates.

    Args:
        cache_dir: Where yfinance caches what it knows of symbols.
        policy: Limits, timeouts and retries; None: those of charts.
        rate_limiter: The limiter; None: one of its own.
        base_url: Where to send the requests instead of Yahoo's hosts, for tests.
    """

    name = "yahoo"

    def __init__(
        self,
        *,
        cache_dir: Path,
        policy: RequestPolicy | None = None,
        rate_limiter: HostRateLimiter | None = None,
        base_url: str = "",
    ) -> None:
        self._cache_dir = cache_dir
        self._policy = policy or chart_policy()
        self._rate_limiter = rate_limiter or HostRateLimiter(self._policy)
        self._base_url = base_url

    def fetch(self, symbols: Sequence[str]) -> EarningsDelivery:
        """The next report of each symbol; what goes wrong with one leaves the others alone.

        Args:
            symbols: Symbols as the watchlist writes them; Yahoo writes a share class with a hyphen, `BRK-B`.
        """
        # curl_cffi is imported here, since recorded dates do without it.
        from signals_pipeline.adapters.earnings.yahoo_calendar import CalendarSession

        symbol_by_yahoo_name = {symbol.replace(".", "-"): symbol for symbol in symbols}
        threads = min(self._policy.concurrency, len(symbol_by_yahoo_name))
        with (
            CalendarSession(self._policy, rate_limiter=self._rate_limiter, base_url=self._base_url) as session,
            warnings.catch_warnings(),
            ThreadPoolExecutor(threads, thread_name_prefix="earnings") as pool,
        ):
            yfinance = yfinance_in(self._cache_dir)  # its import sets a warnings filter of its own
            # yfinance uses pandas in ways that are deprecated; filters hold for its threads, too.
            warnings.simplefilter("ignore")
            _forget_credentials(yfinance, session)

            def request(yahoo_name: str) -> None:
                _request(yfinance, yahoo_name, session)

            list(pool.map(request, symbol_by_yahoo_name))
            calls = session.data_requests

        announcements = {symbol_by_yahoo_name[name]: found for name, found in session.announcements.items()}
        problems = {symbol_by_yahoo_name[name]: problem for name, problem in session.problems.items()}
        return EarningsDelivery(announcements, problems, calls)


def _forget_credentials(yfinance: Any, session: "CalendarSession") -> None:  # noqa: ANN401
    """Make yfinance use this session, and ask for a cookie and a crumb of its own.

    yfinance keeps both for the whole process. Those of an earlier session, such as that of the prices, do not belong to
    this one's cookies, and Yahoo refuses a calendar without a matching pair.
    """
    data = yfinance.data.YfData(session=session)
    data._crumb = None  # noqa: SLF001
    data._cookie = None  # noqa: SLF001
    data._cookie_strategy = "basic"  # noqa: SLF001


def _request(yfinance: Any, yahoo_name: str, session: "CalendarSession") -> None:  # noqa: ANN401
    """Have yfinance request one calendar; the session reads it."""
    try:
        # Its own reading of the answer is not used: it drops the time of day.
        _ = yfinance.Ticker(yahoo_name, session=session).calendar
    except Exception as error:  # noqa: BLE001  # yfinance raises whatever a response makes it stumble over
        is_accounted_for = yahoo_name in session.announcements or yahoo_name in session.problems
        if not is_accounted_for:
            text = f"yfinance can't request it ({type(error).__name__}: {error})"
            session.problems[yahoo_name] = Problem(ProblemKind.DRIFT, text)
