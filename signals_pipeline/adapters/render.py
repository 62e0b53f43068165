"""A digest as e-mail: HTML with its CSS inlined, and plain text that says as much.

Every string of a digest is hostile input: control and direction characters are taken out, everything is escaped, links
are http(s) or dropped, and nothing is fetched from outside. The same digest gives the same bytes.
"""

import functools
import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import css_inline
import jinja2

from signals_pipeline.core.cards import Card
from signals_pipeline.core.digest_value import Digest
from signals_pipeline.core.subject import tag
from signals_pipeline.core.wording import eastern, shorten, shorten_counted, signed

MAX_HTML_BYTES = 90_000
"""Mail readers clip a longer message: Gmail at 102 KB, headers and encoding included."""

TEXT_WIDTH = 78
_BLOCKS = "▁▂▃▄▅▆▇█"
_TEMPLATES = Path(__file__).with_name("templates")
_COMPONENTS = {"rsi": "RSI", "macd": "MACD", "trend": "trend", "momentum": "5-day", "volume": "volume"}
_FUNNEL = (
    *("headlines_tagged", "headlines_relevant", "headlines_confident", "symbols_scored", "symbols_with_news"),
    *("symbols_with_tone", "symbols_with_technical", "symbols_over_threshold", "symbols_agreeing", "candidates"),
    *("repeats", "capped", "signals"),
)
_MODES = {"catch_up": "caught up"}
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIRECTION_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSAFE_IN_LINK = re.compile(r"[\s<>\"'`\\{}|^]")
_NUMBERS = (int, float, datetime)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much a long HTML shows: cards, rows a list, stories a card, remarks, and characters a title, link, remark."""

    cards: int
    rows: int
    stories: int
    title: int
    link: int
    notes: int
    note: int


_DETAILS = (
    _Detail(cards=25, rows=60, stories=3, title=220, link=1000, notes=30, note=1200),
    _Detail(cards=25, rows=40, stories=2, title=110, link=300, notes=30, note=600),
    _Detail(cards=25, rows=25, stories=1, title=80, link=160, notes=20, note=400),
    _Detail(cards=25, rows=15, stories=1, title=50, link=80, notes=12, note=300),
    _Detail(cards=16, rows=15, stories=1, title=50, link=80, notes=12, note=200),
    _Detail(cards=5, rows=5, stories=1, title=40, link=0, notes=5, note=200),
)


def render_html(digest: Digest) -> str:
    """The digest as one HTML document for mail and browsers, of at most 90,000 bytes in UTF-8.

    A long digest is told in less detail until it fits, down to the strongest cards; the document then says so, and the
    text part has everything.
    """
    clean = _scrubbed(digest)
    html = ""
    for detail in _DETAILS:
        page = _environment(html=True).get_template("digest.html").render(_context(clean), detail=detail)
        html = _inliner().inline(page)
        if len(html.encode()) <= MAX_HTML_BYTES:
            break
    return html


def render_text(digest: Digest) -> str:
    """The digest as plain text of at most 78 columns; a link stands on a line of its own, which may be longer."""
    page = _environment(html=False).get_template("digest.txt").render(_context(_scrubbed(digest)))
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def _context(digest: Digest) -> dict[str, Any]:
    return {"digest": digest, "headline": digest.subject.removeprefix(tag(digest.mode, digest.deployment))}


@functools.cache
def _environment(*, html: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=html,  # noqa: S701 - the other part is plain text
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "signed": signed,
        "eastern": _eastern,
        "shorten": shorten,
        "shorten_counted": shorten_counted,
        "link": _link,
        "wrap": _wrap,
        "bar": _bar,
        "spark": _spark,
        "span": _price_span,
        "components": _components,
        "total": _total,
        "record": _record,
        "knob": _knob,
        "mode": lambda mode: _MODES.get(mode, mode),
        "troubles": _troubles,
        "stages": _stages,
    }
    return environment


@functools.cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)


def _scrubbed(value: _Value) -> _Value:
    """The value with every string on one line, free of control, direction and unpaired surrogate characters."""
    if isinstance(value, str):
        return value if _is_clean(value) else _clean(value)
    if value is None or isinstance(value, _NUMBERS):
        return value
    if isinstance(value, tuple):
        return tuple(_scrubbed(item) for item in value)  # pyright: ignore[reportReturnType]
    if isinstance(value, dict):
        return {key: _scrubbed(item) for key, item in value.items()}  # pyright: ignore[reportReturnType]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _scrubbed(getattr(value, field.name)) for field in fields(value)})
    return value


def _is_clean(text: str) -> bool:
    """Whether `_clean` would change nothing, told without its regular expressions: nearly every string is."""
    return text.isprintable() and "  " not in text and text == text.strip()


def _clean(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", _DIRECTION_MARKS.sub("", text)).split())


def _link(url: str, longest: int = 1000) -> str:
    """The URL where it is an http(s) link without characters that have no place in one, else an empty string."""
    if len(url) > longest or _UNSAFE_IN_LINK.search(url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""


@functools.lru_cache(maxsize=4096)
def _eastern(instant: datetime | str) -> str:
    return eastern(datetime.fromisoformat(instant) if isinstance(instant, str) else instant)


def _wrap(text: str, indent: int = 0, hang: int | None = None) -> str:
    """The text in lines of at most 78 columns, the first indented by `indent`, the others by `hang`."""
    if text and len(text) <= TEXT_WIDTH - indent and text.isprintable() and text == text.strip():
        return " " * indent + text  # what textwrap would give, slowly
    rest = " " * (indent if hang is None else hang)
    return textwrap.fill(text, TEXT_WIDTH, initial_indent=" " * indent, subsequent_indent=rest, break_on_hyphens=False)


def _bar(card: Card, stories: int) -> list[tuple[str, int]]:
    """The contributions as (class, percent of the bar): BUY first, stories one by one, price as one part a side."""
    told = [part["contribution"] for part in card.stories]
    price = [part["contribution"] for part in card.components]
    parts: list[tuple[str, float]] = []
    for name, side in (("b", 1.0), ("s", -1.0)):
        parts += [(name, value) for value in told[:stories] if side * value > 0]
        parts.append((name, sum(value for value in told[stories:] if side * value > 0)))
        parts.append((name + "t", sum(value for value in price if side * value > 0)))
    whole = sum(abs(value) for _, value in parts)
    return [(name, round(100 * abs(value) / whole)) for name, value in parts if whole and abs(value) / whole >= 0.005]


def _spark(closes: tuple[float, ...]) -> str:
    """Every second close, ending with the last, as one block character each."""
    shown = closes[::-2][::-1]
    low, high = min(shown), max(shown)
    step = (high - low) / (len(_BLOCKS) - 1)
    return "".join(_BLOCKS[round((value - low) / step) if step else 0] for value in shown)


def _price_span(card: Card) -> str:
    """The closes in words."""
    first, last = card.closes[0], card.closes[-1]
    change = f"{last / first - 1:+.1%}".replace("-", "−")
    span = f"low {min(card.closes):,.2f}, high {max(card.closes):,.2f}, last {last:,.2f} on {card.sessions[-1]}"
    return f"{len(card.closes)} sessions {change}: {span}"


def _components(card: Card) -> str:
    """The technical contributions in words."""
    return ", ".join(f"{_COMPONENTS[part['name']]} {signed(part['contribution'])}" for part in card.components)


def _total(parts: Iterable[Mapping[str, Any]]) -> str:
    return signed(sum(part["contribution"] for part in parts))


def _record(card: Card) -> list[str]:
    """The record's lines; one line where every horizon has too few."""
    label = f"{card.record[0].label[0].upper()}{card.record[0].label[1:]}"
    if not any(line.enough for line in card.record):
        counts = ", ".join(str(line.n) for line in card.record)
        held = ", ".join(str(line.horizon) for line in card.record)
        return [f"{label}: too few to judge (n = {counts} after {held} sessions)"]
    return [f"{label}, net of the market:", *(line.text for line in card.record)]


def _troubles(digest: Digest) -> list[str]:
    """Why a digest may miss news: sources, windows without a run, minutes that no evidence covers."""
    ledger = digest.coverage
    told = [
        f"source {report.feed} {report.status}" + (f" ({report.detail})" if report.detail else "")
        for report in ledger.reports
        if report.status != "ok"
    ]
    if not ledger.reports:
        told.append("no source was asked")
    if ledger.missing_windows:
        told.append(f"windows without a run: {', '.join(ledger.missing_windows)}")
    if ledger.gap_minutes:
        told.append(f"{ledger.gap_minutes} minutes without coverage")
    return told


def _stages(funnel: Mapping[str, int]) -> list[tuple[str, int]]:
    """The funnel in the order of its gates; a count of another name comes last."""
    order = {name: place for place, name in enumerate(_FUNNEL)}
    return sorted(funnel.items(), key=lambda stage: (order.get(stage[0], len(order)), stage[0]))


def _knob(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
