"""Vendors of prices and headlines."""

from pydantic import Field, SecretStr

from signals_pipeline.settings.choices import Feeds, GivesUp, NewsApiPlan
from signals_pipeline.settings.paths import Places


class Sources(Places):
    """Vendors of prices and headlines, and how they are asked."""

    prices_timeout_seconds: float = Field(
        default=20, gt=0, le=300, description="Seconds until an answer of the price vendor must be complete"
    )
    prices_spacing_seconds: float = Field(
        default=0.02, ge=0, le=60, description="Seconds between the starts of two calls to the price vendor"
    )
    prices_concurrency: int = Field(default=10, ge=1, le=16, description="Calls to the price vendor at once")
    signals_feeds: Feeds = Field(
        default="",
        description="Live news, commas between: newsapi, yahoo, rss:yahoo, rss:edgar, addresses of RSS or Atom"
        " documents; empty: all whose key or contact is set",
    )
    newsapi_key: SecretStr | None = Field(default=None, description="API key of newsapi.org")
    newsapi_plan: NewsApiPlan = Field(
        default=NewsApiPlan.FREE, description="Its plan, free or business; the free one delays articles by 24 h"
    )
    newsapi_daily_calls: int = Field(
        default=0, ge=0, description="Calls to NewsAPI a day (UTC), shared by all runs; 0: what the plan allows"
    )
    newsapi_gives_up_first: GivesUp = Field(
        default=GivesUp.PAGES,
        description="When calls run short: pages (further results of each search) or companies (the watchlist's last)",
    )
    signals_contact: str = Field(
        default="",
        pattern=r"^([^\s@]+@[^\s@]+)?$",
        description="E-mail address told to feeds; the SEC answers nobody without one (rss:edgar)",
    )
    news_timeout_seconds: float = Field(
        default=10, gt=0, le=300, description="Seconds a feed may be silent; twice as long for a whole answer"
    )
    news_spacing_seconds: float = Field(
        default=0.02,
        ge=0,
        le=60,
        description="Seconds between the starts of two calls to one host (SEC: at least 0.12)",
    )
    news_concurrency: int = Field(default=10, ge=1, le=16, description="Calls to one news host at once (SEC: 2)")
