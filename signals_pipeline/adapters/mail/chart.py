"""A card's prices as a picture for mail: one line, and a mark at the last close before the signal."""

import io
from collections.abc import Sequence

from signals_pipeline.core.signals.decision import SignalType

WIDTH, HEIGHT = 544, 56
"""Pixels that the picture takes on the page; it has twice as many each way."""

_SCALE = 4  # drawn larger and reduced, which smooths the line
_MARGIN = 6
# Colours that stand out from white and from a dark page alike: the picture has no ground of its own.
LINE, MARK = (118, 131, 144, 255), {"BUY": (45, 125, 225, 255), "SELL": (205, 95, 20, 255)}
_COLOURS = 24


def sparkline(closes: Sequence[float], marked: int, signal_type: SignalType | str) -> bytes:
    """The closes as a PNG of 1088 x 112 pixels with a transparent ground, of about 1 to 3 KB.

    Args:
        closes: Prices, oldest first, one or more.
        marked: Place of the close that the signal follows.
        signal_type: `BUY` or `SELL`, the mark's colour.
    """
    from PIL import Image, ImageDraw

    size = (WIDTH * _SCALE, HEIGHT * _SCALE)
    image = Image.new("RGBA", size, (*LINE[:3], 0))
    draw = ImageDraw.Draw(image)
    points = _points(closes)
    x, y = points[marked]
    draw.line([(x, 0), (x, size[1])], fill=(*MARK[signal_type][:3], 120), width=_SCALE)
    draw.line(points, fill=LINE, width=2 * _SCALE, joint="curve")
    radius = 4.5 * _SCALE
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=MARK[signal_type])
    small = image.resize((WIDTH * 2, HEIGHT * 2), Image.Resampling.BOX)
    kept = io.BytesIO()
    small.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE).save(kept, "PNG", optimize=True)
    return kept.getvalue()


def _points(closes: Sequence[float]) -> list[tuple[float, float]]:
    """The closes as places in the large picture."""
    low, high = min(closes), max(closes)
    step = (WIDTH - 2 * _MARGIN) / max(len(closes) - 1, 1)
    room = HEIGHT - 2 * _MARGIN
    shares = [(close - low) / (high - low) if high > low else 0.5 for close in closes]
    return [
        (_SCALE * (_MARGIN + step * place), _SCALE * (_MARGIN + room * (1 - share)))
        for place, share in enumerate(shares)
    ]
