"""A second vendor takes over while the first fails, and no switch between the two looks like a move of the price."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.live import BarDelivery, LivePrices
from signals_pipeline.adapters.prices.tiingo import TiingoPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.core.prices.adjustment import adjusted_bars
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.price_builders import actions_of
from signals_pipeline_tests.support.price_vendor import END, START, Exchange, at, exchange, last, shelf, up_to
from signals_pipeline_tests.support.tiingo_server import KEY, TiingoServer, tiingo_rows, tiingo_server

__all__ = ["exchange", "shelf"]

WATCHED = ("AAA", "BBB", "CCC", "DDD")
MONDAY, TUESDAY = "2021-08-30", "2021-08-31"


def failing(*symbols: str) -> Callable[[BarDelivery], BarDelivery]:
    """The vendor does not answer for these symbols."""

    def change(delivery: BarDelivery) -> BarDelivery:
        is_there = ~delivery.bars["symbol"].isin(symbols)
        failed = delivery.answered & set(symbols)
        return replace(
            delivery,
            bars=delivery.bars.loc[is_there].reset_index(drop=True),
            actions=delivery.actions.loc[~delivery.actions["symbol"].isin(symbols)].reset_index(drop=True),
            refused=dict.fromkeys(failed, "HTTP 429"),
            answered=delivery.answered - failed,
        )

    return change


class Second(Exchange):
    """Another vendor of the same exchange."""

    name = "second"


def prices(exchange: Exchange, shelf: BarRepository, second: "Exchange | TiingoPrices | None") -> LivePrices:
    if isinstance(second, Exchange):
        second.now = exchange.now
    return LivePrices(exchange, shelf, trading_sessions, now=lambda: exchange.now, second=second)


def fill(exchange: Exchange, shelf: BarRepository) -> None:
    """Store everything up to Monday from the first vendor; it is Tuesday evening then, and the vendor fails."""
    exchange.now = at("2021-08-30T21:30")
    prices(exchange, shelf, None).bars(WATCHED, START, END)
    exchange.now, exchange.change = at("2021-08-31T21:30"), failing(*WATCHED)


@pytest.fixture
def tiingo() -> Iterator[TiingoServer]:
    """Tiingo over the same exchange, on a real server."""
    with tiingo_server() as server:
        everything = Exchange()
        for symbol in WATCHED:
            splits = everything.splits[everything.splits["symbol"] == symbol]
            server.says(symbol, tiingo_rows(everything.traded([symbol]), splits))
        yield server


def test_while_the_first_fails_the_second_continues_its_bars_and_both_are_named(
    exchange: Exchange, shelf: BarRepository, tiingo: TiingoServer
) -> None:
    fill(exchange, shelf)
    policy = chart_policy(deadline=5, concurrency=2, min_interval=0, attempts=1)
    live = prices(exchange, shelf, TiingoPrices(KEY, policy=policy, origin=tiingo.origin))
    assert last(live.bars(WATCHED, START, END)) == TUESDAY
    assert live.notes() == ("tiingo took over from exchange for 4 of 4 symbols (AAA: HTTP 429)",)
    others = live.other_vendors(WATCHED, START, END)
    assert set(zip(others["symbol"], others["session"].dt.strftime("%Y-%m-%d"), others["source"], strict=True)) == {
        (symbol, TUESDAY, "tiingo") for symbol in WATCHED
    }
    assert shelf.corrections(WATCHED, START, END).empty

    # The first one is back the next day: it continues, and corrects nothing of the other's.
    exchange.now, exchange.change = at("2021-09-01T21:30"), lambda delivery: delivery
    again = prices(exchange, shelf, None)
    assert last(again.bars(WATCHED, START, date(2021, 9, 1))) == "2021-09-01"
    assert again.notes() == ()
    assert len(again.other_vendors(WATCHED, START, END)) == len(WATCHED)


def test_with_nothing_stored_the_whole_history_is_the_second_one_s(exchange: Exchange, shelf: BarRepository) -> None:
    exchange.change = failing(*WATCHED)
    second = Second()
    live = prices(exchange, shelf, second)
    bars = live.bars(WATCHED, START, END)
    whole = up_to(exchange.traded(WATCHED), TUESDAY)
    assert len(bars) == len(whole)
    assert len(live.other_vendors(WATCHED, START, END)) == len(whole)
    assert len(live.actions(WATCHED, START, END)) == 2


@given(st.sets(st.sampled_from(WATCHED)))
@settings(max_examples=8)
def test_the_second_is_asked_only_where_most_symbols_fail_and_only_for_those(
    tmp_path_factory: pytest.TempPathFactory, failed: set[str]
) -> None:
    engine = engine_for(new_database("sqlite", tmp_path_factory.mktemp("bars")))
    exchange, second = Exchange(), Second()
    exchange.change = failing(*failed)
    live = prices(exchange, BarRepository(engine), second)
    bars = live.bars(WATCHED, START, END)
    takes_over = len(failed) > len(WATCHED) / 2
    assert [set(symbols) for symbols, _ in second.asked] == ([failed] if takes_over else [])
    assert set(bars["symbol"]) == set(WATCHED) - (set() if takes_over else failed)
    # Never two vendors for one symbol within a delivery.
    others = live.other_vendors(WATCHED, START, END)
    assert set(others["symbol"]) == (failed if takes_over else set())
    engine.dispose()


def scaled(factor: float, *symbols: str) -> Callable[[BarDelivery], BarDelivery]:
    def change(delivery: BarDelivery) -> BarDelivery:
        bars = delivery.bars.copy()
        is_scaled = bars["symbol"].isin(symbols)
        for name in ("open", "high", "low", "close"):
            bars[name] = bars[name].where(~is_scaled, bars[name] * factor)
        return replace(delivery, bars=bars)

    return change


@given(st.floats(0.2, 5.0))
@settings(max_examples=10)
def test_however_the_second_adjusts_no_switch_moves_a_price_by_more_than_half_a_percent(
    tmp_path_factory: pytest.TempPathFactory, factor: float
) -> None:
    engine = engine_for(new_database("sqlite", tmp_path_factory.mktemp("bars")))
    exchange, shelf, second = Exchange(), BarRepository(engine), Second()
    fill(exchange, shelf)
    second.change = scaled(factor, "BBB")
    live = prices(exchange, shelf, second)
    bars = live.bars(WATCHED, START, END)
    true = up_to(exchange.traded(WATCHED), TUESDAY).merge(bars, on=["symbol", "session"], suffixes=("", "_stored"))
    assert len(true) == len(bars)
    assert ((true["close_stored"] / true["close"] - 1).abs() <= 0.005 + 1e-9).all()
    held_back = last(bars[bars["symbol"] == "BBB"]) == MONDAY
    assert held_back == (abs(factor - 1) > 0.005)
    assert any("BBB: " in note and "nothing of it was stored" in note for note in live.notes()) == held_back
    engine.dispose()


def test_small_differences_are_one_note_and_what_is_stored_stays(exchange: Exchange, shelf: BarRepository) -> None:
    fill(exchange, shelf)
    before = shelf.bars(WATCHED, START, END)
    second = Second()
    second.change = scaled(1.001, "AAA", "BBB")
    live = prices(exchange, shelf, second)
    after = live.bars(WATCHED, START, END)
    assert after.loc[after["session"] <= MONDAY].reset_index(drop=True).equals(before)
    assert shelf.corrections(WATCHED, START, END).empty
    assert [note for note in live.notes() if "differ in" in note] == [
        note for note in live.notes() if note.startswith("second and the vendor of the stored bars differ in")
    ]
    assert len([note for note in live.notes() if "of 2 symbols" in note]) == 1


def test_a_symbol_without_a_session_in_common_is_held_back(exchange: Exchange, shelf: BarRepository) -> None:
    fill(exchange, shelf)
    second = Second()
    second.change = lambda delivery: replace(
        delivery,
        bars=delivery.bars[(delivery.bars["symbol"] != "AAA") | (delivery.bars["session"] == TUESDAY)],
    )
    live = prices(exchange, shelf, second)
    bars = live.bars(WATCHED, START, END)
    assert {symbol: last(rows) for symbol, rows in bars.groupby("symbol")} == dict.fromkeys(WATCHED, TUESDAY) | {
        "AAA": MONDAY
    }
    assert any(note.startswith("AAA: second delivers none of the sessions") for note in live.notes())


@pytest.mark.parametrize("ex_date", ["2021-08-26", "2021-08-27", "2021-08-30", "2021-08-31"])
def test_a_split_that_both_tell_on_different_days_is_applied_once(
    exchange: Exchange, shelf: BarRepository, ex_date: str
) -> None:
    """The first vendor's split is of 27 August: whatever day the second dates it, adjusted closes move by pennies."""
    exchange.splits = actions_of(("BBB", "2021-08-27", "split", 4.0))
    traded = exchange.traded

    def split_traded(symbols: Sequence[str]) -> pd.DataFrame:
        bars = traded(symbols)
        is_old = (bars["symbol"] == "BBB") & (bars["session"] < "2021-08-27")
        return bars.assign(
            **{name: bars[name].where(~is_old, bars[name] * 4) for name in ("open", "high", "low", "close")}
        )

    exchange.traded = split_traded
    fill(exchange, shelf)
    second = Second()
    second.traded = split_traded
    second.splits = actions_of(("BBB", ex_date, "split", 4.0))
    live = prices(exchange, shelf, second)
    bars = live.bars(["BBB"], START, END)
    actions = live.actions(["BBB"], START, END)
    assert len(actions) == 1
    closes = adjusted_bars(bars, actions)["BBB"].adjusted(1)["close"]
    assert np.abs(np.diff(np.log(closes))).max() < 0.05
    assert any("tells a split of 4" in note for note in live.notes()) == (ex_date != "2021-08-27")


def test_when_both_fail_the_stored_bars_are_used_and_each_is_named(exchange: Exchange, shelf: BarRepository) -> None:
    fill(exchange, shelf)
    second = Second()
    second.change = failing(*WATCHED)
    live = prices(exchange, shelf, second)
    assert last(live.bars(WATCHED, START, END)) == MONDAY
    assert "second took over from exchange for 0 of 4 symbols (AAA: HTTP 429)" in live.notes()
    assert {"AAA: HTTP 429", "AAA: second: HTTP 429"} <= set(live.notes())
