"""The earnings calendar: when companies report their results, as it was known at an instant.

Each announcement is a row with the instant at which it was first seen, and no row is ever changed: a date that moves is
a further row. At an instant the newest row first seen before it counts. Where nothing certain was known the answer is
"unknown", never "none". Sources are in `adapters.earnings`, the wording is in `core.digest.wording`.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal, Protocol, Self

from signals_pipeline.core.windows import NEW_YORK

MAX_AGE = timedelta(days=7)
"""How long an answer of a live source holds: windows over the longest closures, and some days of an outage."""

# Regular hours of the exchange, New York time.
_OPEN, _CLOSE = time(9, 30), time(16, 0)


class ReportTime(StrEnum):
    """When on its day a company reports."""

    BEFORE_OPEN = "before_open"
    AFTER_CLOSE = "after_close"
    UNKNOWN = "unknown"


class ReportStatus(StrEnum):
    """What is known of a company's next report."""

    ANNOUNCED = "announced"
    """There is a date; it may be an estimate."""
    NONE = "none"
    """The source has answered lately and lists no date."""
    UNKNOWN = "unknown"
    """The source has not answered lately, or was never asked."""


ReportFlag = Literal["", "tonight", "before_open", "today"]
"""A report before the next digest but one: after today's close, before the next open, or at any time of today."""


@dataclass(frozen=True, slots=True)
class EarningsDate:
    """One row of the calendar: what a source announced of a company's next report.

    Attributes:
        symbol: The company.
        day: The day of the report, in the exchange's zone; None where the source listed no date any more.
        time: When on that day.
        estimated: Whether the source calls the date an estimate; of a range it is the first day.
        first_seen_at: When it was first seen, aware UTC.
    """

    symbol: str
    day: date | None
    time: ReportTime
    estimated: bool
    first_seen_at: datetime

    def says_the_same(self, other: "EarningsDate") -> bool:
        """Whether both announce the same, whenever they were seen."""
        return (self.day, self.time, self.estimated) == (other.day, other.time, other.estimated)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to a live source.

    Attributes:
        visited_at: When it ended, aware UTC.
        answered: Symbols about which the source has answered, also with no date.
        detail: What went wrong, one line; empty where nothing did.
    """

    visited_at: datetime
    answered: frozenset[str]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NextReport:
    """A company's next report as known at an instant.

    Attributes:
        status: What is known.
        day: Its day; None unless announced.
        time: When on that day.
        estimated: Whether the date is an estimate.
        flag: Whether it comes before the next digest but one; empty for an estimate.
    """

    status: ReportStatus
    day: date | None = None
    time: ReportTime = ReportTime.UNKNOWN
    estimated: bool = False
    flag: ReportFlag = ""


UNKNOWN_REPORT = NextReport(ReportStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class CollectionReport:
    """What one visit to a source brought.

    Attributes:
        asked: Number of symbols that were asked about.
        answered: Number of them about which the source answered.
        changes: Rows that are new in the calendar.
        problems: What went wrong, one line each.
        calls: Requests sent.
    """

    asked: int = 0
    answered: int = 0
    changes: tuple[EarningsDate, ...] = ()
    problems: tuple[str, ...] = ()
    calls: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class EarningsCalendar:
    """What was announced when, and when a live source answered.

    Attributes:
        source: Name of the source; empty where there is no calendar at all.
        rows: Rows by symbol, in the order in which they were first seen.
        visits: Visits to the source, oldest first.
        live: Whether the source is visited: its answers grow old, and an answer without a date means "none". What a
            recorded file has holds until its day, and says nothing of other dates.
        answers: When the source answered about each symbol, oldest first.
    """

    source: str = ""
    rows: Mapping[str, tuple[EarningsDate, ...]] = field(default_factory=dict[str, tuple[EarningsDate, ...]])
    visits: tuple[Visit, ...] = ()
    live: bool = False
    answers: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict[str, tuple[datetime, ...]])

    @classmethod
    def build(
        cls, source: str, rows: Iterable[EarningsDate], visits: Iterable[Visit] = (), *, live: bool = False
    ) -> Self:
        """Index rows and visits, which may come in any order."""
        rows_by_symbol: dict[str, list[EarningsDate]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: row.first_seen_at):
            rows_by_symbol[row.symbol].append(row)
        ordered_visits = tuple(sorted(visits, key=lambda visit: visit.visited_at))
        answers: dict[str, list[datetime]] = defaultdict(list)
        for visit in ordered_visits:
            for symbol in visit.answered:
                answers[symbol].append(visit.visited_at)
        return cls(
            source,
            {symbol: tuple(found) for symbol, found in rows_by_symbol.items()},
            ordered_visits,
            live,
            {symbol: tuple(found) for symbol, found in answers.items()},
        )

    def newest(self, symbol: str, as_of: datetime) -> EarningsDate | None:
        """The symbol's newest row first seen before as_of; None where there is none."""
        rows = self.rows.get(symbol, ())
        position = bisect_left(rows, as_of, key=lambda row: row.first_seen_at)
        return rows[position - 1] if position else None

    def next_report(self, symbol: str, as_of: datetime, next_session: date | None = None) -> NextReport:
        """The symbol's next report as known at as_of.

        Args:
            symbol: The company.
            as_of: Only what was first seen before it is used.
            next_session: Day of the next session that opens at as_of or later; None where it is not known. Only the
                flag of a report before the open needs it.
        """
        row = self.newest(symbol, as_of)
        if self.live and not self._has_answered(symbol, as_of):
            return UNKNOWN_REPORT
        if row is None or row.day is None or not _is_ahead(row, as_of):
            # A recorded file that ends says nothing about what comes next.
            return NextReport(ReportStatus.NONE) if self.live else UNKNOWN_REPORT
        flag = "" if row.estimated else _flag(row.day, row.time, as_of, next_session)
        return NextReport(ReportStatus.ANNOUNCED, row.day, row.time, row.estimated, flag)

    def unknown(self, symbols: Sequence[str], as_of: datetime) -> tuple[str, ...]:
        """Those of the symbols whose next report is unknown at as_of, in their order."""
        return tuple(symbol for symbol in symbols if self.next_report(symbol, as_of).status is ReportStatus.UNKNOWN)

    def trouble(self, as_of: datetime) -> str:
        """What went wrong at the last visit before as_of, one line; empty where nothing did or there was none."""
        position = bisect_left(self.visits, as_of, key=lambda visit: visit.visited_at)
        return self.visits[position - 1].detail if position else ""

    def was_visited(self, as_of: datetime) -> bool:
        """Whether the source was visited before as_of."""
        return bool(self.visits) and self.visits[0].visited_at < as_of

    def reported_between(self, symbol: str, entry: date, exit_day: date, as_of: datetime) -> bool | None:
        """Whether the company reported while its shares were held from the open of one session to the close of another.

        A report before the entry's open or after the exit's close is outside. Only a row that was in force when its day
        began counts, or one first seen from then on: a date that moved before it came is no report.

        Args:
            symbol: The company.
            entry: Day of the session at whose open the position begins.
            exit_day: Day of the session at whose close it ends.
            as_of: Only what was first seen before it is used.

        Returns:
            None where it can't be told: only an estimate falls into the period, or the calendar was unknown when the
            period began or when it ended.
        """
        rows = [row for row in self.rows.get(symbol, ()) if row.first_seen_at < as_of]
        is_uncertain = False
        for number, row in enumerate(rows):
            if row.day is None or not _is_within(row.day, row.time, entry, exit_day):
                continue
            day_begins = _instant(row.day, time(0))
            successor = rows[number + 1] if number + 1 < len(rows) else None
            was_moved = successor is not None and successor.first_seen_at <= day_begins
            if was_moved:
                continue
            if not row.estimated:
                return True
            is_uncertain = True
        if is_uncertain:
            return None
        # Without a report in between: both ends must have known of what came next.
        ends = (_instant(entry, _OPEN), _instant(exit_day, _CLOSE))
        is_known = all(self.next_report(symbol, min(at, as_of)).status is not ReportStatus.UNKNOWN for at in ends)
        return False if is_known else None

    def _has_answered(self, symbol: str, as_of: datetime) -> bool:
        """Whether a live source has answered about the symbol before as_of, at most MAX_AGE ago."""
        answers = self.answers.get(symbol, ())
        position = bisect_left(answers, as_of)
        return position > bisect_right(answers, as_of - MAX_AGE)


