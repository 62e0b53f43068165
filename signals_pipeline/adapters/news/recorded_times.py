"""The times of a recorded file: which forms are read, and why any other is not.

A time is never guessed. One without a UTC offset is read in the zone that the user named, numbers are not read at all,
because seconds, milliseconds and spreadsheet days can't be told apart with certainty. What can't be read gets a
`TimeProblem`, so that the reader (`recorded`) can tell the operator what the value looks like and what to write.
"""

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from zoneinfo import ZoneInfo

ACCEPTED_TIMES = (
    "write ISO 8601 with an offset, e.g. 2026-04-13T12:00:00Z or 2026-04-13 08:00:00-04:00, or RFC 2822, e.g."
    " Mon, 13 Apr 2026 12:00:00 GMT; for times without an offset, set NEWS_TIMEZONE to their zone, e.g."
    " America/New_York"
)
"""What to do about a time that can't be read."""


class TimeProblem(Enum):
    """Why a value is no time that can be used; the text goes on after the value."""

    MISSING = "is empty"
    NO_OFFSET = "has no UTC offset"
    NO_TIME_OF_DAY = "is a date without a time of day"
    UNIX_SECONDS = "looks like a Unix time in seconds"
    UNIX_MILLISECONDS = "looks like a Unix time in milliseconds"
    UNIX_MICROSECONDS = "looks like a Unix time in microseconds"
    UNIX_NANOSECONDS = "looks like a Unix time in nanoseconds"
    SPREADSHEET_DAYS = "looks like a date of a spreadsheet (days since 1900)"
    NUMBER = "is a number"
    OUT_OF_RANGE = "is beyond the years 1 to 9999 in UTC"
    UNKNOWN = "is in no form that is read"


# What numbers look like: from, to (exclusive). Unix times from March 1973 on, days from October 1954 to January 2119.
_NUMBERS = (
    (2e4, 8e4, TimeProblem.SPREADSHEET_DAYS),
    (1e8, 1e10, TimeProblem.UNIX_SECONDS),
    (1e11, 1e13, TimeProblem.UNIX_MILLISECONDS),
    (1e14, 1e16, TimeProblem.UNIX_MICROSECONDS),
    (1e17, 1e19, TimeProblem.UNIX_NANOSECONDS),
)

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?(?:[eE][+-]?[0-9]+)?")

# ISO 8601 as databases and other languages write it: a space before the offset, `UTC` for it, or small letters.
_WITH_UTC = re.compile(r"(.*[0-9]) ?(?:UTC|GMT|Z)", re.IGNORECASE)
_WITH_SPACE = re.compile(r"(.*[0-9]) ([+-][0-9]{2}:?[0-9]{2})")

# XML's dates may have an offset, which `fromisoformat` would take for the time of day.
_DATE_WITH_OFFSET = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} ?(?:UTC|GMT|Z|[+-][0-9]{2}:?[0-9]{2})", re.IGNORECASE)

# RFC 2822, section 3.3. Of its obsolete zones only those that mean UTC; `EST` and the like are no offset.
_RFC_2822 = re.compile(
    r"(?:[A-Za-z]{3}, *)?[0-9]{1,2} +[A-Za-z]{3} +[1-9][0-9]{3} +[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
    r"(?P<zone> +(?:[+-][0-9]{4}|GMT|UTC|UT|Z))?"
)

# Longer than any time in a form that is read: regular expressions need not see more.
_LONGEST_TIME = 64


def read_time(value: object, zone: ZoneInfo | None = None) -> datetime | TimeProblem:
    """Return the instant that a cell holds in UTC, or why it holds none.

    In the hour that a clock change repeats, a time without an offset is its first occurrence; in the hour that one
    leaves out, it is as much later as the clock was put forward.

    Args:
        value: Text, a number, or None, as a file's reader delivers it.
        zone: The zone of times without an offset; None: they are not read.
    """
    if value is None:
        return TimeProblem.MISSING
    text = value.strip() if isinstance(value, str) else str(value)
    # The usual case first: nothing but ISO 8601 with an offset has a zone here.
    instant = _iso_8601(text)
    if instant is None or instant.tzinfo is None:
        problem = _no_time(text)
        if problem is not None:
            return problem
        instant = instant or _other_form(text)
    if instant is None:
        return TimeProblem.UNKNOWN
    if instant.tzinfo is None:
        if zone is None:
            return TimeProblem.NO_OFFSET
        instant = instant.replace(tzinfo=zone)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return TimeProblem.OUT_OF_RANGE


def _no_time(text: str) -> TimeProblem | None:
    """What a text without an instant is instead; None where it may still be a time in another form."""
    if not text:
        return TimeProblem.MISSING
    if len(text) > _LONGEST_TIME:
        return TimeProblem.UNKNOWN
    # First of all: ISO 8601 reads some Unix times as times of the Middle Ages.
    is_number = _NUMBER.fullmatch(text) is not None
    if is_number:
        number = float(text.replace(",", "."))
        for low, high, problem in _NUMBERS:
            if low <= number < high:
                return problem
    if _is_date(text):
        return TimeProblem.NO_TIME_OF_DAY
    return TimeProblem.NUMBER if is_number else None


def _is_date(text: str) -> bool:
    if _DATE_WITH_OFFSET.fullmatch(text):
        return True
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _other_form(text: str) -> datetime | None:
    """The time in one of the forms beside plain ISO 8601, with or without an offset; None where it is in none."""
    with_utc = _WITH_UTC.fullmatch(text)
    if with_utc:
        instant = _iso_8601(f"{with_utc[1]}+00:00")
        if instant is not None:
            return instant
    with_space = _WITH_SPACE.fullmatch(text)
    if with_space:
        instant = _iso_8601(with_space[1] + with_space[2])
        if instant is not None:
            return instant

    rfc_2822 = _RFC_2822.fullmatch(text)
    if rfc_2822 is None:
        return None
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:  # no such month, or day 32
        return None
    # The library returns `-0000` without a zone. It is UTC, of a sender that does not tell its own zone.
    return instant.replace(tzinfo=UTC) if rfc_2822["zone"] and instant.tzinfo is None else instant


def _iso_8601(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
