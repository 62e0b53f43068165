"""The clock of this machine. Core takes the time as an argument; what runs it passes `utc_now` or a time of its own."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time of this machine, in UTC."""
    return datetime.now(UTC)
