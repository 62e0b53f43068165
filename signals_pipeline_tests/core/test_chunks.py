"""Chunks hold every item once, in order, and are of nearly equal size."""

import hypothesis.strategies as st
from hypothesis import given

from signals_pipeline.core.chunks import chunked, map_serially


@given(st.lists(st.integers(), max_size=40), st.integers(1, 12))
def test_chunks_are_the_items_in_order_and_of_nearly_equal_size(items: list[int], maximum: int) -> None:
    chunks = chunked(items, maximum)

    sizes = [len(chunk) for chunk in chunks]
    assert [item for chunk in chunks for item in chunk] == items
    assert max(sizes) <= maximum
    assert max(sizes) - min(sizes) <= 1
    assert len(chunks) == max(1, -(-len(items) // maximum))


def test_results_are_in_the_order_of_the_chunks() -> None:
    assert map_serially(str, [3, 1, 2], sizes=[1, 1, 1], unit="windows") == ["3", "1", "2"]
