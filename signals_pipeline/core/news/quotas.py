"""Budgets of calls: how many are left, how many may be spent now, and when they run out at today's pace."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from signals_pipeline.core.windows import NEW_YORK


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many calls in each period of this many hours, counted from midnight UTC.

    Attributes:
        calls: Calls allowed in a period.
        hours: Length of a period; divides a day.

    Raises:
        ValueError: the hours don't divide a day, or the calls are negative.
    """

    calls: int
    hours: int = 24

    def __post_init__(self) -> None:
        if self.calls < 0 or self.hours < 1 or 24 % self.hours:
            raise ValueError(
                f"a limit of {self.calls} calls in {self.hours} h: give calls >= 0 and hours that divide 24"
            )

    def bucket(self, vendor: str, now: datetime) -> str:
        """The name under which the calls of the running period are counted on their day."""
        return vendor if self.hours == 24 else f"{vendor}@{now.astimezone(UTC).hour // self.hours * self.hours:02d}h"

    def started(self, now: datetime) -> datetime:
        """When the running period began, UTC."""
        utc = now.astimezone(UTC)
        midnight = datetime.combine(utc.date(), time(), UTC)
        return midnight + timedelta(hours=utc.hour // self.hours * self.hours)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left of a budget.

    Attributes:
        vendor: Whose calls.
        left: Calls left in the period.
        runs_out: When they are used up at the pace of the period so far, UTC; None where they last.
    """

    vendor: str
    left: int
    runs_out: datetime | None

    @property
    def text(self) -> str:
        """E.g. `NewsAPI: 38 left, runs out 16:10 ET`; `NewsAPI: 38 left`."""
        when = f", runs out {self.runs_out.astimezone(NEW_YORK):%H:%M} ET" if self.runs_out else ""
        return f"{self.vendor}: {self.left} left{when}"


def forecast(vendor: str, limit: Limit, used: int, now: datetime) -> Forecast:
    """When a budget runs out if the rest of the period goes on as it began.

    Args:
        vendor: Name to show.
        limit: The budget.
        used: Calls spent in the running period.
        now: Aware instant.
    """
    left = max(0, limit.calls - used)
    started = limit.started(now)
    elapsed = now - started
    if not left:
        return Forecast(vendor, 0, now.astimezone(UTC))
    if not used or not elapsed:
        return Forecast(vendor, left, None)
    runs_out = now.astimezone(UTC) + elapsed * (left / used)
    return Forecast(vendor, left, runs_out if runs_out < started + timedelta(hours=limit.hours) else None)
