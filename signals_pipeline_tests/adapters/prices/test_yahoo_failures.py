"""Yahoo over real sockets in trouble: every failure named of its symbol, none passed over, what heals tried again."""

from pathlib import Path
from typing import Any

import pytest

from signals_pipeline.adapters.prices import yahoo_session
from signals_pipeline.adapters.prices.pacing import Pacer
from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline_tests.adapters.prices.test_pacing import Clock
from signals_pipeline_tests.support.yahoo_prices import clock, fetched, server, yahoo
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, named, recorded, yahoo_server

__all__ = ["clock", "server", "yahoo"]


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
