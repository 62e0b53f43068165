"""Yahoo over real sockets in trouble: each failure is reported with its symbol, transient errors are retried."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from signals_pipeline.adapters.prices.yahoo import YahooPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline.adapters.yahoo_symbols import GIVE_UP_AFTER
from signals_pipeline_tests.support.yahoo_prices import Clock, cache_dir, clock, fetched, server, yahoo, yahoo_at
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, named, recorded, yahoo_server

__all__ = ["cache_dir", "clock", "server", "yahoo"]

LOCATION = "127.0.0.1/v8/finance/chart/AAPL"
NO_PRICES = "the response has no prices"
OTHER = named(recorded("AAPL"), "AAP")
EMPTY = recorded("AAPL")
EMPTY["chart"]["result"][0].pop("timestamp")
EMPTY["chart"]["result"][0]["indicators"] = {"quote": [{}]}
DELISTED_NOTE = "Yahoo lists it no longer (no currency, no bars); take it off the watchlist or give its successor"
DELISTED = recorded("AAPL")
DELISTED["chart"]["result"][0] = {
    "meta": {"currency": None, "symbol": "AAPL", "exchangeName": "YHD", "instrumentType": "EQUITY"},
    "indicators": {"quote": [{}], "adjclose": [{}]},
}
NULLS = recorded("AAPL")
for _values in NULLS["chart"]["result"][0]["indicators"]["quote"][0].values():
    _values[:] = [None] * len(_values)


@dataclass(frozen=True)
class Failure:
    """A response without prices.

    Attributes:
        answer: The response; None: the server does not know the symbol.
        message: How the message begins.
        requests: Requests that are sent for it; None: curl itself decides.
    """

    answer: Answer | None
    message: str
    requests: int | None


def page(status: int) -> Answer:
    return Answer(b"<html>no</html>", status=status, kind="text/html")


TOO_LONG = Failure(
    Answer(b"", status=429, headers={"Retry-After": "3600"}),
    f"{LOCATION} returned HTTP 429 and asked to wait 3600 s",
    1,
)
FAILURES = {
    "401": Failure(Answer(b"{}", status=401), f"{LOCATION} returned HTTP 401", 1),
    "403 with a page": Failure(page(403), f"{LOCATION} returned HTTP 403", 1),
    "426": Failure(Answer(b"{}", status=426), f"{LOCATION} returned HTTP 426", 1),
    "unknown": Failure(None, "No data found, symbol may be delisted", 1),
    "page": Failure(
        Answer(b"<html>consent</html>", kind="text/html"), "the response is text/html of 20 bytes, not JSON", 1
    ),
    "nothing": Failure(Answer(b"", kind=""), "the response is untyped of 0 bytes, not JSON", 1),
    "other symbol": Failure(Answer(OTHER), "the response is about 'AAP'", 1),
    "no result": Failure(Answer({"chart": {"result": [], "error": None}}), NO_PRICES, 1),
    "no sessions": Failure(Answer(EMPTY), NO_PRICES, 1),
    "delisted": Failure(Answer(DELISTED), DELISTED_NOTE, 1),
    "only nulls": Failure(Answer(NULLS), NO_PRICES, 1),
    "429": Failure(Answer(b"Too Many Requests", status=429, kind="text/plain"), f"{LOCATION} returned HTTP 429", 3),
    "429 too long": TOO_LONG,
    "500 not JSON": Failure(page(500), f"{LOCATION} returned HTTP 500", 3),
    "502": Failure(Answer(b"{}", status=502), f"{LOCATION} returned HTTP 502", 3),
    "truncated": Failure(Answer(recorded("AAPL"), sent="truncated"), f"{LOCATION}: IncompleteRead: ", 3),
    # curl itself retries a connection that was reset.
    "reset": Failure(Answer(recorded("AAPL"), sent="reset"), f"{LOCATION}: ConnectionError: ", None),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_reported_with_its_symbol_and_leaves_the_others_alone(
    yahoo: YahooPrices, server: YahooServer, name: str
) -> None:
    failure = FAILURES[name]
    if failure.answer is None:
        del server.script["AAPL"]
    else:
        server.says("AAPL", failure.answer)
    # After a request for a long pause, other symbols are not fetched at all.
    others = [] if failure is TOO_LONG else ["MSFT"]

    delivery = fetched(yahoo, "AAPL", *others)

    assert set(delivery.refused) == {"AAPL"}
    assert delivery.refused["AAPL"].startswith(failure.message)
    assert delivery.drifted == frozenset()
    assert failure.requests in {None, len(server.asked["AAPL"])}
    assert set(delivery.bars["symbol"]) == set(others)
    assert ("AAPL" in delivery.answered) == (failure.message in (NO_PRICES, DELISTED_NOTE))


def test_a_response_that_never_ends_is_given_up(server: YahooServer, cache_dir: Path, clock: Clock) -> None:
    server.says("AAPL", Answer(recorded("AAPL"), sent="dripping"))

    delivery = fetched(yahoo_at(server.url, cache_dir, clock, deadline=0.3), "AAPL")

    assert delivery.refused["AAPL"].startswith(f"{LOCATION}: Timeout: ")
    assert len(server.asked["AAPL"]) == 3


def test_a_transient_error_is_retried_after_the_time_that_yahoo_asks_for(
    yahoo: YahooPrices, server: YahooServer, clock: Clock
) -> None:
    busy = Answer(b"", status=429, headers={"Retry-After": "12"})
    server.says("AAPL", busy, Answer(b"{}", status=503), Answer(recorded("AAPL")))

    delivery = fetched(yahoo, "AAPL")

    assert delivery.refused == {}
    assert len(delivery.bars) == 49
    # 12 s as requested, then half of the 2 s that the second backoff may take.
    assert clock.now == 100 + 12 + 0.5 * 2


def test_a_failed_response_is_not_cached(yahoo: YahooPrices, server: YahooServer) -> None:
    server.says("AAPL", Answer(b"{}", status=401), Answer(recorded("AAPL")))

    assert fetched(yahoo, "AAPL").bars.empty
    assert len(fetched(yahoo, "AAPL").bars) == 49


def test_a_vendor_that_is_down_is_not_asked_for_every_symbol(yahoo: YahooPrices, server: YahooServer) -> None:
    symbols = [f"S{number}" for number in range(30)]
    for symbol in symbols:
        server.says(symbol, Answer(b"{}", status=503))

    delivery = fetched(yahoo, *symbols)

    assert set(delivery.refused) == set(symbols)
    # The requests of symbols that were in progress when the third one failed may still be sent.
    assert server.calls <= chart_policy().attempts * (GIVE_UP_AFTER + 10)
    skipped = "skipped after 3 consecutive failures; the last: "
    assert any(text.startswith(skipped) for text in delivery.refused.values())


def test_without_a_network_every_symbol_is_reported(cache_dir: Path, clock: Clock) -> None:
    with yahoo_server() as closed:
        url = closed.url

    delivery = fetched(yahoo_at(url, cache_dir, clock), "AAPL", "MSFT")

    assert set(delivery.refused) == {"AAPL", "MSFT"}
    for symbol, text in delivery.refused.items():
        assert text.startswith(f"127.0.0.1/v8/finance/chart/{symbol}: ConnectionError: ")
        assert "curl.se" not in text
    assert delivery.bars.empty
    assert delivery.actions.empty
