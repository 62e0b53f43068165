"""Live prices in trouble: an outage is told, another format fails loudly, what is no bar is left out and named."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.screening import unusable_actions, unusable_bars
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.core.arrays import BoolArray
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.prices.corrections import bars_as_of
from signals_pipeline.core.prices.validation import bar_problems
from signals_pipeline_tests.support.databases import new_database
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
    return BarDelivery(*nothing, dict.fromkeys(symbols, "HTTP 503"), frozenset(), frozenset(), delivery.calls)


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


def drifting(*symbols: str) -> Callable[[BarDelivery], BarDelivery]:
    """The responses about these symbols have another format."""

    def change(delivery: BarDelivery) -> BarDelivery:
        asked = delivery.answered
        drifted = frozenset(symbols) & asked
        readable = ~delivery.bars["symbol"].isin(list(drifted))
        return replace(
            delivery,
            bars=delivery.bars.loc[readable].reset_index(drop=True),
            refused=dict.fromkeys(drifted, "'timestamp' is missing"),
            answered=asked - drifted,
            drifted=drifted,
        )

    return change


WATCHED = ("AAA", "BBB", "CCC", "DDD")


@given(st.sets(st.sampled_from(WATCHED)))
@settings(max_examples=16)
def test_another_format_fails_the_stage_where_most_symbols_have_it_and_keeps_what_could_be_read(
    tmp_path_factory: pytest.TempPathFactory, drifted: set[str]
) -> None:
    engine = engine_for(new_database("sqlite", tmp_path_factory.mktemp("bars")))
    exchange, shelf = Exchange(), BarRepository(engine)
    exchange.change = drifting(*drifted)
    live = source(exchange, shelf)
    if len(drifted) > 2:
        with pytest.raises(SourceError, match=r"has changed \([34] of 4 symbols; .*'timestamp' is missing"):
            live.bars(WATCHED, START, END)
    else:
        assert set(live.bars(WATCHED, START, END)["symbol"]) == set(WATCHED) - drifted
    assert live.notes() == tuple(f"{symbol}: 'timestamp' is missing" for symbol in sorted(drifted))
    stored = shelf.bars(WATCHED, START, END)
    assert set(stored["symbol"]) == set(WATCHED) - drifted
    engine.dispose()


def test_the_companies_that_are_asked_alone_fail_nothing_while_the_others_are_up_to_date(
    exchange: Exchange, shelf: BarRepository
) -> None:
    exchange.change = drifting("AAA", "BBB")
    source(exchange, shelf).bars(WATCHED, START, END)
    again = source(exchange, shelf)
    assert set(again.bars(WATCHED, START, END)["symbol"]) == {"CCC", "DDD"}
    assert exchange.asked[-1][0] == ("AAA", "BBB")
    assert len(again.notes()) == 2


def test_after_a_changed_format_the_same_run_may_ask_again(exchange: Exchange, shelf: BarRepository) -> None:
    exchange.change = drifting(*WATCHED)
    live = source(exchange, shelf)
    with pytest.raises(SourceError, match="upgrade signals_pipeline"):
        live.bars(WATCHED, START, END)
    exchange.change = lambda delivery: delivery
    assert set(live.bars(WATCHED, START, END)["symbol"]) == set(WATCHED)


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


PRICES = ["open", "high", "low", "close"]


def changing(symbol: str, day: str, **factors: float) -> Callable[[BarDelivery], BarDelivery]:
    """One bar is delivered with these columns multiplied."""

    def change(delivery: BarDelivery) -> BarDelivery:
        bars = delivery.bars.copy()
        row = (bars["symbol"] == symbol) & (bars["session"] == day)
        for name, factor in factors.items():
            bars.loc[row, name] *= factor
        return replace(delivery, bars=bars)

    return change


def close_of(bars: pd.DataFrame, symbol: str, day: str) -> float:
    (value,) = bars.loc[(bars["symbol"] == symbol) & (bars["session"] == day), "close"].tolist()
    return value


def test_a_close_at_a_hundredth_is_refused_named_and_asked_for_again(exchange: Exchange, shelf: BarRepository) -> None:
    exchange.now = at("2021-08-30T21:30")
    exchange.change = changing("BBB", "2021-08-30", **dict.fromkeys(PRICES, 0.01))
    first = source(exchange, shelf)
    assert last(first.bars(["BBB"], START, END)) == "2021-08-27"
    (note,) = first.notes()
    assert note == (
        "BBB 2021-08-30: the close of 1.21 is 0.0101 times that of the sessions around it and no split says so, bar"
        " left out and asked for again"
    )
    exchange.change = lambda delivery: delivery
    again = source(exchange, shelf)
    assert last(again.bars(["BBB"], START, END)) == "2021-08-30"
    assert again.notes() == ()
    assert again.corrections(["BBB"], START, END).empty


def test_a_wrong_value_of_a_stored_session_is_refused_and_the_stored_one_stays(
    exchange: Exchange, shelf: BarRepository
) -> None:
    exchange.now = at("2021-08-30T21:30")
    whole = source(exchange, shelf).bars(["BBB"], START, END)
    exchange.now = at("2021-08-31T21:30")
    exchange.change = changing("BBB", "2021-08-27", **dict.fromkeys(PRICES, 100.0))
    live = source(exchange, shelf)
    pd.testing.assert_frame_equal(up_to(live.bars(["BBB"], START, END), "2021-08-30"), whole)
    assert "times that of the sessions around it" in live.notes()[0]
    assert live.corrections(["BBB"], START, END).empty


def test_a_wrong_value_that_was_stored_is_corrected_and_named_and_windows_before_keep_it(
    exchange: Exchange, shelf: BarRepository
) -> None:
    # As an earlier version stored it: a hundredth, which nobody looked at.
    exchange.now = at("2021-08-30T21:30")
    delivery = changing("BBB", "2021-08-30", **dict.fromkeys(PRICES, 0.01))(
        exchange.fetch(["BBB"], START, date(2021, 8, 31))
    )
    shelf.put(delivery.bars, delivery.actions, asked={"BBB": START}, source="exchange", seen_at=exchange.now)
    exchange.now = at("2021-08-31T21:30")
    live = source(exchange, shelf)
    bars = live.bars(["BBB"], START, END)
    (note,) = live.notes()
    assert note.startswith("BBB 2021-08-30: corrected by the vendor: open 120.75 instead of 1.2075, ")
    assert note.endswith("; later windows use it, earlier ones what they had")
    corrections = live.corrections(["BBB"], START, END)
    assert close_of(bars_as_of(bars, corrections, exchange.now), "BBB", "2021-08-30") == pytest.approx(1.21)
    later = bars_as_of(bars, corrections, exchange.now + timedelta(seconds=1))
    assert close_of(later, "BBB", "2021-08-30") == 121.0
    assert close_of(later, "BBB", "2021-08-31") == 121.25
    # Said once, and not a second time where nothing has changed since.
    exchange.now = at("2021-09-01T21:30")
    again = source(exchange, shelf)
    again.bars(["BBB"], START, date(2021, 9, 1))
    assert again.notes() == ()
    assert len(again.corrections(["BBB"], START, END)) == 1


def test_volumes_that_were_completed_are_one_note(exchange: Exchange, shelf: BarRepository) -> None:
    exchange.now = at("2021-08-30T21:30")
    source(exchange, shelf).bars(["AAA", "BBB"], START, END)
    exchange.now = at("2021-08-31T21:30")

    def completed(delivery: BarDelivery) -> BarDelivery:
        return replace(delivery, bars=delivery.bars.assign(volume=delivery.bars["volume"] * 1.02))

    exchange.change = completed
    live = source(exchange, shelf)
    live.bars(["AAA", "BBB"], START, END)
    assert live.notes() == (
        "12 volumes of 2 symbols were corrected by the vendor, such as AAA 2021-08-23: 1020000 instead of 1000000",
    )
    assert len(live.corrections(["AAA", "BBB"], START, END)) == 12


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["AAA", "BBB"]),
            st.sampled_from([f"{day:%Y-%m-%d}" for day in TRADED.dates[60:80].tolist()]),
            st.sampled_from([*PRICES, "volume"]),
            st.sampled_from([0.0, 0.01, 0.5, 0.97, 1.001, 1.3, 100.0, np.nan, np.inf, -1.0]),
        ),
        max_size=5,
    )
)
def test_whatever_a_vendor_says_what_counts_is_whole_and_each_difference_is_named(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, str, float]]
) -> None:
    engine = engine_for(new_database("sqlite", tmp_path_factory.mktemp("bars")))
    exchange, shelf = Exchange(), BarRepository(engine)

    def wrong(delivery: BarDelivery) -> BarDelivery:
        for symbol, day, name, factor in changes:
            delivery = changing(symbol, day, **{name: factor})(delivery)
        return delivery

    for day, change in (("27", wrong), ("30", lambda delivery: delivery), ("31", wrong)):
        exchange.now, exchange.change = at(f"2021-08-{day}T21:30"), change
        exchange.asked.clear()
        live = source(exchange, shelf)
        live.bars(["AAA", "BBB"], START, END)
        known = bars_as_of(
            shelf.bars(["AAA", "BBB"], START, END),
            shelf.corrections(["AAA", "BBB"], START, END),
            exchange.now + timedelta(seconds=1),
        )
        assert (bar_problems(known) == "").all()
        # Every delivered bar that does not count as delivered has a note.
        asked = [
            exchange.fetch(symbols, start, exchange.now.date() + timedelta(1)) for symbols, start in exchange.asked[:]
        ]
        delivered = pd.concat([delivery.bars for delivery in asked])
        both = delivered.merge(known, on=["symbol", "session"], suffixes=("", "_known"), how="left")
        known_prices = both[[f"{name}_known" for name in PRICES]]
        differs: BoolArray = np.any(~np.isclose(both[PRICES], known_prices, rtol=1e-4), axis=1)
        notes = " ".join(live.notes())
        for symbol, session in both.loc[differs, ["symbol", "session"]].itertuples(index=False):
            assert f"{symbol} {session:%Y-%m-%d}: " in notes
    engine.dispose()
