"""What is known before an instant: signals, windows caught up, outcomes, closes."""

from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.digest.composition import DigestContext, RecentCloses
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.digest_examples import (
    WINDOWS,
    context_of,
    outcome_rows,
    signal,
    steady,
    weekday_sessions,
)

SESSIONS = weekday_sessions(count=80)
BARS = steady(SESSIONS, "AAA", "BBB")
TICK = timedelta(microseconds=1)
some = st.lists(st.sampled_from(WINDOWS[:20]), unique=True, max_size=8)


def context_with_prices(bars: pd.DataFrame = BARS) -> DigestContext:
    return context_of(bars=bars, sessions=SESSIONS)


@settings(max_examples=30, deadline=None)
@given(some, st.sampled_from(WINDOWS[:20]), st.sampled_from(WINDOWS[:20]))
def test_signals_strictly_between_two_instants(windows: list[Window], first: Window, last: Window) -> None:
    history = [signal("AAA", window=window) for window in windows]

    between = context_of(history).signals(first.end, last.end)

    expected = [decided for decided in history if first.end < decided.decided_at < last.end]
    assert list(between) == sorted(expected, key=lambda decided: decided.decided_at)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(("live", "untold", "catch_up", "backfill", None)), min_size=12, max_size=12),
    st.integers(0, 11),
)
def test_caught_up_are_the_runs_directly_before(drawn: list[str | None], at: int) -> None:
    """Also live ones of whose digest no reader got a mail."""
    modes = {window.start: mode for window, mode in zip(WINDOWS, drawn, strict=False) if mode}
    untold = [start for start, mode in modes.items() if mode == "untold"]
    modes |= dict.fromkeys(untold, "live")
    expected: set[object] = set()
    for start in sorted((start for start in modes if start < WINDOWS[at].start), reverse=True):
        if modes[start] != "catch_up" and start not in untold:
            break
        expected.add(start)

    assert context_of(modes=modes, untold=untold).caught_up(WINDOWS[at]) == expected


def outcome_of(decided: Signal, horizon: int, days: int) -> pd.DataFrame:
    """One outcome of a signal, known so many days after it was decided."""
    row = outcome_rows(1).iloc[:1]
    known = pd.DatetimeIndex([decided.decided_at + timedelta(days=days)], dtype="datetime64[us, UTC]")
    start = pd.DatetimeIndex([decided.window_start], dtype="datetime64[us, UTC]")
    return row.assign(
        window_start=start, symbol=decided.symbol, horizon=horizon, known_at=known, net_return=horizon / 100
    )


def test_the_last_return_is_that_of_the_longest_horizon_known_before() -> None:
    decided = signal("AAA")
    rows = [outcome_of(decided, 5, 7), outcome_of(decided, 1, 1), outcome_of(decided, 3, 4)]
    context = context_of([decided], outcomes=pd.concat(rows, ignore_index=True))

    for days, horizon in ((4, 3), (1, 1), (7, 5)):
        known_at = decided.decided_at + timedelta(days=days)
        after = context.last_return(decided, known_at + TICK)
        before = context.last_return(decided, known_at)
        assert after is not None
        assert (after.horizon, after.net_return) == (horizon, horizon / 100)
        assert before is None or before.horizon < horizon
    assert context.last_return(signal("BBB"), WINDOWS[-1].end) is None
    assert context.last_return(signal("AAA", "SELL"), WINDOWS[-1].end) is None


def test_closes_end_with_the_last_session_that_closed_before() -> None:
    context = context_with_prices(BARS.sample(frac=1, random_state=3))
    closed = pd.Timestamp(SESSIONS.closes[9], tz="UTC").to_pydatetime()

    recent = context.last_closes("AAA", closed + TICK, 4)

    assert recent.adjusted == recent.traded == (107.0, 108.0, 109.0, 110.0)
    assert recent.sessions == tuple(str(day) for day in SESSIONS.dates[6:10])
    assert context.last_closes("AAA", closed, 1) == RecentCloses((109.0,), (109.0,), (str(SESSIONS.dates[8]),))
    assert context.last_closes("AAA", closed + TICK, 60).sessions == tuple(str(day) for day in SESSIONS.dates[:10])


