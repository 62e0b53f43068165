"""Outcomes against their definition: entry, exit, benchmark, base rate, and nothing after as_of."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.prices.corrections import bars_as_of, no_corrections
from signals_pipeline.core.record.outcomes import EQUAL_WEIGHT, HORIZONS, realised_outcomes
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline_tests.support.digest_examples import WINDOWS, bars_of, signal, steady, weekday_sessions

SESSIONS = weekday_sessions(count=40)
SYMBOLS = ("AAA", "BBB", "CCC")
LATE = WINDOWS[-1].end


def known_of(signals: list[Signal], bars: pd.DataFrame, symbols: Sequence[str], as_of: datetime = LATE) -> pd.DataFrame:
    """The outcomes' frame alone."""
    return realised_outcomes(signals, bars, symbols, SESSIONS, as_of=as_of).frame


def grid(seed: int, missing: float) -> pd.DataFrame:
    """Bars of random prices, some of them missing."""
    random = np.random.default_rng(seed)
    prices = random.uniform(1, 1000, (4, 40, 2))
    prices[random.random((4, 40)) < missing] = np.nan
    named = zip((*SYMBOLS, "SPY"), prices.tolist(), strict=True)
    return bars_of(SESSIONS, {name: [(opened, closed) for opened, closed in pairs] for name, pairs in named})


grids = st.builds(grid, st.integers(0, 10_000), st.sampled_from((0.0, 0.2, 0.7, 1.0)))
decided = st.lists(
    st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(("BUY", "SELL")), st.sampled_from(WINDOWS[:40])),
    max_size=8,
    unique_by=lambda each: (each[0], each[2]),
).map(lambda found: [signal(symbol, kind, window) for symbol, kind, window in found])


def expected(signals: list[Signal], bars: pd.DataFrame, as_of: datetime) -> list[tuple[Any, ...]]:
    """The same by loops over the definition."""
    keys = list(zip(bars["symbol"], bars["session"], strict=True))
    opens: dict[Any, float] = dict(zip(keys, bars["open"], strict=True))
    closes: dict[Any, float] = dict(zip(keys, bars["close"], strict=True))
    limit = np.datetime64(as_of.replace(tzinfo=None), "us")
    found = []
    for each in signals:
        first = SESSIONS.entry_index(each.decided_at)
        for horizon in HORIZONS:
            last = None if first is None else first + horizon - 1
            if first is None or last is None or last >= len(SESSIONS.dates) or SESSIONS.closes[last] >= limit:
                continue
            days = pd.Timestamp(SESSIONS.dates[first]), pd.Timestamp(SESSIONS.dates[last])
            returns = {
                name: closes[name, days[1]] / opens[name, days[0]] - 1
                for name in (*SYMBOLS, "SPY")
                if (name, days[0]) in opens and (name, days[1]) in closes
            }
            watched = [returns[name] for name in SYMBOLS if name in returns]
            if each.symbol not in returns or not watched:
                continue
            market = returns.get("SPY", sum(watched) / len(watched))
            side = 1 if each.signal_type == "BUY" else -1
            base = sum(side * value > side * market for value in watched) / len(watched)
            row = (each.window_start, each.symbol, horizon, returns[each.symbol], market)
            found.append((*row, side * (returns[each.symbol] - market), base))
    return sorted(found)


