"""The live feeds by name, as SIGNALS_FEEDS lists them, and the options with which they are built.

The settings are read in `defs.live_feeds`; the feeds themselves are in the neighbouring modules.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy
from signals_pipeline.adapters.news.edgar import EdgarFilings, sec_policy
from signals_pipeline.adapters.news.newsapi import PLANS, Degrades, NewsApi, Plan, QuotaError
from signals_pipeline.adapters.news.rss import RssFeed, YahooRss, unused_name
from signals_pipeline.adapters.news.yahoo import YahooNews
from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
from signals_pipeline.core.news.feeds import NewsBatch, NewsSource, SourceError
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline.core.redaction import host_and_path, redact_url
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.settings.choices import is_feed_address, is_named_feed

_USER_AGENT = "signals_pipeline/0.1"
_HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """Which feeds to build, and how they are fetched.

    Attributes:
        names: `newsapi`, `yahoo`, `rss:yahoo`, `rss:edgar`, or the address of an RSS or Atom document.
        cache_dir: Folder where yfinance caches what it knows of symbols.
        newsapi_key: API key; not shown.
        newsapi_plan: `free` or `business`.
        newsapi_daily_calls: Calls per day, where fewer than the plan allows; 0: the plan's limit.
        degrades: What NewsAPI gives up first when calls run short.
        contact: E-mail address, which the SEC requires.
        policy: Limits, timeouts and retries.
        origins: Origins of vendors to replace by others; see `with_origin_overrides`.
        redirect_hosts: Hosts with private addresses to which redirects may lead.
    """

    names: Sequence[str]
    cache_dir: str
    newsapi_key: str = field(default="", repr=False)
    newsapi_plan: str = "free"
    newsapi_daily_calls: int = 0
    degrades: Degrades = Degrades.PAGES
    contact: str = ""
    policy: RequestPolicy = field(default_factory=RequestPolicy)
    origins: Mapping[str, str] = field(default_factory=dict[str, str])
    redirect_hosts: Sequence[str] = ()

    @property
    def plan(self) -> Plan:
        """NewsAPI's plan, with the operator's daily limit in place of a larger one of the plan."""
        plan = PLANS[self.newsapi_plan]
        if not self.newsapi_daily_calls:
            return plan
        other_limits = [limit for limit in plan.limits if limit.hours != _HOURS_PER_DAY]
        daily_limits = [limit for limit in plan.limits if limit.hours == _HOURS_PER_DAY]
        if all(limit.calls > self.newsapi_daily_calls for limit in daily_limits):
            daily_limits = [Limit(self.newsapi_daily_calls)]
        return replace(plan, limits=(*daily_limits, *other_limits))

    @property
    def shown(self) -> tuple[str, ...]:
        """The names, without the query that an address may have. Wrong entries are shown as URLs."""
        return tuple(host_and_path(name) if is_feed_address(name) else redact_url(name) for name in self.names)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the operator should know before the first window."""
        warnings = [_not_a_feed(name) for name in self.names if not (is_named_feed(name) or is_feed_address(name))]
        if NewsApi.name in self.names and self.plan.warning:
            warnings.append(self.plan.warning)
        return tuple(warnings)

    @property
    def user_agent(self) -> str:
        """How requests introduce themselves."""
        return f"{_USER_AGENT} ({self.contact})" if self.contact else _USER_AGENT


@dataclass(frozen=True, slots=True)
class UnusableFeed:
    """An entry of SIGNALS_FEEDS that can't be asked: it fails in every window, and the others are fetched.

    Attributes:
        name: The entry, as reports show it.
        reason: Why it can't be asked, one line.
    """

    name: str
    reason: str

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:  # noqa: ARG002
        """Fail.

        Raises:
            SourceError: Always.
        """
        raise SourceError(self.reason)


def _not_a_feed(name: str) -> str:
    accepted = "newsapi, yahoo, rss:yahoo, rss:edgar or the address of a feed"
    return f"SIGNALS_FEEDS: {redact_url(name)!r} is not a feed; use {accepted}"


def build_feeds(
    options: FeedOptions, watchlist: Watchlist, calls: SourceCallLedger, now: Callable[[], datetime]
) -> tuple[NewsSource, ...]:
    """The feeds in the order of their names; nothing is requested yet. What can't be built is an `UnusableFeed`."""
    # Yahoo's feed and the operator's own share a limiter: several addresses may be of one host.
    rate_limiter = HostRateLimiter(options.policy)

    def http_client() -> HttpClient:
        return HttpClient(
            options.policy,
            user_agent=options.user_agent,
            rate_limiter=rate_limiter,
            origins=options.origins,
            redirect_hosts=options.redirect_hosts,
        )

    def build(name: str) -> NewsSource:
        if name == NewsApi.name:
            return _newsapi(options, watchlist, calls, now)
        if name == YahooNews.name:
            return YahooNews(watchlist.symbols, options.policy, cache_dir=options.cache_dir, origins=options.origins)
        if name == YahooRss.name:
            return YahooRss(http_client(), watchlist.symbols)
        if name == EdgarFilings.name:
            # A client with a limiter of its own: the SEC's limits are stricter.
            slow_client = HttpClient(sec_policy(options.policy), user_agent=options.user_agent, origins=options.origins)
            return EdgarFilings(slow_client, watchlist)
        if is_feed_address(name):
            return RssFeed(http_client(), name, used_names)
        raise SourceError(_not_a_feed(name))

    feeds: list[NewsSource] = []
    used_names: set[str] = set()
    for name, shown in zip(options.names, options.shown, strict=True):
        try:
            feed = build(name)
        except SourceError as error:
            feed = UnusableFeed(unused_name(shown, used_names), str(error))
        feeds.append(feed)
        used_names.add(feed.name)
    return tuple(feeds)


def _newsapi(
    options: FeedOptions, watchlist: Watchlist, calls: SourceCallLedger, now: Callable[[], datetime]
) -> NewsApi:
    plan = options.plan

    def forecast() -> str:
        return calls.forecast(NewsApi.name, plan.limits, now(), "NewsAPI").text

    def reserve_call() -> None:
        if not calls.reserve(NewsApi.name, plan.limits, now()):
            raise QuotaError(
                f"NewsAPI's call budget is used up ({forecast()}); wait, or raise NEWSAPI_DAILY_CALLS or the plan"
            )

    http = HttpClient(
        options.policy, user_agent=options.user_agent, origins=options.origins, before_request=reserve_call
    )
    try:
        return NewsApi(
            http,
            options.newsapi_key,
            watchlist.companies,
            plan=plan,
            degrades=options.degrades,
            forecast=forecast,
        )
    except ValueError as error:
        raise SourceError(f"newsapi: {error}") from error
