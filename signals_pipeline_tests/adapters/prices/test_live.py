"""Live prices: only missing closed sessions are asked for, and the unfinished bar never stays."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.live import LivePrices
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.price_vendor import (
    END,
    START,
    TRADED,
    Exchange,
    at,
    exchange,
    last,
    shelf,
    source,
    up_to,
)
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, recorded, yahoo_server

__all__ = ["exchange", "shelf"]


def test_bars_come_back_as_traded_with_their_actions(exchange: Exchange, shelf: BarRepository) -> None:
    live: PriceSource = source(exchange, shelf)
    bars = live.bars(["BBB", "AAA"], START, END)
    pd.testing.assert_frame_equal(bars, up_to(exchange.traded(["AAA", "BBB"]), "2021-08-31"), check_like=True)
    assert live.actions(["AAA"], START, END)["kind"].tolist() == ["dividend", "split"]
    assert live.actions(["AAA"], date(2021, 7, 7), END).empty
    assert (live.name, live.notes()) == ("exchange", ())


def test_stored_sessions_are_asked_of_nobody(exchange: Exchange, shelf: BarRepository) -> None:
    whole = source(exchange, shelf).bars(["AAA", "BBB"], START, END)
    assert exchange.asked == [(("AAA", "BBB"), START)]
    again = source(exchange, shelf)
    pd.testing.assert_frame_equal(again.bars(["AAA", "BBB"], START, END), whole)
    again.bars(["AAA"], date(2021, 6, 1), date(2021, 6, 30))
    assert len(exchange.asked) == 1


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        ("2021-08-31T12:29", "2021-08-30"),  # 08:29 in New York
        ("2021-08-31T19:59", "2021-08-30"),  # a minute before the close
        ("2021-08-31T20:14", "2021-08-30"),  # the closing auction has not settled
        ("2021-08-31T20:15", "2021-08-31"),
        ("2021-09-04T12:00", "2021-08-31"),  # nothing after the end is asked for
    ],
)
def test_an_unfinished_session_is_never_stored(exchange: Exchange, shelf: BarRepository, now: str, newest: str) -> None:
    exchange.now = at(now)
    assert last(source(exchange, shelf).bars(["AAA"], START, END)) == newest
    stored = shelf.bars(["AAA"], START, date(2022, 1, 1))
    closed = TRADED.closes <= np.datetime64((exchange.now - timedelta(minutes=15)).replace(tzinfo=None))
    assert stored["session"].dt.date.tolist() == TRADED.dates[closed].tolist()


def test_a_day_later_only_the_new_session_is_asked_for_with_some_overlap(
    exchange: Exchange, shelf: BarRepository
) -> None:
    exchange.now = at("2021-08-30T21:30")
    source(exchange, shelf).bars(["AAA", "BBB"], START, date(2021, 8, 30))
    exchange.now = at("2021-08-31T21:30")
    live = source(exchange, shelf)
    assert last(live.bars(["AAA", "NEW"], START, END)) == "2021-08-31"
    assert exchange.asked[1:] == [(("NEW",), START), (("AAA",), date(2021, 8, 23))]
    live.bars(["AAA", "NEW"], START, END)
    assert len(exchange.asked) == 3


def test_history_further_back_is_asked_for_once_also_where_there_is_none(
    exchange: Exchange, shelf: BarRepository
) -> None:
    exchange.first["BBB"] = date(2021, 8, 2)
    for start in (date(2021, 8, 16), START, date(2021, 6, 1)):
        source(exchange, shelf).bars(["AAA", "BBB"], start, END)
    assert exchange.asked == [(("AAA", "BBB"), date(2021, 8, 16)), (("AAA", "BBB"), START)]
    exchange.first["CCC"] = date(2021, 12, 1)
    assert source(exchange, shelf).bars(["CCC"], START, END).empty
    exchange.first["CCC"] = date(2021, 8, 30)
    assert len(source(exchange, shelf).bars(["CCC"], date(2021, 6, 1), END)) == 2


def test_before_the_first_session_nobody_is_asked(exchange: Exchange, shelf: BarRepository) -> None:
    assert source(exchange, shelf).bars(["AAA"], date(2021, 9, 4), date(2021, 9, 6)).empty
    exchange.now = at("2021-05-03T12:00")
    assert source(exchange, shelf).bars(["AAA"], START, START).empty
    assert exchange.asked == []


@settings(max_examples=5)
@given(st.sets(st.sampled_from(TRADED.dates[20:80].tolist()), min_size=1, max_size=4))
def test_day_by_day_or_in_one_go_the_same_is_stored(
    store: str, tmp_path_factory: pytest.TempPathFactory, days: set[date]
) -> None:
    found = []
    for visits in (sorted(days), [max(days)]):
        opened = engine_for(new_database(store, tmp_path_factory.mktemp("bars")))
        exchange, shelf = Exchange(), BarRepository(opened)
        for day in visits:
            exchange.now = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
            source(exchange, shelf).bars(["AAA", "BBB"], START, day)
        found.append((shelf.bars(["AAA", "BBB"], START, END), shelf.actions(["AAA", "BBB"], START, END)))
        opened.dispose()
    for one, other in zip(*found, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with yahoo_server() as running:
        for symbol in ("MSFT", "NVDA"):
            running.says(symbol, Answer(recorded(symbol)))
        yield running


def test_yahoo_over_sockets_into_the_store_and_out_again(
    server: YahooServer, shelf: BarRepository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "yfinance"
    yahoo = YahooPrices(cache_dir=cache, base_url=server.url, policy=chart_policy(min_interval=0))
    for calls in (2, 2):
        live = LivePrices(yahoo, shelf, trading_sessions, now=lambda: at("2021-09-01T03:00"))
        bars = live.bars(["MSFT", "NVDA"], START, END)
        assert bars.groupby("symbol").size().to_dict() == {"MSFT": 85, "NVDA": 55}
        assert live.actions(["MSFT", "NVDA"], START, END)["kind"].tolist() == ["dividend", "dividend", "split"]
        assert live.notes() == ()
        assert server.calls == calls
