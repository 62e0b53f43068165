"""Dates as readers meet them, whatever the locale: `Tue 27 Jan`, with the year where it is not clear."""

from datetime import date

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # strftime's %a and %b depend on the locale
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(when: date, *, year: bool = False) -> str:
    """A date or the date of an instant: `Tue 27 Jan`, or `Tue 27 Jan 2015` with its year."""
    short = f"{DAYS[when.weekday()]} {when.day} {MONTHS[when.month - 1]}"
    return f"{short} {when.year}" if year else short
