"""The exchange's trading sessions, from the library exchange_calendars."""

import warnings
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Sessions

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

FIRST_DATE = date(2000, 1, 1)


class CalendarError(SignalsError, ValueError):
    """The calendar can't give these sessions; the message is one line: what is asked, what there is, what to do."""


def trading_sessions(start: date, end: date, exchange: str = "XNYS") -> Sessions:
    """Sessions from start to end, both included, early closes as they were.

    Args:
        start: First date, 2000-01-01 or later.
        end: Last date, at most a year ahead: holidays further out are not announced reliably.
        exchange: Name in exchange_calendars, e.g. XNYS (New York) or XLON.

    Raises:
        CalendarError: start after end, a date outside what the library supports, or an unknown exchange.
    """
    if start > end:
        raise CalendarError(f"sessions from {start} to {end}: the first date must not be after the last")
    last = _newest_supported()
    if start < FIRST_DATE or end > last:
        raise CalendarError(f"sessions from {start} to {end}: the {exchange} calendar covers {FIRST_DATE} to {last}")
    calendar = _calendar(exchange, last)
    schedule = calendar.schedule.loc[pd.Timestamp(start) : pd.Timestamp(end)]
    return Sessions(
        dates=schedule.index.to_numpy().astype("datetime64[D]"),
        opens=_utc(schedule["open"]),
        closes=_utc(schedule["close"]),
    )


def _newest_supported() -> date:
    from exchange_calendars import ExchangeCalendar

    return ExchangeCalendar.default_end().date()


# The newest supported date moves by a day every day: it is part of the key, so a long-lived process stays current.
@lru_cache(maxsize=4)
def _calendar(exchange: str, last: date) -> "ExchangeCalendar":
    from exchange_calendars import errors, get_calendar

    try:
        with warnings.catch_warnings():
            # exchange_calendars 4.13 reads Series.values of aware instants, which pandas 3.1 announces to change.
            warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
            return get_calendar(exchange, start=FIRST_DATE.isoformat(), end=last.isoformat())
    except errors.InvalidCalendarName as error:
        raise CalendarError(f"no calendar named {exchange!r}: use a name of exchange_calendars, e.g. XNYS") from error


def _utc(instants: pd.Series) -> np.ndarray:
    return instants.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]")
