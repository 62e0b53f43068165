"""Yahoo's calendar over real sockets and through yfinance: recorded answers, and each way to have none."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from signals_pipeline.adapters.earnings.yahoo import EarningsDelivery, YahooEarnings
from signals_pipeline.adapters.earnings.yahoo_calendar import Announcement, read_announcement
from signals_pipeline.adapters.http_client.policy import HostRateLimiter
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind, chart_policy
from signals_pipeline.core.prices.earnings import ReportTime
from signals_pipeline_tests.support.yahoo_prices import Clock, cache_dir, clock, server, yahoo_at
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, calendar_of, recorded_calendar

__all__ = ["cache_dir", "clock", "server"]

EMPTY = {"quoteSummary": {"result": [{"calendarEvents": {"maxAge": 1}}], "error": None}}


@pytest.fixture
def fetch(
    server: YahooServer, clock: Clock, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., EarningsDelivery]:
    """Fetch symbols from the local server; waits end at once, and a backoff is half of what it may be."""
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 2)
    policy = chart_policy(deadline=5, concurrency=1, min_interval=0)
    rate_limiter = HostRateLimiter(policy, clock=clock, pause=clock.sleep)
    vendor = YahooEarnings(cache_dir=cache_dir, policy=policy, rate_limiter=rate_limiter, base_url=server.url)
    return lambda *symbols: vendor.fetch(symbols)


def test_recorded_answers_are_a_date_an_estimate_and_no_calendar(
    server: YahooServer, fetch: Callable[..., EarningsDelivery]
) -> None:
    for symbol in ("AAPL", "BFLY"):
        server.announces(symbol, Answer(recorded_calendar(symbol)))
    server.announces("ADH", Answer(recorded_calendar("ADH"), status=404))  # delisted
    server.announces("BRK-B", Answer(EMPTY))
    delivery = fetch("AAPL", "BFLY", "ADH", "BRK.B")
    assert delivery.announcements == {
        "AAPL": Announcement(date(2025, 4, 30), ReportTime.UNKNOWN, estimated=True),
        "BFLY": Announcement(date(2025, 2, 28), ReportTime.BEFORE_OPEN),  # 08:30 in New York
        "BRK.B": Announcement(),
    }
    assert set(delivery.refused) == {"ADH"}
    assert delivery.refused["ADH"].text.startswith("Yahoo has no calendar of it (No fundamentals data found")
    assert delivery.calls == 4


def test_a_process_that_has_asked_for_prices_asks_for_a_crumb_of_this_session(
    server: YahooServer, fetch: Callable[..., EarningsDelivery], cache_dir: Path, clock: Clock
) -> None:
    yahoo_at(server.url, cache_dir, clock).fetch(["AAPL"], date(2020, 1, 1), date(2021, 9, 1))
    server.visits.clear()
    server.announces("BFLY", Answer(recorded_calendar("BFLY")))
    assert set(fetch("BFLY").announcements) == {"BFLY"}
    assert "/v1/test/getcrumb" in {path for path, _ in server.visits}
    assert server.asked["/v10/finance/quoteSummary/BFLY"][0]["crumb"] == "crumb"


def test_a_passing_failure_is_retried(server: YahooServer, fetch: Callable[..., EarningsDelivery]) -> None:
    server.announces("BFLY", Answer(status=503), Answer(status=429), Answer(recorded_calendar("BFLY")))
    delivery = fetch("BFLY")
    assert (set(delivery.announcements), delivery.refused, delivery.calls) == ({"BFLY"}, {}, 3)


def test_without_authorisation_another_cookie_is_tried_once(
    server: YahooServer, fetch: Callable[..., EarningsDelivery]
) -> None:
    server.announces("BFLY", Answer(status=401), Answer(recorded_calendar("BFLY")))
    server.announces("AAPL", Answer({"finance": {"error": "Invalid Crumb"}}, status=401))
    delivery = fetch("BFLY", "AAPL")
    assert set(delivery.announcements) == {"BFLY"}
    assert delivery.refused["AAPL"].text.endswith("/v10/finance/quoteSummary/AAPL returned HTTP 401")
    assert delivery.calls == 4


def test_after_three_failures_in_a_row_the_others_are_skipped(
    server: YahooServer, fetch: Callable[..., EarningsDelivery]
) -> None:
    symbols = [f"A{number}" for number in range(6)]
    for symbol in symbols:
        server.announces(symbol, Answer(sent="reset"))
    delivery = fetch(*symbols)
    assert delivery.announcements == {}
    assert set(delivery.refused) == set(symbols)
    assert all(problem.text.startswith("skipped: ") for _, problem in sorted(delivery.refused.items())[3:])
    assert delivery.calls == 9


def test_a_long_pause_is_taken_at_its_word(server: YahooServer, fetch: Callable[..., EarningsDelivery]) -> None:
    for symbol in ("AAPL", "BFLY"):
        server.announces(symbol, Answer(status=429, headers={"Retry-After": "3600"}))
    delivery = fetch("AAPL", "BFLY")
    assert set(delivery.refused) == {"AAPL", "BFLY"}
    assert delivery.calls == 1


def changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The recorded answer about BFLY with one thing changed."""
    answer: Any = recorded_calendar("BFLY")
    inner = answer
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return answer


