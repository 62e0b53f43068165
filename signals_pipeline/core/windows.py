"""Digest windows, the evidence interval of a window, and the exchange's sessions around it.

A window runs from one digest time to the next: 08:30 and 17:30 New York time on weekdays, so Friday 17:30 to Monday
08:30 is one window and every minute lies in exactly one. The key is the window's start, as Dagster writes it for the
same cron expression. No clock change skips or repeats a digest time: those are on Sundays at 02:00. `zoneinfo` needs
the IANA database: the system's, or the package `tzdata` where an image has none.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from signals_pipeline.core.dates import DAYS, day, instant64
from signals_pipeline.core.errors import SignalsError

NEW_YORK = ZoneInfo("America/New_York")
DIGEST_CRON = "30 8,17 * * 1-5"
KEY_FORMAT = "%Y-%m-%d-%H:%M"

_MORNING, _EVENING = time(8, 30), time(17, 30)
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_REGULAR_CLOSE = time(16, 0)
_LONGEST_CLOSURE = timedelta(days=10)  # NYSE since 1970: 6 days, September 2001


class WindowError(SignalsError, ValueError):
    """A key or an instant names no digest window, or a calendar does not reach it; the message is one line."""


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """The time between two digests, [start, end), ordered by start.

    Attributes:
        start: First instant, timezone-aware UTC.
        end: First instant after it, timezone-aware UTC; the digest is made then.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC or self.start >= self.end:
            raise WindowError(
                f"no window from {self.start!r} to {self.end!r}: give two UTC instants, the earlier first"
            )

    @property
    def key(self) -> str:
        """The start in New York as `YYYY-MM-DD-HH:MM`: the partition key."""
        return self.start.astimezone(NEW_YORK).strftime(KEY_FORMAT)

    @property
    def as_of(self) -> datetime:
        """The end: the digest knows what was known before it, and nothing else."""
        return self.end

    @property
    def label(self) -> str:
        """For readers who know the week, e.g. `Fri 17:30 to Mon 08:30 ET`."""
        ends = (at.astimezone(NEW_YORK) for at in (self.start, self.end))
        return " to ".join(f"{DAYS[at.weekday()]} {at:%H:%M}" for at in ends) + " ET"

    @property
    def long_label(self) -> str:
        """With dates, e.g. `Fri 8 Mar 17:30 to Mon 11 Mar 2024 08:30 ET`, `Tue 27 Jan 2015 08:30 to 17:30 ET`."""
        start, end = (at.astimezone(NEW_YORK) for at in (self.start, self.end))
        same_day = start.date() == end.date()
        last = "" if same_day else f"{day(end, year=True)} "
        return f"{day(start, year=same_day or start.year != end.year)} {start:%H:%M} to {last}{end:%H:%M} ET"


