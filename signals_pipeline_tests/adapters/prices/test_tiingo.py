"""Tiingo: bars as traded, actions as paid, and every refusal as one line for its symbol."""

import json
from collections.abc import Iterator
from datetime import date

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.tiingo import TiingoPrices
from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
from signals_pipeline_tests.support.price_builders import actions_of
from signals_pipeline_tests.support.price_vendor import Exchange
from signals_pipeline_tests.support.tiingo_server import (
    KEY,
    OVER_LIMIT,
    TiingoServer,
    refusal,
    tiingo_rows,
    tiingo_server,
)
from signals_pipeline_tests.support.vendor_server import Reply

START, END = date(2021, 5, 28), date(2021, 7, 8)
ROWS = tiingo_rows(Exchange().traded(["AAA"]), Exchange().splits)


@pytest.fixture
def server() -> Iterator[TiingoServer]:
    with tiingo_server() as running:
        yield running


def fetched(server: TiingoServer, *symbols: str, key: str = KEY) -> BarDelivery:
    policy = chart_policy(deadline=5, concurrency=1, min_interval=0, attempts=1)
    return TiingoPrices(key, policy=policy, origin=server.origin).fetch(symbols, START, END)


def test_bars_are_as_traded_and_actions_as_paid_on_their_ex_dates(server: TiingoServer) -> None:
    server.says("AAA", ROWS)
    server.says("BRK-B", ROWS[::-1])
    delivery = fetched(server, "AAA", "BRK.B")
    traded = Exchange().traded(["AAA"])
    wanted = traded[traded["session"].between(pd.Timestamp(START), pd.Timestamp("2021-07-07"))].reset_index(drop=True)
    assert_frame_equal(delivery.bars[delivery.bars["symbol"] == "AAA"], wanted)
    # Sorted, whatever the order of the response.
    other = delivery.bars[delivery.bars["symbol"] == "BRK.B"].reset_index(drop=True)
    assert_frame_equal(other.drop(columns="symbol"), wanted.drop(columns="symbol"))
    expected = actions_of(("AAA", "2021-06-01", "dividend", 1.5), ("AAA", "2021-07-06", "split", 4.0))
    assert_frame_equal(delivery.actions[delivery.actions["symbol"] == "AAA"], expected)
    assert delivery.answered == {"AAA", "BRK.B"}
    assert (delivery.refused, delivery.drifted, delivery.calls) == ({}, frozenset(), 2)
    [first, _] = server.house.requests
    assert first.query == {"startDate": "2021-05-28", "endDate": "2021-07-07"}


def changed(**values: object) -> Reply:
    """A response whose last row has other values; None leaves the field out."""
    row = ROWS[-1] | values
    return Reply(json.dumps([*ROWS[:3], {name: value for name, value in row.items() if value is not ...}]).encode())


@pytest.mark.parametrize(
    ("reply", "reason", "answered", "drifted"),
    [
        (refusal(404, "Error: Ticker 'AAA' not found"), "Tiingo does not know the symbol", True, False),
        (Reply(b"[]"), "the response has no prices", True, False),
        (Reply(b'{"detail": "x"}'), "another format than expected: it is not a list", False, True),
        (Reply(b"[1]"), "another format than expected: a row is no object", False, True),
        (changed(date="07/08/2021"), "'date' is '07/08/2021'", False, True),
        (changed(close="N/D"), "'close' is 'N/D'", False, True),
        (changed(volume=True), "'volume' is 'True'", False, True),
        (changed(splitFactor=...), "'splitFactor' is missing", False, True),
        (refusal(400, "Error: bad dates"), "returned HTTP 400", False, False),
        (refusal(503, "busy"), "returned HTTP 503", False, False),
        (Reply(b"[{", cut=1), "", False, False),
    ],
)
def test_what_is_wrong_with_one_symbol_is_one_line_and_leaves_the_others_alone(
    server: TiingoServer, reply: Reply, reason: str, answered: bool, drifted: bool
) -> None:
    server.replies_with("AAA", reply)
    server.says("BBB", ROWS)
    delivery = fetched(server, "AAA", "BBB")
    assert set(delivery.refused) == {"AAA"}
    assert reason in delivery.refused["AAA"]
    assert "\n" not in delivery.refused["AAA"]
    assert ("AAA" in delivery.answered, "AAA" in delivery.drifted) == (answered, drifted)
    assert set(delivery.bars["symbol"]) == {"BBB"}


def test_a_missing_value_is_left_to_the_rules_for_bars(server: TiingoServer) -> None:
    server.replies_with("AAA", changed(close=None, splitFactor=None, divCash=None))
    delivery = fetched(server, "AAA")
    assert delivery.bars["close"].isna().tolist() == [False, False, False, True]
    assert set(delivery.actions["kind"]) <= {"dividend"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            Reply(OVER_LIMIT, "text/plain"),
            "Tiingo answers with text/plain instead of prices: 'You have run over your 500",
        ),
        (
            Reply(b"<html>\n<body>limit</body>", "text/html; charset=utf-8"),
            "text/html instead of prices: '<html> <body>",
        ),
        (Reply(b"nothing", ""), "untyped text instead of prices"),
    ],
)
def test_an_allowance_that_is_used_up_ends_the_requests(server: TiingoServer, reply: Reply, reason: str) -> None:
    symbols = ["AAA", "BBB", "CCC"]
    server.says("AAA", ROWS)
    server.replies_with("BBB", reply)
    delivery = fetched(server, *symbols)
    assert server.asked == ["AAA", "BBB"]
    assert delivery.answered == {"AAA"}
    assert reason in delivery.refused["BBB"]
    assert delivery.refused["CCC"] == f"not requested: {delivery.refused['BBB']}"


def test_a_wrong_key_is_asked_once_and_not_shown(server: TiingoServer) -> None:
    server.says("AAA", ROWS)
    delivery = fetched(server, "AAA", "BBB", key="wrong" * 8)
    assert server.asked == ["AAA"]
    assert delivery.refused["AAA"] == "Tiingo refuses the key (HTTP 401): correct TIINGO_KEY"
    assert not any("wrong" in reason for reason in delivery.refused.values())


def test_three_failures_in_a_row_end_the_requests_and_may_pass(server: TiingoServer) -> None:
    symbols = [f"S{number}" for number in range(6)]
    for symbol in symbols:
        server.replies_with(symbol, refusal(429, "Error: You have run over your hourly request allocation."))
    delivery = fetched(server, *symbols)
    assert server.asked == symbols[:3]
    assert set(delivery.refused) == set(symbols)
    assert delivery.transient
