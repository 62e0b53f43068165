"""The signal history: what each window decided, stored so that the order of recording does not matter.

A window's signals depend on those of earlier windows (a repeat is no signal), so a window that is filled in or changed
later can turn later signals into repeats, or repeats into signals. `SignalHistory.record_window` therefore derives the
later windows again, each from its own stored candidates and settings, as far as the change reaches, in the same
transaction. The decision itself is in `core.signals.decision`; pages read signals through `signals`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import Mode, signal_candidate, signal_history, window_run
from signals_pipeline.adapters.stores.window_revisions import (
    FIRST_NUMBER,
    WindowRevision,
    insert_revision,
    select_revisions,
    told_windows,
)
from signals_pipeline.core.record.origin import Generation
from signals_pipeline.core.signal_fields import DecisionFields, field_values
from signals_pipeline.core.signals.decision import Candidate, Decision, Signal, active_at, decide
from signals_pipeline.core.windows import Window

# The resolution of stored instants: it turns a bound that is exclusive into one that is inclusive.
_MICROSECOND = timedelta(microseconds=1)

# The digests of these runs report signals to readers. What a digest reports depends on the mode, so such a run updates
# its row also where it finds everything recorded, as after a live run that failed before its digest.
_REPORTED_MODES = ("live", "catch_up")

_CANDIDATE_COLUMNS = [field.name for field in fields(Candidate)]
_DECISION_COLUMNS = [field.name for field in fields(DecisionFields)]
_SIGNAL_COLUMNS = [*_CANDIDATE_COLUMNS, *_DECISION_COLUMNS]

# Statements are built once: building one takes longer than running it.
_START: sa.BindParameter[datetime] = sa.bindparam("start")

_SELECT_RUN = sa.select(window_run).where(window_run.c.window_start == _START)

_SELECT_CANDIDATES = sa.select(*(signal_candidate.c[name] for name in _CANDIDATE_COLUMNS)).where(
    signal_candidate.c.window_start >= _START, signal_candidate.c.window_start <= sa.bindparam("last")
)

_SELECT_SIGNALS = sa.select(*(signal_history.c[name] for name in _SIGNAL_COLUMNS))
_SELECT_SIGNALS_OF_WINDOW = _SELECT_SIGNALS.where(signal_history.c.window_start == _START)
_SELECT_SIGNALS_BETWEEN = _SELECT_SIGNALS.where(
    signal_history.c.decided_at > sa.bindparam("after"), signal_history.c.decided_at < sa.bindparam("before")
)
_SELECT_SIGNALS_OF_SYMBOLS = _SELECT_SIGNALS_BETWEEN.where(
    signal_history.c.symbol.in_(sa.bindparam("symbols", expanding=True))
)

# Later windows up to the last one whose look-back (history_start) begins before the change.
_IS_LATER = window_run.c.window_start > _START
_LAST_AFFECTED = sa.select(sa.func.max(window_run.c.window_start)).where(
    _IS_LATER, window_run.c.history_start < sa.bindparam("changed_at")
)
_SELECT_AFFECTED_RUNS = (
    sa.select(window_run)
    .where(_IS_LATER, window_run.c.window_start <= _LAST_AFFECTED.scalar_subquery())
    .order_by(window_run.c.window_start)
)


@dataclass(frozen=True, slots=True)
class WindowRun:
    """How a window was run.

    Attributes:
        mode: What started the run.
        model: Sentiment model with its revision.
        knobs: `Knobs.stored()`; `signal_expiry_days`, `max_signals` and `flip_cooldown_days` take part in the decision.
        funnel: Counts of the gates; the decision's are added when it is stored.
        near_misses: Near misses of the gates as JSON objects; those that the maximum cut off are in the decision.
        watchlist: Symbols of the companies that were scored: base rates of the window's signals are taken over them.
            None in windows that were run before it was stored.
    """

    mode: Mode
    model: str
    knobs: dict[str, Any]
    funnel: dict[str, int]
    near_misses: list[dict[str, Any]]
    watchlist: tuple[str, ...] | None = None

    @classmethod
    def of_revision(cls, revision: WindowRevision) -> "WindowRun":
        """The run that made a revision."""
        return cls(
            revision.mode,
            revision.model,
            revision.knobs,
            revision.funnel,
            revision.near_misses,
            revision.watchlist,
        )

    @property
    def generation(self) -> Generation:
        """What generated the window's signals."""
        return Generation.of_run(str(self.knobs["signal_generator"]), self.model)

    @property
    def look_back(self) -> timedelta:
        """How far back earlier signals matter to this window: they are active, or their flip is cooling down."""
        return timedelta(days=max(self.expiry_days, self.flip_cooldown_days))

    @property
    def expiry_days(self) -> float:
        """Days that a signal stays active for this window."""
        return float(self.knobs["signal_expiry_days"])

    @property
    def max_signals(self) -> int:
        """Maximum number of signals of this window."""
        return int(self.knobs["max_signals"])

    @property
    def flip_cooldown_days(self) -> float:
        """Days between two flips of a company; windows that ran before there was a cool-down have none."""
        return float(self.knobs.get("flip_cooldown_days", 0.0))

    def decide(self, candidates: Iterable[Candidate], earlier: Iterable[Signal], window: Window) -> Decision:
        """The decision of the window with the settings of this run; see `core.signals.decision.decide`."""
        return decide(
            candidates,
            earlier,
            window,
            expiry_days=self.expiry_days,
            max_signals=self.max_signals,
            flip_cooldown_days=self.flip_cooldown_days,
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording a window did.

    Attributes:
        decision: The window's decision.
        changed: Whether any row of the window changed.
        rederived: Keys of later windows whose signals changed with it.
        revision: The revision that holds the decision where the window's digest had been sent with another one; what
            was sent is kept. None where there is nothing to tell apart.
        kept: Keys of later windows whose signals would have changed but were sent; they are kept as they are.
    """

    decision: Decision
    changed: bool
    rederived: tuple[str, ...]
    revision: WindowRevision | None = None
    kept: tuple[str, ...] = ()


class SignalHistory:
    """Windows, candidates and signals in the database. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record_window(self, window: Window, candidates: Iterable[Candidate], run: WindowRun) -> Recorded:
        """Decide the window's signals and store them in one transaction, later windows included.

        Idempotent: recording the same again writes nothing, and rows keep the mode and time of the run that made them.
        A window whose digest was sent keeps its rows: another decision is stored as a revision.

        Args:
            window: The window.
            candidates: What passed its gates, at most one per symbol, in any order.
            run: How it was run.

        Raises:
            ValueError: a candidate is of another window, a symbol occurs twice, or a knob is missing.
            DatabaseError: the database refuses; nothing of this window was changed.
        """
        checked_candidates = _check_candidates(window, candidates, run)
        with write_transaction(self._engine, alone=True) as connection:
            return _record(connection, window, checked_candidates, run)

    def decision(self, window: Window) -> Decision | None:
        """What the window's stored signals rest on, repeats and near misses included; None if it never ran."""
        with read_transaction(self._engine) as connection:
            run = _find_run(connection, window)
            if run is None:
                return None
            candidates = _select_candidates(connection, window.start, window.start)
            return _decide(connection, window, candidates, run)

    def revised_decision(self, window: Window, revision: WindowRevision) -> Decision:
        """What a revision rests on, as `decision`."""
        with read_transaction(self._engine) as connection:
            return _decide(connection, window, list(revision.candidates), WindowRun.of_revision(revision))

    def run(self, window: Window) -> WindowRun | None:
        """How a window was last run; None if it never was."""
        with read_transaction(self._engine) as connection:
            return _find_run(connection, window)

    def candidates(self, window: Window) -> list[Candidate]:
        """What passed the window's gates, by symbol."""
        with read_transaction(self._engine) as connection:
            return _select_candidates(connection, window.start, window.start)

    def active(self, as_of: datetime, expiry_days: float) -> list[Signal]:
        """The active signal of each symbol at `as_of`, by symbol: decided in (as_of - expiry_days, as_of)."""
        with read_transaction(self._engine) as connection:
            recent_signals = _select_signals(connection, as_of - timedelta(days=expiry_days), as_of)
        return list(active_at(recent_signals, as_of, expiry_days).values())

    def between(self, start: datetime, end: datetime) -> list[Signal]:
        """All signals decided in [start, end), by time and symbol."""
        with read_transaction(self._engine) as connection:
            return _select_signals(connection, start - _MICROSECOND, end)

    def recorded_window_starts(self, start: datetime, end: datetime) -> list[datetime]:
        """Starts of the windows in [start, end) that were run, in order."""
        column = window_run.c.window_start
        query = sa.select(column).where(column >= start, column < end).order_by(column)
        with read_transaction(self._engine) as connection:
            return list(connection.scalars(query))

    def modes(self, before: datetime) -> dict[datetime, Mode]:
        """Mode of the run behind each window that ended at or before this instant, by window start."""
        query = sa.select(window_run.c.window_start, window_run.c.mode).where(window_run.c.window_end <= before)
        with read_transaction(self._engine) as connection:
            return {row.window_start: row.mode for row in connection.execute(query)}

    def models(self, before: datetime) -> dict[datetime, str]:
        """Model of the run behind each window that ended at or before this instant, by window start."""
        query = sa.select(window_run.c.window_start, window_run.c.model).where(window_run.c.window_end <= before)
        with read_transaction(self._engine) as connection:
            return {row.window_start: row.model for row in connection.execute(query)}

    def watchlists(self, start: datetime, end: datetime) -> dict[datetime, tuple[str, ...]]:
        """Watchlist of the windows that start in [start, end), by start; without those that stored none."""
        column = window_run.c.window_start
        query = sa.select(column, window_run.c.watchlist).where(column >= start, column < end)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        return {row.window_start: tuple(row.watchlist) for row in rows if row.watchlist is not None}

    def newest_run(self, before: datetime) -> WindowRun | None:
        """How the newest window that ended at or before this instant was run; None where there is none."""
        query = (
            sa.select(window_run)
            .where(window_run.c.window_end <= before)
            .order_by(window_run.c.window_start.desc())
            .limit(1)
        )
        with read_transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _run_from_row(row)

    def previous_end(self, window: Window) -> datetime | None:
        """The end of the newest earlier window that was run; None before the first."""
        query = sa.select(sa.func.max(window_run.c.window_end)).where(window_run.c.window_start < window.start)
        with read_transaction(self._engine) as connection:
            return connection.scalar(query)


def signal_row(signal: Signal, model: str) -> dict[str, Any]:
    """The signal's columns, but for those that say when and by what run the row was written."""
    return {
        **_candidate_row(signal.candidate),
        **field_values(DecisionFields, signal),
        "model": model,
    }


def _check_candidates(window: Window, candidates: Iterable[Candidate], run: WindowRun) -> list[Candidate]:
    """The candidates by symbol, after a check that they are of this window and one per symbol."""
    for knob in ("signal_expiry_days", "max_signals"):
        if knob not in run.knobs:
            raise ValueError(f"window {window.key}: knob {knob!r} is missing; give Knobs.stored()")
    checked: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.symbol):
        if (candidate.window_start, candidate.window_end) != (window.start, window.end):
            start = candidate.window_start.isoformat()
            raise ValueError(f"window {window.key}: the candidate {candidate.symbol} is of {start}")
        if candidate.symbol in checked:
            raise ValueError(
                f"window {window.key}: two candidates of {candidate.symbol}; each symbol has one per window"
            )
        checked[candidate.symbol] = candidate
    return list(checked.values())