def window_containing(instant: datetime) -> Window:
    """The one window with start <= instant < end.

    Raises:
        WindowError: the instant has no time zone or is outside the years 1970 to 2199.
    """
    if instant.tzinfo is None:
        raise WindowError(f"{instant!r} has no time zone: give an aware instant, UTC where possible")
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise WindowError(f"{instant.isoformat()} is outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    local = instant.astimezone(NEW_YORK)
    day, clock = local.date(), local.time()
    if day.weekday() >= 5 or clock < _MORNING:
        return _window(_weekday_from(day, -1), _EVENING)
    return _window(day, _EVENING if clock >= _EVENING else _MORNING)


def window_starting(start: datetime) -> Window:
    """The window that starts at this instant (aware, any zone).

    Raises:
        WindowError: no window starts then; the message names the nearest keys.
    """
    window = window_containing(start)
    if window.start != start:
        raise WindowError(f"no window starts at {start.isoformat()}; {_nearest(window)}")
    return window


def window_for_key(key: str) -> Window:
    """The window with this key; only the exact form that `Window.key` writes is a key.

    Raises:
        WindowError: no window has it; the message names the nearest keys.
    """
    try:
        local = datetime.strptime(key, KEY_FORMAT).replace(tzinfo=NEW_YORK)
    except ValueError:
        local = _day_of(key)
    window = window_containing(local)
    if window.key != key:
        raise WindowError(f"no window has the key {key!r}; {_nearest(window)}")
    return window


def windows_between(first: datetime, last: datetime) -> tuple[Window, ...]:
    """Every window with first <= start < last (aware instants), oldest first; none where last <= first."""
    window = window_containing(first)
    found = [window] if window.start == first and first < last else []
    while window.end < last:
        window = window_containing(window.end)
        found.append(window)
    return tuple(found)


def newest_complete(now: datetime) -> Window:
    """The latest window with end <= now: the one whose digest is due."""
    return window_containing(window_containing(now).start - timedelta(microseconds=1))


def evidence_interval(window: Window, *, lookback_hours: float, strict: bool) -> tuple[datetime, datetime]:
    """The half-open interval of `known_at` whose headlines are evidence for a window's digest.

    [min(window.start, as_of - lookback), as_of): the whole window, and more where the lookback reaches further back.
    Where strict, [as_of - lookback, as_of): a lookback shorter than the window leaves a gap after the digest before.

    Raises:
        WindowError: the lookback is not above 0 hours.
    """
    if not lookback_hours > 0:
        raise WindowError(f"a lookback of {lookback_hours} hours holds no news: NEWS_LOOKBACK_HOURS must be above 0")
    reach = window.as_of - timedelta(hours=lookback_hours)
    return (reach if strict else min(window.start, reach)), window.as_of


@dataclass(frozen=True, slots=True)
class MarketNote:
    """What the exchange does around a digest.

    Attributes:
        is_holiday_today: The weekday of as_of has no session.
        next_session: Date of the first session that opens after as_of; None where the calendar ends before.
        text: One sentence for readers.
    """

    is_holiday_today: bool
    next_session: date | None
    text: str


@dataclass(frozen=True, eq=False, slots=True)
class Sessions:
    """Trading sessions of one exchange, oldest first.

    Attributes:
        dates: Local dates, shape (n,), datetime64[D].
        opens: Opens, shape (n,), datetime64[us], UTC without zone.
        closes: Closes, early ones included, shape (n,), datetime64[us], UTC without zone.
    """

    dates: np.ndarray
    opens: np.ndarray
    closes: np.ndarray

    def __post_init__(self) -> None:
        in_order = np.column_stack([self.opens, self.closes]).ravel() if len(self.opens) == len(self.closes) else None
        if in_order is None or len(self.dates) != len(self.opens) or (in_order[1:] <= in_order[:-1]).any():
            raise WindowError("sessions: dates, opens and closes must be as long, each open before its close, in order")

    def last_closed(self, as_of: datetime) -> date | None:
        """Date of the last session that closed before as_of (aware); None where the first one had not closed.

        Raises:
            WindowError: as_of lies so far after the last session that later ones must be missing.
        """
        self._must_reach(as_of)
        index = int(np.searchsorted(self.closes, instant64(as_of), side="left")) - 1
        return self.dates[index].item() if index >= 0 else None

    def entry_index(self, decided_at: datetime) -> int | None:
        """Index of the first session that opens after decided_at (aware); None where the calendar ends before."""
        index = int(np.searchsorted(self.opens, instant64(decided_at), side="right"))
        return index if index < len(self.opens) else None

    def market_note(self, window: Window) -> MarketNote:
        """Whether the market is closed on the digest's day, and when it opens next; WindowError as in `last_closed`."""
        self._must_reach(window.as_of)
        today = window.as_of.astimezone(NEW_YORK).date()
        holiday = not bool((self.dates == np.datetime64(today)).any())
        upcoming = self.entry_index(window.as_of)
        closed = f"Market closed today ({day(today)}, no session)" if holiday else "Market closed for today"
        if upcoming is None:
            return MarketNote(holiday, None, f"{closed}; the calendar ends before the next session.")
        session: date = self.dates[upcoming].item()
        coming = f"{closed}; next session {day(session)}"
        when = "Market opens today" if session == today else coming
        return MarketNote(holiday, session, f"{when}, {self._times(upcoming)}.")

    def _times(self, index: int) -> str:
        both = (self.opens[index].item(), self.closes[index].item())
        opens, closes = (at.replace(tzinfo=UTC).astimezone(NEW_YORK).time() for at in both)
        return f"{opens:%H:%M} to {closes:%H:%M} ET" + (" (early close)" if closes < _REGULAR_CLOSE else "")

    def _must_reach(self, as_of: datetime) -> None:
        if not len(self.closes) or instant64(as_of) - self.closes[-1] > np.timedelta64(_LONGEST_CLOSURE):
            end = self.dates[-1] if len(self.dates) else "nothing"
            raise WindowError(f"sessions reach to {end}, {as_of:%Y-%m-%d} is asked for: load the calendar further")


def _weekday_from(day: date, step: int) -> date:
    day += timedelta(days=step)
    while day.weekday() >= 5:
        day += timedelta(days=step)
    return day


def _window(day: date, clock: time) -> Window:
    ends = (day, _EVENING) if clock == _MORNING else (_weekday_from(day, 1), _MORNING)
    return Window(*(datetime.combine(*at, NEW_YORK).astimezone(UTC) for at in ((day, clock), ends)))


def _day_of(key: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(key[:10]), _MORNING, NEW_YORK)
    except ValueError:
        raise WindowError(
            f"no window has the key {key!r}; a key is the start in New York, e.g. 2024-03-11-08:30"
        ) from None


def _nearest(window: Window) -> str:
    return f"the nearest keys are {window.key} and {window_containing(window.end).key}"
