"""The HTTP session under yfinance: polite, retrying what can heal, and strict about what an answer must hold.

yfinance logs what goes wrong and delivers columns without numbers; this session notes for each symbol why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import RequestException

from signals_pipeline.adapters.prices.pacing import MOST_SECONDS, Pacer, retry_after
from signals_pipeline.adapters.prices.yahoo_chart import Problem, problem_of

ATTEMPTS = 3
GIVE_UP_AFTER = 3  # symbols in a row for which nothing helped: the vendor is down, the others are not asked
YAHOO = "https://query2.finance.yahoo.com"
CHART = "/v8/finance/chart/"
_COOKIE_SECONDS = 5.0


class Refused(Exception):  # noqa: N818  # yfinance turns it into a column without numbers
    """Yahoo gave no prices for a symbol; the session remembers why."""


class ChartSession(Session[Response]):
    """A session that yfinance can use for daily charts.

    Args:
        timeout: Seconds until an answer must be complete.
        pacer: Shared politeness.
        base_url: Where to send the calls instead of Yahoo's hosts, for tests.
        now: The clock, for `Retry-After` dates.
        attempts: How often a chart is asked for at most.

    Attributes:
        problems: Why there are no prices, by symbol as Yahoo writes it.
        calls: Calls to the chart API.
    """

    def __init__(
        self,
        *,
        timeout: float,
        pacer: Pacer,
        base_url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        attempts: int = ATTEMPTS,
    ) -> None:
        super().__init__(impersonate="chrome")
        self.problems: dict[str, Problem] = {}
        self.calls = 0
        self._seconds, self._pacer, self._base_url, self._now = timeout, pacer, base_url, now
        self._attempts = attempts
        self._lock = Lock()
        self._in_vain = 0
        self._stopped = ""
        self._cookies_refused = False
        self._helpers: dict[str, Response] = {}

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> Response:  # noqa: ANN401
        """Send a request as yfinance asks for it.

        Raises:
            Refused: a chart that can't be had; `problems` says why.
            ConnectionError: a cookie or crumb that can't be had; yfinance goes on without.
        """
        parts = urlsplit(url)
        target = f"{self._base_url}{parts.path or '/'}" if self._base_url else url
        if not parts.path.startswith(CHART):
            return self._ask_cookie(method, target, *args, **options)
        symbol = unquote(parts.path.removeprefix(CHART))
        answer = self._ask_chart(symbol, method, target, *args, **options)
        if isinstance(answer, Response):
            return answer
        self.problems[symbol] = answer
        raise Refused(f"{symbol}: {answer.text}")

    def _ask_cookie(self, method: Any, url: str, *args: Any, **options: Any) -> Response:  # noqa: ANN401
        """A cookie or crumb, asked for once a session: where Yahoo sets none, yfinance would ask before every chart."""
        if self._cookies_refused:
            raise ConnectionError("no cookie could be had before; charts are asked for without one")
        if url not in self._helpers:  # yfinance asks one after another
            options["timeout"] = min(self._seconds, _COOKIE_SECONDS)
            try:
                self._helpers[url] = super().request(method, url, *args, **options)
            except RequestException as error:
                self._cookies_refused = True
                raise ConnectionError(f"{url}: {error}") from error
        return self._helpers[url]

    def _ask_chart(self, symbol: str, *args: Any, **options: Any) -> Response | Problem:  # noqa: ANN401
        """The answer that can be read, or why there is none."""
        problem = Problem("unreadable", "")
        for attempt in range(self._attempts):
            self._pacer.wait()
            if self._stopped:
                return Problem("unreadable", self._stopped)
            answer = self._attempt(symbol, *args, **options)
            if isinstance(answer, Response):
                self._in_vain = 0
                return answer
            if not answer.again:
                return answer.problem
            problem = answer.problem
            if attempt + 1 < self._attempts:
                self._pacer.hold(self._pacer.backoff(attempt) if answer.wait is None else answer.wait)
        with self._lock:
            self._in_vain += 1
            if self._in_vain >= GIVE_UP_AFTER:
                self._stopped = f"not asked: {GIVE_UP_AFTER} symbols in a row failed, the last with {problem.text}"
        return problem

    def _attempt(self, symbol: str, *args: Any, **options: Any) -> "Response | _Setback":  # noqa: ANN401
        options["timeout"] = self._seconds
        with self._lock:
            self.calls += 1
        try:
            response = super().request(*args, **options)
        except RequestException as error:
            whole = str(error).partition(" See https://curl.se")[0]  # not where curl explains itself
            said = " ".join(whole.split())[:200]
            return _Setback(Problem("unreadable", f"{type(error).__name__}: {said}", transient=True), again=True)
        status = response.status_code
        if status == 429 or status >= 500:
            return self._busy(status, retry_after(response.headers.get("Retry-After"), self._now()))
        problem = problem_of(response.content, response.headers.get("Content-Type") or "", symbol)
        if status >= 400 and (problem is None or problem.kind != "unknown"):
            problem = Problem("unreadable", f"HTTP {status}")
        return response if problem is None else _Setback(problem)

    def _busy(self, status: int, wait: float | None) -> "_Setback":
        said = f"HTTP {status}" + ("" if wait is None else f", asks to wait {wait:.0f} s")
        again = wait is None or wait <= MOST_SECONDS
        if not again:
            self._stopped = f"{said}; not asked again in this run"
        return _Setback(Problem("unreadable", said, transient=again), again=again, wait=wait)


@dataclass(frozen=True, slots=True)
class _Setback:
    """A try without an answer: why, whether another may help, and how long it was asked to wait."""

    problem: Problem
    again: bool = False
    wait: float | None = None
