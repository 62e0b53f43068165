"""A digest as e-mail: HTML with its CSS inlined, and plain text with the same content.

Every string of a digest is hostile input: control and direction characters are removed, everything is escaped, links
are http(s) or dropped, and nothing is fetched from outside. The same digest gives the same bytes. The words come from
`core.digest.wording`, the templates are in `templates/`; `adapters.mail.message` makes a mail of the two renderings.
"""

import functools
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
import jinja2

from signals_pipeline.adapters.rendering import drawings
from signals_pipeline.adapters.rendering.personal import PAGE, Personal, card_key
from signals_pipeline.adapters.rendering.safe_text import clean_line, clean_strings, link
from signals_pipeline.core.digest.editions import shown_time
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.digest.readers import NEW_YORK_TIMES, TimeStyle
from signals_pipeline.core.digest.wording import (
    arrow,
    eastern,
    event_name,
    gate_rows,
    headline,
    meaning,
    move_text,
    near_miss_reason,
    outcome,
    price_text,
    publication_time,
    report_flag,
    report_line,
    report_summary,
    setting_rows,
    short_company,
    signed,
    summary_reason,
    technical_values,
)
from signals_pipeline.core.record.track_record import record_sections
from signals_pipeline.core.signals.decision import NearMiss
from signals_pipeline.core.text import shorten, shorten_counted
from signals_pipeline.core.windows import Window, day, window_for_key

MAX_HTML_BYTES = 90_000
"""Gmail clips a message at 102 KB, headers and encoding included."""

MAX_STRING_LENGTH = 3_000
"""Characters of one string that any rendering shows; the longest title that the pipeline keeps has 300."""

MAX_NOTE_LENGTH = 250_000
"""Characters of one remark: a remark may list hundreds of items, and the text beside a page shows all of them."""

MAX_STORIES = 5
"""Stories of a card; the others are counted."""

TEXT_WIDTH = 78
"""Columns of plain text (RFC 5322, 2.1.1 recommends at most 78 characters per line)."""

_TEMPLATES = Path(__file__).with_name("templates")
_MODE_NAMES = {"catch_up": "caught up"}
_CHANGED_LEAD = "Flipped to the other side, or stronger on fresh news."
_MISSED_LEAD = "From windows caught up since the last digest, each decided on what was known at the time."
_CORRECTED_LEAD = "A headline behind an active signal was edited or withdrawn after the signal was decided."


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much one rendering shows.

    Attributes:
        cards: Cards in all sections together.
        lines: Signals in one line each, below the summary of those with cards.
        rows: Rows per list.
        stories: Stories per card.
        without: Sentences per card about the score without a story; in HTML each story has its own.
        title: Characters of a title.
        link: Characters of a link; 0 shows none.
        reasons: Characters of a card's reasons.
        line: Characters of any other line.
        notes: Remarks.
        note: Characters of a remark.
        bars: Whether HTML draws the contributions to a score as a bar.
        charts: Whether a page draws the prices as a line, and the text as block characters.
        prices: Whether a card of the text has its contributions and its prices in words.
        record: Whether a card has the record of similar signals.
        answers: Feedback links per card: 2 for yes and no, 1 to the page that asks, or none.
        tables: Whether HTML shows gates and settings in tables rather than in a sentence.
        methods: Whether gates and settings are shown at all.
        phone: Whether HTML is written for a phone: one line where a page has several.
    """

    cards: int
    lines: int
    rows: int
    stories: int
    without: int
    title: int
    link: int
    reasons: int
    line: int
    notes: int
    note: int
    bars: bool
    charts: bool
    prices: bool
    record: bool
    answers: int
    tables: bool
    methods: bool
    phone: bool = False


@dataclass(frozen=True, slots=True)
class _Level:
    """How much the two parts of a mail show.

    Attributes:
        html: What the HTML shows.
        text: What the plain text shows.
        pictures: Charts as pictures; the cards after them have their prices in words.
    """

    html: _Detail
    text: _Detail
    pictures: int


_NO_LIMIT = sys.maxsize

_WHOLE_TEXT = _Detail(
    cards=_NO_LIMIT,
    lines=0,
    rows=_NO_LIMIT,
    stories=MAX_STORIES,
    without=MAX_STORIES,
    title=_NO_LIMIT,
    link=1000,
    reasons=_NO_LIMIT,
    line=_NO_LIMIT,
    notes=_NO_LIMIT,
    note=_NO_LIMIT,
    bars=False,
    charts=True,
    prices=True,
    record=True,
    answers=2,
    tables=False,
    methods=True,
)
_EVERYTHING = _Detail(
    cards=25,
    lines=200,
    rows=60,
    stories=MAX_STORIES,
    without=0,
    title=220,
    link=1000,
    reasons=900,
    line=300,
    notes=30,
    note=1200,
    bars=True,
    charts=True,
    prices=True,
    record=True,
    answers=2,
    tables=True,
    methods=True,
)
_TWO_STORIES = replace(_EVERYTHING, lines=100, rows=40, stories=2, title=110, link=400, note=600)
_ONE_STORY = replace(_TWO_STORIES, rows=25, stories=1, notes=20, note=400, charts=False)
_NO_TABLES = replace(_ONE_STORY, lines=60, notes=12, note=300, answers=1, tables=False)
_NO_BARS = replace(_NO_TABLES, rows=12, bars=False)
_SHORT_LISTS = replace(_NO_BARS, rows=6, title=75, link=250, notes=6, note=200)
_FEWER_CARDS = replace(_SHORT_LISTS, cards=16, lines=100)
_NO_LINKS = replace(_FEWER_CARDS, title=60, link=0)
_STRONGEST_CARDS = replace(_NO_LINKS, cards=5, lines=60, rows=5, title=40, notes=5)
_FEW_LINES = replace(
    _STRONGEST_CARDS, cards=2, lines=8, rows=2, reasons=200, line=120, notes=2, note=100, record=False, methods=False
)

# The text part of a long mail: a card is its heading, its reasons, its leading story and its dates.
_SOME_TEXT = replace(_EVERYTHING, lines=60, rows=25, stories=2, title=110, link=400, answers=1, notes=12, note=400)
_SHORT_TEXT = replace(
    _SOME_TEXT, rows=12, stories=1, reasons=300, charts=False, prices=False, record=False, answers=0, notes=6, note=200
)
_SHORTER_TEXT = replace(_SHORT_TEXT, rows=6, title=75, link=250, reasons=100, methods=False)
_SHORTEST_TEXT = replace(_SHORTER_TEXT, rows=5, link=0)


def _with_cards(text: _Detail, html: _Detail) -> _Detail:
    """The text's detail with as many cards and lines as the HTML has."""
    return replace(text, cards=html.cards, lines=html.lines)


