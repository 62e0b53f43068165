"""Small figures for an operator's page, as SVG: text of a few KB that needs no plotting library.

Numbers stand beside every bar and line, so that none is read from a length or a colour alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 640
_ROW, _LEFT, _RIGHT, _HEAD = 22, 76, 64, 34
_INK, _MUTED, _FAINT, _GATE = "#1f2933", "#616e7c", "#d9dee4", "#8a3b0a"
BUY, SELL, PALE = "#1d6fb8", "#b4540a", "#a9b4c0"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: its name, its value in [-1, 1], what stands behind it, and whether it is drawn pale."""

    name: str
    value: float
    remark: str = ""
    pale: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """Prices of a company, oldest first, and the places and directions (BUY, SELL) of its signals on them."""

    name: str
    closes: Sequence[float]
    marks: Sequence[tuple[int, str]] = ()
    remark: str = ""


def bars(title: str, rows: Sequence[Bar], *, gate: float | None = None) -> str:
    """Rows from -1 to 1 around a line at zero; a gate is drawn at both sides of it."""
    middle, half = (WIDTH + _LEFT - _RIGHT) / 2, (WIDTH - _LEFT - _RIGHT) / 2
    height = _HEAD + _ROW * len(rows) + 22
    bottom = height - 18
    parts = [_line(middle, _HEAD - 6, middle, bottom, _MUTED)]
    for side in (-gate, gate) if gate else ():
        parts.append(_line(middle + half * side, _HEAD - 6, middle + half * side, bottom, _GATE, dashed=True))
        parts.append(_text(middle + half * side, bottom + 13, f"gate {side:+.2f}", _GATE, "middle"))
    for place, row in enumerate(rows):
        top = _HEAD + _ROW * place
        x = middle + half * min(row.value, 0.0)
        fill = PALE if row.pale else BUY if row.value >= 0 else SELL
        parts.append(_text(_LEFT - 8, top + 14, row.name, _INK, "end"))
        parts.append(_rect(x, top + 3, half * abs(row.value), _ROW - 8, fill))
        beyond = middle + half * row.value
        said = f"{row.value:+.2f} {row.remark}".strip()
        inside = row.value >= 0
        parts.append(_text(beyond + (5 if inside else -5), top + 14, said, _MUTED, "start" if inside else "end"))
    return _svg(title, height, parts)


def tracks(title: str, rows: Sequence[Track]) -> str:
    """Price lines one below the other, each on a scale of its own, with its signals marked up or down."""
    tall = 74
    parts: list[str] = []
    for place, row in enumerate(rows):
        top = _HEAD + tall * place
        points = _points(row.closes, top + 18, tall - 32)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(_line(_LEFT, top + tall - 8, WIDTH - _RIGHT, top + tall - 8, _FAINT))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{_MUTED}" stroke-width="1.6"/>')
        parts.append(_text(_LEFT - 8, top + tall / 2, row.name, _INK, "end"))
        parts.append(_text(_LEFT, top + 10, row.remark, _MUTED))
        parts.append(_text(WIDTH - _RIGHT + 6, points[-1][1] + 4, f"{row.closes[-1]:,.2f}", _MUTED))
        parts += [_mark(*points[at], said) for at, said in row.marks]
    return _svg(title, _HEAD + tall * len(rows) + 6, parts)


def _points(closes: Sequence[float], top: float, tall: float) -> list[tuple[float, float]]:
    low, high = min(closes), max(closes)
    step = (WIDTH - _LEFT - _RIGHT) / max(len(closes) - 1, 1)
    shares = [(each - low) / (high - low) if high > low else 0.5 for each in closes]
    return [(_LEFT + step * place, top + tall * (1 - share)) for place, share in enumerate(shares)]


def _mark(x: float, y: float, said: str) -> str:
    """A triangle: up and below the line for BUY, down and above it for SELL."""
    side, colour = (1, BUY) if said == "BUY" else (-1, SELL)
    corners = f"{x:.1f},{y + 3 * side:.1f} {x - 6:.1f},{y + 13 * side:.1f} {x + 6:.1f},{y + 13 * side:.1f}"
    return f'<polygon points="{corners}" fill="{colour}"/>'


def _svg(title: str, height: float, parts: Iterable[str]) -> str:
    said = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{said}" '
        'font-family="system-ui,-apple-system,Segoe UI,sans-serif" font-size="12">'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="8" y="18" fill="{_INK}" font-size="13" font-weight="600">{said}</text>{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, said: str, fill: str, anchor: str = "start") -> str:
    halo = 'paint-order="stroke" stroke="#fff" stroke-width="3"'  # so that no line runs through the words
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" {halo}>{escape(said)}</text>'


def _line(x: float, y: float, x2: float, y2: float, stroke: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"{dash}/>'


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'
