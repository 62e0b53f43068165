"""The clock of the command line. Everything below takes the time as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time of this machine, in UTC."""
    return datetime.now(UTC)
