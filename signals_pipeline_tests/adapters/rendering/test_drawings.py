"""A card's bar of contributions and its prices, as drawn and in words."""

from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.rendering.drawings import MAX_COLUMN_PIXELS, bar, columns, price_span, spark
from signals_pipeline_tests.support.digest_pages import everything


def test_the_bar_adds_up() -> None:
    for card in (*everything().new, *everything().changed):
        parts = bar(card, 3)
        assert abs(sum(percent for _, percent in parts) - 100) <= len(parts)


def test_prices_as_characters() -> None:
    assert spark((1.0, 2.0, 3.0, 4.0, 5.0)) == "▁▅█"
    assert spark((7.0, 7.0, 7.0)) == "▁▁"
    assert spark((7.0,)) == "▁"


def test_prices_as_columns() -> None:
    assert columns((1.0, 2.0, 3.0, 4.0, 5.0), 2) == [2, 17, MAX_COLUMN_PIXELS]
    assert columns((1.0, 2.0, 3.0, 4.0, 5.0), 4) == [2, MAX_COLUMN_PIXELS]
    assert columns((7.0, 7.0), 1) == [2, 2]


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60), st.sampled_from((1, 2, 4)))
def test_columns_keep_order_and_bounds(closes: list[float], step: int) -> None:
    heights = columns(tuple(closes), step)

    shown = closes[::-step][::-1]
    assert len(heights) == len(shown)
    assert all(2 <= height <= MAX_COLUMN_PIXELS for height in heights)
    by_price = [height for _, height in sorted(zip(shown, heights, strict=True))]
    assert by_price == sorted(heights)


def test_prices_in_words() -> None:
    text = price_span(everything().new[0])

    assert text == "8 sessions +6.9%: low 101.00, high 108.00, last 108.00 on Thu 11 Jan, then the signal"