def test_no_closes_without_bars_or_before_the_first_close() -> None:
    first = pd.Timestamp(SESSIONS.closes[0], tz="UTC").to_pydatetime()
    assert context_with_prices().last_closes("AAA", first, 60) == RecentCloses()
    assert context_with_prices().last_closes("ZZZ", first + TICK, 60) == RecentCloses()
    assert context_with_prices(BARS.iloc[:0]).last_closes("AAA", first + TICK, 60) == RecentCloses()


def closed_after(session: int) -> datetime:
    """Just after this session's close."""
    return pd.Timestamp(SESSIONS.closes[session], tz="UTC").to_pydatetime() + TICK


def test_readers_see_traded_prices_and_returns_use_adjusted_ones() -> None:
    """A dividend of 2 takes 2% off earlier prices for returns; nobody has ever seen the reduced ones in a quote."""
    actions = pd.DataFrame(
        [
            ("AAA", pd.Timestamp(SESSIONS.dates[8]), "dividend", 2.16),
            ("BBB", pd.Timestamp(SESSIONS.dates[9]), "split", 2.0),
        ],
        columns=["symbol", "session", "kind", "value"],
    )
    context = context_of(bars=BARS, sessions=SESSIONS, actions=actions)

    paid = context.last_closes("AAA", closed_after(9), 3)
    assert paid.traded == (108.0, 109.0, 110.0)
    assert paid.adjusted == pytest.approx((108 * 0.98, 109.0, 110.0))
    # A split is no price move: what was traded before it is restated in the shares of today.
    halved = context.last_closes("BBB", closed_after(9), 2)
    assert halved.traded == halved.adjusted == (54.5, 110.0)
    move = context.move_since("AAA", closed_after(7), closed_after(9))
    assert move == pytest.approx(110 / (108 * 0.98) - 1)
    assert context.move_since("AAA", closed_after(9), closed_after(9)) is None
    assert context.move_since("ZZZ", closed_after(7), closed_after(9)) is None


def test_of_a_source_with_adjusted_bars_the_recorded_closes_are_shown_and_nothing_is_called_traded_without_them() -> (
    None
):
    closes = BARS.assign(close=BARS["close"] * 2)[["symbol", "session", "close"]]
    of_some_days = closes.loc[~((closes["symbol"] == "BBB") & (closes["session"] == closes["session"].iloc[9]))]
    context = context_of(bars=BARS, sessions=SESSIONS, traded_closes=of_some_days)

    known = context.last_closes("AAA", closed_after(9), 2)
    assert (known.adjusted, known.traded) == ((109.0, 110.0), (218.0, 220.0))
    assert context.last_closes("BBB", closed_after(9), 2).traded == ()
    assert context.last_closes("BBB", closed_after(8), 2).traded == (216.0, 218.0)


def test_the_benchmarks_last_close_is_said_while_it_is_that_of_the_last_session() -> None:
    bars = steady(SESSIONS, "AAA", "SPY")
    context = context_of(bars=bars, sessions=SESSIONS)
    assert context.benchmark_note(closed_after(9)) == "SPY closed +0.9% at 110.00 on Mon 15 Jan."
    assert context.benchmark_note(closed_after(0)) == ""
    late = context_of(bars=bars.loc[bars["session"] != pd.Timestamp(SESSIONS.dates[9])], sessions=SESSIONS)
    assert late.benchmark_note(closed_after(9)) == ""


@pytest.mark.parametrize(("symbol", "name"), [("AAA", "Alpha"), ("GONE", "GONE")])
def test_companies_have_names_while_they_are_watched(symbol: str, name: str) -> None:
    assert context_of().company(symbol) == name


def test_a_last_close_of_another_vendor_is_its_vendor_s_and_an_earlier_one_is_not() -> None:
    others = BARS.loc[BARS["session"].isin(BARS["session"].unique()[[8, 9]]), ["symbol", "session"]]
    others = others.loc[(others["symbol"] == "AAA")].assign(source="tiingo")
    context = context_of(bars=BARS, sessions=SESSIONS, other_vendors=others)
    closes = [pd.Timestamp(close, tz="UTC").to_pydatetime() + TICK for close in SESSIONS.closes[6:12]]

    assert [context.other_vendor("AAA", instant) for instant in closes] == [None, None, "tiingo", "tiingo", None, None]
    assert context.other_vendor("BBB", closes[2]) is None
    assert context.other_vendor("ZZZ", closes[2]) is None
    assert context.count_other_vendors(closes[2]) == {"tiingo": 1}
    assert context_with_prices().count_other_vendors(closes[2]) == {}
