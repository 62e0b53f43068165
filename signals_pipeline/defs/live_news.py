"""Resource `news` where headlines are live: the feeds of SIGNALS_FEEDS, collected into the database's archive."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import dagster as dg

from signals_pipeline.adapters.news.feeds import FeedOptions, build_feeds
from signals_pipeline.adapters.news.live import LiveNews
from signals_pipeline.adapters.news.newsapi import NewsApi
from signals_pipeline.adapters.stores.circuit_breakers import Circuits
from signals_pipeline.adapters.stores.headline_archive import HeadlineArchive
from signals_pipeline.adapters.stores.source_calls import SourceCalls
from signals_pipeline.core.news.feeds import NewsSource
from signals_pipeline.defs.live_feeds import feed_options
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.settings import Settings


def today() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


def live_news_resource(
    settings: Settings, *, origins: Mapping[str, str] | None = None, now: Callable[[], datetime] = today
) -> dg.ResourceDefinition:
    """The live feeds of a deployment, with its watchlist and its database.

    The options are no configuration fields: they hold a key, and a run's configuration is shown to everyone. What the
    operator should know of a plan is logged when a run starts.

    Args:
        settings: Validated settings.
        origins: Other places for vendors' origins; see `with_origin_overrides`.
        now: The clock.

    Raises:
        SettingsError: a feed is asked for and what it needs is not set.
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
    options: FeedOptions, market: MarketContext, store: Store, now: Callable[[], datetime] = today
) -> LiveNews:
    """The live source; nothing is asked before its first use."""
    feeds = build_feeds(options, market.watchlist, SourceCalls(store.engine), now)
    archive, circuits = HeadlineArchive(store.engine), Circuits(store.engine)
    return LiveNews(feeds, archive, circuits, now=now, warnings=options.warnings)


def newsapi_left(settings: Settings) -> Callable[[Store, datetime], int | None]:
    """Gives the calls that NewsAPI has left today; None where it is not among the feeds."""
    options = feed_options(settings)

    def left(store: Store, now: datetime) -> int | None:
        if "newsapi" not in options.names:
            return None
        return SourceCalls(store.engine).forecast(NewsApi.name, options.plan.limits, now).left

    return left
