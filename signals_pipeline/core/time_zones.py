"""Names of time zones, as the IANA database has them."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from signals_pipeline.core.errors import SignalsError


class TimeZoneError(SignalsError, ValueError):
    """A name is no time zone's; the message is one line."""


def check_zone(name: str) -> str:
    """Return the name if the IANA time zone database has it.

    Raises:
        TimeZoneError: It has not.
    """
    try:
        ZoneInfo(name)
    # What ZoneInfo raises for an unknown name, for one that is no name, and for a folder of the database.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TimeZoneError("use a name of the IANA time zone database, such as America/New_York or UTC") from None
    return name
