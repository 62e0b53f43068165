"""What NewsAPI's plans allow, and what its searches give up first when calls run short."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from signals_pipeline.core.feeds import SourceError
from signals_pipeline.core.quotas import Limit


class QuotaError(SourceError):
    """The budget of calls is used up."""


class Degrades(StrEnum):
    """What goes first when calls run short: further `pages` of every search, or the last `companies`."""

    PAGES = "pages"
    COMPANIES = "companies"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a NewsAPI plan allows (newsapi.org/pricing).

    Attributes:
        name: As NewsAPI calls it.
        limits: Calls a period.
        delay: How long after its publication an article can be had.
        pages: Pages of 100 results a search.
        reach: How far back a search goes.
    """

    name: str
    limits: tuple[Limit, ...]
    delay: timedelta
    pages: int
    reach: timedelta

    @property
    def warning(self) -> str:
        """What the operator must know at start-up; empty where the plan serves live windows."""
        if not self.delay:
            return ""
        hours = self.delay / timedelta(hours=1)
        return (
            f"NewsAPI's {self.name} plan delays articles by {hours:.0f} h and can't serve live windows: its articles"
            " come late; set NEWSAPI_PLAN=business with a paid key, or leave newsapi out of SIGNALS_FEEDS"
        )


PLANS = {
    "free": Plan("free", (Limit(100), Limit(50, 12)), timedelta(hours=24), 1, timedelta(days=30)),
    "business": Plan("business", (Limit(8_000),), timedelta(0), 5, timedelta(days=5 * 365)),
}