class EarningsSource(Protocol):
    """A source of earnings dates."""

    @property
    def name(self) -> str:
        """Its name, shown in metadata."""
        ...

    def calendar(self, symbols: Sequence[str]) -> EarningsCalendar:
        """What is known of these symbols, of any age.

        Raises:
            SourceError: A recorded file can't be read.
        """
        ...

    def collect(self, symbols: Sequence[str]) -> CollectionReport:
        """Visit the source and store what is new; what goes wrong with it is in the report and raises nothing."""
        ...


class NoEarnings:
    """A source without a calendar: nothing is shown and nothing collected."""

    name = "none"

    def calendar(self, symbols: Sequence[str]) -> EarningsCalendar:
        """No calendar at all."""
        del symbols
        return EarningsCalendar()

    def collect(self, symbols: Sequence[str]) -> CollectionReport:
        """Nothing."""
        del symbols
        return CollectionReport()


def report_time(at: datetime) -> ReportTime:
    """When on its day an instant lies, by the regular hours in New York; UNKNOWN within them and at midnight.

    Vendors write an instant within the session, or midnight, where they know only the day.
    """
    clock = at.astimezone(NEW_YORK).time()
    if clock == time(0):
        return ReportTime.UNKNOWN
    if clock < _OPEN:
        return ReportTime.BEFORE_OPEN
    return ReportTime.AFTER_CLOSE if clock >= _CLOSE else ReportTime.UNKNOWN


def _is_ahead(row: EarningsDate, as_of: datetime) -> bool:
    """Whether the report may still come: before the open until then, any other until the end of its day."""
    assert row.day is not None  # noqa: S101 - the caller has looked
    end = _instant(row.day, _OPEN) if row.time is ReportTime.BEFORE_OPEN else _instant(row.day + _DAY, time(0))
    return as_of < end


_DAY = timedelta(days=1)


def _flag(day: date, when: ReportTime, as_of: datetime, next_session: date | None) -> ReportFlag:
    today = as_of.astimezone(NEW_YORK).date()
    if when is ReportTime.BEFORE_OPEN:
        return "before_open" if day == next_session else ""
    if day != today:
        return ""
    return "tonight" if when is ReportTime.AFTER_CLOSE else "today"


def _is_within(day: date, when: ReportTime, entry: date, exit_day: date) -> bool:
    """Whether a report falls between the open of the first session and the close of the last.

    At an unknown time of day the first and the last day count.
    """
    after_open = day > entry or (day == entry and when is not ReportTime.BEFORE_OPEN)
    before_close = day < exit_day or (day == exit_day and when is not ReportTime.AFTER_CLOSE)
    return after_open and before_close


def _instant(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, NEW_YORK)