def _on_phone(html: _Detail) -> _Detail:
    """The detail of a mail: most are read on a phone, and its text part and the web page have the rest."""
    return replace(html, rows=min(html.rows, 5), reasons=min(html.reasons, 150), title=min(html.title, 80), phone=True)


# Each level is smaller than the one before; the first that fits is used. Text, charts, stories and lists shrink before
# any of the 25 cards of a full digest is left out.
_LEVELS = (
    _Level(_on_phone(_EVERYTHING), _WHOLE_TEXT, pictures=25),
    _Level(_on_phone(_EVERYTHING), replace(_EVERYTHING, charts=False), pictures=25),
    _Level(_on_phone(_TWO_STORIES), _SOME_TEXT, pictures=25),
    _Level(_on_phone(_ONE_STORY), _with_cards(_SHORT_TEXT, _ONE_STORY), pictures=25),
    _Level(_on_phone(_NO_TABLES), _with_cards(_SHORT_TEXT, _NO_TABLES), pictures=25),
    _Level(_on_phone(_NO_TABLES), _with_cards(_SHORTER_TEXT, _NO_TABLES), pictures=12),
    _Level(_on_phone(_NO_BARS), _with_cards(_SHORTER_TEXT, _NO_BARS), pictures=12),
    _Level(_on_phone(_SHORT_LISTS), _with_cards(_SHORTER_TEXT, _SHORT_LISTS), pictures=8),
    _Level(_on_phone(_SHORT_LISTS), _with_cards(_SHORTER_TEXT, _SHORT_LISTS), pictures=0),
    _Level(_on_phone(_SHORT_LISTS), _with_cards(_SHORTEST_TEXT, _SHORT_LISTS), pictures=0),
    _Level(_on_phone(_FEWER_CARDS), _with_cards(_SHORTER_TEXT, _FEWER_CARDS), pictures=8),
    _Level(_on_phone(_FEWER_CARDS), _with_cards(_SHORTER_TEXT, _FEWER_CARDS), pictures=0),
    _Level(_on_phone(_NO_LINKS), replace(_with_cards(_SHORTER_TEXT, _NO_LINKS), link=0), pictures=0),
    _Level(_on_phone(_STRONGEST_CARDS), _STRONGEST_CARDS, pictures=5),
    _Level(_on_phone(_FEW_LINES), _FEW_LINES, pictures=0),
)
_PAGE_LEVELS = (
    _EVERYTHING,
    _TWO_STORIES,
    _ONE_STORY,
    _NO_TABLES,
    _SHORT_LISTS,
    replace(_SHORT_LISTS, title=60, link=0),
    _NO_LINKS,
    _STRONGEST_CARDS,
    _FEW_LINES,
)


