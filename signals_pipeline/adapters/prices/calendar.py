"""The exchange's trading sessions, from the library exchange_calendars.

What is made of sessions, such as windows and ex-dates, is in `core.windows` and `core.prices`.
"""

import warnings
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.news.silence import PACE_DAYS
from signals_pipeline.core.windows import Sessions

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar  # pyright: ignore[reportMissingTypeStubs]  # no py.typed marker

# Before any window that can be run; an earlier start makes the calendar slower to build.
FIRST_DATE = date(2000, 1, 1)


# Sessions around a judgement of silence are loaded for so much more: the exchange may be closed on either end.
_WEEK = timedelta(days=7)


class CalendarError(SignalsError, ValueError):
    """The calendar does not have the requested sessions; the message says what it has and what to do."""


def pace_sessions(as_of: datetime) -> Sessions:
    """The sessions that `silence.reach_at` needs to judge a source at an instant (aware)."""
    first_day = (as_of - timedelta(days=PACE_DAYS)).date() - _WEEK
    return trading_sessions(first_day, as_of.date() + _WEEK)


def trading_sessions(start: date, end: date, exchange: str = "XNYS") -> Sessions:
    """Sessions from start to end, both included, with early closes as they were.

    Args:
        start: First date, 2000-01-01 or later.
        end: Last date, at most a year ahead: holidays further out are not announced reliably.
        exchange: Name in exchange_calendars, e.g. XNYS (New York) or XLON (London).

    Raises:
        CalendarError: Start is after end, a date is outside of what the library covers, or the exchange is unknown.
    """
    if start > end:
        raise CalendarError(f"sessions from {start} to {end}: the first date must not be after the last")
    last = _last_covered_date()
    if start < FIRST_DATE or end > last:
        raise CalendarError(f"sessions from {start} to {end}: the {exchange} calendar covers {FIRST_DATE} to {last}")
    calendar = _calendar(exchange, last)
    schedule = calendar.schedule.loc[pd.Timestamp(start) : pd.Timestamp(end)]
    return Sessions(
        dates=schedule.index.to_numpy().astype("datetime64[D]"),
        opens=_naive_utc(schedule["open"]),
        closes=_naive_utc(schedule["close"]),
    )


def _last_covered_date() -> date:
    from exchange_calendars import ExchangeCalendar  # pyright: ignore[reportMissingTypeStubs]  # no py.typed marker

    return ExchangeCalendar.default_end().date()


# The last covered date moves every day; as part of the cache key it keeps a long-lived process current.
@lru_cache(maxsize=4)
def _calendar(exchange: str, last: date) -> "ExchangeCalendar":
    from exchange_calendars import errors, get_calendar  # pyright: ignore[reportMissingTypeStubs]  # no py.typed marker

    try:
        with warnings.catch_warnings():
            # exchange_calendars 4.13 reads Series.values of aware instants, which pandas 3.1 deprecates.
            warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
            return get_calendar(exchange, start=FIRST_DATE.isoformat(), end=last.isoformat())
    except errors.InvalidCalendarName as error:
        raise CalendarError(
            f"there is no calendar named {exchange!r}: use a name of exchange_calendars, e.g. XNYS"
        ) from error


def _naive_utc(instants: "pd.Series[pd.Timestamp]") -> NDArray[np.datetime64]:
    """Aware instants as UTC without a zone, datetime64[us], the form of all instants in arrays."""
    return instants.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]")
