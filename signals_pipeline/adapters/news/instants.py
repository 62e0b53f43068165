"""Times as feeds write them, with an offset from UTC or the name of a zone; no zone is ever guessed."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, cast

ACCEPTED_TIMES = "ISO 8601 or RFC 822 with an offset or a zone name (2026-11-12T15:45:00Z, 12 Nov 2026 15:45 EST)"
"""What an operator is told about the times that can be read."""

# Longer text is not a time.
_MAX_CHARACTERS = 100

# Zone names by their hours from UTC. A name has one offset, as RFC 822 and feed readers have it: EST is -5 in summer.
# Names that mean several zones stand here only with the meaning that feeds in English give them:
#   BST  British Summer Time, not Bangladesh (+6) or Bougainville (+11)
#   CST  Central Standard Time of RFC 822, not China (+8) or Cuba (-5)
#   IST  India, not Israel (+2) or Ireland (+1)
#   AST  Atlantic, as Python's email package has it, not Arabia (+3)
#   MST  Mountain Standard Time of RFC 822, not Malaysia (+8)
# ET, CT, MT and PT are left out: whether they are standard or daylight time depends on the date.
_NAMES_BY_HOURS: Mapping[float, str] = {
    -10: "HST",
    -9: "AKST",
    -8: "PST AKDT",
    -7: "MST PDT",
    -6: "CST MDT",
    -5: "EST CDT",
    -4: "EDT AST",
    -3.5: "NST",
    -3: "ADT",
    -2.5: "NDT",
    0: "UT UTC GMT Z WET",
    1: "CET MET MEZ WEST BST",
    2: "EET CEST MEST MESZ SAST",
    3: "EEST MSK",
    5.5: "IST",
    8: "HKT SGT AWST",
    9: "JST KST",
    9.5: "ACST",
    10: "AEST",
    10.5: "ACDT",
    11: "AEDT",
    12: "NZST",
    13: "NZDT",
}
_HOURS_BY_NAME = {name: hours for hours, names in _NAMES_BY_HOURS.items() for name in names.split()}

# A time's end: a zone name, an offset (+05:30, +0530, -5), or both (GMT+01:00, UTC+1); then perhaps a comment in
# parentheses, as RFC 822 allows: `+0000 (UTC)`.
_ZONE = re.compile(
    r"(?P<rest>.*?\d.*?(?:[ap]m)?)"
    r"(?:\s+|(?<=\d)(?=Z|[+-]))"
    r"(?P<name>[A-Za-z]{1,4})?\s*(?:(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?)?"
    r"\s*(?:\([^()]*\))?",
    re.IGNORECASE | re.DOTALL,
)

# The standard library reads `GMT +0100` as GMT and drops what follows.
_NAME_BEFORE_OFFSET = re.compile(r"[A-Za-z]\s+[+-]\d")

_DOTTED_HALF_OF_DAY = re.compile(r"\b([ap])\.m\.", re.IGNORECASE)

# A month's name or a year in front. Of 12/11/2026 nobody can tell which is the month.
_UNAMBIGUOUS_DATE = re.compile(
    r"\d{4}[-/.]\d|.*(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE | re.DOTALL
)

# What a text does not say is taken from here; where two readings differ, it has no full date and hour.
_DEFAULTS = (datetime(2000, 1, 1, 0), datetime(2001, 2, 2, 1))  # noqa: DTZ001 - both stand for "not said"


def parse_instant(value: object) -> datetime | None:
    """A time as feeds write it, as UTC; None where it can't be read, names no zone, or one that is not known.

    ISO 8601 and RFC 822 (2822) are read by the standard library, other spellings of date and hour by dateutil, each
    with an offset or a name of `_HOURS_BY_NAME`.
    """
    text = str(value or "").strip()
    if len(text) > _MAX_CHARACTERS:
        return None
    # The forms of nearly all feeds first: dateutil takes ten times as long.
    readings: list[Callable[[str], datetime]] = [datetime.fromisoformat]
    if not _NAME_BEFORE_OFFSET.search(text):
        readings.append(parsedate_to_datetime)
    for read in readings:
        try:
            instant = read(text)
            if instant.tzinfo is not None:
                return instant.astimezone(UTC)
        except (ValueError, OverflowError, IndexError):
            continue
    return _parse_other_spelling(_DOTTED_HALF_OF_DAY.sub(r"\1m", text))


def _parse_other_spelling(text: str) -> datetime | None:
    match = _ZONE.fullmatch(text)
    if match is None or not _UNAMBIGUOUS_DATE.match(match["rest"]):
        return None
    zone = _zone(match)
    if zone is None:
        return None
    local_time = _local_time(match["rest"])
    if local_time is None:
        return None
    try:
        return local_time.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar
        return None


def _zone(match: re.Match[str]) -> timezone | None:
    """The zone of a match of `_ZONE`; None where there is none, or it is not known."""
    name, sign = match["name"], match["sign"]
    if name is None and sign is None:
        return None
    hours = 0.0
    if name is not None:
        named = _HOURS_BY_NAME.get(name.upper())
        # An offset may follow the names of universal time only: EST+2 says nothing.
        if named is None or (sign is not None and named != 0):
            return None
        hours = named
    offset = timedelta(hours=hours)
    if sign is not None:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        offset = -offset if sign == "-" else offset
    # No place on Earth is further from UTC than 14 hours; `timezone` itself allows up to 24.
    return timezone(offset) if abs(offset) <= timedelta(hours=14) else None


def _local_time(text: str) -> datetime | None:
    """Date and hour without a zone; None where one of them is missing or a part can't be read."""
    # Installed with pandas, which needs it; its version is pinned in constraints.txt.
    from dateutil import parser

    def refuse_second_zone(name: str | None, seconds: int | None) -> None:
        if name is not None or seconds is not None:
            raise ValueError("a second zone")

    parse = cast("Any", parser.parse)  # dateutil has no annotations
    try:
        first, second = [parse(text, default=default, tzinfos=refuse_second_zone) for default in _DEFAULTS]
    except (ValueError, OverflowError):
        return None
    return first if first == second else None
