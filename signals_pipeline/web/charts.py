"""Geometry of the SVG charts on pages, and figures as text. Every chart's content also stands on the page in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
        x: Where the last close lies.
        y: Where the last close lies.
    """

    points: str
    area: str
    x: float
    y: float


def line_chart(closes: Sequence[float]) -> LineChart:
    """Return the closes from left to right in a box of 640 x 160; a flat line lies in the middle."""
    low, high = min(closes), max(closes)
    x_step = (WIDTH - 2 * MARGIN) / max(1, len(closes) - 1)
    plot_height = HEIGHT - 2 * MARGIN

    points: list[tuple[float, float]] = []
    for index, close in enumerate(closes):
        share = (close - low) / (high - low) if high > low else 0.5
        x = MARGIN + index * x_step
        # SVG counts from the top.
        y = HEIGHT - MARGIN - share * plot_height
        points.append((round(x, 1), round(y, 1)))

    line = " ".join(f"{x},{y}" for x, y in points)
    first_x, _ = points[0]
    last_x, last_y = points[-1]
    area = f"{first_x},{HEIGHT} {line} {last_x},{HEIGHT}"
    return LineChart(line, area, last_x, last_y)


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
