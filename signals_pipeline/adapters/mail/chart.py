"""A card's prices as a picture for mail: one line, with marks at the last close before the headline and the signal.

Mail programs show no SVG, hence a PNG. Pillow is imported only when a picture is drawn.
"""

import io
from collections.abc import Sequence

from signals_pipeline.adapters.rendering.drawings import HEIGHT, LINE_COLOUR, MARGIN, MARK_COLOURS, WIDTH
from signals_pipeline.adapters.rendering.scaling import line_points
from signals_pipeline.core.signal_fields import SignalType

_DRAWN_SCALE = 4  # drawn at four times the size and reduced, which smooths the line
_FILE_SCALE = 2
_MARK_RADIUS = 4.5
_MARK_LINE_OPACITY = 120  # of 255: the vertical line stays behind the prices
_PALETTE_SIZE = 24  # enough for two colours and their blends; keeps the file at 1 to 3 KB


def sparkline(
    closes: Sequence[float], marked: int, signal_type: SignalType | str, headline: int | None = None
) -> bytes:
    """Draw the closes as a PNG of 1088 x 112 pixels with a transparent background, of about 1 to 3 KB.

    Args:
        closes: Prices, oldest first, one or more.
        marked: Index of the close that the signal follows: a dot on a vertical line.
        signal_type: `BUY` or `SELL`, which sets the marks' colour.
        headline: Index of the close that the headline follows: a ring; None draws none.
    """
    from PIL import Image, ImageColor, ImageDraw

    width, height = WIDTH * _DRAWN_SCALE, HEIGHT * _DRAWN_SCALE
    line_colour, mark_colour = ImageColor.getrgb(LINE_COLOUR), ImageColor.getrgb(MARK_COLOURS[signal_type])
    # Transparent pixels have the line's colour, or reducing would blend its edges with black.
    image = Image.new("RGBA", (width, height), (*line_colour, 0))
    draw = ImageDraw.Draw(image)
    points = line_points(closes, width, height, MARGIN * _DRAWN_SCALE)

    # The signal's vertical line, then the prices over it, then the marks over both.
    x, y = points[marked]
    draw.line([(x, 0), (x, height)], fill=(*mark_colour, _MARK_LINE_OPACITY), width=_DRAWN_SCALE)
    draw.line(points, fill=(*line_colour, 255), width=2 * _DRAWN_SCALE, joint="curve")
    radius = _MARK_RADIUS * _DRAWN_SCALE
    if headline is not None:
        draw.circle(points[headline], radius, outline=(*mark_colour, 255), width=2 * _DRAWN_SCALE)
    draw.circle((x, y), radius, fill=(*mark_colour, 255))

    reduced = image.resize((WIDTH * _FILE_SCALE, HEIGHT * _FILE_SCALE), Image.Resampling.BOX)
    paletted = reduced.quantize(_PALETTE_SIZE, method=Image.Quantize.FASTOCTREE)  # the method that keeps transparency
    png = io.BytesIO()
    paletted.save(png, "PNG", optimize=True)
    return png.getvalue()
