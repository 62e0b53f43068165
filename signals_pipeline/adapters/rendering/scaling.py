"""Scaling of a series of prices to the height of a drawing, for every sparkline: cells, characters, SVG and PNG."""

from collections.abc import Sequence


def unit_scale(values: Sequence[float], *, flat: float) -> list[float]:
    """Scale values linearly so that the lowest is 0 and the highest is 1.

    Args:
        values: The values, one or more.
        flat: The share of every value where all are equal: 0 draws the line at the bottom, 0.5 in the middle.
    """
    low, high = min(values), max(values)
    if high == low:
        return [flat] * len(values)
    return [(value - low) / (high - low) for value in values]


def line_points(values: Sequence[float], width: float, height: float, margin: float) -> list[tuple[float, float]]:
    """Points of a line through values, from left to right in a box whose y axis points down; a flat line is centred.

    Args:
        values: The values, one or more.
        width: Width of the box.
        height: Height of the box.
        margin: Room on every side that the line leaves free.
    """
    x_step = (width - 2 * margin) / max(len(values) - 1, 1)
    points: list[tuple[float, float]] = []
    for position, share in enumerate(unit_scale(values, flat=0.5)):
        points.append((margin + position * x_step, margin + (height - 2 * margin) * (1 - share)))
    return points