# --- Reading ---


def _find_run(connection: Connection, window: Window) -> WindowRun | None:
    """How the window was last run; None if it never was."""
    row = connection.execute(_SELECT_RUN, {"start": window.start}).one_or_none()
    return None if row is None else _run_from_row(row)


def _run_from_row(row: sa.Row[Any]) -> WindowRun:
    watchlist = None if row.watchlist is None else tuple(row.watchlist)
    return WindowRun(row.mode, row.model, row.knobs, row.funnel, row.near_misses, watchlist)


def _select_candidates(connection: Connection, first: datetime, last: datetime) -> list[Candidate]:
    """The candidates of the windows that start in [first, last], by window and symbol."""
    rows = connection.execute(_SELECT_CANDIDATES, {"start": first, "last": last})
    candidates = [_candidate_from_row(row) for row in rows]
    # Sorted here, because collations differ between databases.
    return sorted(candidates, key=lambda candidate: (candidate.window_start, candidate.symbol))


def _candidate_from_row(row: sa.Row[Any]) -> Candidate:
    # The candidate's columns come first, also in rows of signals.
    return Candidate(**dict(zip(_CANDIDATE_COLUMNS, row[: len(_CANDIDATE_COLUMNS)], strict=True)))


def _select_signals(
    connection: Connection, after: datetime, before: datetime, symbols: list[str] | None = None
) -> list[Signal]:
    """The signals decided in (after, before), of these symbols or of all, by time and symbol."""
    limits = {"after": after, "before": before}
    if symbols is None:
        return _signals(connection, _SELECT_SIGNALS_BETWEEN, limits)
    return _signals(connection, _SELECT_SIGNALS_OF_SYMBOLS, {**limits, "symbols": symbols})


