"""The signal history: what each window decided, stored so that the order of recording does not matter.

A window's signals depend on those of earlier windows (a repeat is no signal), so a window that is filled in or changed
later can turn later signals into repeats, or repeats into signals. `record_window` therefore derives the later windows
again, each from its own stored candidates and settings, as far as the change reaches, in the same transaction.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import Mode, signal_candidate, signal_history, window_run
from signals_pipeline.core.signals.decision import Candidate, Decision, Signal, active_at, decide
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


class _OfSymbol(Protocol):
    @property
    def symbol(self) -> str: ...


_Value = TypeVar("_Value", bound=_OfSymbol)
_Json = TypeVar("_Json")

_LATER = window_run.c.window_start > sa.bindparam("start")
_LAST_REACHED = sa.select(sa.func.max(window_run.c.window_start)).where(
    _LATER, window_run.c.history_start < sa.bindparam("changed_at")
)
_REACHED = (
    sa.select(window_run)
    .where(_LATER, window_run.c.window_start <= _LAST_REACHED.scalar_subquery())
    .order_by(window_run.c.window_start)
)

# Runs whose signals a reader is told of, in their own digest or in the next; the digest goes by the mode, so such a run
# leaves its mark also where it finds everything recorded, as after a live run that failed before its digest.
_TELLING = ("live", "catch_up")


@dataclass(frozen=True, slots=True)
class _Change(Generic[_Value]):
    """One window's values, one a symbol, that differ from what is stored; the rows of all others stay untouched."""

    gone: list[str]
    new: list[_Value]

    @property
    def symbols(self) -> set[str]:
        return {*self.gone, *(each.symbol for each in self.new)}


def record(
    connection: Connection, window: Window, judged: list[Candidate], run: WindowRun
) -> tuple[Decision, bool, tuple[str, ...]]:
    """Decide and store one window inside the caller's transaction, which holds the write lock.

    Returns:
        The decision, whether any row changed, and the keys of the later windows whose signals changed with it.
    """
    old = find_run(connection, window)
    decision = decide_stored(connection, window, judged, run)
    known = judged_between(connection, window.start, window.start) if old else []
    candidates = _difference(known, judged)
    told = signals_in(connection, window) if old else []
    signals = _difference(told, decision.signals, all_differ=old is not None and old.model != run.model)
    written = bool(candidates.symbols or signals.symbols)
    changed = _store_run(connection, window, old, run, decision, written=written)
    _replace(connection, signal_candidate, window, candidates.gone, [candidate_row(each) for each in candidates.new])
    _replace_signals(connection, window, signals, run)
    return decision, changed, tuple(_refold(connection, window, signals.symbols))


def _refold(connection: Connection, window: Window, symbols: set[str]) -> Iterator[str]:
    """Derive later windows anew, in order, as long as one looks back past the latest change of a symbol it judges."""
    changed_at = window.end
    while symbols and (reached := _reached(connection, window, changed_at)):
        first, last = reached[0][0], reached[-1][0]
        judged = _by_window(judged_between(connection, first.start, last.start))
        oldest = min(later.end - timedelta(days=run.expiry_days) for later, run in reached)
        told = _by_window(decided_between(connection, oldest, last.end + timedelta(microseconds=1)))
        for later, run in reached:
            concerned = any(each.symbol in symbols for each in judged[later.start])
            if not concerned or later.end - timedelta(days=run.expiry_days) >= changed_at:
                continue
            change = _derive(connection, later, run, judged[later.start], told)
            if change.symbols:
                symbols, changed_at = symbols | change.symbols, later.end
                yield later.key
        window = last


def _reached(connection: Connection, window: Window, changed_at: datetime) -> list[tuple[Window, WindowRun]]:
    """The later windows up to the last that looks back past the change."""
    rows = connection.execute(_REACHED, {"start": window.start, "changed_at": changed_at})
    return [(Window(row.window_start, row.window_end), run_of(row)) for row in rows]


def _derive(
    connection: Connection,
    window: Window,
    run: WindowRun,
    judged: list[Candidate],
    told: dict[datetime, list[Signal]],
) -> _Change[Signal]:
    """Decide a window anew from what is stored of it, and keep what differs, in the database and in `told`."""
    before = chain.from_iterable(told.values())
    decision = decide(judged, before, window, expiry_days=run.expiry_days, max_signals=run.max_signals)
    change = _difference(told[window.start], decision.signals)
    told[window.start] = list(decision.signals)
    _replace_signals(connection, window, change, run)
    funnel = run.funnel | decision.funnel
    if funnel != run.funnel:
        ours = window_run.c.window_start == window.start
        connection.execute(sa.update(window_run).where(ours).values(funnel=funnel, updated_at=_now()))
    return change


def _difference(old: Iterable[_Value], new: Iterable[_Value], *, all_differ: bool = False) -> _Change[_Value]:
    before, after = {each.symbol: each for each in old}, {each.symbol: each for each in new}
    return _Change(
        gone=[symbol for symbol, each in before.items() if all_differ or after.get(symbol) != each],
        new=[each for symbol, each in after.items() if all_differ or before.get(symbol) != each],
    )


