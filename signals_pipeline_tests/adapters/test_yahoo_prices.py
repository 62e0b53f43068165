"""Yahoo over real sockets: recorded answers as they were on their day, and every failure named, none passed over."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest

from signals_pipeline.adapters.prices import yahoo_session
from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.pacing import Pacer
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.core.adjustment import tapes
from signals_pipeline_tests.adapters.test_pacing import Clock
from signals_pipeline_tests.yahoo_server import Answer, YahooServer, named, recorded, yahoo_server

START, END = date(2020, 1, 1), date(2021, 9, 1)


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with yahoo_server() as running:
        for symbol in ("AAPL", "MSFT", "NVDA"):
            running.says(symbol, Answer(recorded(symbol)))
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def yahoo(server: YahooServer, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> YahooPrices:
    def pacer() -> Pacer:
        return Pacer(0, monotonic=clock, sleep=clock.sleep, jitter=lambda: 0.5)

    cache = tmp_path_factory.getbasetemp() / "yfinance"  # one a process: yfinance keeps it open
    return YahooPrices(cache_dir=cache, timeout=5, pacer=pacer, base_url=server.url)


def fetched(yahoo: YahooPrices, *symbols: str) -> BarDelivery:
    return yahoo.fetch(symbols, START, END)


def test_a_batch_is_one_call_a_symbol_asked_for_from_start_to_end(yahoo: YahooPrices, server: YahooServer) -> None:
    delivery = fetched(yahoo, "AAPL", "MSFT", "NVDA")
    assert delivery.calls == server.calls == 3
    assert (delivery.refused, delivery.drift) == ({}, "")
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
    yahoo = YahooPrices(cache_dir=cache, timeout=60, concurrency=3, pacer=lambda: Pacer(0), base_url=server.url)
    delivery = fetched(yahoo, "AAPL", "MSFT", "NVDA")
    assert delivery.refused == {}
    assert not together.broken


def test_a_cookie_that_yahoo_does_not_set_is_asked_for_once(yahoo: YahooPrices, server: YahooServer) -> None:
    fetched(yahoo, "AAPL", "MSFT", "NVDA")
    asked = [path for path, _ in server.visits]
    assert len(asked) == len(set(asked)) <= 2


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
    for symbol, tape in tapes(delivery.bars, delivery.actions).items():
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
    assert delivery.drift.startswith(f"AAPL: {change} ")
    assert set(delivery.bars["symbol"]) == delivery.answered == {"MSFT"}
    assert len(server.asked["AAPL"]) == 1


OTHER = named(recorded("AAPL"), "AAP")
EMPTY = recorded("AAPL")
EMPTY["chart"]["result"][0].pop("timestamp")
EMPTY["chart"]["result"][0]["indicators"] = {"quote": [{}]}
NULLS = recorded("AAPL")
for _values in NULLS["chart"]["result"][0]["indicators"]["quote"][0].values():
    _values[:] = [None] * len(_values)
HOPELESS = {
    "401": (Answer(b"{}", status=401), "HTTP 401", 1),
    "403 with a page": (Answer(b"<html>no</html>", status=403, kind="text/html"), "HTTP 403", 1),
    "426": (Answer(b"{}", status=426), "HTTP 426", 1),
    "unknown": (Answer(), "", 1),
    "page": (Answer(b"<html>consent</html>", kind="text/html"), "the answer is text/html of 20 bytes, not JSON", 1),
    "nothing": (Answer(b"", kind=""), "the answer is nothing of 0 bytes, not JSON", 1),
    "other symbol": (Answer(OTHER), "the answer is about 'AAP'", 1),
    "no result": (Answer({"chart": {"result": [], "error": None}}), "no prices in the answer", 1),
    "no sessions": (Answer(EMPTY), "no prices in the answer", 1),
    "only nulls": (Answer(NULLS), "no prices in the answer", 1),
    "429": (Answer(b"Too Many Requests", status=429, kind="text/plain"), "HTTP 429", 3),
    "429 too long": (Answer(b"", status=429, headers={"Retry-After": "3600"}), "HTTP 429, asks to wait 3600 s", 1),
    "500 not JSON": (Answer(b"<html>oops</html>", status=500, kind="text/html"), "HTTP 500", 3),
    "502": (Answer(b"{}", status=502), "HTTP 502", 3),
    "truncated": (Answer(recorded("AAPL"), sent="truncated"), "IncompleteRead: ", 3),
    "reset": (
        Answer(recorded("AAPL"), sent="reset"),
        "ConnectionError: ",
        None,
    ),  # curl tries a reset connection once more
}


@pytest.mark.parametrize("failure", HOPELESS)
def test_a_failure_is_told_of_its_symbol_and_takes_no_other_along(
    yahoo: YahooPrices, server: YahooServer, failure: str
) -> None:
    answer, said, calls = HOPELESS[failure]
    if failure == "unknown":
        del server.script["AAPL"]
        said = "No data found, symbol may be delisted"
    else:
        server.says("AAPL", answer)
    first = fetched(yahoo, "AAPL") if failure == "429 too long" else fetched(yahoo, "AAPL", "MSFT")
    assert set(first.refused) == {"AAPL"}
    assert first.refused["AAPL"].startswith(said)
    assert first.drift == ""
    assert calls in {None, len(server.asked["AAPL"])}
    assert set(first.bars["symbol"]) == (set() if failure == "429 too long" else {"MSFT"})
    assert ("AAPL" in first.answered) == (said == "no prices in the answer")


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


@pytest.mark.parametrize("sent", ["dripping"])
def test_an_answer_that_never_ends_is_given_up(server: YahooServer, yahoo: YahooPrices, sent: Any) -> None:
    server.says("AAPL", Answer(recorded("AAPL"), sent=sent))
    yahoo._timeout = 0.3  # noqa: SLF001
    delivery = fetched(yahoo, "AAPL")
    assert delivery.refused["AAPL"].startswith("Timeout: ")
    assert len(server.asked["AAPL"]) == 3


def test_what_heals_is_tried_again_after_the_time_that_was_asked_for(
    yahoo: YahooPrices, server: YahooServer, clock: Clock
) -> None:
    busy = Answer(b"", status=429, headers={"Retry-After": "12"})
    server.says("AAPL", busy, Answer(b"{}", status=503), Answer(recorded("AAPL")))
    delivery = fetched(yahoo, "AAPL")
    assert delivery.refused == {}
    assert len(delivery.bars) == 49
    assert clock.now == 100 + 12 + 0.5 * 2  # then half of the two seconds that a second try may wait


def test_a_failed_answer_is_not_given_again(yahoo: YahooPrices, server: YahooServer) -> None:
    server.says("AAPL", Answer(b"{}", status=401), Answer(recorded("AAPL")))
    assert fetched(yahoo, "AAPL").bars.empty
    assert len(fetched(yahoo, "AAPL").bars) == 49


def test_a_vendor_that_is_down_is_not_asked_for_every_symbol(yahoo: YahooPrices, server: YahooServer) -> None:
    symbols = [f"S{number}" for number in range(30)]
    for symbol in symbols:
        server.says(symbol, Answer(b"{}", status=503))
    delivery = fetched(yahoo, *symbols)
    assert set(delivery.refused) == set(symbols)
    # The calls of the symbols that were under way when the third failed may still go out.
    assert server.calls <= yahoo_session.ATTEMPTS * (yahoo_session.GIVE_UP_AFTER + 10)
    assert any(text.startswith("not asked: 3 symbols in a row failed") for text in delivery.refused.values())


def test_no_network_is_told_of_every_symbol(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> None:
    with yahoo_server() as closed:
        url = closed.url
    cache: Path = tmp_path_factory.getbasetemp() / "yfinance"
    yahoo = YahooPrices(
        cache_dir=cache, timeout=5, base_url=url, pacer=lambda: Pacer(0, monotonic=clock, sleep=clock.sleep)
    )
    delivery = fetched(yahoo, "AAPL", "MSFT")
    assert set(delivery.refused) == {"AAPL", "MSFT"}
    assert all(text.startswith("ConnectionError: ") for text in delivery.refused.values())
    assert not any("curl.se" in text for text in delivery.refused.values())
    assert delivery.bars.empty
    assert delivery.actions.empty
