"""Live prices over a store and a stand-in of Yahoo, session by session, for the benchmark of fetching."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from signals_pipeline.adapters.bars import BarStore
from signals_pipeline.adapters.calendar import trading_sessions
from signals_pipeline.adapters.database import engine_for
from signals_pipeline.adapters.prices.live import LivePrices
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline_tests.databases import migrated_template
from signals_pipeline_tests.digest_examples import bars_of
from signals_pipeline_tests.yahoo_server import Answer, YahooServer, charted, yahoo_server

SESSIONS = trading_sessions(date(2021, 3, 1), date(2021, 12, 31))
KNOWN = 20  # sessions in the store before the first window


class Market:
    """What was traded up to a session, and the pipeline's price source that asks for it."""

    def __init__(self, house: YahooServer, store: BarStore, vendor: YahooPrices, symbols: int) -> None:
        self.symbols = tuple(f"S{at}" for at in range(symbols))
        self._house, self._store, self._vendor = house, store, vendor
        self._newest = KNOWN

    @property
    def calls(self) -> int:
        """Charts asked for."""
        return self._house.calls

    def offer(self, closed: int) -> None:
        """Let the vendor show this many sessions more than were known at first."""
        self._newest = KNOWN + closed
        prices = [(100.0 + day, 101.0 + day) for day in range(len(SESSIONS.dates))]
        bars = bars_of(SESSIONS, {"S": prices}).rename(columns={"session": "date"}).iloc[: self._newest + 1]
        for symbol in self.symbols:
            self._house.says(symbol, Answer(charted(symbol, bars, {})))

    def read(self) -> None:
        """The bars up to the newest session, as a run of its own reads them."""
        first, last = SESSIONS.dates[0].item(), SESSIONS.dates[self._newest].item()
        bars = LivePrices(self._vendor, self._store, trading_sessions, now=self._now).bars(self.symbols, first, last)
        if len(bars) != (self._newest + 1) * len(self.symbols):
            raise RuntimeError(f"{len(bars)} bars of {len(self.symbols)} symbols up to {last}")

    def _now(self) -> datetime:
        return SESSIONS.closes[self._newest].item().replace(tzinfo=UTC) + timedelta(hours=1)


@contextmanager
def exchange(folder: Path, *, symbols: int, delay: float) -> Iterator[Market]:
    """A market whose first sessions are in the store; the vendor takes `delay` seconds for an answer."""
    engine = engine_for(f"sqlite:///{shutil.copy(migrated_template('sqlite'), folder / 'bars.db')}")
    with yahoo_server() as house:
        house.delay = delay
        vendor = YahooPrices(cache_dir=folder / "yfinance", base_url=house.url)
        market = Market(house, BarStore(engine), vendor, symbols)
        market.offer(0)
        market.read()
        house.asked.clear()
        yield market
    engine.dispose()
