"""Digest windows, the evidence interval of a window, the exchange's sessions around it, and dates for readers.

A window runs from one digest time to the next: 08:30 and 17:30 New York time on weekdays, so Friday 17:30 to Monday
08:30 is one window and every minute lies in exactly one. Its key is its start, as Dagster writes it for the same cron
expression. Clock changes neither skip nor repeat a digest time: they are on Sundays at 02:00. The exchange's calendar
is loaded by `adapters.prices.calendar`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.errors import SignalsError

# strftime's %a and %b depend on the locale.
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(when: date, *, year: bool = False) -> str:
    """Return a date, or an instant's date, for readers: `Tue 27 Jan`, or `Tue 27 Jan 2015` with its year."""
    short = f"{DAYS[when.weekday()]} {when.day} {MONTHS[when.month - 1]}"
    return f"{short} {when.year}" if year else short


def instant64(at: datetime) -> np.datetime64:
    """Return an aware instant in the form that arrays have: microseconds, UTC without zone."""
    naive = at.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(naive, "us")


# `zoneinfo` needs the IANA database: the system's, or the package `tzdata` where an image has none.
NEW_YORK = ZoneInfo("America/New_York")
# An hour before the open, and an hour and a half after the close.
DIGEST_CRON = "30 8,17 * * 1-5"
# Dagster's format of partition keys for this cron expression.
KEY_FORMAT = "%Y-%m-%d-%H:%M"

# The two times of DIGEST_CRON, New York time.
_MORNING, _EVENING = time(8, 30), time(17, 30)
# Saturday's `date.weekday()`.
_SATURDAY = 5
# An instant outside these years is a mistake, such as the year 0015.
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
# An earlier close is an early close.
_REGULAR_CLOSE = time(16, 0)
# A calendar that ends longer ago than this lacks sessions. NYSE's longest closure since 1970: 6 days, September 2001.
_LONGEST_CLOSURE = timedelta(days=10)

# Market time: what an hour counts while the market is closed; an open one counts 1. With a tenth, news after Friday's
# close is some six market hours old at Monday's open, about as old as this morning's news is at the close.
CLOSED_HOUR = 0.1
_MICROSECONDS_PER_HOUR = 3.6e9


class WindowError(SignalsError, ValueError):
    """A key or an instant belongs to no digest window, or a calendar does not reach it; the message is one line."""


