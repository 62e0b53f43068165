"""Small figures for an operator's page, as SVG: text of a few KB that needs no plotting library.

Numbers stand next to every bar and line, so that nothing has to be read from a length or a colour alone. `charts` has
the figures of the track record as PNG.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from signals_pipeline.adapters.rendering.scaling import unit_scale

WIDTH = 640

# Pixels: margins for names and values, the title, rows of bars, and the gate's label below them.
_LEFT, _RIGHT = 76, 64
_HEAD = 34
_ROW_HEIGHT = 22
_TRACK_HEIGHT = 74
_FOOT = 22

_INK, _MUTED, _FAINT, _GATE = "#1f2933", "#616e7c", "#d9dee4", "#8a3b0a"
BUY, SELL, PALE = "#1d6fb8", "#b4540a", "#a9b4c0"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar chart.

    Attributes:
        name: Its name.
        value: Its value in [-1, 1].
        remark: Text behind the value.
        pale: Whether it is drawn in a pale colour.
    """

    name: str
    value: float
    remark: str = ""
    pale: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """Prices of a company and the signals on them.

    Attributes:
        name: Its symbol.
        closes: Prices, oldest first, one or more.
        marks: Index into `closes` and direction (BUY or SELL) of each signal.
        remark: Text above the line.
    """

    name: str
    closes: Sequence[float]
    marks: Sequence[tuple[int, str]] = ()
    remark: str = ""


def bars(title: str, rows: Sequence[Bar], *, gate: float | None = None) -> str:
    """Draw rows from -1 to 1 around a line at zero; a gate is drawn on both sides of it."""
    zero = (WIDTH + _LEFT - _RIGHT) / 2
    half_width = (WIDTH - _LEFT - _RIGHT) / 2
    height = _HEAD + _ROW_HEIGHT * len(rows) + _FOOT
    bottom = height - 18

    elements = [_line(zero, _HEAD - 6, zero, bottom, _MUTED)]
    if gate:
        for threshold in (-gate, gate):
            x = zero + half_width * threshold
            elements.append(_line(x, _HEAD - 6, x, bottom, _GATE, dashed=True))
            elements.append(_text(x, bottom + 13, f"gate {threshold:+.2f}", _GATE, "middle"))

    for position, row in enumerate(rows):
        top = _HEAD + _ROW_HEIGHT * position
        elements += _bar_row(row, top, zero, half_width)
    return _svg(title, height, elements)


def _bar_row(row: Bar, top: float, zero: float, half_width: float) -> list[str]:
    is_positive = row.value >= 0
    colour = BUY if is_positive else SELL
    left_end = zero + half_width * min(row.value, 0.0)
    outer_end = zero + half_width * row.value
    label = f"{row.value:+.2f} {row.remark}".strip()

    name = _text(_LEFT - 8, top + 14, row.name, _INK, "end")
    bar = _rect(left_end, top + 3, half_width * abs(row.value), _ROW_HEIGHT - 8, PALE if row.pale else colour)
    # The label stands outside the bar, away from zero.
    if is_positive:
        value = _text(outer_end + 5, top + 14, label, _MUTED, "start")
    else:
        value = _text(outer_end - 5, top + 14, label, _MUTED, "end")
    return [name, bar, value]


def tracks(title: str, rows: Sequence[Track]) -> str:
    """Draw price lines one below the other, each on a scale of its own, with their signals marked."""
    elements: list[str] = []
    for position, row in enumerate(rows):
        top = _HEAD + _TRACK_HEIGHT * position
        baseline = top + _TRACK_HEIGHT - 8
        points = _price_points(row.closes, top + 18, _TRACK_HEIGHT - 32)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        _, last_y = points[-1]

        elements.append(_line(_LEFT, baseline, WIDTH - _RIGHT, baseline, _FAINT))
        elements.append(f'<polyline points="{path}" fill="none" stroke="{_MUTED}" stroke-width="1.6"/>')
        elements.append(_text(_LEFT - 8, top + _TRACK_HEIGHT / 2, row.name, _INK, "end"))
        elements.append(_text(_LEFT, top + 10, row.remark, _MUTED))
        elements.append(_text(WIDTH - _RIGHT + 6, last_y + 4, f"{row.closes[-1]:,.2f}", _MUTED))
        for index, direction in row.marks:
            x, y = points[index]
            elements.append(_mark(x, y, direction))
    return _svg(title, _HEAD + _TRACK_HEIGHT * len(rows) + 6, elements)


def _price_points(closes: Sequence[float], top: float, height: float) -> list[tuple[float, float]]:
    """The closes as points between the margins; SVG's y axis points down."""
    step = (WIDTH - _LEFT - _RIGHT) / max(len(closes) - 1, 1)
    points: list[tuple[float, float]] = []
    for position, share in enumerate(unit_scale(closes, flat=0.5)):
        points.append((_LEFT + step * position, top + height * (1 - share)))
    return points


def _mark(x: float, y: float, direction: str) -> str:
    """A triangle: up and below the line for BUY, down and above it for SELL."""
    side, colour = (1, BUY) if direction == "BUY" else (-1, SELL)
    tip = f"{x:.1f},{y + 3 * side:.1f}"
    base_y = y + 13 * side
    return f'<polygon points="{tip} {x - 6:.1f},{base_y:.1f} {x + 6:.1f},{base_y:.1f}" fill="{colour}"/>'


# SVG elements


def _svg(title: str, height: float, elements: Iterable[str]) -> str:
    label = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}" '
        'font-family="system-ui,-apple-system,Segoe UI,sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="8" y="18" fill="{_INK}" font-size="13" font-weight="600">{label}</text>{"".join(elements)}</svg>'
    )


def _text(x: float, y: float, text: str, fill: str, anchor: str = "start") -> str:
    halo = 'paint-order="stroke" stroke="#fff" stroke-width="3"'  # so that no line runs through the words
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" {halo}>{escape(text)}</text>'


def _line(x: float, y: float, x2: float, y2: float, stroke: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"{dash}/>'


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'
