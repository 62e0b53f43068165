"""Resource `prices` where bars are live: Yahoo through the store, so that a window that is run again asks nobody."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.live import LivePrices
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.adapters.stores.bars import BarStore
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.defs.resources import Store


class LivePricesResource(dg.ConfigurableResource[PriceSource]):
    """Daily bars, splits and dividends of Yahoo Finance, kept in the database; only closed sessions are asked for."""

    store: dg.ResourceDependency[Store]
    cache_dir: str = Field(description="Folder where yfinance keeps what it knows of symbols")
    timeout_seconds: float = Field(default=20, description="Seconds until an answer must be complete")
    spacing_seconds: float = Field(default=0.02, description="Seconds between the starts of two calls")
    concurrency: int = Field(default=10, description="Calls at once")
    base_url: str = Field(default="", description="Where to ask instead of Yahoo's hosts; empty: Yahoo")

    def create_resource(self, context: dg.InitResourceContext) -> PriceSource:  # noqa: ARG002
        """The source over the pipeline's own database; nothing is asked for before the first use."""
        vendor = YahooPrices(
            cache_dir=Path(self.cache_dir),
            policy=chart_policy(
                deadline=self.timeout_seconds, concurrency=self.concurrency, min_interval=self.spacing_seconds
            ),
            base_url=self.base_url,
        )
        return LivePrices(vendor, BarStore(self.store.engine), trading_sessions)
