"""Live prices over a store and a stand-in of Yahoo, session by session, for the benchmark of fetching."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.live import LivePrices
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.digest_examples import bars_of
from signals_pipeline_tests.support.yahoo_server import Answer, charted

SESSIONS = trading_sessions(date(2021, 3, 1), date(2021, 12, 31))
KNOWN = 20  # sessions in the store before the first window


def charts(closed: int, symbols: int) -> Iterator[tuple[str, Answer]]:
    """What Yahoo answers when this many sessions more than were known at first have closed, by symbol."""
    prices = [(100.0 + day, 101.0 + day) for day in range(len(SESSIONS.dates))]
    bars = bars_of(SESSIONS, {"S": prices}).rename(columns={"session": "date"}).iloc[: KNOWN + closed + 1]
    for at in range(symbols):
        yield f"S{at}", Answer(charted(f"S{at}", bars, {}))


class Market:
    """The pipeline's price source over a store, and the session up to which it is asked."""

    def __init__(self, store: BarRepository, vendor: YahooPrices, symbols: int) -> None:
        self._symbols = tuple(f"S{at}" for at in range(symbols))
        self._store, self._vendor = store, vendor
        self._newest = KNOWN

    def read(self, closed: int) -> None:
        """The bars up to so many sessions more than were known at first, as a run of its own reads them."""
        self._newest = KNOWN + closed
        first, last = SESSIONS.dates[0].item(), SESSIONS.dates[self._newest].item()
        bars = LivePrices(self._vendor, self._store, trading_sessions, now=self._now).bars(self._symbols, first, last)
        if len(bars) != (self._newest + 1) * len(self._symbols):
            raise RuntimeError(f"{len(bars)} bars of {len(self._symbols)} symbols up to {last}")

    def _now(self) -> datetime:
        return SESSIONS.closes[self._newest].item().replace(tzinfo=UTC) + timedelta(hours=1)


@contextmanager
def exchange(folder: Path, origin: str, *, symbols: int) -> Iterator[Market]:
    """A market with an empty store that asks the vendor at this origin."""
    engine = engine_for(f"sqlite:///{shutil.copy(migrated_template('sqlite'), folder / 'bars.db')}")
    yield Market(BarRepository(engine), YahooPrices(cache_dir=folder / "yfinance", base_url=origin), symbols)
    engine.dispose()