@dataclass(frozen=True, slots=True)
class MailParts:
    """The two renderings of a mail."""

    html: str
    text: str


def mail_parts(digest: Digest, personal: Personal, times: TimeStyle = NEW_YORK_TIMES) -> Iterator[MailParts]:
    """Render the two parts of a mail in less and less detail; the last are short whatever the digest holds.

    What both leave out is counted, and is on the digest's web page. The HTML has at most 90,000 bytes.

    Args:
        digest: The digest.
        personal: What the mail carries beside it.
        times: How times are written. Sentences that were composed with the digest keep New York time, and say so.
    """
    cleaned = _cleaned(digest)
    html_template = _environment(html=True, times=times).get_template("digest.html")
    text_template = _environment(html=False, times=times).get_template("digest.txt")
    for level in _LEVELS:
        pictures = dict(itertools.islice(personal.pictures.items(), level.pictures))
        context = _template_context(cleaned, replace(personal, pictures=pictures))
        whole_text = level.text is _WHOLE_TEXT
        html = _inliner().inline(html_template.render(context, detail=level.html, whole_text=whole_text))
        if size_in_mail(html) > MAX_HTML_BYTES:
            continue
        text = _squeeze_blank_lines(text_template.render(context, detail=level.text))
        yield MailParts(html, text)


def render_html(digest: Digest, personal: Personal = PAGE) -> str:
    """Render the digest as one HTML document for browsers, of at most 90,000 bytes in UTF-8.

    A long digest is shown in less detail until it fits, down to the strongest cards; the document then counts what it
    leaves out, and the text has everything.
    """
    template = _environment(html=True).get_template("digest.html")
    context = _template_context(_cleaned(digest), personal)
    html = ""
    for detail in _PAGE_LEVELS:
        html = _inliner().inline(template.render(context, detail=detail, whole_text=True))
        if size_in_mail(html) <= MAX_HTML_BYTES:
            break
    return html


def render_text(digest: Digest, personal: Personal = PAGE) -> str:
    """Render the digest as plain text of at most 78 columns; a link is on a line of its own, which may be longer."""
    template = _environment(html=False).get_template("digest.txt")
    context = _template_context(_cleaned(digest), personal)
    return _squeeze_blank_lines(template.render(context, detail=_WHOLE_TEXT))


def size_in_mail(html: str) -> int:
    """Bytes in UTF-8; a mail ends its lines with two characters."""
    return len(html.encode()) + html.count("\n")


def render_failure(window: Window, reason: str, personal: Personal = PAGE) -> tuple[str, str]:
    """Render the notice that a window has no digest, and why, as HTML and as plain text."""
    context = {"window": window, "reason": clean_line(reason[:MAX_STRING_LENGTH]), "personal": personal}
    html = _environment(html=True).get_template("failed.html").render(context)
    text = _environment(html=False).get_template("failed.txt").render(context)
    return _inliner().inline(html), _squeeze_blank_lines(text)


def _cleaned(digest: Digest) -> Digest:
    """The digest with harmless strings of limited length."""
    notes = clean_strings(digest.notes, MAX_NOTE_LENGTH)
    rest = clean_strings(replace(digest, notes=()), MAX_STRING_LENGTH)
    return replace(rest, notes=notes)


