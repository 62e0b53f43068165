"""Dates as readers meet them, whatever the locale: `Tue 27 Jan`, with the year where it is not clear; and in arrays."""

from datetime import UTC, date, datetime

import numpy as np

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # strftime's %a and %b depend on the locale
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(when: date, *, year: bool = False) -> str:
    """A date or the date of an instant: `Tue 27 Jan`, or `Tue 27 Jan 2015` with its year."""
    short = f"{DAYS[when.weekday()]} {when.day} {MONTHS[when.month - 1]}"
    return f"{short} {when.year}" if year else short


def instant64(at: datetime) -> np.datetime64:
    """An aware instant as arrays hold it: microseconds, UTC without zone."""
    return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "us")
