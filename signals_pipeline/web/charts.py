"""What pages draw: coordinates for SVG, beside which the same always stands in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, MARGIN = 640, 160, 8


@dataclass(frozen=True, slots=True)
class Line:
    """A line chart of closes: the path's points, the area below it, and where the last close lies."""

    points: str
    area: str
    x: float
    y: float


def line(closes: Sequence[float]) -> Line:
    """The closes from left to right in a box of 640 x 160, lowest at the bottom; a flat line lies in the middle."""
    low, high = min(closes), max(closes)
    step = (WIDTH - 2 * MARGIN) / max(1, len(closes) - 1)
    tall = HEIGHT - 2 * MARGIN
    shares = [(each - low) / (high - low) if high > low else 0.5 for each in closes]
    places = [
        (round(MARGIN + at * step, 1), round(HEIGHT - MARGIN - share * tall, 1)) for at, share in enumerate(shares)
    ]
    points = " ".join(f"{x},{y}" for x, y in places)
    x, y = places[-1]
    return Line(points, f"{places[0][0]},{HEIGHT} {points} {x},{HEIGHT}", x, y)


def bar(parts: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, float]]:
    """Contributions as (class, start, width) in percent: first what says BUY, then what says SELL, price in pale."""
    kinds = {("story", 1): "b", ("technical", 1): "bt", ("story", -1): "s", ("technical", -1): "st"}
    whole = sum(abs(part["contribution"]) for part in parts)
    drawn, start = list[tuple[str, float, float]](), 0.0
    for (kind, side), name in kinds.items():
        for part in parts:
            width = side * part["contribution"] / whole * 100 if whole else 0.0
            if part["kind"] == kind and width > 0:
                drawn.append((name, round(start, 2), round(width, 2)))
                start += width
    return drawn


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage with a true minus sign: `57%`, `−0.4%`."""
    return f"{100 * share:.{digits}f}%".replace("-", "−")


def change(share: float, digits: int = 1) -> str:
    """A return with its sign: `+1.2%`, `−0.4%`."""
    return f"{100 * share:+.{digits}f}%".replace("-", "−")
