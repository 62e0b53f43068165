"""Geometry of the SVG charts on pages, and figures as text. Every chart's content also stands on the page in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from signals_pipeline.adapters.rendering.scaling import line_points

# The line chart's view box, and the margin that keeps stroke and dot inside it.
WIDTH, HEIGHT, MARGIN = 640, 160, 8

# CSS class of a bar's segment by kind of contribution and sign, in drawing order: first BUY, then SELL.
_SEGMENT_CLASSES = {
    ("story", 1): "b",
    ("technical", 1): "bt",
    ("story", -1): "s",
    ("technical", -1): "st",
}


@dataclass(frozen=True, slots=True)
class LineChart:
    """A line chart of closes.

    Attributes:
        points: Points of the line, as SVG writes them.
        area: Points of the area below the line.
        places: Where each close lies.
    """

    points: str
    area: str
    places: tuple[tuple[float, float], ...]


def line_chart(closes: Sequence[float]) -> LineChart:
    """Return the closes from left to right in a box of 640 x 160; a flat line lies in the middle."""
    places = tuple((round(x, 1), round(y, 1)) for x, y in line_points(closes, WIDTH, HEIGHT, MARGIN))
    line = " ".join(f"{x},{y}" for x, y in places)
    (first_x, _), (last_x, _) = places[0], places[-1]
    return LineChart(line, f"{first_x},{HEIGHT} {line} {last_x},{HEIGHT}", places)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a bar: CSS class, start and width in percent."""

    css_class: str
    start: float
    width: float


def bar_segments(contributions: Sequence[Mapping[str, Any]]) -> list[Segment]:
    """Return the segments of a bar of contributions, as wide as their size: BUY before SELL, news before price."""
    total = sum(abs(part["contribution"]) for part in contributions)
    if total == 0:
        return []
    segments: list[Segment] = []
    start = 0.0
    for (kind, sign), css_class in _SEGMENT_CLASSES.items():
        for part in contributions:
            width = sign * part["contribution"] / total * 100
            if part["kind"] == kind and width > 0:
                segments.append(Segment(css_class, round(start, 2), round(width, 2)))
                start += width
    return segments


def percent(share: float, digits: int = 0) -> str:
    """Return a share as a percentage, with a minus sign instead of a hyphen: `57%`, `−0.4%`."""
    return f"{100 * share:.{digits}f}%".replace("-", "−")


def change(share: float, digits: int = 1) -> str:
    """Return a return with its sign: `+1.2%`, `−0.4%`."""
    return f"{100 * share:+.{digits}f}%".replace("-", "−")
