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
