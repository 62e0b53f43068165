"""Resource `news` where headlines are live: the feeds of SIGNALS_FEEDS, collected into the database's archive."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import dagster as dg

from signals_pipeline.adapters.circuits import Circuits
from signals_pipeline.adapters.news.archive import HeadlineArchive
from signals_pipeline.adapters.news.feeds import FeedOptions, build_feeds
from signals_pipeline.adapters.news.live import LiveNews
from signals_pipeline.adapters.news.manners import Manners
from signals_pipeline.adapters.news.newsapi import NewsApi
from signals_pipeline.adapters.news.newsapi_plans import Degrades
from signals_pipeline.adapters.source_calls import SourceCalls
from signals_pipeline.core.feeds import NewsSource
from signals_pipeline.defs.resources import Desk, Store
from signals_pipeline.settings import Settings, SettingsError


def live_news_resource(settings: Settings, *, origins: Mapping[str, str] | None = None) -> dg.ResourceDefinition:
    """The live feeds of a deployment, with its watchlist and its database.

    The options are no configuration fields: they hold a key, and a run's configuration is shown to everyone. What the
    operator should know of a plan is logged when a run starts.

    Args:
        settings: Validated settings.
        origins: Other places for vendors' origins; see `HttpClient`.

    Raises:
        SettingsError: a feed is asked for and what it needs is not set.
    """
    options = feed_options(settings, origins=origins)

    def create(context: dg.InitResourceContext) -> NewsSource:
        store: Store = context.resources.store
        desk: Desk = context.resources.desk
        log = context.log or dg.get_dagster_logger()
        for warning in options.warnings:
            log.warning(warning)
        return open_live_news(options, desk, store)

    return dg.ResourceDefinition(
        create, required_resource_keys={"store", "desk"}, description=f"Live headlines: {', '.join(options.shown)}."
    )


def open_live_news(options: FeedOptions, desk: Desk, store: Store) -> LiveNews:
    """The live source; nothing is asked before its first use."""

    def now() -> datetime:
        return datetime.now(UTC)

    feeds = build_feeds(options, desk.watchlist, SourceCalls(store.engine), now)
    archive, circuits = HeadlineArchive(store.engine), Circuits(store.engine)
    return LiveNews(feeds, archive, circuits, now=now, warnings=options.warnings)


def feed_options(settings: Settings, *, origins: Mapping[str, str] | None = None) -> FeedOptions:
    """The feeds' options by settings.

    Raises:
        SettingsError: newsapi without NEWSAPI_KEY, or rss:edgar without SIGNALS_CONTACT.
    """
    key = settings.newsapi_key.get_secret_value() if settings.newsapi_key else ""
    named = tuple(filter(None, (name.strip() for name in settings.signals_feeds.split(","))))
    usual = {"newsapi": bool(key), "yahoo": True, "rss:yahoo": True, "rss:edgar": bool(settings.signals_contact)}
    needs = {"newsapi": "NEWSAPI_KEY", "rss:edgar": "SIGNALS_CONTACT"}
    for name in named:
        if not usual.get(name, True):
            raise SettingsError(f"SIGNALS_FEEDS: {name} needs {needs[name]}, which is empty")
    return FeedOptions(
        names=named or tuple(name for name, ready in usual.items() if ready),
        cache_dir=str((settings.signals_data_dir / "yfinance").absolute()),
        newsapi_key=key,
        newsapi_plan=settings.newsapi_plan,
        newsapi_daily_calls=settings.newsapi_daily_calls,
        degrades=Degrades(settings.newsapi_gives_up_first),
        contact=settings.signals_contact,
        manners=Manners(
            at_once=settings.news_concurrency,
            spacing=settings.news_spacing_seconds,
            timeout=settings.news_timeout_seconds,
            deadline=2 * settings.news_timeout_seconds,
        ),
        origins=origins or {},
    )


def newsapi_left(settings: Settings) -> Callable[[Store, datetime], int | None]:
    """Gives the calls that NewsAPI has left today; None where it is not among the feeds."""
    options = feed_options(settings)

    def left(store: Store, now: datetime) -> int | None:
        if "newsapi" not in options.names:
            return None
        return SourceCalls(store.engine).forecast(NewsApi.name, options.plan.limits, now).left

    return left