def _select_signals_of_window(connection: Connection, window: Window) -> list[Signal]:
    """The window's signals, by symbol."""
    return _signals(connection, _SELECT_SIGNALS_OF_WINDOW, {"start": window.start})


def _signals(connection: Connection, query: sa.Select[Any], parameters: dict[str, Any]) -> list[Signal]:
    signals: list[Signal] = []
    for row in connection.execute(query, parameters):
        candidate = _candidate_from_row(row)
        decided = dict(zip(_DECISION_COLUMNS, row[len(_CANDIDATE_COLUMNS) :], strict=True))
        signals.append(Signal(candidate=candidate, **decided))
    return sorted(signals, key=lambda signal: (signal.decided_at, signal.symbol))


def _decide(connection: Connection, window: Window, candidates: list[Candidate], run: WindowRun) -> Decision:
    """The window's decision against the stored signals of its candidates' symbols; no others can matter to it."""
    earlier_signals: list[Signal] = []
    if candidates:
        symbols = [candidate.symbol for candidate in candidates]
        earlier_signals = _select_signals(connection, window.end - run.look_back, window.end, symbols)
    return run.decide(candidates, earlier_signals, window)


# --- Recording one window ---


class _HasSymbol(Protocol):
    @property
    def symbol(self) -> str: ...


