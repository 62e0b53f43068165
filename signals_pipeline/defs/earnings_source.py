"""Resource `earnings`: a recorded file, Yahoo's calendar behind the database, or none."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from signals_pipeline.adapters.earnings.live import LiveEarnings
from signals_pipeline.adapters.earnings.recorded import RecordedEarnings
from signals_pipeline.adapters.earnings.yahoo import YahooEarnings
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers
from signals_pipeline.adapters.stores.earnings import EarningsRepository
from signals_pipeline.core.prices.earnings import EarningsSource, NoEarnings
from signals_pipeline.defs.resources import Store


class RecordedEarningsResource(dg.ConfigurableResource[EarningsSource]):
    """Earnings dates from a recorded file."""

    path: str = Field(description="CSV file of earnings dates")

    def create_resource(self, context: dg.InitResourceContext) -> EarningsSource:  # noqa: ARG002
        """The file as a source of earnings dates; read on first use."""
        return RecordedEarnings(Path(self.path))


no_earnings_resource = dg.ResourceDefinition(lambda _: NoEarnings(), description="No earnings calendar.")


class LiveEarningsResource(dg.ConfigurableResource[EarningsSource]):
    """Earnings dates of Yahoo Finance, stored in the database as they are first seen."""

    store: dg.ResourceDependency[Store]
    cache_dir: str = Field(description="Folder of yfinance's own cache")
    timeout_seconds: float = Field(default=20, description="Timeout of a complete response, in seconds")
    spacing_seconds: float = Field(default=0.02, description="Minimum seconds between the starts of two requests")
    concurrency: int = Field(default=10, description="Maximum concurrent requests")
    base_url: str = Field(default="", description="Base URL in place of Yahoo's hosts; empty for Yahoo")

    def create_resource(self, context: dg.InitResourceContext) -> EarningsSource:  # noqa: ARG002
        """The source over the pipeline's own database; it sends no request before it collects."""
        vendor = YahooEarnings(
            cache_dir=Path(self.cache_dir),
            policy=chart_policy(
                deadline=self.timeout_seconds, concurrency=self.concurrency, min_interval=self.spacing_seconds
            ),
            base_url=self.base_url,
        )
        engine = self.store.engine
        return LiveEarnings(vendor, EarningsRepository(engine), CircuitBreakers(engine))
