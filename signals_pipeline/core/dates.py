"""Dates for readers, `Tue 27 Jan 2015` in any locale, and instants for arrays. Windows and sessions: `windows`."""

from datetime import UTC, date, datetime

import numpy as np

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