def rows_of(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    columns = ["window_start", "symbol", "horizon", "raw_return", "benchmark_return", "net_return", "base_rate"]
    return sorted(tuple(row) for row in frame[columns].itertuples(index=False))


@settings(max_examples=20, deadline=None)
@given(grids, decided, st.sampled_from(WINDOWS))
def test_it_is_the_definition(bars: pd.DataFrame, signals: list[Signal], now: Window) -> None:
    found = rows_of(known_of(signals, bars, SYMBOLS, now.end))
    wanted = expected(signals, bars, now.end)
    assert [row[:3] for row in found] == [row[:3] for row in wanted]
    np.testing.assert_allclose(
        np.array([row[3:] for row in found]), np.array([row[3:] for row in wanted]), rtol=0, atol=1e-9
    )


@settings(max_examples=10, deadline=None)
@given(grids, decided, st.sampled_from(WINDOWS[:40]))
def test_nothing_at_or_after_as_of_matters(bars: pd.DataFrame, signals: list[Signal], now: Window) -> None:
    last = SESSIONS.last_closed(now.end)
    assert last is not None
    cut = bars[bars["session"] <= pd.Timestamp(last)]
    changed = bars.assign(close=bars["close"].where(bars["session"] <= pd.Timestamp(last), 7.0))
    known = known_of(signals, bars, SYMBOLS, now.end)
    for other in (cut, changed):
        pd.testing.assert_frame_equal(known, known_of(signals, other, SYMBOLS, now.end))
    earlier = [each for each in signals if each.decided_at < now.end]
    pd.testing.assert_frame_equal(known, known_of(earlier, bars, SYMBOLS, now.end))
    assert (known["known_at"] < pd.Timestamp(now.end)).all()


@settings(max_examples=20, deadline=None)
@given(grids, decided, st.sampled_from(WINDOWS[10:50]), st.integers(0, 39))
def test_a_correction_counts_where_it_was_seen_before_the_first_window_that_knows_the_outcome_ends(
    bars: pd.DataFrame, signals: list[Signal], seen_in: Window, day: int
) -> None:
    chosen = bars.loc[bars["session"] == pd.Timestamp(SESSIONS.dates[day])]
    seen = seen_in.start + timedelta(hours=1)
    corrected = chosen.assign(open=7.0, close=3.0, low=3.0, high=7.0, first_seen_at=seen)
    corrections = pd.concat([no_corrections(), corrected], ignore_index=True).astype(no_corrections().dtypes.to_dict())

    def outcomes(of: pd.DataFrame, corrections: pd.DataFrame | None) -> pd.DataFrame:
        found = realised_outcomes(signals, of, SYMBOLS, SESSIONS, as_of=LATE, corrections=corrections)
        return found.frame

    found = outcomes(bars, corrections)
    before, after = outcomes(bars, None), outcomes(bars_as_of(bars, corrections, LATE), no_corrections())
    is_after = (found["known_at"] >= pd.Timestamp(seen_in.start)).to_numpy()
    pd.testing.assert_frame_equal(found[~is_after], before[~is_after])
    pd.testing.assert_frame_equal(found[is_after], after[is_after])


@settings(max_examples=10, deadline=None)
@given(grids, decided)
def test_each_outcome_stands_alone(bars: pd.DataFrame, signals: list[Signal]) -> None:
    together = known_of(signals, bars, SYMBOLS)
    alone = [known_of([each], bars, SYMBOLS) for each in reversed(signals)]
    filled = [frame for frame in alone if len(frame)]
    joined = OUTCOMES.conform(pd.concat(filled)) if filled else OUTCOMES.empty()
    pd.testing.assert_frame_equal(together, joined)


@settings(max_examples=15, deadline=None)
@given(grids, decided, st.sets(st.sampled_from(SYMBOLS)), st.sets(st.sampled_from(WINDOWS[:40])))
def test_whatever_leaves_the_watchlist_no_outcome_of_earlier_signals_changes(
    bars: pd.DataFrame, signals: list[Signal], removed: set[str], reduced: set[Window]
) -> None:
    whole = {window.start: SYMBOLS for window in WINDOWS}
    left = [symbol for symbol in SYMBOLS if symbol not in removed]
    # Some later windows ran with what was left.
    watchlists = whole | {window.start: left for window in reduced}
    earlier = [each for each in signals if watchlists[each.window_start] == SYMBOLS]

    before = realised_outcomes(earlier, bars, SYMBOLS, SESSIONS, as_of=LATE, watchlists=whole)
    after = realised_outcomes(signals, bars, left, SESSIONS, as_of=LATE, watchlists=watchlists)

    starts = pd.DatetimeIndex([each.window_start for each in earlier], dtype="datetime64[us, UTC]")
    of_earlier = after.frame[after.frame["window_start"].isin(starts)]
    pd.testing.assert_frame_equal(of_earlier.reset_index(drop=True), before.frame, check_exact=True)


def test_a_signal_has_the_base_rate_of_the_watchlist_of_its_window() -> None:
    moves = {"AAA": 110.0, "BBB": 90.0, "CCC": 120.0, "SPY": 105.0}
    bars = bars_of(SESSIONS, {symbol: [(100.0, close)] * 40 for symbol, close in moves.items()})
    both = [signal("AAA", window=WINDOWS[0]), signal("AAA", window=WINDOWS[1])]
    watchlists = {WINDOWS[0].start: ("AAA", "BBB")}

    found = realised_outcomes(both, bars, ("AAA", "CCC"), SESSIONS, as_of=LATE, watchlists=watchlists).frame

    assert found.groupby("window_start")["base_rate"].first().tolist() == [0.5, 1.0]


@settings(max_examples=10, deadline=None)
@given(grids, decided)
def test_buy_and_sell_mirror_each_other(bars: pd.DataFrame, signals: list[Signal]) -> None:
    opposite = [
        signal(each.symbol, "SELL" if each.signal_type == "BUY" else "BUY", Window(each.window_start, each.decided_at))
        for each in signals
    ]
    one = known_of(signals, bars, SYMBOLS)
    other = known_of(opposite, bars, SYMBOLS)
    assert one["raw_return"].tolist() == other["raw_return"].tolist()
    assert one["net_return"].tolist() == (-other["net_return"]).tolist()
    assert not (one["hit"] & other["hit"]).any()
    assert (one["base_rate"] + other["base_rate"] <= 1 + 1e-12).all()


@settings(max_examples=10, deadline=None)
@given(grids, decided)
def test_a_missing_bar_is_left_out_and_counted(bars: pd.DataFrame, signals: list[Signal]) -> None:
    whole = steady(SESSIONS, *SYMBOLS, "SPY")
    complete = realised_outcomes(signals, whole, SYMBOLS, SESSIONS, as_of=LATE)
    assert complete.without_bars == {}
    partly = realised_outcomes(signals, bars, SYMBOLS, SESSIONS, as_of=LATE)
    due, found, lost = complete.frame, partly.frame, partly.without_bars
    assert {name: (due["symbol"] == name).sum() - (found["symbol"] == name).sum() for name in lost} == lost
    assert len(found) + sum(lost.values()) == len(due)


@pytest.mark.parametrize(("key", "entry"), [("2024-01-08-17:30", "2024-01-09"), ("2024-01-09-08:30", "2024-01-10")])
def test_entry_is_the_next_open(key: str, entry: str) -> None:
    # Decided at 08:30 (the first) it enters the same day; decided at 17:30 the day after.
    each = signal("AAA", "BUY", window_for_key(key))
    row = known_of([each], steady(SESSIONS, "AAA"), ["AAA"]).iloc[0]
    assert row["entry_session"] == pd.Timestamp(entry, tz="UTC")
    assert row["exit_session"] == row["entry_session"]
    day = int(np.flatnonzero(SESSIONS.dates == np.datetime64(entry))[0])
    assert (row["entry"], row["exit"]) == (100.0 + day, 101.0 + day)
    assert row["known_at"] == pd.Timestamp(entry, tz="UTC") + timedelta(hours=21)


def test_horizons_end_where_the_calendar_ends() -> None:
    short = weekday_sessions(count=8)
    found = realised_outcomes(
        [signal("AAA", "BUY", WINDOWS[0])], steady(short, "AAA"), ["AAA"], short, as_of=LATE
    ).frame
    assert found["horizon"].tolist() == [1, 3]  # decided on the fifth session, entered on the sixth


def test_the_watchlist_stands_in_for_spy() -> None:
    flat = {"AAA": [(100.0, 110.0)] * 40, "BBB": [(100.0, 90.0)] * 40, "CCC": [(100.0, 106.0)] * 40}
    without = known_of([signal("AAA")], bars_of(SESSIONS, flat), SYMBOLS)
    assert set(without["benchmark"]) == {EQUAL_WEIGHT}
    assert without["benchmark_return"].tolist() == pytest.approx([0.02] * 4)
    assert without["base_rate"].tolist() == pytest.approx([2 / 3] * 4)
    spy = bars_of(SESSIONS, {**flat, "SPY": [(100.0, 108.0)] * 40})
    found = known_of([signal("AAA")], spy, SYMBOLS)
    assert set(found["benchmark"]) == {"SPY"}
    assert found["net_return"].tolist() == pytest.approx([0.02] * 4)
    assert found["base_rate"].tolist() == pytest.approx([1 / 3] * 4)


def test_a_decision_older_than_the_calendar_has_no_outcome() -> None:
    later = weekday_sessions("2024-02-01")
    assert realised_outcomes([signal("AAA")], steady(later, "AAA"), ["AAA"], later, as_of=LATE).frame.empty


def test_bars_off_the_calendar_and_unreal_prices_are_no_bars() -> None:
    bars = steady(SESSIONS, "AAA")
    weekend = bars.assign(session=pd.Timestamp("2024-01-13")).iloc[:1]
    past = bars.assign(session=pd.Timestamp("2030-01-01")).iloc[:1]
    sound = known_of([signal("AAA")], bars, ["AAA"])
    mixed = pd.concat([bars, weekend, past], ignore_index=True)
    pd.testing.assert_frame_equal(known_of([signal("AAA")], mixed, ["AAA"]), sound)
    zero = bars.assign(open=0.0)
    nothing = realised_outcomes([signal("AAA")], zero, ["AAA"], SESSIONS, as_of=LATE)
    assert nothing.frame.empty
    assert nothing.without_bars == {"AAA": 4}


@pytest.mark.parametrize("signals", [[], [signal("AAA")]])
def test_no_signals_or_no_bars_give_an_empty_frame(signals: list[Signal]) -> None:
    found = known_of(signals, steady(SESSIONS), SYMBOLS)
    pd.testing.assert_frame_equal(found, OUTCOMES.empty())
