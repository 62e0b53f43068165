"""Resource `news` with live headlines: the feeds of SIGNALS_FEEDS, collected into the archive in the database."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import dagster as dg

from signals_pipeline.adapters.news.feeds import FeedOptions, build_feeds
from signals_pipeline.adapters.news.live import LiveNews
from signals_pipeline.adapters.news.newsapi import NewsApi
from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers
from signals_pipeline.adapters.stores.headline_archive import HeadlineArchive
from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
from signals_pipeline.core.news.feeds import NewsSource
from signals_pipeline.defs.live_feeds import feed_options
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.settings import Settings


def current_time() -> datetime:
    """The present instant, aware UTC."""
    return datetime.now(UTC)


def live_news_resource(
    settings: Settings, *, origins: Mapping[str, str] | None = None, now: Callable[[], datetime] = current_time
) -> dg.ResourceDefinition:
    """The live feeds of a deployment, with its watchlist and its database.

    The options are not configuration fields: they hold a key, and the UI shows the configuration of every run. Warnings
    about a vendor's plan are logged when a run starts.

    Args:
        settings: Validated settings.
        origins: Other hosts for vendors' origins, for tests; see `with_origin_overrides`.
        now: Clock.

    Raises:
        SettingsError: SIGNALS_FEEDS names a feed without the setting that it needs.
    """
    options = feed_options(settings, origins=origins)

    def create(context: dg.InitResourceContext) -> NewsSource:
        store: Store = context.resources.store
        market: MarketContext = context.resources.market
        log = context.log or dg.get_dagster_logger()
        for warning in options.warnings:
            log.warning(warning)
        return open_live_news(options, market, store, now)

    return dg.ResourceDefinition(
        create, required_resource_keys={"store", "market"}, description=f"Live headlines: {', '.join(options.shown)}."
    )


def open_live_news(
    options: FeedOptions, market: MarketContext, store: Store, now: Callable[[], datetime] = current_time
) -> LiveNews:
    """The live source; it sends no request before its first use."""
    feeds = build_feeds(options, market.watchlist, SourceCallLedger(store.engine), now)
    archive, circuits = HeadlineArchive(store.engine), CircuitBreakers(store.engine)
    return LiveNews(feeds, archive, circuits, now=now, warnings=options.warnings)


def newsapi_left(settings: Settings) -> Callable[[Store, datetime], int | None]:
    """A function that returns the calls that NewsAPI has left today; None if it is not among the feeds."""
    options = feed_options(settings)

    def left(store: Store, now: datetime) -> int | None:
        if "newsapi" not in options.names:
            return None
        return SourceCallLedger(store.engine).forecast(NewsApi.name, options.plan.limits, now).left

    return left
