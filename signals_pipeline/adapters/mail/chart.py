"""A card's prices as a picture for mail: one line, and a mark at the last close before the signal.

Mail programs show no SVG, hence a PNG. Pillow is imported only when a picture is drawn.
"""

import io
from collections.abc import Sequence

from signals_pipeline.adapters.rendering.scaling import unit_scale
from signals_pipeline.core.signal_fields import SignalType

WIDTH, HEIGHT = 544, 56
"""Pixels that the picture takes on the page; the file has twice as many each way for dense screens."""

# Colours that stand out from a white and from a dark page alike: the picture has no background of its own.
LINE = (118, 131, 144, 255)
MARK = {"BUY": (45, 125, 225, 255), "SELL": (205, 95, 20, 255)}

_DRAWN_SCALE = 4  # drawn at four times the size and reduced, which smooths the line
_FILE_SCALE = 2
_MARGIN = 6
_MARK_RADIUS = 4.5
_MARK_LINE_OPACITY = 120  # of 255: the vertical line stays behind the prices
_PALETTE_SIZE = 24  # enough for two colours and their blends; keeps the file at 1 to 3 KB


def sparkline(closes: Sequence[float], marked: int, signal_type: SignalType | str) -> bytes:
    """Draw the closes as a PNG of 1088 x 112 pixels with a transparent background, of about 1 to 3 KB.

    Args:
        closes: Prices, oldest first, one or more.
        marked: Index of the close that the signal follows.
        signal_type: `BUY` or `SELL`, which sets the mark's colour.
    """
    from PIL import Image, ImageDraw

    width, height = WIDTH * _DRAWN_SCALE, HEIGHT * _DRAWN_SCALE
    # Transparent pixels have the line's colour, or reducing would blend its edges with black.
    image = Image.new("RGBA", (width, height), (*LINE[:3], 0))
    draw = ImageDraw.Draw(image)
    points = _points(closes)
    mark_colour = MARK[signal_type]

    # The vertical line, then the prices over it, then the mark over both.
    x, y = points[marked]
    faint_mark = (*mark_colour[:3], _MARK_LINE_OPACITY)
    draw.line([(x, 0), (x, height)], fill=faint_mark, width=_DRAWN_SCALE)
    draw.line(points, fill=LINE, width=2 * _DRAWN_SCALE, joint="curve")
    radius = _MARK_RADIUS * _DRAWN_SCALE
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=mark_colour)

    reduced = image.resize((WIDTH * _FILE_SCALE, HEIGHT * _FILE_SCALE), Image.Resampling.BOX)
    paletted = reduced.quantize(_PALETTE_SIZE, method=Image.Quantize.FASTOCTREE)  # the method that keeps transparency
    png = io.BytesIO()
    paletted.save(png, "PNG", optimize=True)
    return png.getvalue()


def _points(closes: Sequence[float]) -> list[tuple[float, float]]:
    """The closes as points of the large drawing, whose y axis points down."""
    step = (WIDTH - 2 * _MARGIN) / max(len(closes) - 1, 1)
    inner_height = HEIGHT - 2 * _MARGIN
    points: list[tuple[float, float]] = []
    for position, share in enumerate(unit_scale(closes, flat=0.5)):
        x = _MARGIN + step * position
        y = _MARGIN + inner_height * (1 - share)
        points.append((_DRAWN_SCALE * x, _DRAWN_SCALE * y))
    return points
