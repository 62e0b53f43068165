"""Yahoo's charts, delivered by a server on loopback and read by yfinance."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np

from fuzz.inputs import Case
from fuzz.invariants import kind_of, outcome_of, require, require_line
from fuzz.worker import Check
from signals_pipeline.adapters.http_client.policy import HostRateLimiter
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.core.prices.validation import bar_problems
from signals_pipeline_tests.support.yahoo_server import RECORDED, UNKNOWN, Answer, yahoo_server

TOKENS = (
    b'"chart"', b'"result"', b'"error"', b'"meta"', b'"timestamp"', b'"indicators"', b'"quote"', b'"adjclose"',
    b'"close"', b'"volume"', b'"currency"', b'"exchangeTimezoneName"', b'"America/New_York"', b'"Nowhere/City"',
    b'"splits"', b"null", b'"numerator"', b'"denominator"', b'"dividends"', b'"events"', b"{}", b"[]", b"[", b"{",
    b":", b",", b"NaN", b"Infinity", b"1e400", b"-1", b"0", b"0.01", b"99999999999999", b"2" * 5000, b'"\\ud800"',
    b"[[[[[[[[",
)  # fmt: skip
_START, _END = date(2020, 1, 1), date(2021, 9, 1)


def examples() -> Sequence[Case]:
    """Recorded charts, and the answer for an unknown symbol."""
    recorded = [Case("AAPL.json", path.read_bytes()) for path in sorted(RECORDED.glob("AAPL.json"))]
    return (*recorded, Case("AAPL.json", Answer(UNKNOWN).content))


@contextmanager
def opened() -> Iterator[Check]:
    """Fetch bars of AAPL and of a company whose answer is always the same."""
    with yahoo_server() as server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        policy = chart_policy(deadline=15, concurrency=2, min_interval=0, attempts=1)
        limiter = HostRateLimiter(policy, pause=lambda _seconds: None)
        vendor = YahooPrices(cache_dir=Path(cache), policy=policy, rate_limiter=limiter, base_url=server.url)
        server.says("MSFT", Answer((RECORDED / "MSFT.json").read_bytes()))

        def fetch() -> str:
            delivery = vendor.fetch(["AAPL", "MSFT"], _START, _END)
            for line in delivery.refused.values():
                require_line(line)
            # What is no bar is refused before anything is stored.
            bars = delivery.bars[bar_problems(delivery.bars) == ""]
            values = bars[["open", "high", "low", "close"]].to_numpy(dtype=float)
            require(bool(np.isfinite(values).all() and (values > 0).all()), "a bar with a price that is none")
            require("MSFT" in set(delivery.bars["symbol"]), "one company's answer took the other's bars along")
            kinds = [f"{symbol}: {kind_of(line)}" for symbol, line in sorted(delivery.refused.items())]
            return "; ".join(kinds) or "both read"

        def check(file: Path) -> str:
            server.says("AAPL", Answer(file.read_bytes()))
            server.visits.clear()
            server.asked.clear()
            return outcome_of(fetch)

        yield check
