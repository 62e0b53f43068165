"""A vendor of prices whose clock a test sets, and live prices from it into a store."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.live import BarDelivery, LivePrices
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline_tests.support.digest_examples import bars_of
from signals_pipeline_tests.support.price_builders import actions_of

START, END = date(2021, 5, 3), date(2021, 8, 31)
TRADED = trading_sessions(START, date(2021, 9, 30))


def at(text: str) -> datetime:
    """The instant of an ISO text, UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


class Exchange:
    """A vendor that tells what was traded up to its clock, the running session included, adjusted as Yahoo does."""

    name = "exchange"

    def __init__(self) -> None:
        self.now = at("2021-08-31T22:00")
        self.asked: list[tuple[tuple[str, ...], date]] = []
        self.splits = actions_of(("AAA", "2021-07-06", "split", 4.0), ("AAA", "2021-06-01", "dividend", 1.5))
        self.first: dict[str, date] = {}
        self.change: Callable[[BarDelivery], BarDelivery] = lambda delivery: delivery

    def traded(self, symbols: Sequence[str]) -> pd.DataFrame:
        """All its bars, as they were traded."""
        prices = [(400.0 + day, 401.0 + day) for day in range(len(TRADED.dates))]
        bars = bars_of(TRADED, dict.fromkeys(symbols, prices))
        old = (bars["symbol"] == "AAA") & (bars["session"] < "2021-07-06")
        return bars.assign(**{name: bars[name].where(old, bars[name] / 4) for name in ("open", "high", "low", "close")})

    def fetch(self, symbols: Sequence[str], start: date, end: date) -> BarDelivery:
        """What a vendor tells at this time, after `change`."""
        assert end == self.now.date() + timedelta(days=1)
        self.asked.append((tuple(symbols), start))
        opened = TRADED.dates[TRADED.opens <= np.datetime64(self.now.replace(tzinfo=None))].astype("datetime64[us]")
        bars = self.traded(symbols)
        first = pd.to_datetime(bars["symbol"].map(self.first)).fillna(pd.Timestamp(start))
        seen = (bars["session"] >= first) & (bars["session"] >= pd.Timestamp(start)) & bars["session"].isin(opened)
        actions = self.splits[
            self.splits["session"].between(pd.Timestamp(start), opened[-1]) & self.splits["symbol"].isin(symbols)
        ].reset_index(drop=True)
        bars = bars[seen].reset_index(drop=True)
        return self.change(BarDelivery(bars, actions, {}, frozenset(symbols), frozenset(), len(symbols)))


@pytest.fixture
def exchange() -> Exchange:
    """A vendor."""
    return Exchange()


@pytest.fixture
def shelf(engine: Engine) -> BarRepository:
    """An empty store."""
    return BarRepository(engine)


def source(exchange: Exchange, shelf: BarRepository) -> LivePrices:
    """Live prices of the vendor into the store."""
    return LivePrices(exchange, shelf, trading_sessions, now=lambda: exchange.now)


def up_to(bars: pd.DataFrame, day: str) -> pd.DataFrame:
    """The bars up to this day."""
    return bars.loc[bars["session"] <= pd.Timestamp(day)].reset_index(drop=True)


def last(bars: pd.DataFrame) -> str:
    """The newest session."""
    return f"{bars['session'].max():%Y-%m-%d}"
