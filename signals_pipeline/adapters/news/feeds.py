"""The live feeds by name, as SIGNALS_FEEDS lists them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from signals_pipeline.adapters.http_client.client import HttpClient, place
from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy
from signals_pipeline.adapters.news.edgar import EdgarFilings, sec_manners
from signals_pipeline.adapters.news.newsapi import PLANS, Degrades, NewsApi, Plan, QuotaError
from signals_pipeline.adapters.news.rss import RssFeed, YahooRss
from signals_pipeline.adapters.news.yahoo import YahooNews
from signals_pipeline.adapters.stores.source_calls import SourceCalls
from signals_pipeline.core.news.feeds import NewsSource, SourceError
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline.core.watchlist import Watchlist

_AGENT = "signals_pipeline/0.1"


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """Which feeds, and how they are asked.

    Attributes:
        names: `newsapi`, `yahoo`, `rss:yahoo`, `rss:edgar`, or the address of an RSS or Atom document.
        cache_dir: Folder where yfinance keeps what it knows of symbols.
        newsapi_key: API key; not shown.
        newsapi_plan: `free` or `business`.
        newsapi_daily_calls: Budget a day below the plan's own; 0: the plan's.
        degrades: What NewsAPI gives up first when calls run short.
        contact: E-mail address that the SEC wants to be told.
        manners: Politeness and patience.
        origins: Other places for vendors' origins; see `HttpClient`.
    """

    names: Sequence[str]
    cache_dir: str
    newsapi_key: str = field(default="", repr=False)
    newsapi_plan: str = "free"
    newsapi_daily_calls: int = 0
    degrades: Degrades = Degrades.PAGES
    contact: str = ""
    manners: RequestPolicy = field(default_factory=RequestPolicy)
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """NewsAPI's plan with the operator's own budget."""
        plan = PLANS[self.newsapi_plan]
        own = (Limit(self.newsapi_daily_calls),) if self.newsapi_daily_calls else ()
        limits = [limit for limit in plan.limits if not own or limit.hours != 24 or limit.calls <= own[0].calls]
        kept_own = own if all(limit.hours != 24 for limit in limits) else ()
        return replace(plan, limits=(*kept_own, *limits))

    @property
    def shown(self) -> tuple[str, ...]:
        """The names without what an address may carry in its query."""
        return tuple(place(name) if "://" in name else name for name in self.names)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the operator should know before the first window."""
        warning = self.plan.warning if "newsapi" in self.names else ""
        return (warning,) if warning else ()


def build_feeds(
    options: FeedOptions, watchlist: Watchlist, calls: SourceCalls, now: Callable[[], datetime]
) -> tuple[NewsSource, ...]:
    """The feeds in the order of their names; nothing is asked yet.

    Raises:
        SourceError: a name is no feed's, or a company's names don't fit into a query.
    """
    doors = HostRateLimiter(options.manners)
    agent = f"{_AGENT} ({options.contact})" if options.contact else _AGENT

    def client(manners: RequestPolicy = options.manners, shared: HostRateLimiter | None = doors) -> HttpClient:
        return HttpClient(manners, user_agent=agent, doors=shared, origins=options.origins)

    def feed(name: str) -> NewsSource:
        if name == NewsApi.name:
            return _newsapi(options, watchlist, calls, now, agent)
        if name == YahooNews.name:
            folder, origins = options.cache_dir, options.origins
            return YahooNews(watchlist.symbols, options.manners, cache_dir=folder, origins=origins)
        if name == YahooRss.name:
            return YahooRss(client(), watchlist.symbols)
        if name == EdgarFilings.name:
            return EdgarFilings(client(sec_manners(options.manners), None), watchlist)
        if name.startswith(("http://", "https://")):
            return RssFeed(client(), name)
        raise SourceError(f"SIGNALS_FEEDS: {name!r} is no feed; use newsapi, yahoo, rss:yahoo, rss:edgar or an address")

    return tuple(feed(name) for name in options.names)


def _newsapi(
    options: FeedOptions, watchlist: Watchlist, calls: SourceCalls, now: Callable[[], datetime], agent: str
) -> NewsApi:
    limits = options.plan.limits

    def left() -> str:
        return calls.forecast(NewsApi.name, limits, now(), "NewsAPI").text

    def reserve() -> None:
        if not calls.reserve(NewsApi.name, limits, now()):
            raise QuotaError(f"NewsAPI's budget is used up ({left()}); wait, or raise NEWSAPI_DAILY_CALLS or the plan")

    http = HttpClient(options.manners, user_agent=agent, origins=options.origins, before_call=reserve)
    key, plan = options.newsapi_key, options.plan
    try:
        return NewsApi(http, key, watchlist.companies, plan=plan, degrades=options.degrades, forecast=left)
    except ValueError as error:
        raise SourceError(f"newsapi: {error}") from error
