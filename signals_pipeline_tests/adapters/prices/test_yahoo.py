"""Yahoo over real sockets: recorded answers as they were on their day, and another format named."""

from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest

from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.core.prices.adjustment import adjusted_bars
from signals_pipeline_tests.support.yahoo_cookies import keep_cookie
from signals_pipeline_tests.support.yahoo_prices import END, START, cache_dir, clock, fetched, server, yahoo
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, named, recorded

__all__ = ["cache_dir", "clock", "server", "yahoo"]


def test_a_batch_is_one_call_a_symbol_asked_for_from_start_to_end(yahoo: YahooPrices, server: YahooServer) -> None:
    delivery = fetched(yahoo, "AAPL", "MSFT", "NVDA")
    assert delivery.calls == server.calls == 3
    assert (delivery.refused, delivery.drifted) == ({}, frozenset())
    assert delivery.answered == {"AAPL", "MSFT", "NVDA"}
    assert delivery.bars.groupby("symbol").size().to_dict() == {"AAPL": 49, "MSFT": 85, "NVDA": 55}
    asked = server.asked["AAPL"][0]
    assert (asked["interval"], asked["events"]) == ("1d", "div,splits,capitalGains")
    begins, ends = (pd.Timestamp(int(asked[name]), unit="s", tz="America/New_York") for name in ("period1", "period2"))
    assert (begins.date(), ends.date()) == (START, END)


