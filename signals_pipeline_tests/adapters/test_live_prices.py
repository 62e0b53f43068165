"""Live prices: only missing closed sessions are asked for, the unfinished bar never stays, an outage is told."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.bars import BarStore
from signals_pipeline.adapters.calendar import trading_sessions
from signals_pipeline.adapters.database import engine_for
from signals_pipeline.adapters.prices.live import BarDelivery, LivePrices
from signals_pipeline.adapters.prices.pacing import Pacer
from signals_pipeline.adapters.prices.screening import unusable_actions, unusable_bars
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.core.feeds import PriceSource, SourceError
from signals_pipeline_tests.core.test_adjustment import actions_of
from signals_pipeline_tests.databases import migrated_template
from signals_pipeline_tests.digest_examples import bars_of
from signals_pipeline_tests.yahoo_server import Answer, YahooServer, recorded, yahoo_server

START, END = date(2021, 5, 3), date(2021, 8, 31)
TRADED = trading_sessions(START, date(2021, 9, 30))


def at(text: str) -> datetime:
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
        prices = [(400.0 + day, 401.0 + day) for day in range(len(TRADED.dates))]
        bars = bars_of(TRADED, dict.fromkeys(symbols, prices))
        old = (bars["symbol"] == "AAA") & (bars["session"] < "2021-07-06")
        return bars.assign(**{name: bars[name].where(old, bars[name] / 4) for name in ("open", "high", "low", "close")})

    def fetch(self, symbols: Sequence[str], start: date, end: date) -> BarDelivery:
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
        return self.change(BarDelivery(bars, actions, {}, frozenset(symbols), "", len(symbols)))


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def shelf(engine: Engine) -> BarStore:
    return BarStore(engine)


def source(exchange: Exchange, shelf: BarStore) -> LivePrices:
    return LivePrices(exchange, shelf, trading_sessions, now=lambda: exchange.now)


def up_to(bars: pd.DataFrame, day: str) -> pd.DataFrame:
    return bars.loc[bars["session"] <= pd.Timestamp(day)].reset_index(drop=True)


def last(bars: pd.DataFrame) -> str:
    return f"{bars['session'].max():%Y-%m-%d}"


def test_bars_come_back_as_traded_with_their_actions(exchange: Exchange, shelf: BarStore) -> None:
    live: PriceSource = source(exchange, shelf)
    bars = live.bars(["BBB", "AAA"], START, END)
    pd.testing.assert_frame_equal(bars, up_to(exchange.traded(["AAA", "BBB"]), "2021-08-31"), check_like=True)
    assert live.actions(["AAA"], START, END)["kind"].tolist() == ["dividend", "split"]
    assert live.actions(["AAA"], date(2021, 7, 7), END).empty
    assert (live.name, live.notes()) == ("exchange", ())


def test_stored_sessions_are_asked_of_nobody(exchange: Exchange, shelf: BarStore) -> None:
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
def test_an_unfinished_session_is_never_stored(exchange: Exchange, shelf: BarStore, now: str, newest: str) -> None:
    exchange.now = at(now)
    assert last(source(exchange, shelf).bars(["AAA"], START, END)) == newest
    stored = shelf.bars(["AAA"], START, date(2022, 1, 1))
    closed = TRADED.closes <= np.datetime64((exchange.now - timedelta(minutes=15)).replace(tzinfo=None))
    assert stored["session"].dt.date.tolist() == TRADED.dates[closed].tolist()


def test_a_day_later_only_the_new_session_is_asked_for_with_some_overlap(exchange: Exchange, shelf: BarStore) -> None:
    exchange.now = at("2021-08-30T21:30")
    source(exchange, shelf).bars(["AAA", "BBB"], START, date(2021, 8, 30))
    exchange.now = at("2021-08-31T21:30")
    live = source(exchange, shelf)
    assert last(live.bars(["AAA", "NEW"], START, END)) == "2021-08-31"
    assert exchange.asked[1:] == [(("NEW",), START), (("AAA",), date(2021, 8, 23))]
    live.bars(["AAA", "NEW"], START, END)
    assert len(exchange.asked) == 3


def test_history_further_back_is_asked_for_once_also_where_there_is_none(exchange: Exchange, shelf: BarStore) -> None:
    exchange.first["BBB"] = date(2021, 8, 2)
    for start in (date(2021, 8, 16), START, date(2021, 6, 1)):
        source(exchange, shelf).bars(["AAA", "BBB"], start, END)
    assert exchange.asked == [(("AAA", "BBB"), date(2021, 8, 16)), (("AAA", "BBB"), START)]
    exchange.first["CCC"] = date(2021, 12, 1)
    assert source(exchange, shelf).bars(["CCC"], START, END).empty
    exchange.first["CCC"] = date(2021, 8, 30)
    assert len(source(exchange, shelf).bars(["CCC"], date(2021, 6, 1), END)) == 2


def test_before_the_first_session_nobody_is_asked(exchange: Exchange, shelf: BarStore) -> None:
    assert source(exchange, shelf).bars(["AAA"], date(2021, 9, 4), date(2021, 9, 6)).empty
    exchange.now = at("2021-05-03T12:00")
    assert source(exchange, shelf).bars(["AAA"], START, START).empty
    assert exchange.asked == []


@settings(max_examples=5)
@given(st.sets(st.sampled_from(TRADED.dates[20:80].tolist()), min_size=1, max_size=4))
def test_day_by_day_or_in_one_go_the_same_is_stored(tmp_path_factory: pytest.TempPathFactory, days: set[date]) -> None:
    found = []
    for visits in (sorted(days), [max(days)]):
        path = shutil.copy(migrated_template("sqlite"), tmp_path_factory.mktemp("bars") / "signals.db")
        opened = engine_for(f"sqlite:///{path}")
        exchange, shelf = Exchange(), BarStore(opened)
        for day in visits:
            exchange.now = datetime(day.year, day.month, day.day, 22, tzinfo=UTC)
            source(exchange, shelf).bars(["AAA", "BBB"], START, day)
        found.append((shelf.bars(["AAA", "BBB"], START, END), shelf.actions(["AAA", "BBB"], START, END)))
        opened.dispose()
    for one, other in zip(*found, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def failing(delivery: BarDelivery) -> BarDelivery:
    """Nobody was answered."""
    nothing = delivery.bars.iloc[:0], delivery.actions.iloc[:0]
    symbols = delivery.bars["symbol"].unique()
    return BarDelivery(*nothing, dict.fromkeys(symbols, "HTTP 503"), frozenset(), "", delivery.calls)


def test_in_an_outage_stored_bars_are_used_and_it_is_said_and_nobody_asks_twice(
    exchange: Exchange, shelf: BarStore
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


def test_with_nothing_stored_an_outage_is_one_line(exchange: Exchange, shelf: BarStore) -> None:
    exchange.change = failing
    with pytest.raises(SourceError, match=r"^exchange: no daily bars of 2 symbols .*AAA: HTTP 503.*try again") as told:
        source(exchange, shelf).bars(["AAA", "BBB"], START, END)
    assert "\n" not in str(told.value)
    assert not told.value.passing


def test_an_outage_that_may_pass_says_so_and_the_same_run_may_ask_again(exchange: Exchange, shelf: BarStore) -> None:
    exchange.change = lambda delivery: replace(failing(delivery), passing=True)
    live = source(exchange, shelf)
    with pytest.raises(SourceError) as told:
        live.bars(["AAA", "BBB"], START, END)
    assert told.value.passing
    exchange.change = lambda delivery: delivery
    assert last(live.bars(["AAA", "BBB"], START, END)) == "2021-08-31"


def test_another_format_fails_loudly_and_keeps_what_could_be_read(exchange: Exchange, shelf: BarStore) -> None:
    exchange.change = lambda delivery: replace(delivery, drift="BBB: 'timestamp' is missing")
    with pytest.raises(SourceError, match=r"^exchange: its answers have another format \(BBB: 'timestamp'"):
        source(exchange, shelf).bars(["AAA"], START, END)
    assert last(shelf.bars(["AAA"], START, END)) == "2021-08-31"


def test_an_answer_adjusted_for_a_split_that_it_does_not_list_waits_until_it_does(
    exchange: Exchange, shelf: BarStore
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
    assert live.notes()[0].startswith("AAA: its answer is 0.25 times what is stored of the same sessions")
    exchange.splits, exchange.change, exchange.now = listed, lambda delivery: delivery, at("2021-07-07T21:30")
    healed = source(exchange, shelf)
    bars = healed.bars(["AAA", "BBB"], START, END)
    pd.testing.assert_frame_equal(bars, up_to(exchange.traded(["AAA", "BBB"]), "2021-07-07"), check_like=True)
    assert healed.actions(["AAA"], START, END)["kind"].tolist() == ["dividend", "split"]
    assert healed.notes() == ()


def test_a_row_that_is_no_bar_and_an_action_that_can_not_be_are_left_out_and_named(
    exchange: Exchange, shelf: BarStore
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


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with yahoo_server() as running:
        for symbol in ("MSFT", "NVDA"):
            running.says(symbol, Answer(recorded(symbol)))
        yield running


def test_yahoo_over_sockets_into_the_store_and_out_again(
    server: YahooServer, shelf: BarStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "yfinance"
    yahoo = YahooPrices(cache_dir=cache, base_url=server.url, pacer=lambda: Pacer(0))
    for calls in (2, 2):
        live = LivePrices(yahoo, shelf, trading_sessions, now=lambda: at("2021-09-01T03:00"))
        bars = live.bars(["MSFT", "NVDA"], START, END)
        assert bars.groupby("symbol").size().to_dict() == {"MSFT": 85, "NVDA": 55}
        assert live.actions(["MSFT", "NVDA"], START, END)["kind"].tolist() == ["dividend", "dividend", "split"]
        assert live.notes() == ()
        assert server.calls == calls
