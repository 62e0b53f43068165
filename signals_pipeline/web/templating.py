"""Jinja templates for pages: every text that is printed is made plain and escaped, whatever its origin."""

import functools
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from signals_pipeline.adapters.rendering import drawings
from signals_pipeline.adapters.rendering.safe_text import link
from signals_pipeline.core.digest.glossary import ANCHORS
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.digest.wording import (
    arrow,
    event_name,
    gate_rows,
    move_text,
    near_miss_reason,
    outcome,
    price_text,
    publication_time,
    relative_return,
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
from signals_pipeline.core.text import shorten
from signals_pipeline.core.windows import NEW_YORK, day
from signals_pipeline.web import charts, safe
from signals_pipeline.web.responses import card_signal_id

_FOLDER = Path(__file__).with_name("templates")
# Files of libraries, which are as their authors published them; the licence lies beside them.
_VENDORED = {
    "uplot.js": "uplot-1.6.32/uPlot.iife.min.js",
    "uplot.css": "uplot-1.6.32/uPlot.min.css",
}
# Labels of values that are shown as they are stored otherwise.
_MODES = {"catch_up": "caught up", "backfill": "backfilled"}
_COMPONENTS = {"rsi": "RSI", "macd": "MACD", "trend": "Trend", "momentum": "5-day return", "volume": "Volume"}


def render(template: str, root: str, **values: Any) -> bytes:  # noqa: ANN401 - each template has its own values
    """Render a page.

    Args:
        template: File name of the template.
        root: Path below which the application is served; empty at the top.
        values: Variables of the template.
    """
    return _environment().get_template(template).render(root=root, **values).encode()


@functools.cache
def static_file(name: str) -> bytes:
    """Return the content of a style sheet, a script or the icon."""
    vendored = _VENDORED.get(name)
    path = _FOLDER.with_name("vendor") / vendored if vendored else _FOLDER / name
    return path.read_bytes()


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        # A misspelled variable is an error, not an empty text.
        undefined=jinja2.StrictUndefined,
        # Runs on every printed value, so that no template can forget it.
        finalize=_make_plain,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "signed": signed,
        "arrow": arrow,
        "eastern": _eastern,
        "session": _session,
        "shorten": shorten,
        "link": link,
        "bar_segments": charts.bar_segments,
        "line_chart": charts.line_chart,
        "tone_bars": charts.tone_bars,
        "anchor": _anchor,
        "code": _with_code,
        "percent": charts.percent,
        "change": charts.change,
        "signal_id": card_signal_id,
        "records": record_sections,
        "event": event_name,
        "published": publication_time,
        "stopped": near_miss_reason,
        "funnel": gate_rows,
        "knobs": setting_rows,
        "mode": _mode_label,
        "component": _component_label,
        "total": _total_contribution,
        "coverage_problems": _coverage_problems,
        # cards and lines of a digest
        "company": short_company,
        "why": summary_reason,
        "price": price_text,
        "move": move_text,
        "report": report_summary,
        "report_day": report_line,
        "report_flag": report_flag,
        "values": technical_values,
        "outcome": outcome,
        "relative": relative_return,
        "stories": drawings.shown_stories,
        "span": drawings.price_span,
        "signal_close": drawings.signal_close_index,
        "headline_close": drawings.headline_close_index,
    }
    return environment


def _make_plain(value: object) -> object:
    """Make every text plain before it is printed; Markup is what macros have rendered already."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return safe.plain(value)
    return value


def _anchor(name: str) -> str:
    """Return the name of a term of the glossary.

    Raises:
        ValueError: The glossary has no such term: a page would link to nothing.
    """
    if name not in ANCHORS:
        raise ValueError(f"the glossary has no term {name!r}")
    return name


def _with_code(text: str) -> Markup:
    """Return a description of the API with what stands between backticks as code, as CommonMark has it."""
    parts = [safe.plain(part) for part in text.replace("\n", " ").split("`")]
    code = [Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)]
    return Markup(" ").join(part for part in code if part)


def _mode_label(mode: str) -> str:
    return _MODES.get(mode, mode)


def _component_label(component: str) -> str:
    return _COMPONENTS.get(component, component)


def _total_contribution(contributions: Sequence[Mapping[str, Any]]) -> str:
    return signed(sum(part["contribution"] for part in contributions))


def _eastern(instant: datetime | str) -> str:
    """Return an instant, or its ISO 8601 text in a contribution, in New York time."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    local = instant.astimezone(NEW_YORK)
    return f"{day(local, year=True)} {local:%H:%M} ET"


def _session(session: date | str) -> str:
    """Return the date of a session, or of its ISO 8601 text in a card."""
    if isinstance(session, str):
        session = date.fromisoformat(session)
    return day(session, year=True)


def _coverage_problems(digest: Digest) -> list[str]:
    """Return why a digest may miss news."""
    coverage = digest.coverage
    failed = [report for report in coverage.reports if report.status != "ok"]
    problems = [f"source {report.feed} {report.status}: {report.detail}" for report in failed]
    if not coverage.reports:
        problems.append("no source was fetched")
    problems.extend(f"no run of window {key}" for key in coverage.missing_windows)
    if coverage.gap_minutes:
        problems.append(f"{coverage.gap_length} without coverage")
    return problems