_Value = TypeVar("_Value", bound=_HasSymbol)


@dataclass(frozen=True, slots=True)
class _Difference(Generic[_Value]):
    """Which of a window's values, one per symbol, differ from what is stored; the rows of all others stay untouched.

    Attributes:
        removed: Symbols whose stored row has to go, also because another takes its place.
        added: Values to store.
    """

    removed: list[str]
    added: list[_Value]

    @property
    def symbols(self) -> set[str]:
        """Symbols of which anything differs."""
        return {*self.removed, *(value.symbol for value in self.added)}


def _record(connection: Connection, window: Window, candidates: list[Candidate], run: WindowRun) -> Recorded:
    """Decide and store one window inside the caller's transaction, which holds the write lock."""
    stored_run = _find_run(connection, window)
    decision = _decide(connection, window, candidates, run)
    if stored_run is not None and told_windows(connection, [window.start]):
        return _revise(connection, window, stored_run, run, candidates=candidates, decision=decision)

    # Compare with what is stored of the window. A signal's row names its model, so another model changes all of them.
    stored_candidates: list[Candidate] = []
    stored_signals: list[Signal] = []
    if stored_run is not None:
        stored_candidates = _select_candidates(connection, window.start, window.start)
        stored_signals = _select_signals_of_window(connection, window)
    model_changed = stored_run is not None and stored_run.model != run.model
    candidate_difference = _difference(stored_candidates, candidates)
    signal_difference = _difference(stored_signals, decision.signals, all_differ=model_changed)

    # The run goes first, because the other rows refer to it.
    rows_differ = bool(candidate_difference.symbols or signal_difference.symbols)
    changed = _store_run(connection, window, stored_run, run, decision, rows_differ=rows_differ)
    _replace_candidates(connection, window, candidate_difference)
    _replace_signals(connection, window, signal_difference, run)

    rederived, kept = _rederive_later_windows(connection, window, signal_difference.symbols)
    return Recorded(decision, changed, tuple(rederived), kept=tuple(kept))


def _revise(
    connection: Connection,
    window: Window,
    stored_run: WindowRun,
    run: WindowRun,
    *,
    candidates: list[Candidate],
    decision: Decision,
) -> Recorded:
    """Store the decision as a revision of a window whose digest was sent; the same decision as before is none."""
    sent = _as_revision(
        window,
        stored_run,
        1,
        _select_candidates(connection, window.start, window.start),
        _select_signals_of_window(connection, window),
    )
    revisions = select_revisions(connection, window.start)
    number = revisions[-1].number + 1 if revisions else FIRST_NUMBER
    plain_candidates = [Candidate(**_candidate_row(candidate)) for candidate in candidates]
    plain_signals = [
        replace(signal, candidate=Candidate(**_candidate_row(signal.candidate))) for signal in decision.signals
    ]
    complete_run = replace(run, funnel=run.funnel | decision.funnel)
    new = _as_revision(window, complete_run, number, plain_candidates, plain_signals)

    if new.same_decision(sent):
        return Recorded(decision, changed=False, rederived=())
    for revision in revisions:
        if new.same_decision(revision):
            return Recorded(decision, changed=False, rederived=(), revision=revision)
    insert_revision(connection, new)
    return Recorded(decision, changed=True, rederived=(), revision=new)


