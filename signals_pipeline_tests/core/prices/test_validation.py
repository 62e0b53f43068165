"""Which bars a market can have made, which closes are in another unit, and what differs from what was stored."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.prices.adjustment import BAR_COLUMNS, no_actions, no_bars
from signals_pipeline.core.prices.validation import UNIT_JUMP, bar_problems, corrections_of, unit_jumps
from signals_pipeline_tests.support.price_builders import actions_of


def bar(**changes: float) -> pd.DataFrame:
    """One bar with these values changed."""
    return pd.DataFrame([{"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 500.0, **changes}])


def series(*closes: float, symbol: str = "AAA") -> pd.DataFrame:
    """Bars of consecutive sessions with these closes."""
    sessions = pd.bdate_range("2024-01-02", periods=len(closes)).astype("datetime64[us]")
    rows = pd.DataFrame({"symbol": symbol, "session": sessions, "close": closes})
    rows = rows.assign(open=rows["close"], high=rows["close"], low=rows["close"], volume=1_000.0)
    return rows[list(BAR_COLUMNS)].astype({"symbol": "str"})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"volume": 0.0}, ""),
        ({"open": 12.0, "close": 9.0}, ""),
        ({"close": 12.0005}, ""),  # rounding
        ({"close": 12.01}, "open or close outside of low to high"),
        ({"close": 1_100.0}, "open or close outside of low to high"),
        ({"close": 0.11}, "open or close outside of low to high"),
        ({"open": 8.9}, "open or close outside of low to high"),
        ({"low": 12.5}, "high below low"),
        ({"low": 0.09, "open": 9.0}, "high is more than 20 times low"),
        ({"open": 0.0}, "price missing or not positive"),
        ({"close": np.nan}, "price missing or not positive"),
        ({"high": np.inf}, "price missing or not positive"),
        ({"volume": np.nan}, "volume missing or negative"),
        ({"volume": -1.0}, "volume missing or negative"),
        ({"volume": np.inf}, "volume missing or negative"),
    ],
)
def test_each_reason_why_a_row_is_no_bar(changes: dict[str, float], problem: str) -> None:
    assert bar_problems(bar(**changes)).tolist() == [problem]


@given(st.floats(0.01, 1e5), st.tuples(*[st.floats(0, 1)] * 4))
def test_every_bar_that_a_market_makes_passes(low: float, shares: tuple[float, float, float, float]) -> None:
    high = low * (1 + shares[0])
    inner = {name: low + (high - low) * share for name, share in zip(("open", "close"), shares[1:3], strict=True)}
    assert bar_problems(bar(low=low, high=high, **inner, volume=shares[3] * 1e9)).tolist() == [""]


@given(
    st.lists(st.floats(-0.3, 0.3), min_size=4, max_size=30),
    st.sampled_from([100.0, 0.01]),
    st.data(),
)
def test_a_close_in_another_unit_is_found_wherever_it_stands_and_its_neighbours_are_not(
    moves: list[float], times: float, data: st.DataObject
) -> None:
    # Moves of up to 35% a day add up to less than a factor of 20 over five sessions.
    closes = 50 * np.exp(np.cumsum(moves))
    assert (unit_jumps(series(*closes), no_actions()) == 1).all()
    place = data.draw(st.integers(0, len(closes) - 1))
    closes[place] *= times
    found = unit_jumps(series(*closes), no_actions())
    assert np.flatnonzero(found != 1).tolist() == [place]
    assert (found[place] > UNIT_JUMP) == (times > 1)


def test_a_listed_split_is_no_jump_and_one_that_is_not_listed_is() -> None:
    closes = [500.0, 501.0, 502.0, 5.0, 5.1, 5.2, 5.1, 5.0]
    split = actions_of(("AAA", "2024-01-05", "split", 100.0))
    assert (unit_jumps(series(*closes), split) == 1).all()
    assert (unit_jumps(series(*closes[:4]), no_actions()) != 1).tolist() == [False, False, False, True]


def test_a_fall_to_a_hundredth_that_lasts_is_taken_for_real_after_four_sessions() -> None:
    before = [100.0] * 8
    for sessions, refused in ((1, [True]), (2, [True, True]), (4, [True, True, False, False]), (8, [False] * 8)):
        found = unit_jumps(series(*before, *[0.4] * sessions), no_actions())
        assert (found != 1).tolist() == [False] * 8 + refused


def test_symbols_are_not_each_others_neighbours_and_one_bar_has_none() -> None:
    both = pd.concat([series(1.0, 1.1, symbol="AAA"), series(5_000.0, symbol="BBB")], ignore_index=True)
    assert (unit_jumps(both, no_actions()) == 1).all()
    assert unit_jumps(no_bars(), no_actions()).tolist() == []


@pytest.mark.parametrize(
    ("name", "factor", "differs", "only_volume"),
    [
        ("close", 1.001, True, False),
        ("open", 0.999, True, False),
        ("close", 1.00005, False, None),
        ("volume", 1.02, True, True),
        ("volume", 1.005, False, None),
    ],
)
def test_what_differs_by_more_than_rounding_is_a_correction(
    name: str, factor: float, differs: bool, only_volume: bool | None
) -> None:
    stored = series(10.0, 11.0)
    delivered = series(10.0, 11.0, 12.0)
    delivered[name] *= [1.0, factor, 1.0]
    found = corrections_of(delivered, stored)
    assert found["session"].dt.day.tolist() == ([3] if differs else [])
    assert found["only_volume"].tolist() == ([only_volume] if differs else [])
