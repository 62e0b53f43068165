"""The signal history: what each window decided, kept so that the order of recording leaves no trace.

A window's signals depend on those of earlier windows (a repeat is no signal), so a window that is filled in or changed
later can turn later signals into repeats, or repeats into signals. `record_window` therefore derives the later windows
anew, each from its own stored candidates and knobs, as far as the change reaches, in the same transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.database import Mode, reading, window_run, writing
from signals_pipeline.adapters.history.recording import record
from signals_pipeline.adapters.history.rows import WindowRun, decide_stored, decided_between, find_run, judged_between
from signals_pipeline.core.gates import Candidate
from signals_pipeline.core.signals import Decision, Signal, active_at
from signals_pipeline.core.windows import Window

__all__ = ["History", "Mode", "Recorded", "WindowRun"]

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a window did: its decision, whether a row changed, the keys of later windows whose signals did."""

    decision: Decision
    changed: bool
    refolded: tuple[str, ...]


class History:
    """Windows, candidates and signals in the database. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record_window(self, window: Window, candidates: Iterable[Candidate], run: WindowRun) -> Recorded:
        """Decide the window's signals and store them in one transaction, later windows included.

        Recording the same again writes nothing: rows keep the mode and time of the run that made them.

        Args:
            window: The window.
            candidates: What passed its gates, at most one a symbol, in any order.
            run: How it was run.

        Raises:
            ValueError: a candidate is of another window, a symbol occurs twice, or a knob is missing.
            DatabaseError: the database refuses; nothing of this window was changed.
        """
        judged = _checked(window, candidates, run)
        with writing(self._engine, alone=True) as connection:
            decision, changed, refolded = record(connection, window, judged, run)
        return Recorded(decision, changed, refolded)

    def record_windows(self, runs: Iterable[tuple[Window, Sequence[Candidate], WindowRun]]) -> list[Recorded]:
        """Record many windows, oldest first, each in a transaction of its own: what is done survives a crash."""
        return [self.record_window(*each) for each in sorted(runs, key=lambda each: each[0])]

    def decision(self, window: Window) -> Decision | None:
        """What the window's stored signals rest on, repeats and capped included; None if it never ran."""
        with reading(self._engine) as connection:
            run = find_run(connection, window)
            return (
                None
                if run is None
                else decide_stored(connection, window, judged_between(connection, window.start, window.start), run)
            )

    def run(self, window: Window) -> WindowRun | None:
        """How a window was last run; None if it never was."""
        with reading(self._engine) as connection:
            return find_run(connection, window)

    def candidates(self, window: Window) -> list[Candidate]:
        """What passed the window's gates, by symbol."""
        with reading(self._engine) as connection:
            return judged_between(connection, window.start, window.start)

    def active(self, as_of: datetime, expiry_days: float) -> list[Signal]:
        """The active signal of each symbol at `as_of`, by symbol: decided in (as_of - expiry_days, as_of)."""
        with reading(self._engine) as connection:
            live = decided_between(connection, as_of - timedelta(days=expiry_days), as_of)
        return list(active_at(live, as_of, expiry_days).values())

    def between(self, start: datetime, end: datetime) -> list[Signal]:
        """All signals decided in [start, end), by time and symbol."""
        with reading(self._engine) as connection:
            return decided_between(connection, start - _INSTANT, end)

    def windows_done(self, start: datetime, end: datetime) -> list[datetime]:
        """Starts of the windows in [start, end) that were run, in order."""
        column = window_run.c.window_start
        with reading(self._engine) as connection:
            return list(connection.scalars(sa.select(column).where(column >= start, column < end).order_by(column)))

    def modes(self, before: datetime) -> dict[datetime, Mode]:
        """Mode of the run behind each window that ended at or before this instant, by window start."""
        query = sa.select(window_run.c.window_start, window_run.c.mode).where(window_run.c.window_end <= before)
        with reading(self._engine) as connection:
            return {row.window_start: row.mode for row in connection.execute(query)}

    def previous_end(self, window: Window) -> datetime | None:
        """The end of the newest earlier window that was run; None before the first."""
        latest = sa.select(sa.func.max(window_run.c.window_end)).where(window_run.c.window_start < window.start)
        with reading(self._engine) as connection:
            return connection.scalar(latest)


def _checked(window: Window, candidates: Iterable[Candidate], run: WindowRun) -> list[Candidate]:
    for knob in ("signal_expiry_days", "max_signals"):
        if knob not in run.knobs:
            raise ValueError(f"window {window.key}: knob {knob!r} is missing; give Knobs.stored()")
    judged = sorted(candidates, key=lambda each: each.symbol)
    for place, each in enumerate(judged):
        if (each.window_start, each.window_end) != (window.start, window.end):
            raise ValueError(f"window {window.key}: the candidate {each.symbol} is of {each.window_start.isoformat()}")
        if place and judged[place - 1].symbol == each.symbol:
            raise ValueError(f"window {window.key}: two candidates of {each.symbol}; a symbol has one a window")
    return judged
