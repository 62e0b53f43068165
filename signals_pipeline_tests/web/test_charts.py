"""Charts keep their bounds, order and proportions."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from signals_pipeline.core.signal_fields import SignalType
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


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=400), st.data())
def test_a_chart_is_the_same_for_the_script_and_as_a_picture(closes: list[float], data: st.DataObject) -> None:
    days = tuple(date(2024, 1, 1) + timedelta(days=n) for n in range(len(closes)))
    index = data.draw(st.integers(0, len(closes) - 1))
    chart = charts.PriceChart(days, tuple(closes), (charts.Mark(index, "BUY"), charts.Mark(index, "headline")))

    assert chart.values["values"] == closes
    assert chart.values["days"][index] == days[index].isoformat()
    assert chart.values["marks"] == [[index, "BUY"], [index, "headline"]]
    assert len(chart.line.places) == len(closes)
    assert "with the signal marked" in chart.label
    # Printed as it is, however long: a text would be cut.
    assert isinstance(chart.line.points, Markup)


def test_a_chart_says_how_many_signals_it_marks() -> None:
    day = date(2024, 1, 1)
    none = charts.PriceChart((day,), (1.0,), ())
    two = charts.PriceChart((day,), (1.0,), (charts.Mark(0, "BUY"), charts.Mark(0, "SELL")))
    assert none.label == "Closes from Mon 1 Jan 2024 to Mon 1 Jan 2024, without a signal"
    assert two.label.endswith("with 2 signals marked")


TONES = st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), st.floats(-1, 1)), min_size=1, max_size=250)


@given(TONES)
def test_a_tone_bar_begins_in_the_middle_and_is_as_high_as_its_tone(tones: list[tuple[SignalType, float]]) -> None:
    bars = charts.tone_bars(tones)

    assert len(bars) == len(tones)
    assert [bar.x for bar in bars] == sorted(bar.x for bar in bars)
    for bar, (signal_type, tone) in zip(bars, tones, strict=True):
        assert bar.css_class == ("b" if signal_type == "BUY" else "s")
        assert bar.height == pytest.approx(abs(tone) * (charts.HEIGHT / 2 - charts.MARGIN), abs=0.1)
        end = bar.y if tone < 0 else bar.y + bar.height
        assert end == pytest.approx(charts.HEIGHT / 2, abs=0.15)


def test_percentages_have_a_true_minus_sign() -> None:
    assert (charts.percent(0.566), charts.percent(-0.004, 1), charts.change(0.0123)) == ("57%", "−0.4%", "+1.2%")
