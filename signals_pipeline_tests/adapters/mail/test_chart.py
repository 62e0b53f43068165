"""A card's prices as a picture: small, marked where the signal was, seen on light and dark pages."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from signals_pipeline.adapters.mail.chart import sparkline
from signals_pipeline.adapters.rendering.drawings import LINE_COLOUR, MARK_COLOURS, price_span, signal_close_index
from signals_pipeline_tests.support.colours import contrast
from signals_pipeline_tests.support.digest_examples import WINDOWS, digest_of, outcome_rows, signal
from signals_pipeline_tests.support.digest_pages import NOW


@given(
    closes=st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60),
    side=st.sampled_from(["BUY", "SELL"]),
    data=st.data(),
)
@settings(max_examples=15)
def test_any_prices_become_a_small_picture(closes: list[float], side: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(closes) - 1))
    content = sparkline(closes, place, side)
    assert len(content) < 8_000
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    column = [picture.getpixel((round(_x(place, len(closes))), row)) for row in range(picture.height)]
    assert all(isinstance(each, tuple) and each[3] > 0 for each in column)  # the mark runs from top to bottom


def test_the_headline_is_a_ring_of_the_marks_colour_and_the_signal_a_dot() -> None:
    closes = [100.0, 104.0, 102.0]
    marked = Image.open(io.BytesIO(sparkline(closes, 2, "BUY", 1))).convert("RGBA")
    plain = Image.open(io.BytesIO(sparkline(closes, 2, "BUY"))).convert("RGBA")
    # The highest close is 6 pixels below the top, in a file of twice the size; a ring is 4.5 pixels from its middle.
    middle, edge = (round(_x(1, 3)), 12), (round(_x(1, 3)), 12 + 8)

    def is_blue(picture: Image.Image, point: tuple[int, int]) -> bool:
        red, _, blue, alpha = picture.getpixel(point)  # pyright: ignore[reportGeneralTypeIssues]
        return alpha > 200 and blue > 2 * red

    assert is_blue(marked, edge)
    assert not is_blue(marked, middle)
    assert not is_blue(plain, edge)


def _x(place: int, count: int) -> float:
    return 2 * (6 + (544 - 12) / max(count - 1, 1) * place)


def test_the_mark_is_the_last_close_before_the_signal() -> None:
    outcomes = outcome_rows(0)
    new = digest_of(NOW, [signal(window=NOW)], outcomes=outcomes).new[0]
    assert signal_close_index(new) == len(new.closes) - 1
    earlier = replace(new, decided_at=WINDOWS[2].end)
    decided = WINDOWS[2].end.date().isoformat()  # after that day's close
    assert earlier.sessions[signal_close_index(earlier)] == decided < earlier.sessions[signal_close_index(earlier) + 1]
    assert f"signal after {earlier.shown_closes[signal_close_index(earlier)]:,.2f} on" in price_span(earlier)
    assert signal_close_index(replace(new, decided_at=datetime(2000, 1, 1, tzinfo=UTC))) == 0


@pytest.mark.parametrize("ground", ["#ffffff", "#181c21"])
@pytest.mark.parametrize("colour", [LINE_COLOUR, *MARK_COLOURS.values()])
def test_the_chart_stands_out_from_a_light_and_a_dark_page(ground: str, colour: str) -> None:
    assert contrast(ground, colour) >= 3  # WCAG 2.1, 1.4.11