@dataclass(frozen=True, order=True, slots=True)
class Window:
    """The time between two digests, [start, end), ordered by start.

    Attributes:
        start: First instant, timezone-aware UTC.
        end: First instant after the window, timezone-aware UTC; its digest is due then.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        is_utc = self.start.tzinfo is UTC and self.end.tzinfo is UTC
        if not is_utc or self.start >= self.end:
            raise WindowError(
                f"no window from {self.start!r} to {self.end!r}: give two UTC instants, the earlier first"
            )

    @property
    def key(self) -> str:
        """The start in New York as `YYYY-MM-DD-HH:MM`: the partition key."""
        return self.start.astimezone(NEW_YORK).strftime(KEY_FORMAT)

    @property
    def as_of(self) -> datetime:
        """The end: the digest uses what was known before this instant, and nothing else."""
        return self.end

    @property
    def label(self) -> str:
        """Weekdays and times, e.g. `Fri 17:30 to Mon 08:30 ET`."""
        start = self.start.astimezone(NEW_YORK)
        end = self.end.astimezone(NEW_YORK)
        return f"{DAYS[start.weekday()]} {start:%H:%M} to {DAYS[end.weekday()]} {end:%H:%M} ET"

    @property
    def long_label(self) -> str:
        """Dates and times, e.g. `Fri 8 Mar 17:30 to Mon 11 Mar 2024 08:30 ET`, `Tue 27 Jan 2015 08:30 to 17:30 ET`."""
        start = self.start.astimezone(NEW_YORK)
        end = self.end.astimezone(NEW_YORK)
        if start.date() == end.date():
            return f"{day(start, year=True)} {start:%H:%M} to {end:%H:%M} ET"
        # The year stands once where both dates share it.
        start_day = day(start, year=start.year != end.year)
        return f"{start_day} {start:%H:%M} to {day(end, year=True)} {end:%H:%M} ET"


def window_containing(instant: datetime) -> Window:
    """Return the window with start <= instant < end.

    Raises:
        WindowError: the instant has no time zone or is outside the years 1970 to 2199.
    """
    if instant.tzinfo is None:
        raise WindowError(f"{instant!r} has no time zone: give an aware datetime, in UTC where possible")
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise WindowError(f"{instant.isoformat()} is outside the years {_FIRST_YEAR} to {_LAST_YEAR}")
    local = instant.astimezone(NEW_YORK)
    local_date = local.date()
    # Weekends and early mornings belong to the window that began in the evening of the weekday before.
    if local_date.weekday() >= _SATURDAY or local.time() < _MORNING:
        return _window(_next_weekday(local_date, -1), _EVENING)
    return _window(local_date, _EVENING if local.time() >= _EVENING else _MORNING)


def window_starting(start: datetime) -> Window:
    """Return the window that starts at this instant (aware, any zone).

    Raises:
        WindowError: No window starts at this instant; the message names the nearest keys.
    """
    window = window_containing(start)
    if window.start != start:
        raise WindowError(f"no window starts at {start.isoformat()}; {_nearest(window)}")
    return window


def window_for_key(key: str) -> Window:
    """Return the window with this key; only the exact form that `Window.key` writes is a key.

    Raises:
        WindowError: No window has this key; the message names the nearest keys.
    """
    try:
        local = datetime.strptime(key, KEY_FORMAT).replace(tzinfo=NEW_YORK)
    except ValueError:
        local = _morning_of_key(key)
    window = window_containing(local)
    if window.key != key:
        raise WindowError(f"no window has the key {key!r}; {_nearest(window)}")
    return window


def windows_between(first: datetime, last: datetime) -> tuple[Window, ...]:
    """Return every window with first <= start < last (aware instants), oldest first; none where last <= first."""
    window = window_containing(first)
    windows: list[Window] = []
    if window.start == first and first < last:
        windows.append(window)
    while window.end < last:
        window = window_containing(window.end)
        windows.append(window)
    return tuple(windows)


def newest_complete(now: datetime) -> Window:
    """Return the latest window with end <= now: the one whose digest is due."""
    current = window_containing(now)
    return window_containing(current.start - timedelta(microseconds=1))


def evidence_interval(window: Window, *, lookback_hours: float, strict: bool) -> tuple[datetime, datetime]:
    """Return the half-open interval of `known_at` whose headlines are evidence for a window's digest.

    Args:
        window: The window.
        lookback_hours: How far the evidence reaches back from the window's end, hours.
        strict: False: [min(window.start, as_of - lookback), as_of), the whole window, and more where the lookback
            reaches further back. True: [as_of - lookback, as_of), where a lookback shorter than the window leaves a
            gap after the previous digest.

    Raises:
        WindowError: The lookback is not above 0 hours.
    """
    # Written so that NaN is refused, too.
    if not lookback_hours > 0:
        raise WindowError(f"a lookback of {lookback_hours} hours has no news: NEWS_LOOKBACK_HOURS must be above 0")
    start = window.as_of - timedelta(hours=lookback_hours)
    if not strict:
        start = min(window.start, start)
    return start, window.as_of


@dataclass(frozen=True, eq=False, slots=True)
class Sessions:
    """Trading sessions of one exchange, oldest first.

    Attributes:
        dates: Local dates, shape (n,), datetime64[D].
        opens: Opens, shape (n,), datetime64[us], UTC without zone.
        closes: Closes, early ones included, shape (n,), datetime64[us], UTC without zone.
    """

    dates: NDArray[np.datetime64]
    opens: NDArray[np.datetime64]
    closes: NDArray[np.datetime64]

    def __post_init__(self) -> None:
        has_equal_lengths = len(self.dates) == len(self.opens) == len(self.closes)
        if not has_equal_lengths or not self._is_in_order():
            raise WindowError(
                "sessions: dates, opens and closes must have equal lengths, each open before its close, in order"
            )

    def _is_in_order(self) -> bool:
        # open, close, open, close ... must increase throughout.
        instants = np.column_stack([self.opens, self.closes]).ravel()
        return bool((instants[1:] > instants[:-1]).all())

    def last_closed(self, as_of: datetime) -> date | None:
        """Return the date of the last session that closed before as_of (aware); None where none had.

        Raises:
            WindowError: as_of lies so far after the last session that later ones must be missing.
        """
        self._check_covers(as_of)
        index = int(np.searchsorted(self.closes, instant64(as_of), side="left")) - 1
        return self.dates[index].item() if index >= 0 else None

    def entry_index(self, decided_at: datetime) -> int | None:
        """Return the index of the first session that opens after decided_at (aware); None where the calendar ends."""
        index = int(np.searchsorted(self.opens, instant64(decided_at), side="right"))
        return index if index < len(self.opens) else None

    def market_hours(self, starts: NDArray[np.datetime64], ends: NDArray[np.datetime64]) -> FloatArray:
        """Return the market time between pairs of instants: an hour counts 1 in a session, and CLOSED_HOUR outside.

        Args:
            starts: Shape (n,), datetime64[us], UTC without zone; time before the first session counts as closed.
            ends: The same, each at or after its start.

        Raises:
            WindowError: An end lies so far after the last session that later ones must be missing.
        """
        if not len(ends):
            return np.zeros(0)
        self._check_covers(ends.max().item().replace(tzinfo=UTC))
        elapsed = (ends - starts).astype(np.int64)
        in_session = self._session_time(ends) - self._session_time(starts)
        # Both are whole microseconds: the result depends on nothing but the two instants and the sessions between.
        return (in_session + CLOSED_HOUR * (elapsed - in_session)) / _MICROSECONDS_PER_HOUR

    def _session_time(self, instants: NDArray[np.datetime64]) -> NDArray[np.int64]:
        """Return how long the market was open from the first session up to each instant, microseconds."""
        durations = (self.closes - self.opens).astype(np.int64)
        before = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(durations)])
        # Sessions that opened before the instant; the last of them may still be open.
        opened = np.searchsorted(self.opens, instants, side="right")
        last = np.maximum(opened - 1, 0)
        in_last = np.minimum(instants, self.closes[last]) - self.opens[last]
        return before[last] + np.maximum(in_last.astype(np.int64), 0)

    def market_note(self, window: Window) -> str:
        """Return one sentence for readers: whether the market opens on the digest's day, else when it opens next.

        Raises:
            WindowError: The window ends so far after the last session that later ones must be missing.
        """
        self._check_covers(window.as_of)
        today = window.as_of.astimezone(NEW_YORK).date()
        has_session_today = bool((self.dates == np.datetime64(today)).any())
        closed = "Market closed for today" if has_session_today else f"Market closed today ({day(today)}, no session)"

        index = self.entry_index(window.as_of)
        if index is None:
            return f"{closed}; the calendar ends before the next session."
        session: date = self.dates[index].item()
        if session == today:
            return f"Market opens today, {self._hours(index)}."
        return f"{closed}; next session {day(session)}, {self._hours(index)}."

    def _hours(self, index: int) -> str:
        """Return a session's hours, e.g. `09:30 to 13:00 ET (early close)`."""
        opens = _new_york_time(self.opens[index])
        closes = _new_york_time(self.closes[index])
        early = " (early close)" if closes < _REGULAR_CLOSE else ""
        return f"{opens:%H:%M} to {closes:%H:%M} ET{early}"

    def _check_covers(self, as_of: datetime) -> None:
        """Refuse an instant so long after the last session that the calendar must lack sessions."""
        if len(self.closes) == 0:
            raise WindowError(f"the calendar has no sessions, but {as_of:%Y-%m-%d} is needed: load it further")
        if instant64(as_of) - self.closes[-1] > np.timedelta64(_LONGEST_CLOSURE):
            raise WindowError(f"the calendar ends on {self.dates[-1]}, but {as_of:%Y-%m-%d} is needed: load it further")


