"""Yahoo's prices from a local server over recorded answers, with a clock that a test sets."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from signals_pipeline.adapters.http_client.policy import HostRateLimiter
from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, recorded, yahoo_server

START, END = date(2020, 1, 1), date(2021, 9, 1)


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with yahoo_server() as running:
        for symbol in ("AAPL", "MSFT", "NVDA"):
            running.says(symbol, Answer(recorded(symbol)))
        yield running


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder per process: yfinance keeps its cache open."""
    return tmp_path_factory.getbasetemp() / "yfinance"


@pytest.fixture
def yahoo(server: YahooServer, clock: Clock, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> YahooPrices:
    """Yahoo on a local server; waits end at once, and a backoff is half of what it may be."""
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 2)
    return yahoo_at(server.url, cache_dir, clock)


def yahoo_at(url: str, cache_dir: Path, clock: Clock, *, deadline: float = 5, concurrency: int = 10) -> YahooPrices:
    """Yahoo's prices from a server, with waits on this clock."""
    policy = chart_policy(deadline=deadline, concurrency=concurrency, min_interval=0)
    rate_limiter = HostRateLimiter(policy, clock=clock, pause=clock.sleep)
    return YahooPrices(cache_dir=cache_dir, policy=policy, rate_limiter=rate_limiter, base_url=url)


def fetched(yahoo: YahooPrices, *symbols: str) -> BarDelivery:
    return yahoo.fetch(symbols, START, END)
