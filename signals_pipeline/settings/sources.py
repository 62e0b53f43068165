"""Vendors of headlines and prices: which ones, and how they are requested."""

from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, SecretStr

from signals_pipeline.settings.choices import (
    EarningsVendor,
    Feeds,
    NewsApiPlan,
    RedirectHosts,
    SkippedFirst,
    TimeZoneName,
)

# At most 50 requests per second to one host, so that a watchlist of 500 symbols is no burst.
REQUEST_SPACING_SECONDS = 0.02
REQUEST_CONCURRENCY = 10


class Sources(BaseModel):
    """Vendors of headlines and prices."""

    news_timezone: TimeZoneName = Field(
        default="",
        description="Time zone (IANA name, e.g. America/New_York) of times without a UTC offset in SIGNALS_NEWS_PATH;"
        " empty: such times are not read",
    )
    prices_timeout_seconds: float = Field(
        default=20, gt=0, le=300, description="Time limit in seconds for a complete response of the price vendor"
    )
    prices_spacing_seconds: float = Field(
        default=REQUEST_SPACING_SECONDS,
        ge=0,
        le=60,
        description="Minimum seconds between the starts of two requests to the price vendor",
    )
    prices_concurrency: int = Field(
        default=REQUEST_CONCURRENCY, ge=1, le=16, description="Maximum concurrent requests to the price vendor"
    )
    tiingo_key: SecretStr | None = Field(
        default=None,
        description="API token of tiingo.com, which takes over daily bars while Yahoo fails for most symbols; empty: no"
        " second source",
    )
    earnings_source: EarningsVendor = Field(
        default=EarningsVendor.YAHOO,
        description="Live earnings dates, requested like prices (PRICES_*): yahoo, or off to show none",
    )
    signals_feeds: Feeds = Field(
        default="",
        repr=False,
        description="Live news feeds, comma-separated: newsapi, yahoo, rss:yahoo, rss:edgar, or URLs of RSS or Atom"
        " documents; empty: every named feed whose key or contact is set",
    )
    signals_redirect_hosts: RedirectHosts = Field(
        default="",
        description="Hosts with private addresses to which feeds may redirect, comma-separated: host, or host:port;"
        " empty: redirects lead to public addresses only, or back to the server that SIGNALS_FEEDS names",
    )
    newsapi_key: SecretStr | None = Field(default=None, description="API key for newsapi.org")
    newsapi_plan: NewsApiPlan = Field(
        default=NewsApiPlan.FREE, description="NewsAPI plan: free (articles are delayed by 24 hours) or business"
    )
    newsapi_daily_calls: int = Field(
        default=0, ge=0, description="Maximum NewsAPI requests per day (UTC), shared by all runs; 0: the plan's limit"
    )
    newsapi_gives_up_first: SkippedFirst = Field(
        default=SkippedFirst.PAGES,
        description="What to skip first when the NewsAPI quota runs short: pages (further results of each search) or"
        " companies (the last ones of the watchlist)",
    )
    signals_contact: str = Field(
        default="",
        pattern=r"^([^\s@]+@[^\s@]+)?$",
        description="E-mail address sent to feeds as contact; the SEC requires one (rss:edgar)",
    )
    news_timeout_seconds: float = Field(
        default=10,
        gt=0,
        le=300,
        description="Read timeout of a news feed in seconds; the whole response may take twice as long, all of a feed's"
        " requests together 120 s",
    )
    news_spacing_seconds: float = Field(
        default=REQUEST_SPACING_SECONDS,
        ge=0,
        le=60,
        description="Minimum seconds between the starts of two requests to one news host (SEC: at least 0.12)",
    )
    news_concurrency: int = Field(
        default=REQUEST_CONCURRENCY,
        ge=1,
        le=16,
        description="Maximum concurrent requests to one news host (SEC: at most 2)",
    )

    @property
    def news_zone(self) -> ZoneInfo | None:
        """The zone of recorded times without a UTC offset; None: they are not read."""
        return ZoneInfo(self.news_timezone) if self.news_timezone else None
