"""Rows of the history as the core's values, and back."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signals_pipeline.adapters.database import Mode, signal_candidate, signal_history, window_run
from signals_pipeline.core.gates import Candidate
from signals_pipeline.core.signals import Decision, Signal, decide
from signals_pipeline.core.windows import Window

_JUDGED = [field.name for field in fields(Candidate)]
_DECIDED = ["lifecycle", "decided_at", "expires_at"]
# Built once: building a statement takes longer than running it.
_START = sa.bindparam("start")
_CANDIDATES = sa.select(*(signal_candidate.c[name] for name in _JUDGED))
_CANDIDATES_BETWEEN = _CANDIDATES.where(
    signal_candidate.c.window_start >= _START, signal_candidate.c.window_start <= sa.bindparam("last")
)
_SIGNALS = sa.select(*(signal_history.c[name] for name in (*_JUDGED, *_DECIDED)))
_SIGNALS_BETWEEN = _SIGNALS.where(
    signal_history.c.decided_at > sa.bindparam("after"), signal_history.c.decided_at < sa.bindparam("before")
)
_SIGNALS_OF = _SIGNALS_BETWEEN.where(signal_history.c.symbol.in_(sa.bindparam("symbols", expanding=True)))
_SIGNALS_IN = _SIGNALS.where(signal_history.c.window_start == _START)
_RUN = sa.select(window_run).where(window_run.c.window_start == _START)


@dataclass(frozen=True, slots=True)
class WindowRun:
    """How a window was run.

    Attributes:
        mode: What started the run.
        model: Sentiment model with its revision.
        knobs: `Knobs.stored()`; `signal_expiry_days` and `max_signals` decide.
        funnel: The gates' counts; the decision's are added when it is stored.
        near_misses: The gates' near misses as JSON objects; the capped are in the decision.
    """

    mode: Mode
    model: str
    knobs: dict[str, Any]
    funnel: dict[str, int]
    near_misses: list[dict[str, Any]]

    @property
    def expiry_days(self) -> float:
        """Days that a signal stays active for this window."""
        return float(self.knobs["signal_expiry_days"])

    @property
    def max_signals(self) -> int:
        """Most signals of this window."""
        return int(self.knobs["max_signals"])


def find_run(connection: Connection, window: Window) -> WindowRun | None:
    """How the window was last run; None if it never was."""
    row = connection.execute(_RUN, {"start": window.start}).one_or_none()
    return None if row is None else run_of(row)


def run_of(row: sa.Row[Any]) -> WindowRun:
    """The run that a row of `window_run` keeps."""
    return WindowRun(row.mode, row.model, row.knobs, row.funnel, row.near_misses)


def judged_between(connection: Connection, first: datetime, last: datetime) -> list[Candidate]:
    """The candidates of the windows that start in [first, last], by window and symbol."""
    rows = connection.execute(_CANDIDATES_BETWEEN, {"start": first, "last": last})
    return sorted((Candidate(*row) for row in rows), key=lambda each: (each.window_start, each.symbol))


def decided_between(
    connection: Connection, after: datetime, before: datetime, symbols: list[str] | None = None
) -> list[Signal]:
    """The signals decided in (after, before), of these symbols or of all, by time and symbol."""
    limits = {"after": after, "before": before}
    if symbols is None:
        return _signals(connection, _SIGNALS_BETWEEN, limits)
    return _signals(connection, _SIGNALS_OF, limits | {"symbols": symbols})


def signals_in(connection: Connection, window: Window) -> list[Signal]:
    """The window's signals, by symbol."""
    return _signals(connection, _SIGNALS_IN, {"start": window.start})


def decide_stored(connection: Connection, window: Window, judged: list[Candidate], run: WindowRun) -> Decision:
    """The window's decision against the stored signals of its candidates' symbols; no others can matter to it."""
    oldest, symbols = window.end - timedelta(days=run.expiry_days), [each.symbol for each in judged]
    before = decided_between(connection, oldest, window.end, symbols) if judged else []
    return decide(judged, before, window, expiry_days=run.expiry_days, max_signals=run.max_signals)


def _signals(connection: Connection, query: sa.Select[Any], values: dict[str, Any]) -> list[Signal]:
    split = len(_JUDGED)
    rows = connection.execute(query, values)
    found = (Signal(Candidate(*row[:split]), *row[split:]) for row in rows)
    return sorted(found, key=lambda each: (each.decided_at, each.symbol))


def candidate_row(candidate: Candidate) -> dict[str, Any]:
    """The candidate's columns as plain Python values."""
    row = {name: getattr(candidate, name) for name in _JUDGED}
    # Drivers don't know NumPy's scalars, which frames are full of.
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}


def signal_row(signal: Signal, model: str) -> dict[str, Any]:
    """The signal's columns, but for those that say when and by what run the row was written."""
    return candidate_row(signal.candidate) | {name: getattr(signal, name) for name in _DECIDED} | {"model": model}
