"""Jinja for pages: every text that is printed is made plain and escaped, wherever it comes from."""

import functools
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from signals_pipeline.core.dates import day
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.digest.wording import funnel_words, knob_words, near_miss_words, signed
from signals_pipeline.core.record.track_record import judged_groups
from signals_pipeline.core.text import shorten
from signals_pipeline.core.windows import NEW_YORK
from signals_pipeline.web import charts, safe
from signals_pipeline.web.responses import card_name

_FOLDER = Path(__file__).with_name("templates")
_MODES = {"catch_up": "caught up", "backfill": "backfilled"}
_COMPONENTS = {"rsi": "RSI", "macd": "MACD", "trend": "Trend", "momentum": "5-day return", "volume": "Volume"}


def render(template: str, root: str, **values: Any) -> bytes:  # noqa: ANN401 - whatever the template shows
    """A page.

    Args:
        template: Its name, without the folder.
        root: Path under which the application is mounted; empty at the top.
        values: What the template shows.
    """
    return _environment().get_template(template).render(root=root, **values).encode()


@functools.cache
def static(name: str) -> bytes:
    """A file that pages are made of."""
    return (_FOLDER / name).read_bytes()


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "signed": signed,
        "eastern": _eastern,
        "session": _session,
        "shorten": shorten,
        "link": safe.link,
        "bar": charts.bar,
        "line": charts.line,
        "percent": charts.percent,
        "change": charts.change,
        "name": card_name,
        "records": judged_groups,
        "stopped": near_miss_words,
        "funnel": funnel_words,
        "knobs": knob_words,
        "mode": lambda mode: _MODES.get(mode, mode),
        "component": lambda name: _COMPONENTS.get(name, name),
        "total": lambda parts: signed(sum(part["contribution"] for part in parts)),
        "troubles": _troubles,
    }
    return environment


def _printed(value: object) -> object:
    return safe.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _eastern(instant: datetime | str) -> str:
    at = (datetime.fromisoformat(instant) if isinstance(instant, str) else instant).astimezone(NEW_YORK)
    return f"{day(at, year=True)} {at:%H:%M} ET"


def _session(at: datetime | str) -> str:
    return day(date.fromisoformat(at) if isinstance(at, str) else at, year=True)


def _troubles(digest: Digest) -> list[str]:
    """Why a digest may miss news."""
    ledger = digest.coverage
    told = [f"source {each.feed} {each.status}: {each.detail}" for each in ledger.reports if each.status != "ok"]
    told += ["no source was asked"] if not ledger.reports else []
    told += [f"no run of window {key}" for key in ledger.missing_windows]
    told += [f"{ledger.gap_minutes} minutes without coverage"] if ledger.gap_minutes else []
    return told
