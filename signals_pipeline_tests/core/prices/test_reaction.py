"""The move since a headline: between closes, in ranges of before the headline, and of the past alone."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from signals_pipeline.core.prices.reaction import PriceHistory, has_moved_already, reactions
from signals_pipeline.core.windows import Sessions

# 60 weekdays from Monday 1 January 2024, 14:30 to 21:00 UTC.
DATES: NDArray[np.datetime64] = np.busday_offset(np.datetime64("2024-01-01"), np.arange(60))


def _later(minutes: int) -> NDArray[np.datetime64]:
    """That many minutes after each date's midnight."""
    return np.array([date.astype("datetime64[us]") + np.timedelta64(minutes, "m") for date in DATES])


OPENS = _later(870)
CLOSES = _later(1260)
SESSIONS = Sessions(DATES, OPENS, CLOSES)


def bars_of(closes: np.ndarray, symbol: str = "NVDA", spread: float = 1.0) -> pd.DataFrame:
    """Bars with these closes, each a range of twice the spread around its close."""
    frame = pd.DataFrame(
        {
            "symbol": symbol,
            "session": DATES[: len(closes)].astype("datetime64[us]"),
            "high": closes + spread,
            "low": closes - spread,
            "close": closes,
            "volume": 1e6,
        }
    )
    return frame.astype({"symbol": "str"})


def reaction(
    known_at: datetime | None,
    as_of: datetime,
    bars: pd.DataFrame,
    actions: pd.DataFrame | None = None,
    symbol: str = "NVDA",
) -> float:
    prices = PriceHistory(bars, actions, SESSIONS)
    instants = pd.Series([known_at], dtype="datetime64[us, UTC]")
    (move,) = reactions(pd.Series([symbol]), instants, pd.DatetimeIndex([as_of]), prices)
    return float(move)


def at(place: int, hour: int) -> datetime:
    """An hour of the day of the session at this place, UTC."""
    day: datetime = DATES[place].astype("datetime64[us]").item()
    return day.replace(tzinfo=UTC) + timedelta(hours=hour)


# Flat at 100 with a range of 2, then 6 below.
FALLING = np.concatenate([np.full(40, 100.0), np.full(20, 94.0)])


def test_the_move_is_from_the_last_close_before_the_headline_in_ranges_of_before() -> None:
    assert reaction(at(40, 16), at(40, 22), bars_of(FALLING)) == pytest.approx(-3.0)


def test_no_session_closed_since_is_no_reaction() -> None:
    assert np.isnan(reaction(at(40, 16), at(40, 20), bars_of(FALLING)))
    assert np.isnan(reaction(at(39, 22), at(40, 13), bars_of(FALLING)))


def test_the_close_at_the_very_instant_of_the_headline_is_not_before_it() -> None:
    assert reaction(at(40, 21), at(40, 22), bars_of(FALLING)) == pytest.approx(-3.0)
    assert np.isnan(reaction(at(40, 21) + timedelta(microseconds=1), at(40, 22), bars_of(FALLING)))


def test_without_a_headline_a_bar_or_enough_bars_there_is_none() -> None:
    bars = bars_of(FALLING)
    assert np.isnan(reaction(None, at(40, 22), bars))
    assert np.isnan(reaction(at(40, 16), at(40, 22), bars, symbol="XOM"))
    assert np.isnan(reaction(at(40, 16), at(40, 22), bars.drop(index=40)))
    assert np.isnan(reaction(at(40, 16), at(40, 22), bars.drop(index=39)))
    assert np.isnan(reaction(at(10, 16), at(10, 22), bars))
    assert np.isnan(reaction(at(0, 12), at(0, 13), bars))


def test_a_price_that_never_moved_has_no_range_to_measure_with() -> None:
    assert np.isnan(reaction(at(40, 16), at(40, 22), bars_of(FALLING, spread=0.0)))


def test_an_empty_calendar_tells_nothing() -> None:
    empty = Sessions(DATES[:0], OPENS[:0], CLOSES[:0])
    instants = pd.Series([at(40, 16)], dtype="datetime64[us, UTC]")
    prices = PriceHistory(bars_of(FALLING), None, empty)
    assert np.isnan(reactions(pd.Series(["NVDA"]), instants, pd.DatetimeIndex([at(40, 22)]), prices)).all()


def test_a_split_since_the_headline_is_no_move() -> None:
    closes = np.concatenate([np.full(40, 100.0), np.full(20, 25.0)])
    bars = bars_of(closes)
    bars.loc[40:, ["high", "low"]] = [25.25, 24.75]
    ex_date = DATES[40].astype("datetime64[us]")
    split = pd.DataFrame({"symbol": ["NVDA"], "session": [ex_date], "kind": ["split"], "value": [4.0]})
    assert reaction(at(40, 10), at(40, 22), bars, split) == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(16, 50), st.integers(0, 23), st.integers(1, 60), st.integers(0, 10**6))
def test_what_comes_after_as_of_changes_nothing(place: int, hour: int, later: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, len(DATES))))
    known_at = at(place, hour)
    as_of = known_at + timedelta(hours=later)
    bars = bars_of(closes)
    is_past = np.datetime64(as_of.replace(tzinfo=None)) > CLOSES
    poisoned = bars.copy()
    poisoned.loc[~is_past, ["high", "low", "close"]] = [9e9, 1e9, 5e9]
    expected = reaction(known_at, as_of, bars)
    assert reaction(known_at, as_of, poisoned) == pytest.approx(expected, nan_ok=True, rel=0, abs=0)
    assert reaction(known_at, as_of, bars.loc[is_past]) == pytest.approx(expected, nan_ok=True, rel=0, abs=0)


@pytest.mark.parametrize(
    ("move", "signal_type", "expected"),
    [(-2.1, "SELL", True), (-1.0, "SELL", True), (-0.9, "SELL", False), (2.1, "SELL", False), (1.2, "BUY", True)],
)
def test_a_price_has_moved_already_where_it_went_the_signal_s_way(
    move: float, signal_type: str, expected: bool
) -> None:
    assert has_moved_already(move, signal_type) is expected