EARNINGS = ("quoteSummary", "result", 0, "calendarEvents", "earnings")
DATES = (*EARNINGS, "earningsDate")
DRIFTS: dict[str, tuple[tuple[str | int, ...], object]] = {
    "'quoteSummary' is missing": (("quoteSummary",), []),
    "'calendarEvents' is missing": (("quoteSummary", "result"), [{"calendar": {}}]),
    "'earnings.earningsDate' is not a list": (DATES, "2025-02-28"),
    "'earnings.earningsDate' contains '2025-02-28', not seconds": (DATES, ["2025-02-28"]),
    "'earnings.earningsDate' contains 'True', not seconds": (DATES, [True]),
    "'earnings.earningsDate' contains '1000000000000000000', not seconds": (DATES, [10**18]),
    f"'earnings.earningsDate' contains '1{'0' * 39}', not seconds": (DATES, [10**400]),
    "'earnings.earningsDate' contains '{}', not seconds": (DATES, [{}]),
}


@pytest.mark.parametrize("problem", DRIFTS)
def test_another_format_is_named_and_the_other_symbols_are_there(
    server: YahooServer, fetch: Callable[..., EarningsDelivery], problem: str
) -> None:
    server.announces("BFLY", Answer(changed(*DRIFTS[problem])))
    server.announces("AAPL", Answer(recorded_calendar("AAPL")))
    delivery = fetch("BFLY", "AAPL")
    assert delivery.refused == {"BFLY": Problem(ProblemKind.DRIFT, problem)}
    assert set(delivery.announcements) == {"AAPL"}


def test_a_page_in_place_of_an_answer_is_named(server: YahooServer, fetch: Callable[..., EarningsDelivery]) -> None:
    server.announces("AAPL", Answer(b"<html>", kind="text/html"))
    server.announces("BFLY", Answer(b"<html>", kind="text/html", status=410))
    delivery = fetch("AAPL", "BFLY")
    assert delivery.refused["AAPL"].text == "the response has 6 bytes that are not JSON"
    assert delivery.refused["BFLY"].text.endswith("/v10/finance/quoteSummary/BFLY returned HTTP 410")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (calendar_of("2025-07-31T20:30Z"), Announcement(date(2025, 7, 31), ReportTime.AFTER_CLOSE)),
        # 01:00 UTC is the evening before in New York.
        (calendar_of("2025-07-31T01:00Z"), Announcement(date(2025, 7, 30), ReportTime.AFTER_CLOSE)),
        # Two instants on one day that disagree, and that agree.
        (calendar_of("2025-07-31T11:00Z", "2025-07-31T20:30Z"), Announcement(date(2025, 7, 31))),
        (
            calendar_of("2025-07-31T20:00Z", "2025-07-31T20:30Z"),
            Announcement(date(2025, 7, 31), ReportTime.AFTER_CLOSE),
        ),
        # A range is an estimate even where Yahoo does not call it one.
        (
            calendar_of("2025-08-04T20:30Z", "2025-07-31T20:30Z"),
            Announcement(date(2025, 7, 31), ReportTime.UNKNOWN, estimated=True),
        ),
        (calendar_of(), Announcement()),
    ],
)
def test_what_an_answer_announces(answer: dict[str, Any], expected: Announcement) -> None:
    assert read_announcement(json.dumps(answer).encode()) == expected