def _by_window(values: Iterable[Any]) -> dict[datetime, list[Any]]:
    grouped: dict[datetime, list[Any]] = defaultdict(list)
    for each in values:
        grouped[each.window_start].append(each)
    return grouped


def _replace_signals(connection: Connection, window: Window, change: _Change[Signal], run: WindowRun) -> None:
    now = _now()
    rows = [signal_row(each, run.model) | {"mode": run.mode, "created_at": now} for each in change.new]
    _replace(connection, signal_history, window, change.gone, rows)


def _replace(
    connection: Connection, table: sa.Table, window: Window, gone: list[str], rows: list[dict[str, Any]]
) -> None:
    if gone:
        connection.execute(sa.delete(table).where(table.c.window_start == window.start, table.c.symbol.in_(gone)))
    if rows:
        connection.execute(sa.insert(table), rows)


def _store_run(
    connection: Connection, window: Window, old: WindowRun | None, run: WindowRun, decision: Decision, *, written: bool
) -> bool:
    """Insert or update the window's run where it, or one of its rows, differs; whether anything did."""
    funnel, near_misses = _as_stored(run.funnel | decision.funnel), _as_stored(run.near_misses)
    new = WindowRun(run.mode, run.model, _as_stored(run.knobs), funnel, near_misses)
    unsaid = run.mode not in _TELLING or (old is not None and run.mode == old.mode)
    if old is not None and not written and unsaid and _content(new) == _content(old):
        return False
    values = _content(new) | {
        "mode": run.mode,
        "window_end": window.end,
        "history_start": window.end - timedelta(days=run.expiry_days),
        "decided_at": window.as_of,
        "updated_at": _now(),
    }
    if old is None:
        connection.execute(sa.insert(window_run), {"window_start": window.start, **values})
    else:
        connection.execute(sa.update(window_run).where(window_run.c.window_start == window.start).values(**values))
    return True


def _content(run: WindowRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in ("model", "knobs", "funnel", "near_misses")}


def _as_stored(value: _Json) -> _Json:
    """The value as JSON gives it back (a tuple as a list, ...), for comparing with what is stored."""
    return json.loads(json.dumps(value, allow_nan=False))


def _now() -> datetime:
    return datetime.now(UTC)


_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a window did: its decision, whether a row changed, the keys of later windows whose signals did."""

    decision: Decision
    changed: bool
    rederived: tuple[str, ...]


class SignalHistory:
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
        with write_transaction(self._engine, alone=True) as connection:
            decision, changed, rederived = record(connection, window, judged, run)
        return Recorded(decision, changed, rederived)

    def record_windows(self, runs: Iterable[tuple[Window, Sequence[Candidate], WindowRun]]) -> list[Recorded]:
        """Record many windows, oldest first, each in a transaction of its own: what is done survives a crash."""
        return [self.record_window(*each) for each in sorted(runs, key=lambda each: each[0])]

    def decision(self, window: Window) -> Decision | None:
        """What the window's stored signals rest on, repeats and capped included; None if it never ran."""
        with read_transaction(self._engine) as connection:
            run = find_run(connection, window)
            return (
                None
                if run is None
                else decide_stored(connection, window, judged_between(connection, window.start, window.start), run)
            )

    def run(self, window: Window) -> WindowRun | None:
        """How a window was last run; None if it never was."""
        with read_transaction(self._engine) as connection:
            return find_run(connection, window)

    def candidates(self, window: Window) -> list[Candidate]:
        """What passed the window's gates, by symbol."""
        with read_transaction(self._engine) as connection:
            return judged_between(connection, window.start, window.start)

    def active(self, as_of: datetime, expiry_days: float) -> list[Signal]:
        """The active signal of each symbol at `as_of`, by symbol: decided in (as_of - expiry_days, as_of)."""
        with read_transaction(self._engine) as connection:
            live = decided_between(connection, as_of - timedelta(days=expiry_days), as_of)
        return list(active_at(live, as_of, expiry_days).values())

    def between(self, start: datetime, end: datetime) -> list[Signal]:
        """All signals decided in [start, end), by time and symbol."""
        with read_transaction(self._engine) as connection:
            return decided_between(connection, start - _INSTANT, end)

    def windows_done(self, start: datetime, end: datetime) -> list[datetime]:
        """Starts of the windows in [start, end) that were run, in order."""
        column = window_run.c.window_start
        with read_transaction(self._engine) as connection:
            return list(connection.scalars(sa.select(column).where(column >= start, column < end).order_by(column)))

    def modes(self, before: datetime) -> dict[datetime, Mode]:
        """Mode of the run behind each window that ended at or before this instant, by window start."""
        query = sa.select(window_run.c.window_start, window_run.c.mode).where(window_run.c.window_end <= before)
        with read_transaction(self._engine) as connection:
            return {row.window_start: row.mode for row in connection.execute(query)}

    def previous_end(self, window: Window) -> datetime | None:
        """The end of the newest earlier window that was run; None before the first."""
        latest = sa.select(sa.func.max(window_run.c.window_end)).where(window_run.c.window_start < window.start)
        with read_transaction(self._engine) as connection:
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
