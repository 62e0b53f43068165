"""Figures for an operator's page: well-formed SVG of a few KB whose bars and marks stand where the numbers say."""

from xml.etree import ElementTree as ET

from signals_pipeline.adapters.rendering.plots import BUY, PALE, SELL, WIDTH, Bar, Track, bars, tracks

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str, kind: str) -> list[dict[str, str]]:
    return [dict(each.attrib) for each in ET.fromstring(svg).iter(f"{SVG}{kind}")]  # noqa: S314 - made here


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314


def test_bars_go_left_and_right_of_zero_as_far_as_their_values() -> None:
    svg = bars("Tone", [Bar("A", 0.5), Bar("B", -0.25, "(2)"), Bar("C", 0.1, pale=True)])
    right, left, pale = drawn(svg, "rect")[1:]
    zero = float(drawn(svg, "line")[0]["x1"])
    assert float(right["x"]) == zero
    assert float(left["x"]) + float(left["width"]) == zero
    assert float(right["width"]) == 2 * float(left["width"])
    assert [each["fill"] for each in (right, left, pale)] == [BUY, SELL, PALE]
    assert texts(svg)[1:] == ["A", "+0.50", "B", "-0.25 (2)", "C", "+0.10"]


def test_the_gate_stands_at_both_sides_and_full_bars_stay_inside() -> None:
    svg = bars("Scores", [Bar("A", 1.0), Bar("B", -1.0)], gate=0.3)
    zero, *gates = (float(each["x1"]) for each in drawn(svg, "line"))
    assert [round(each - zero) for each in gates] == [round(-0.3 * (WIDTH - 140) / 2), round(0.3 * (WIDTH - 140) / 2)]
    full = drawn(svg, "rect")[1:]
    assert min(float(each["x"]) for each in full) > 0
    assert max(float(each["x"]) + float(each["width"]) for each in full) < WIDTH
    assert {"gate -0.30", "gate +0.30"} <= set(texts(svg))


def test_a_signal_is_marked_below_or_above_the_close_that_it_follows() -> None:
    svg = tracks("Prices", [Track("UP", [1.0, 2.0, 3.0], [(1, "BUY")]), Track("FLAT", [5.0, 5.0], [(0, "SELL")])])
    lines = [[tuple(map(float, at.split(","))) for at in each["points"].split()] for each in drawn(svg, "polyline")]
    buy, sell = (tuple(map(float, each["points"].split()[0].split(","))) for each in drawn(svg, "polygon"))
    assert (buy[0], sell[0]) == (lines[0][1][0], lines[1][0][0])
    assert buy[1] > lines[0][1][1]
    assert sell[1] < lines[1][0][1]
    assert lines[0][0][1] > lines[0][2][1]  # a higher price is drawn higher
    assert "3.00" in texts(svg)


def test_names_are_no_markup_and_a_full_figure_is_small() -> None:
    assert '<b>"&' in texts(bars('<b>"&', []))
    full = tracks("Prices", [Track(f"S{n}", [float(at % 7) for at in range(60)], [(59, "SELL")]) for n in range(6)])
    assert len(full) < 8_000