def _as_revision(
    window: Window, run: WindowRun, number: int, candidates: Iterable[Candidate], signals: Iterable[Signal]
) -> WindowRevision:
    """A decision in the form of a revision, so that it can be compared with others; by symbol."""
    return WindowRevision(
        window_start=window.start,
        number=number,
        made_at=datetime.now(UTC),
        mode=run.mode,
        model=run.model,
        knobs=_as_json(run.knobs),
        funnel=_as_json(run.funnel),
        near_misses=_as_json(run.near_misses),
        watchlist=run.watchlist,
        candidates=tuple(sorted(candidates, key=lambda candidate: candidate.symbol)),
        signals=tuple(sorted(signals, key=lambda signal: signal.symbol)),
    )


def _difference(stored: Iterable[_Value], new: Iterable[_Value], *, all_differ: bool = False) -> _Difference[_Value]:
    stored_by_symbol = {value.symbol: value for value in stored}
    new_by_symbol = {value.symbol: value for value in new}
    removed = [symbol for symbol, value in stored_by_symbol.items() if all_differ or new_by_symbol.get(symbol) != value]
    added = [value for symbol, value in new_by_symbol.items() if all_differ or stored_by_symbol.get(symbol) != value]
    return _Difference(removed, added)


def _store_run(
    connection: Connection,
    window: Window,
    stored: WindowRun | None,
    run: WindowRun,
    decision: Decision,
    *,
    rows_differ: bool,
) -> bool:
    """Insert or update the window's run where it, or one of its rows, differs; whether anything did."""
    new = replace(
        run,
        knobs=_as_json(run.knobs),
        funnel=_as_json(run.funnel | decision.funnel),
        near_misses=_as_json(run.near_misses),
    )
    content = _run_content(new)
    if stored is not None:
        becomes_reported = run.mode in _REPORTED_MODES and run.mode != stored.mode
        if not rows_differ and not becomes_reported and content == _run_content(stored):
            return False
    values = {
        **content,
        "mode": run.mode,
        "window_end": window.end,
        "history_start": window.end - run.look_back,
        "decided_at": window.as_of,
        "updated_at": datetime.now(UTC),
    }
    if stored is None:
        connection.execute(sa.insert(window_run), {"window_start": window.start, **values})
    else:
        connection.execute(sa.update(window_run).where(window_run.c.window_start == window.start).values(**values))
    return True


def _run_content(run: WindowRun) -> dict[str, Any]:
    """The columns by which two runs of a window differ; a run that differs in its mode alone is the same run."""
    return {
        "model": run.model,
        "knobs": run.knobs,
        "funnel": run.funnel,
        "near_misses": run.near_misses,
        "watchlist": None if run.watchlist is None else list(run.watchlist),
    }


_Json = TypeVar("_Json")


def _as_json(value: _Json) -> _Json:
    """The value as JSON gives it back (a tuple as a list, ...), for comparing with what is stored."""
    return json.loads(json.dumps(value, allow_nan=False))


def _replace_candidates(connection: Connection, window: Window, difference: _Difference[Candidate]) -> None:
    rows = [_candidate_row(candidate) for candidate in difference.added]
    _replace_rows(connection, signal_candidate, window, difference.removed, rows)


def _replace_signals(connection: Connection, window: Window, difference: _Difference[Signal], run: WindowRun) -> None:
    now = datetime.now(UTC)
    rows = [{**signal_row(signal, run.model), "mode": run.mode, "created_at": now} for signal in difference.added]
    _replace_rows(connection, signal_history, window, difference.removed, rows)


def _replace_rows(
    connection: Connection, table: sa.Table, window: Window, removed_symbols: list[str], rows: list[dict[str, Any]]
) -> None:
    if removed_symbols:
        outdated = sa.and_(table.c.window_start == window.start, table.c.symbol.in_(removed_symbols))
        connection.execute(sa.delete(table).where(outdated))
    if rows:
        connection.execute(sa.insert(table), rows)


