"""Charts keep their bounds, order and proportions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.web import charts
from signals_pipeline_tests.support.digest_examples import component, story

CLOSES = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60)
CONTRIBUTIONS = st.lists(
    st.floats(-1, 1).map(lambda value: story(1, value, 0))
    | st.floats(-1, 1).map(lambda value: component("rsi", value)),
    max_size=12,
)


@given(CLOSES)
def test_a_line_stays_in_its_box_and_keeps_the_order_of_closes(closes: list[float]) -> None:
    chart = charts.line_chart(closes)

    points = [tuple(map(float, pair.split(","))) for pair in chart.points.split()]
    assert len(points) == len(closes)
    assert all(0 <= x <= charts.WIDTH and 0 <= y <= charts.HEIGHT for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert tuple(points) == chart.places
    highest, lowest = closes.index(max(closes)), closes.index(min(closes))
    assert points[highest][1] == min(y for _, y in points)
    assert points[lowest][1] == max(y for _, y in points)


@given(CONTRIBUTIONS)
def test_a_bar_is_full_and_each_segment_as_wide_as_its_contribution(contributions: list[dict[str, float]]) -> None:
    segments = charts.bar_segments(contributions)

    total = sum(abs(part["contribution"]) for part in contributions)
    assert sum(segment.width for segment in segments) == pytest.approx(100 if total else 0, abs=0.1)
    assert [segment.start for segment in segments] == sorted(segment.start for segment in segments)
    buy_width = sum(segment.width for segment in segments if segment.css_class.startswith("b"))
    if total:
        buy_total = sum(max(part["contribution"], 0) for part in contributions)
        assert buy_width == pytest.approx(100 * buy_total / total, abs=0.1)


def test_percentages_have_a_true_minus_sign() -> None:
    assert (charts.percent(0.566), charts.percent(-0.004, 1), charts.change(0.0123)) == ("57%", "−0.4%", "+1.2%")
