"""Live prices in trouble: an outage is told, another format fails loudly, what is no bar is left out and named."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.screening import unusable_actions, unusable_bars
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline_tests.support.digest_examples import bars_of
from signals_pipeline_tests.support.price_builders import actions_of
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

__all__ = ["exchange", "shelf"]


def failing(delivery: BarDelivery) -> BarDelivery:
    """Nobody was answered."""
    nothing = delivery.bars.iloc[:0], delivery.actions.iloc[:0]
    symbols = delivery.bars["symbol"].unique()
    return BarDelivery(*nothing, dict.fromkeys(symbols, "HTTP 503"), frozenset(), "", delivery.calls)


def test_in_an_outage_stored_bars_are_used_and_it_is_said_and_nobody_asks_twice(
    exchange: Exchange, shelf: BarRepository
) -> None:
    exchange.now = at("2021-08-30T21:30")
    source(exchange, shelf).bars(["AAA", "BBB"], START, END)
    exchange.now, exchange.change = at("2021-08-31T21:30"), failing
    live = source(exchange, shelf)
    for start in (START, date(2021, 6, 1)):
        assert last(live.bars(["AAA", "BBB"], start, END)) == "2021-08-30"
    assert live.notes() == ("AAA: HTTP 503", "BBB: HTTP 503")
    assert len(exchange.asked) == 2
    exchange.change = lambda delivery: delivery
    assert last(source(exchange, shelf).bars(["AAA", "BBB"], START, END)) == "2021-08-31"


def test_with_nothing_stored_an_outage_is_one_line(exchange: Exchange, shelf: BarRepository) -> None:
    exchange.change = failing
    with pytest.raises(SourceError, match=r"^exchange: no daily bars of 2 symbols .*AAA: HTTP 503.*try again") as told:
        source(exchange, shelf).bars(["AAA", "BBB"], START, END)
    assert "\n" not in str(told.value)
    assert not told.value.transient


def test_an_outage_that_may_pass_says_so_and_the_same_run_may_ask_again(
    exchange: Exchange, shelf: BarRepository
) -> None:
    exchange.change = lambda delivery: replace(failing(delivery), transient=True)
    live = source(exchange, shelf)
    with pytest.raises(SourceError) as told:
        live.bars(["AAA", "BBB"], START, END)
    assert told.value.transient
    exchange.change = lambda delivery: delivery
    assert last(live.bars(["AAA", "BBB"], START, END)) == "2021-08-31"


def test_another_format_fails_loudly_and_keeps_what_could_be_read(exchange: Exchange, shelf: BarRepository) -> None:
    exchange.change = lambda delivery: replace(delivery, drift="BBB: 'timestamp' is missing")
    with pytest.raises(SourceError, match=r"^exchange: the format of its responses has changed \(BBB: 'timestamp'"):
        source(exchange, shelf).bars(["AAA"], START, END)
    assert last(shelf.bars(["AAA"], START, END)) == "2021-08-31"


def test_an_answer_adjusted_for_a_split_that_it_does_not_list_waits_until_it_does(
    exchange: Exchange, shelf: BarRepository
) -> None:
    exchange.now = at("2021-07-02T21:30")
    source(exchange, shelf).bars(["AAA", "BBB"], START, END)
    listed, exchange.now = exchange.splits, at("2021-07-06T21:30")
    exchange.splits = exchange.splits[exchange.splits["kind"] == "dividend"]

    def unlisted(delivery: BarDelivery) -> BarDelivery:
        adjusted = delivery.bars.copy()
        old = (adjusted["symbol"] == "AAA") & (adjusted["session"] < "2021-07-06")
        adjusted.loc[old, ["open", "high", "low", "close"]] /= 4
        return replace(delivery, bars=adjusted)

    exchange.change = unlisted
    live = source(exchange, shelf)
    bars = live.bars(["AAA", "BBB"], START, END)
    assert bars.groupby("symbol")["session"].max().dt.day.to_dict() == {"AAA": 2, "BBB": 6}
    assert live.notes()[0].startswith("AAA: its prices are 0.25 times the stored ones of the same sessions")
    exchange.splits, exchange.change, exchange.now = listed, lambda delivery: delivery, at("2021-07-07T21:30")
    healed = source(exchange, shelf)
    bars = healed.bars(["AAA", "BBB"], START, END)
    pd.testing.assert_frame_equal(bars, up_to(exchange.traded(["AAA", "BBB"]), "2021-07-07"), check_like=True)
    assert healed.actions(["AAA"], START, END)["kind"].tolist() == ["dividend", "split"]
    assert healed.notes() == ()


def test_a_row_that_is_no_bar_and_an_action_that_can_not_be_are_left_out_and_named(
    exchange: Exchange, shelf: BarRepository
) -> None:
    def broken(delivery: BarDelivery) -> BarDelivery:
        bars = delivery.bars.copy()
        bars.loc[0, "session"] = pd.Timestamp("2021-05-08")
        bars.loc[1, "open"] = np.nan
        bars.loc[2, "low"] = 9_999.0
        bars.loc[3, "volume"] = -1.0
        impossible = actions_of(("AAA", "2021-07-08", "dividend", 5_000.0), ("AAA", "2021-07-09", "split", -1.0))
        return replace(delivery, bars=bars, actions=pd.concat([delivery.actions, impossible], ignore_index=True))

    exchange.change = broken
    live = source(exchange, shelf)
    assert len(live.bars(["AAA"], START, END)) == len(TRADED.dates[TRADED.dates <= np.datetime64(END)]) - 4
    assert [note.partition(", ")[0] for note in live.notes()] == [
        "AAA 2021-05-08: the exchange had no session",
        "AAA 2021-05-04: price missing or not positive",
        "AAA 2021-05-05: high below low",
        "AAA 2021-05-06: volume missing or negative",
        "AAA 2021-07-08: dividend of 5000 after a close of 111.5 can't be applied",
        "AAA 2021-07-09: split of -1 after a close of 111.75 can't be applied",
    ]
    assert live.actions(["AAA"], START, END)["kind"].tolist() == ["dividend", "split"]


def test_an_action_before_the_first_bar_is_measured_against_nothing() -> None:
    bars, lines = unusable_bars(bars_of(TRADED, {"AAA": [(1.0, 1.0)]}), TRADED.dates.astype("datetime64[us]"))
    assert (len(bars), lines) == (1, [])
    early = actions_of(("AAA", "2021-05-03", "dividend", 9.0), ("BBB", "2021-05-03", "dividend", 9.0))
    assert unusable_actions(early, bars)[1] == []
