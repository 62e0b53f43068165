"""Yahoo's prices from a local server over recorded answers, with a clock that a test sets."""

from collections.abc import Iterator
from datetime import date

import pytest

from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.pacing import Pacer
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline_tests.adapters.prices.test_pacing import Clock
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, recorded, yahoo_server

START, END = date(2020, 1, 1), date(2021, 9, 1)


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with yahoo_server() as running:
        for symbol in ("AAPL", "MSFT", "NVDA"):
            running.says(symbol, Answer(recorded(symbol)))
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def yahoo(server: YahooServer, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> YahooPrices:
    def pacer() -> Pacer:
        return Pacer(0, monotonic=clock, sleep=clock.sleep, jitter=lambda: 0.5)

    cache = tmp_path_factory.getbasetemp() / "yfinance"  # one a process: yfinance keeps it open
    return YahooPrices(cache_dir=cache, timeout=5, pacer=pacer, base_url=server.url)


def fetched(yahoo: YahooPrices, *symbols: str) -> BarDelivery:
    return yahoo.fetch(symbols, START, END)
