"""Geometry of the SVG charts on pages, and figures as text. Every chart's content also stands on the page in words.

A `PriceChart` or `ToneChart` is drawn as SVG, which needs no script; `pages.js` puts an interactive chart in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from markupsafe import Markup

from signals_pipeline.adapters.rendering.scaling import line_points
from signals_pipeline.core.signal_fields import SignalType
from signals_pipeline.core.windows import day

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

    points: Markup
    area: Markup
    places: tuple[tuple[float, float], ...]


def line_chart(closes: Sequence[float]) -> LineChart:
    """Return the closes from left to right in a box of 640 x 160; a flat line lies in the middle."""
    places = tuple((round(x, 1), round(y, 1)) for x, y in line_points(closes, WIDTH, HEIGHT, MARGIN))
    line = " ".join(f"{x},{y}" for x, y in places)
    (first_x, _), (last_x, _) = places[0], places[-1]
    area = f"{first_x},{HEIGHT} {line} {last_x},{HEIGHT}"
    # Numbers of our own: a text would be cut after some 170 closes.
    return LineChart(Markup(line), Markup(area), places)  # noqa: S704


MarkKind = Literal["BUY", "SELL", "headline"]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened after the close at an index of a chart.

    Attributes:
        index: Position among the chart's values.
        kind: A signal's direction, or a headline.
    """

    index: int
    kind: MarkKind


@dataclass(frozen=True, slots=True)
class PriceChart:
    """Closes of a company with marks on them.

    Attributes:
        sessions: Dates of the closes, oldest first, one or more.
        closes: Prices as traded.
        marks: What is marked, in the order of the sessions.
    """

    sessions: tuple[date, ...]
    closes: tuple[float, ...]
    marks: tuple[Mark, ...]

    @property
    def line(self) -> LineChart:
        """The line as SVG."""
        return line_chart(self.closes)

    @property
    def label(self) -> str:
        """What the chart shows, for readers who do not see it."""
        signals = sum(mark.kind != "headline" for mark in self.marks)
        marked = "with the signal marked" if signals == 1 else f"with {signals} signals marked"
        return (
            f"Closes from {day(self.sessions[0], year=True)} to {day(self.sessions[-1], year=True)}, "
            f"{marked if signals else 'without a signal'}"
        )

    @property
    def values(self) -> dict[str, Any]:
        """What the script draws: dates, closes, and marks as [index, kind]."""
        return {
            "days": [session.isoformat() for session in self.sessions],
            "values": list(self.closes),
            "marks": [[mark.index, mark.kind] for mark in self.marks],
        }


# Half of the tone chart's height: tone lies in [-1, 1].
_MIDDLE = HEIGHT / 2


@dataclass(frozen=True, slots=True)
class ToneBar:
    """One signal in a tone chart: its place and height, and the CSS class of its direction."""

    x: float
    y: float
    height: float
    css_class: str


def tone_bars(tones: Sequence[tuple[SignalType, float]]) -> list[ToneBar]:
    """Return a bar per signal, oldest first, from the middle up for a positive tone and down for a negative one.

    Args:
        tones: Direction and tone of each signal, one or more.
    """
    step = WIDTH / len(tones)
    bars: list[ToneBar] = []
    for position, (signal_type, tone) in enumerate(tones):
        height = abs(tone) * (_MIDDLE - MARGIN)
        top = _MIDDLE - height if tone >= 0 else _MIDDLE
        bars.append(
            ToneBar(
                round((position + 0.5) * step, 1), round(top, 1), round(height, 1), "b" if signal_type == "BUY" else "s"
            )
        )
    return bars


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
