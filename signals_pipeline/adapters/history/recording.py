"""One window's transaction: decide, write what differs, and derive later windows anew as far as the change reaches."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from signals_pipeline.adapters.database import signal_candidate, signal_history, window_run
from signals_pipeline.adapters.history.rows import (
    WindowRun,
    candidate_row,
    decide_stored,
    decided_between,
    find_run,
    judged_between,
    run_of,
    signal_row,
    signals_in,
)
from signals_pipeline.core.gates import Candidate
from signals_pipeline.core.signals import Decision, Signal, decide
from signals_pipeline.core.windows import Window


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