def _candidate_row(candidate: Candidate) -> dict[str, Any]:
    """The candidate's columns as plain Python values."""
    row: dict[str, Any] = {}
    for name in _CANDIDATE_COLUMNS:
        value = getattr(candidate, name)
        # Candidates come from frames and carry NumPy's scalars, which database drivers refuse.
        row[name] = value.item() if isinstance(value, np.generic) else value
    return row


# --- Deriving later windows again ---


def _rederive_later_windows(
    connection: Connection, window: Window, changed_symbols: set[str]
) -> tuple[list[str], list[str]]:
    """Decide later windows again, in order, as far as the change of these symbols' signals reaches.

    A window is affected when it looks back past the latest change and has a candidate of a changed symbol. If its own
    signals change, the change reaches on from its end, so that windows after the last one loaded may be affected too.
    A window whose digest was sent keeps its signals.

    Returns:
        Keys of the windows whose signals changed, and of those whose signals would have changed but were sent.
    """
    rederived: list[str] = []
    kept: list[str] = []
    changed_symbols = set(changed_symbols)
    changed_at = window.end
    last_loaded = window
    while changed_symbols:
        # Load a batch: all windows that the change can reach as far as it is known now.
        affected = _affected_runs(connection, last_loaded, changed_at)
        if not affected:
            break
        first_window, last_window = affected[0][0], affected[-1][0]
        candidates = _group_by_window(_select_candidates(connection, first_window.start, last_window.start))
        look_back = min(later.end - run.look_back for later, run in affected)
        signals = _group_by_window(_select_signals(connection, look_back, last_window.end + _MICROSECOND))
        told = told_windows(connection, [later.start for later, _ in affected])

        for later, run in affected:
            has_changed_symbol = any(candidate.symbol in changed_symbols for candidate in candidates[later.start])
            looks_back_past_change = later.end - run.look_back < changed_at
            if not has_changed_symbol or not looks_back_past_change:
                continue
            if later.start in told:
                decision = run.decide(candidates[later.start], chain.from_iterable(signals.values()), later)
                if _difference(signals[later.start], decision.signals).symbols:
                    kept.append(later.key)
                continue
            difference = _rederive_window(connection, later, run, candidates[later.start], signals)
            if difference.symbols:
                changed_symbols |= difference.symbols
                changed_at = later.end
                rederived.append(later.key)
        last_loaded = last_window
    return rederived, kept


def _affected_runs(connection: Connection, window: Window, changed_at: datetime) -> list[tuple[Window, WindowRun]]:
    """The runs after this window up to the last that looks back past the change, in order."""
    rows = connection.execute(_SELECT_AFFECTED_RUNS, {"start": window.start, "changed_at": changed_at})
    return [(Window(row.window_start, row.window_end), _run_from_row(row)) for row in rows]


def _rederive_window(
    connection: Connection,
    window: Window,
    run: WindowRun,
    candidates: list[Candidate],
    signals: dict[datetime, list[Signal]],
) -> _Difference[Signal]:
    """Decide a window again from what is stored of it, and store what differs.

    Args:
        connection: The caller's transaction.
        window: The window.
        run: How it was run.
        candidates: What passed its gates.
        signals: Stored signals by start of the window; this window's are updated in place.
    """
    all_signals = chain.from_iterable(signals.values())
    decision = run.decide(candidates, all_signals, window)
    difference = _difference(signals[window.start], decision.signals)
    signals[window.start] = list(decision.signals)
    _replace_signals(connection, window, difference, run)

    funnel = run.funnel | decision.funnel
    if funnel != run.funnel:
        values = {"funnel": funnel, "updated_at": datetime.now(UTC)}
        connection.execute(sa.update(window_run).where(window_run.c.window_start == window.start).values(**values))
    return difference


class _HasWindow(Protocol):
    @property
    def window_start(self) -> datetime: ...


_Grouped = TypeVar("_Grouped", bound=_HasWindow)


def _group_by_window(values: Sequence[_Grouped]) -> dict[datetime, list[_Grouped]]:
    """The values by start of their window; a window without any has an empty list."""
    grouped: dict[datetime, list[_Grouped]] = defaultdict(list)
    for value in values:
        grouped[value.window_start].append(value)
    return grouped