def _new_york_time(instant: np.datetime64) -> time:
    """Return the clock time in New York of an instant in UTC without zone."""
    # Microseconds are datetimes in Python; numpy's type also covers other units.
    naive = cast("datetime", instant.item())
    return naive.replace(tzinfo=UTC).astimezone(NEW_YORK).time()


def _next_weekday(start: date, step: int) -> date:
    """Return the next weekday after a date (step 1), or the last one before it (step -1)."""
    weekday = start + timedelta(days=step)
    while weekday.weekday() >= _SATURDAY:
        weekday += timedelta(days=step)
    return weekday


def _window(start_date: date, start_time: time) -> Window:
    """Return the window that starts at a digest time of a weekday in New York."""
    if start_time == _MORNING:
        end_date, end_time = start_date, _EVENING
    else:
        end_date, end_time = _next_weekday(start_date, 1), _MORNING
    start = datetime.combine(start_date, start_time, NEW_YORK)
    end = datetime.combine(end_date, end_time, NEW_YORK)
    return Window(start.astimezone(UTC), end.astimezone(UTC))


def _morning_of_key(key: str) -> datetime:
    """Return the morning of the date that a malformed key begins with, to name the nearest keys."""
    try:
        return datetime.combine(date.fromisoformat(key[:10]), _MORNING, NEW_YORK)
    except ValueError:
        raise WindowError(
            f"no window has the key {key!r}; a key is the window's start in New York, e.g. 2024-03-11-08:30"
        ) from None


def _nearest(window: Window) -> str:
    return f"the nearest keys are {window.key} and {window_containing(window.end).key}"
