"""Checks of Yahoo's answers about a company's calendar, and the session under yfinance that makes them.

yfinance takes failed and changed answers for "no date", drops the time of day and interprets the day in the machine's
zone. The session therefore reads the announcement from the answer itself, and remembers for each symbol why there is
none. The vendor over it is in `yahoo`.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

from curl_cffi.requests import Response

from signals_pipeline.adapters.http_client.json_values import is_array, is_object
from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind
from signals_pipeline.adapters.yahoo_symbols import GIVE_UP_AFTER, Refused, SymbolSession
from signals_pipeline.core.prices.earnings import ReportTime, report_time
from signals_pipeline.core.text import first_line
from signals_pipeline.core.windows import NEW_YORK

CALENDAR_PATH = "/v10/finance/quoteSummary/"

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


class CalendarSession(SymbolSession):
    """A session that yfinance can use for calendars.

    Attributes:
        announcements: What Yahoo lists, by symbol as it writes it.
    """

    data_path = CALENDAR_PATH

    def __init__(
        self, policy: RequestPolicy, *, rate_limiter: HostRateLimiter | None = None, base_url: str = ""
    ) -> None:
        super().__init__(policy, rate_limiter=rate_limiter, base_url=base_url)
        self.announcements: dict[str, Announcement] = {}

    def check_response(self, path: str, response: Response, location: str) -> None:
        """Read a response; one without authorisation is left to yfinance, which tries another cookie.

        Raises:
            Refused: A refusal, or a response in another format.
        """
        symbol = self.symbol_of(path)
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

    def problem_after_retries(self, error: TransientError) -> Problem:
        """The problem behind the last transient error; it may stop the requests for the other symbols."""
        with self._lock:
            self._consecutive_failures += 1
            asked_to_wait_too_long = (error.retry_after or 0.0) > self._policy.max_wait
            if asked_to_wait_too_long or self._consecutive_failures >= GIVE_UP_AFTER:
                self._stop_reason = f"skipped: {error}"
        return Problem(ProblemKind.UNREADABLE, str(error), transient=True)
