"""Prices scaled to the height of a drawing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.rendering.scaling import unit_scale


def test_the_lowest_is_zero_and_the_highest_is_one() -> None:
    assert unit_scale([2.0, 6.0, 3.0], flat=0.5) == [0.0, 1.0, 0.25]


@pytest.mark.parametrize("flat", [0.0, 0.5])
def test_equal_values_are_drawn_at_the_given_height(flat: float) -> None:
    assert unit_scale([7.0, 7.0], flat=flat) == [flat, flat]


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60))
def test_shares_keep_the_order_of_the_values(values: list[float]) -> None:
    shares = unit_scale(values, flat=0.5)

    assert all(0 <= share <= 1 for share in shares)
    by_value = [share for _, share in sorted(zip(values, shares, strict=True))]
    assert by_value == sorted(shares)