def _squeeze_blank_lines(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _template_context(digest: Digest, personal: Personal) -> dict[str, Any]:
    sections = [
        ("New", "", digest.new),
        ("Changed", _CHANGED_LEAD, digest.changed),
        ("From missed windows", _MISSED_LEAD, digest.from_missed),
    ]
    return {
        "digest": digest,
        "personal": personal,
        "headline": headline(digest),
        "sections": sections,
        "corrected_lead": _CORRECTED_LEAD,
        "meaning": meaning(digest.knobs),
    }


# As many as are in use at once; one more compiles the templates anew.
@functools.lru_cache(maxsize=16)
def _environment(*, html: bool, times: TimeStyle = NEW_YORK_TIMES) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=html,  # noqa: S701 - the other part is plain text
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {  # pyright: ignore[reportUnknownMemberType] - jinja2 does not type the values
        # numbers, instants and text
        "signed": signed,
        "eastern": functools.partial(_time_unbroken if html else _time, times),
        "shorten": shorten,
        "shorten_counted": shorten_counted,
        "link": link,
        "wrap": _wrap,
        "day": functools.partial(_day, times),
        "mode": _mode_name,
        # cards
        "arrow": arrow,
        "key": card_key,
        "event": event_name,
        "published": publication_time,
        "bar": drawings.bar,
        "total": drawings.total,
        "stories": drawings.shown_stories,
        "values": technical_values,
        "why": summary_reason,
        "price": price_text,
        "company": short_company,
        "brief_span": drawings.brief_span,
        "move": move_text,
        "report": report_summary,
        "report_day": report_line,
        "report_flag": report_flag,
        "outcome": outcome,
        "chart": drawings.line_chart,
        "spark": drawings.spark,
        "span": drawings.price_span,
        "records": record_sections,
        # the rest of the digest
        "ledger": _ledger,
        "troubles": _troubles,
        "reasons": _reasons,
        "stopped": near_miss_reason,
        "active": _active,
        "funnel": gate_rows,
        "knobs": setting_rows,
    }
    return environment


@functools.cache
def _inliner() -> css_inline.CSSInliner:
    # Only media queries stay in a style tag: they can't be inlined.
    return css_inline.CSSInliner(
        load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True, minify_css=True
    )


# Filters of the templates


@functools.lru_cache(maxsize=4096)  # the instants of one digest repeat on every card and in every level of detail
def _time(times: TimeStyle, instant: datetime | str) -> str:
    return shown_time(datetime.fromisoformat(instant) if isinstance(instant, str) else instant, times)


def _time_unbroken(times: TimeStyle, instant: datetime | str) -> str:
    """The instant with its zone on the same line as its time."""
    time, _, zone = _time(times, instant).rpartition(" ")
    return f"{time}\u00a0{zone}"


def _mode_name(mode: str) -> str:
    return _MODE_NAMES.get(mode, mode)


def _wrap(text: str, indent: int = 0, hang: int | None = None) -> str:
    """The text in lines of at most 78 columns, the first indented by `indent`, the others by `hang`."""
    first_indent = " " * indent
    fits = len(text) <= TEXT_WIDTH - indent
    if text and fits and text.isprintable() and text == text.strip():
        return first_indent + text  # what textwrap would return, without its cost
    hanging_indent = first_indent if hang is None else " " * hang
    return textwrap.fill(
        text, TEXT_WIDTH, initial_indent=first_indent, subsequent_indent=hanging_indent, break_on_hyphens=False
    )


def _ledger(digest: Digest) -> str:
    """The coverage line without the span, which the heading has with its dates."""
    summary = digest.coverage.summary(digest.model)
    return summary[:1].upper() + summary[1:]


def _reasons(card: Card, width: int) -> tuple[str, ...]:
    """A card's first reasons, as many whole sentences as fit into the width; of a longer first one its beginning."""
    fitting: list[str] = []
    length = 0
    for sentence in card.sentences:
        length += len(sentence) + 1
        if length > width + 1:
            break
        fitting.append(sentence)
    return tuple(fitting) or (shorten(card.sentences[0], width),)


def _day(times: TimeStyle, instant: datetime) -> str:
    return day(instant.astimezone(ZoneInfo(times.zone)))


def _active(miss: NearMiss, digest: Digest) -> str:
    """`BUY already active` where the near miss points the same way as an active signal; otherwise empty."""
    side = "BUY" if miss.combined_score > 0 else "SELL"
    for signal in (*digest.still_active, *digest.from_missed):
        if signal.symbol == miss.symbol and signal.signal_type == side:
            return f"{side} already active"
    return ""


def _troubles(digest: Digest) -> list[str]:
    """Why a digest may be missing news: sources, windows without a run, minutes without coverage."""
    coverage = digest.coverage
    troubles: list[str] = []
    for report in coverage.reports:
        if report.status != "ok":
            detail = f" ({report.detail})" if report.detail else ""
            troubles.append(f"source {report.feed} {report.status}{detail}")
    if not coverage.reports:
        troubles.append("no source was queried")
    if coverage.missing_windows:
        starts = [eastern(window_for_key(key).start) for key in coverage.missing_windows]
        troubles.append(f"windows without a run: from {', '.join(starts)}")
    if coverage.gap_minutes:
        troubles.append(f"{coverage.gap_length} without coverage")
    return troubles
