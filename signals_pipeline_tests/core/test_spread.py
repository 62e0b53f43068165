"""Shares hold every item once, in order, and are of about one size."""

import hypothesis.strategies as st
from hypothesis import given

from signals_pipeline.core.spread import HERE, neighbours


@given(st.lists(st.integers(), max_size=40), st.integers(1, 12))
def test_shares_are_the_items_in_order(items: list[int], most: int) -> None:
    shares = neighbours(items, most)
    assert [one for share in shares for one in share] == items
    sizes = [*map(len, shares)]
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(shares) == max(1, -(-len(items) // most))


def test_work_on_shares_is_in_their_order() -> None:
    assert HERE.each(str, [3, 1, 2], sizes=[1, 1, 1], of="windows") == ["3", "1", "2"]
