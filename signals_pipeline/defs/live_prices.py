"""Resource `prices` with live bars: Yahoo Finance behind the database, so that a window run again asks no vendor."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.live import LivePrices
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.defs.resources import Store


class LivePricesResource(dg.ConfigurableResource[PriceSource]):
    """Daily bars, splits and dividends of Yahoo Finance, stored in the database; only closed sessions are requested."""

    store: dg.ResourceDependency[Store]
    cache_dir: str = Field(description="Folder of yfinance's own cache")
    timeout_seconds: float = Field(default=20, description="Timeout of a complete response, in seconds")
    spacing_seconds: float = Field(default=0.02, description="Minimum seconds between the starts of two requests")
    concurrency: int = Field(default=10, description="Maximum concurrent requests")
    base_url: str = Field(default="", description="Base URL in place of Yahoo's hosts; empty for Yahoo")

    def create_resource(self, context: dg.InitResourceContext) -> PriceSource:  # noqa: ARG002
        """The source over the pipeline's own database; it sends no request before its first use."""
        vendor = YahooPrices(
            cache_dir=Path(self.cache_dir),
            policy=chart_policy(
                deadline=self.timeout_seconds, concurrency=self.concurrency, min_interval=self.spacing_seconds
            ),
            base_url=self.base_url,
        )
        return LivePrices(vendor, BarRepository(self.store.engine), trading_sessions)
