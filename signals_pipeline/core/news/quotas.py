"""Quotas of a vendor's calls: the periods in which they are counted, and when the calls run out at the current pace.

The calls are counted in the database, by `adapters.stores.source_calls`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from signals_pipeline.core.windows import NEW_YORK


@dataclass(frozen=True, slots=True)
class Limit:
    """A maximum number of calls in each period of some hours, counted from midnight UTC.

    Attributes:
        calls: Calls allowed per period.
        hours: Length of a period; divides a day.

    Raises:
        ValueError: the hours don't divide a day, or the calls are negative.
    """

    calls: int
    hours: int = 24

    def __post_init__(self) -> None:
        divides_day = self.hours >= 1 and 24 % self.hours == 0
        if self.calls < 0 or not divides_day:
            raise ValueError(
                f"a limit of {self.calls} calls in {self.hours} h: give calls >= 0 and hours that divide 24"
            )

    def bucket(self, vendor: str, now: datetime) -> str:
        """The name under which the current period's calls are counted on their day, e.g. `newsapi@12h`."""
        if self.hours == 24:
            return vendor
        return f"{vendor}@{self._first_hour(now):02d}h"

    def period_start(self, now: datetime) -> datetime:
        """When the current period began, UTC."""
        midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        return midnight + timedelta(hours=self._first_hour(now))

    def _first_hour(self, now: datetime) -> int:
        """Hour of the day, UTC, in which the current period began."""
        return now.astimezone(UTC).hour // self.hours * self.hours


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left of a quota.

    Attributes:
        vendor: Name of the vendor.
        left: Calls left in the period.
        runs_out: When they will be used up at the pace of the period so far, UTC; None where they last.
    """

    vendor: str
    left: int
    runs_out: datetime | None

    @property
    def text(self) -> str:
        """E.g. `NewsAPI: 38 left, runs out 16:10 ET`; `NewsAPI: 38 left`."""
        text = f"{self.vendor}: {self.left} left"
        if self.runs_out:
            text += f", runs out {self.runs_out.astimezone(NEW_YORK):%H:%M} ET"
        return text


def forecast(vendor: str, limit: Limit, used: int, now: datetime) -> Forecast:
    """Forecast when a quota runs out if the rest of the period goes on as it began.

    Args:
        vendor: Name to show.
        limit: The quota.
        used: Calls made in the current period.
        now: Aware instant.
    """
    left = max(0, limit.calls - used)
    period_start = limit.period_start(now)
    elapsed = now - period_start
    if not left:
        return Forecast(vendor, 0, now.astimezone(UTC))
    # Without a call or at the very start there is no pace.
    if not used or not elapsed:
        return Forecast(vendor, left, None)

    period_end = period_start + timedelta(hours=limit.hours)
    runs_out = now.astimezone(UTC) + elapsed * (left / used)
    return Forecast(vendor, left, runs_out if runs_out < period_end else None)
