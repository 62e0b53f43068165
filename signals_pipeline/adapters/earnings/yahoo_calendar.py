"""Checks of Yahoo's answers about a company's calendar, and the session under yfinance that makes them.

yfinance takes failed and changed answers for "no date", drops the time of day and interprets the day in the machine's
zone. The session therefore reads the announcement from the answer itself, and remembers for each symbol why there is
none. The vendor over it is in `yahoo`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import unquote, urlsplit

from curl_cffi.requests import Response

from signals_pipeline.adapters.http_client.json_values import is_array, is_object
from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind
from signals_pipeline.adapters.yahoo_session import YahooSession
from signals_pipeline.core.prices.earnings import ReportTime, report_time
from signals_pipeline.core.text import first_line
from signals_pipeline.core.windows import NEW_YORK

CALENDAR_PATH = "/v10/finance/quoteSummary/"

# After this many symbols in a row that failed in spite of retries, the vendor is down: the others are skipped.
GIVE_UP_AFTER = 3

# Instants outside of these years are a mistake, and far ones overflow. Seconds.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC).timestamp(), datetime(2100, 1, 1, tzinfo=UTC).timestamp()

# Statuses after which yfinance requests a new cookie and crumb and tries once more.
_NOT_AUTHORISED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Announcement:
    """What Yahoo lists of a company.

    Attributes:
        day: Day of the next report, or of the last one; None where none is listed.
        time: When on that day.
        estimated: Whether it is an estimate; of a range `day` is the first.
    """

    day: date | None = None
    time: ReportTime = ReportTime.UNKNOWN
    estimated: bool = False


class Refused(Exception):  # noqa: N818  # it passes through yfinance
    """Yahoo gave no calendar of a symbol.

    Attributes:
        problem: Why.
    """

    def __init__(self, symbol: str, problem: Problem) -> None:
        super().__init__(f"{symbol}: {problem.text}")
        self.problem = problem


def read_announcement(body: bytes) -> Announcement | Problem:
    """The announcement of an answer, or why there is none."""
    try:
        content: object = json.loads(body)
    except ValueError:
        return Problem(ProblemKind.UNREADABLE, f"the response has {len(body)} bytes that are not JSON")
    summary = content.get("quoteSummary") if is_object(content) else None
    if not is_object(summary):
        return Problem(ProblemKind.DRIFT, "'quoteSummary' is missing")
    error = summary.get("error")
    if error:
        described = error.get("description") if is_object(error) else error
        return Problem(ProblemKind.UNKNOWN, f"Yahoo has no calendar of it ({first_line(str(described), 'no reason')})")

    results = summary.get("result")
    result = results[0] if is_array(results) and results else None
    events = result.get("calendarEvents") if is_object(result) else None
    if not is_object(events):
        return Problem(ProblemKind.DRIFT, "'calendarEvents' is missing")
    earnings = events.get("earnings")
    if earnings is None:
        return Announcement()
    instants = earnings.get("earningsDate", []) if is_object(earnings) else None
    if not is_array(instants):
        return Problem(ProblemKind.DRIFT, "'earnings.earningsDate' is not a list")
    return _announcement(instants, earnings.get("isEarningsDateEstimate") if is_object(earnings) else None)


def _announcement(values: list[object], is_estimate: object) -> Announcement | Problem:
    """The announcement of `earningsDate`: one instant, or first and last day of a range."""
    instants: list[datetime] = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _EARLIEST < value < _LATEST:
            return Problem(ProblemKind.DRIFT, f"'earnings.earningsDate' contains {str(value)[:40]!r}, not seconds")
        instants.append(datetime.fromtimestamp(value, NEW_YORK))
    if not instants:
        return Announcement()
    days = sorted(at.date() for at in instants)
    if is_estimate is True or days[0] != days[-1]:
        return Announcement(days[0], ReportTime.UNKNOWN, estimated=True)
    # Two instants of one day that disagree say nothing about the time.
    times = {report_time(at) for at in instants}
    return Announcement(days[0], times.pop() if len(times) == 1 else ReportTime.UNKNOWN)


class CalendarSession(YahooSession):
    """A session that yfinance can use for calendars.

    Args:
        policy: Limits, timeouts and retries.
        rate_limiter: The limiter; None: one of its own.
        base_url: Where to send the requests instead of Yahoo's hosts, for tests.

    Attributes:
        announcements: What Yahoo lists, by symbol as it writes it.
        problems: Why there is no announcement, likewise.
    """

    def __init__(
        self, policy: RequestPolicy, *, rate_limiter: HostRateLimiter | None = None, base_url: str = ""
    ) -> None:
        super().__init__(
            policy,
            rate_limiter or HostRateLimiter(policy),
            rewrite_url=lambda url: f"{base_url}{urlsplit(url).path or '/'}" if base_url else url,
        )
        self.announcements: dict[str, Announcement] = {}
        self.problems: dict[str, Problem] = {}
        self._consecutive_failures = 0
        # Why nothing more is requested; empty as long as something is.
        self._stop_reason = ""

    def is_data_request(self, path: str) -> bool:
        """Whether the request is for a calendar."""
        return path.startswith(CALENDAR_PATH)

    def before_attempt(self, path: str) -> None:
        """Refuse the attempt where the vendor is down or refuses everybody.

        Raises:
            Refused: It does.
        """
        if self._stop_reason:
            raise Refused(_symbol(path), Problem(ProblemKind.UNREADABLE, self._stop_reason))

    def check_response(self, path: str, response: Response, location: str) -> None:
        """Read a response; one without authorisation is left to yfinance, which tries another cookie.

        Raises:
            Refused: A refusal, or a response in another format.
        """
        symbol = _symbol(path)
        if response.status_code in _NOT_AUTHORISED:
            self.problems[symbol] = Problem(ProblemKind.UNREADABLE, f"{location} returned HTTP {response.status_code}")
            return
        found = read_announcement(response.content)
        # For a symbol without a calendar Yahoo explains itself in JSON; other refusals are described by their status.
        is_explained = isinstance(found, Problem) and found.kind is ProblemKind.UNKNOWN
        if response.status_code >= 300 and not is_explained:
            found = Problem(ProblemKind.UNREADABLE, f"{location} returned HTTP {response.status_code}")
        if isinstance(found, Problem):
            raise Refused(symbol, found)
        self.problems.pop(symbol, None)
        self.announcements[symbol] = found

    def request_data(self, path: str, target: str, send: Callable[[float], Response]) -> Response:
        """Request a calendar.

        Raises:
            Refused: A calendar that can't be had; `problems` says why.
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
        with self._lock:
            self._consecutive_failures += 1
            asked_to_wait_too_long = (error.retry_after or 0.0) > self._policy.max_wait
            if asked_to_wait_too_long or self._consecutive_failures >= GIVE_UP_AFTER:
                self._stop_reason = f"skipped: {error}"
        return Problem(ProblemKind.UNREADABLE, str(error), transient=True)


def _symbol(path: str) -> str:
    return unquote(path.removeprefix(CALENDAR_PATH))
