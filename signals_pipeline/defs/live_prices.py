"""Resource `prices` with live bars: vendors behind the database, so that a window run again asks none of them."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from pydantic import Field, SecretStr

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.live import BarVendor, LivePrices
from signals_pipeline.adapters.prices.tiingo import TIINGO_ORIGIN, TiingoPrices
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.defs.resources import Store


@dataclass(frozen=True, slots=True)
class SecondVendor:
    """Who is asked for prices while Yahoo fails.

    Attributes:
        vendor: The vendor; None: nobody.
    """

    vendor: BarVendor | None


def second_vendor_resource(
    key: SecretStr | None,
    *,
    timeout_seconds: float = 20,
    spacing_seconds: float = 0.02,
    concurrency: int = 10,
    origin: str = TIINGO_ORIGIN,
) -> dg.ResourceDefinition:
    """Tiingo where there is a key for it, otherwise nobody.

    The key is not a configuration field: the UI shows the configuration of every run.

    Args:
        key: Tiingo's API token.
        timeout_seconds: Timeout of a complete response, in seconds.
        spacing_seconds: Minimum seconds between the starts of two requests.
        concurrency: Maximum concurrent requests.
        origin: URL in place of Tiingo's host.
    """

    def second_vendor(_: dg.InitResourceContext) -> SecondVendor:
        if key is None:
            return SecondVendor(None)
        policy = chart_policy(deadline=timeout_seconds, concurrency=concurrency, min_interval=spacing_seconds)
        return SecondVendor(TiingoPrices(key.get_secret_value(), policy=policy, origin=origin))

    return dg.ResourceDefinition(second_vendor, description="Who is asked for prices while Yahoo fails.")


class LivePricesResource(dg.ConfigurableResource[PriceSource]):
    """Daily bars, splits and dividends of Yahoo Finance, stored in the database; only closed sessions are requested.

    While Yahoo fails for most symbols, the second vendor takes over where there is one.
    """

    store: dg.ResourceDependency[Store]
    second: dg.ResourceDependency[SecondVendor]
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
        return LivePrices(vendor, BarRepository(self.store.engine), trading_sessions, second=self.second.vendor)
