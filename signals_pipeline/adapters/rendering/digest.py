"""A digest as e-mail: HTML with its CSS inlined, and plain text that says as much.

Every string of a digest is hostile input: control and direction characters are taken out, everything is escaped, links
are http(s) or dropped, and nothing is fetched from outside. The same digest gives the same bytes.
"""

import functools
import re
import textwrap
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import css_inline
import jinja2

from signals_pipeline.adapters.rendering import drawings
from signals_pipeline.adapters.rendering.personal import PAGE, Personal, card_key
from signals_pipeline.adapters.rendering.safe_text import clean_line, link, scrubbed
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.digest.wording import eastern, funnel_words, knob_words, near_miss_words, signed, tag
from signals_pipeline.core.record.track_record import judged_groups
from signals_pipeline.core.signals.decision import NearMiss
from signals_pipeline.core.text import shorten, shorten_counted
from signals_pipeline.core.windows import Window, window_for_key

MAX_HTML_BYTES = 90_000
"""Mail readers clip a longer message: Gmail at 102 KB, headers and encoding included."""

LONGEST_STRING = 3_000
"""Characters of one string that any rendering shows; the longest title that the pipeline keeps has 300."""

LONGEST_REMARK = 250_000
TEXT_WIDTH = 78
_TEMPLATES = Path(__file__).with_name("templates")
_MODES = {"catch_up": "caught up"}
_SECTIONS = (
    ("New", "", "new"),
    ("Changed", "Flipped to the other side, or stronger on fresh news.", "changed"),
    (
        "From missed windows",
        "Decided in windows that were caught up since the last digest, each with what was known then.",
        "from_missed",
    ),
)
_CORRECTED = "A headline behind an active signal was edited or withdrawn since it was decided."


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much a long HTML shows: cards, rows a list, stories a card, remarks, and characters a title, link, remark.

    `step`: of how many closes one is drawn with table cells; 0 draws none. `answers`: with how many links a card asks
    for feedback: one each for yes and no, or one to the page that has both. `tables`: whether gates and settings stand
    in tables of their own, or in a sentence.
    """

    cards: int
    rows: int
    stories: int
    title: int
    link: int
    notes: int
    note: int
    step: int
    answers: int
    tables: bool


_DETAILS = (
    _Detail(25, 60, 3, title=220, link=1000, notes=30, note=1200, step=2, answers=2, tables=True),
    _Detail(25, 60, 3, title=220, link=1000, notes=30, note=1200, step=4, answers=2, tables=True),
    _Detail(25, 40, 2, title=110, link=400, notes=30, note=600, step=4, answers=2, tables=True),
    _Detail(25, 25, 1, title=110, link=400, notes=20, note=400, step=0, answers=2, tables=True),
    _Detail(25, 25, 1, title=110, link=400, notes=12, note=300, step=0, answers=1, tables=False),
    _Detail(25, 6, 1, title=75, link=250, notes=6, note=200, step=0, answers=1, tables=False),
    _Detail(25, 6, 1, title=60, link=0, notes=6, note=200, step=0, answers=1, tables=False),
    _Detail(16, 6, 1, title=60, link=0, notes=6, note=200, step=0, answers=1, tables=False),
    _Detail(5, 5, 1, title=40, link=0, notes=5, note=200, step=0, answers=1, tables=False),
)


def render_html(digest: Digest, personal: Personal = PAGE) -> str:
    """The digest as one HTML document for mail and browsers, of at most 90,000 bytes in UTF-8.

    A long digest is told in less detail until it fits, down to the strongest cards; the document then says so, and the
    text part has everything.
    """
    clean = _safe(digest)
    html = ""
    for detail in _DETAILS:
        page = _environment(html=True).get_template("digest.html").render(_context(clean, personal), detail=detail)
        html = _inliner().inline(page)
        if len(html.encode()) + html.count("\n") <= MAX_HTML_BYTES:  # a mail ends its lines with two characters
            break
    return html


def render_text(digest: Digest, personal: Personal = PAGE) -> str:
    """The digest as plain text of at most 78 columns; a link stands on a line of its own, which may be longer."""
    page = _environment(html=False).get_template("digest.txt").render(_context(_safe(digest), personal))
    return _squeezed(page)


def render_failure(window: Window, reason: str, personal: Personal = PAGE) -> tuple[str, str]:
    """That a window has no digest, and why, as HTML and as plain text."""
    said = {"window": window, "reason": clean_line(reason), "personal": personal}
    html = _inliner().inline(_environment(html=True).get_template("failed.html").render(said))
    return html, _squeezed(_environment(html=False).get_template("failed.txt").render(said))


def _safe(digest: Digest) -> Digest:
    """The digest with harmless strings, none of them endless; remarks are long where they are many in one."""
    return replace(scrubbed(replace(digest, notes=()), LONGEST_STRING), notes=scrubbed(digest.notes, LONGEST_REMARK))


def _squeezed(page: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def _context(digest: Digest, personal: Personal) -> dict[str, Any]:
    headline = digest.subject.removeprefix(tag(digest.mode, digest.deployment))
    sections = [(title, lead, getattr(digest, name)) for title, lead, name in _SECTIONS]
    said = {"headline": headline, "sections": sections, "corrected_lead": _CORRECTED}
    return {"digest": digest, "personal": personal, **said}


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
        "eastern": _unbroken if html else _eastern,
        "shorten": shorten,
        "shorten_counted": shorten_counted,
        "link": link,
        "wrap": _wrap,
        "bar": drawings.bar,
        "columns": drawings.columns,
        "marked": drawings.column_marked,
        "key": card_key,
        "spark": drawings.spark,
        "span": drawings.price_span,
        "components": drawings.components,
        "total": drawings.total,
        "records": judged_groups,
        "ledger": _ledger,
        "stopped": near_miss_words,
        "active": _active,
        "funnel": funnel_words,
        "knobs": knob_words,
        "mode": lambda mode: _MODES.get(mode, mode),
        "troubles": _troubles,
    }
    return environment


@functools.cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(
        load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True, minify_css=True
    )


@functools.lru_cache(maxsize=4096)
def _eastern(instant: datetime | str) -> str:
    return eastern(datetime.fromisoformat(instant) if isinstance(instant, str) else instant)


def _unbroken(instant: datetime | str) -> str:
    """The instant with its zone on the same line as its time."""
    return _eastern(instant).replace(" ET", "\u00a0ET")


def _wrap(text: str, indent: int = 0, hang: int | None = None) -> str:
    """The text in lines of at most 78 columns, the first indented by `indent`, the others by `hang`."""
    if text and len(text) <= TEXT_WIDTH - indent and text.isprintable() and text == text.strip():
        return " " * indent + text  # what textwrap would give, slowly
    rest = " " * (indent if hang is None else hang)
    return textwrap.fill(text, TEXT_WIDTH, initial_indent=" " * indent, subsequent_indent=rest, break_on_hyphens=False)


def _ledger(digest: Digest) -> str:
    """The coverage line without the span, which the heading has with its dates."""
    said = digest.coverage.line(digest.model).removeprefix(f"{digest.coverage.label}, ")
    return said[:1].upper() + said[1:]


def _active(miss: NearMiss, digest: Digest) -> str:
    """`BUY already active` where the near miss says again what is in force; else empty."""
    side = "BUY" if miss.combined_score > 0 else "SELL"
    standing = {(each.symbol, each.signal_type) for each in (*digest.still_active, *digest.from_missed)}
    return f"{side} already active" if (miss.symbol, side) in standing else ""


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
        starts = ", ".join(eastern(window_for_key(key).start) for key in ledger.missing_windows)
        told.append(f"windows without a run: from {starts}")
    if ledger.gap_minutes:
        told.append(f"{ledger.gap_minutes} minutes without coverage")
    return told