def test_as_many_calls_at_once_as_wanted(server: YahooServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    cache = tmp_path_factory.getbasetemp() / "yfinance"
    together = Barrier(3, timeout=30)  # breaks where fewer come
    server.gate = together.wait
    policy = chart_policy(deadline=60, concurrency=3, min_interval=0)
    yahoo = YahooPrices(cache_dir=cache, policy=policy, base_url=server.url)
    delivery = fetched(yahoo, "AAPL", "MSFT", "NVDA")
    assert delivery.refused == {}
    assert not together.broken


def test_a_cookie_that_yahoo_does_not_set_is_asked_for_once(yahoo: YahooPrices, server: YahooServer) -> None:
    fetched(yahoo, "AAPL", "MSFT", "NVDA")
    asked = [path for path, _ in server.visits]
    assert len(asked) == len(set(asked)) <= 2


def test_a_cookie_without_an_end_that_was_kept_breaks_nothing(
    server: YahooServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yfinance.data.SingletonMeta._instances", {})  # as in a process of its own
    keep_cookie(tmp_path)
    vendor = YahooPrices(cache_dir=tmp_path, policy=chart_policy(min_interval=0), base_url=server.url)
    delivery = fetched(vendor, "AAPL", "MSFT")
    assert delivery.answered == {"AAPL", "MSFT"}


def test_prices_before_a_split_come_back_as_they_were_traded(yahoo: YahooPrices) -> None:
    delivery = fetched(yahoo, "NVDA")
    said = recorded("NVDA")["chart"]["result"][0]
    quote = said["indicators"]["quote"][0]
    days = pd.to_datetime(said["timestamp"], unit="s").normalize().astype("datetime64[us]")
    ratio = np.where(days < "2021-07-20", 4.0, 1.0)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(delivery.bars[name], np.array(quote[name]) * ratio)
    np.testing.assert_array_equal(delivery.bars["volume"], np.array(quote["volume"]) / ratio)
    assert delivery.actions.to_dict("records") == [
        {"symbol": "NVDA", "session": pd.Timestamp("2021-07-20"), "kind": "split", "value": 4.0}
    ]


def test_adjusted_for_its_own_actions_it_is_yahoos_adjusted_close(yahoo: YahooPrices) -> None:
    delivery = fetched(yahoo, "AAPL", "MSFT")  # NVDA's was recorded without dividends
    for symbol, tape in adjusted_bars(delivery.bars, delivery.actions).items():
        answer = recorded(symbol)["chart"]["result"][0]["indicators"]
        theirs = np.array(answer["adjclose"][0]["adjclose"])
        ours = tape.adjusted(len(tape.ex_days))["close"]
        # Dividends after the cut scale all of Yahoo's by one factor.
        np.testing.assert_allclose(ours / ours[-1], theirs / theirs[-1], rtol=2e-6)
        assert len(tape.ex_days) == {"AAPL": 1, "MSFT": 2}[symbol]


def test_a_share_class_is_asked_for_as_yahoo_writes_it(yahoo: YahooPrices, server: YahooServer) -> None:
    server.says("BRK-B", Answer(named(recorded("MSFT"), "BRK-B")))
    delivery = fetched(yahoo, "BRK.B")
    assert set(delivery.bars["symbol"]) == set(delivery.actions["symbol"]) == delivery.answered == {"BRK.B"}


RESULT = ("chart", "result", 0)
QUOTE = (*RESULT, "indicators", "quote")
GONE = object()
DRIFTS: dict[str, tuple[tuple[str | int, ...], object]] = {
    "'chart'": (("chart",), GONE),
    "'chart.result'": (("chart", "result"), GONE),
    "'meta.currency'": ((*RESULT, "meta", "currency"), GONE),
    "'indicators.quote'": (QUOTE, GONE),
    "'indicators.quote.close'": ((*QUOTE, 0, "close"), GONE),
    "'indicators.quote.volume'": ((*QUOTE, 0, "volume"), [1, 2]),
    "'indicators.quote.open'": ((*QUOTE, 0, "open", 3), "129.10"),
    "'timestamp'": ((*RESULT, "timestamp"), GONE),
    "'events.splits'": ((*RESULT, "events", "splits", "1598880600", "numerator"), GONE),
    "'events.dividends'": ((*RESULT, "events", "dividends", "1604673000", "amount"), "0.205"),
}


def drifted(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """A recorded answer with one thing changed or gone."""
    answer: Any = recorded("AAPL")
    inner = answer
    for key in path[:-1]:
        inner = inner[key]
    inner.pop(path[-1]) if value is GONE else inner.__setitem__(path[-1], value)
    return answer


@pytest.mark.parametrize("change", DRIFTS)
def test_another_format_is_named_and_the_other_symbols_are_there(
    yahoo: YahooPrices, server: YahooServer, change: str
) -> None:
    server.says("AAPL", Answer(drifted(*DRIFTS[change])))
    delivery = fetched(yahoo, "AAPL", "MSFT")
    assert delivery.drifted == {"AAPL"}
    assert delivery.refused["AAPL"].startswith(f"the response has another format than expected: {change} ")
    assert set(delivery.bars["symbol"]) == delivery.answered == {"MSFT"}
    assert len(server.asked["AAPL"]) == 1


def test_an_answer_that_yfinance_stumbles_over_is_named_and_the_other_symbols_are_there(
    yahoo: YahooPrices, server: YahooServer
) -> None:
    server.says("AAPL", Answer(drifted((*RESULT, "meta", "exchangeTimezoneName"), "Nowhere/None")))
    delivery = fetched(yahoo, "AAPL", "MSFT")
    assert delivery.drifted == {"AAPL"}
    assert delivery.refused["AAPL"].startswith("the response has another format than expected: yfinance can't read it")
    assert set(delivery.bars["symbol"]) == delivery.answered == {"MSFT"}


def test_a_session_that_stands_twice_is_one_bar(yahoo: YahooPrices, server: YahooServer) -> None:
    twice = recorded("AAPL")
    result = twice["chart"]["result"][0]
    quotes = (result["indicators"]["quote"][0], *result["indicators"].get("adjclose", []))
    for values in (result["timestamp"], *(values for quote in quotes for values in quote.values())):
        values.append(values[-1])
    server.says("AAPL", Answer(twice))
    bars = fetched(yahoo, "AAPL", "MSFT").bars
    assert not bars.duplicated(["symbol", "session"]).any()
    assert set(bars["symbol"]) == {"AAPL", "MSFT"}


def test_a_volume_that_is_null_is_missing_and_not_zero(yahoo: YahooPrices, server: YahooServer) -> None:
    answer = recorded("AAPL")
    volumes = answer["chart"]["result"][0]["indicators"]["quote"][0]["volume"]
    volumes[3], volumes[-1], volumes[5] = None, None, 0
    server.says("AAPL", Answer(answer))
    bars = fetched(yahoo, "AAPL").bars
    assert np.flatnonzero(bars["volume"].isna()).tolist() == [3, len(bars) - 1]
    assert bars["volume"].iloc[5] == 0


SPOILED: list[Any] = [None, "x", 10**30, -(10**18), float("inf"), [], {}, True, 1e-320]
PLACES: list[tuple[str | int, ...]] = [
    (*RESULT, "meta", "exchangeTimezoneName"),
    (*RESULT, "meta", "instrumentType"),
    (*RESULT, "meta", "currency"),
    (*RESULT, "meta", "validRanges"),
    (*RESULT, "timestamp"),
    (*RESULT, "timestamp", 0),
    (*RESULT, "timestamp", 7),
    (*QUOTE, 0),
    (*QUOTE, 0, "close", 4),
    (*QUOTE, 0, "volume", 4),
    (*RESULT, "indicators", "adjclose"),
    (*RESULT, "events"),
    (*RESULT, "events", "splits"),
    (*RESULT, "events", "splits", "1598880600", "numerator"),
    (*RESULT, "events", "splits", "1598880600", "denominator"),
    (*RESULT, "events", "splits", "1598880600", "date"),
    (*RESULT, "events", "dividends", "1604673000", "amount"),
    (*RESULT, "events", "dividends", "1604673000", "date"),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place[3:])) or "result")
def test_whatever_one_symbol_s_response_makes_yfinance_raise_is_its_own_failure(
    yahoo: YahooPrices, server: YahooServer, place: tuple[str | int, ...]
) -> None:
    whole = fetched(yahoo, "MSFT").bars
    for value in SPOILED:
        server.says("AAPL", Answer(drifted(place, value)))
        delivery = fetched(yahoo, "AAPL", "MSFT")
        others = delivery.bars[delivery.bars["symbol"] == "MSFT"].reset_index(drop=True)
        pd.testing.assert_frame_equal(others, whole)
        assert ("AAPL" in delivery.refused) != ("AAPL" in set(delivery.bars["symbol"]))
        assert "\n" not in delivery.refused.get("AAPL", "")
