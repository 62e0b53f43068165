"""Checks that every stage has: schema and duplicates of its rows, as they are stored.

The newest window's frames are judged apart from the others: only what is wrong with them may hold its mail, whatever
happened to the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from signals_pipeline.core.checks.data_quality import (
    Finding,
    duplicate_finding,
    not_made,
    schema_finding,
    shape_problems,
    signal_rows,
)
from signals_pipeline.core.tables import OUTCOMES, SIGNALS, STAGES, ColumnArrays, RowsByWindow, Table
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.io_manager import StoredGroups, WindowFrames
from signals_pipeline.defs.resources import Store

FrameCheck = Callable[[Table, pd.DataFrame], Finding]

FRAMES = {**STAGES, SIGNALS.name: SIGNALS, OUTCOMES.name: OUTCOMES}
FRAME_CHECKS: dict[str, tuple[str, FrameCheck]] = {
    "schema": ("Columns, dtypes, missing values and bounds are those of core/tables.", schema_finding),
    "no_duplicates": ("Nothing is there twice that may be there once.", duplicate_finding),
}
"""The checks that every frame has, by name: what is checked, and by what."""

WindowFindings = list[tuple[Window, Finding]]


class StoredFrames:
    """The frames of a run's windows as their files hold them; each file is read once, however many checks use it."""

    def __init__(self, frames: WindowFrames, store: Store, windows: Sequence[Window]) -> None:
        self.windows = windows
        self._frames = frames
        self._store = store
        self._cache: dict[tuple[str, tuple[Window, ...]], StoredGroups] = {}

    def groups(self, table: Table, windows: Sequence[Window]) -> StoredGroups:
        """A table's rows with the windows they belong to, not validated, from files or from the database."""
        key = table.name, tuple(windows)
        if key not in self._cache:
            self._cache[key] = self._read(table, windows)
        return self._cache[key]

    def well_formed(self, table: Table) -> tuple[list[tuple[Window, ColumnArrays]], dict[Window, str]]:
        """A stage's rows of each window, oldest first, and why those of other windows can't be judged."""
        rows_of_windows: list[tuple[Window, ColumnArrays]] = []
        faults: dict[Window, str] = {}
        for windows in self.parts():
            stored = self.groups(table, windows)
            faults |= {window: str(error) for window, error in stored.errors.items()}
            for group_windows, frame in stored.groups:
                problem = next(shape_problems(table, frame), None)
                if problem is not None:
                    faults |= {window: _with_command(f"{table.name}: {problem}", window) for window in group_windows}
                    continue
                by_window = RowsByWindow(frame)
                rows_of_windows += [(window, by_window.columns(window.start)) for window in group_windows]
        return sorted(rows_of_windows, key=_start), faults

    def parts(self) -> list[Sequence[Window]]:
        """The windows before the newest, where there are any, and the newest."""
        earlier, newest = self.windows[:-1], self.windows[-1:]
        return [earlier, newest] if earlier else [newest]

    def _read(self, table: Table, windows: Sequence[Window]) -> StoredGroups:
        if table is SIGNALS:
            # A window's signals are decided at its end; the end of `between` is exclusive.
            signals = self._store.history.between(windows[0].as_of, windows[-1].as_of + timedelta(microseconds=1))
            return StoredGroups([(list(windows), signal_rows(signals))])
        if table is OUTCOMES:
            # An outcome belongs to its signal's window, which is earlier than those of the run.
            newest = self.windows[-1]
            known = self._store.outcomes.known(newest.as_of)[OUTCOMES.names]
            return StoredGroups([([newest], known)] if newest in windows else [])
        return self._frames.as_stored(table, windows)


def _start(rows_of_window: tuple[Window, ColumnArrays]) -> datetime:
    window, _ = rows_of_window
    return window.start


def frame_findings(table: Table, name: str, stored: StoredFrames, windows: Sequence[Window]) -> WindowFindings:
    """Findings of one of `FRAME_CHECKS` about some of the run's windows, oldest window first.

    A finding that holds for all windows is given once, with the newest of them. A file that can't be used is a finding
    of `schema`; another check could not be made of it.
    """
    _, check = FRAME_CHECKS[name]
    read = stored.groups(table, windows)
    findings: WindowFindings = []
    for window, error in read.errors.items():
        finding = not_made(name, str(error))
        if check is schema_finding:
            finding = Finding(name, passed=False, text=str(error), value=1.0, serious=True)
        findings.append((window, finding))
    for group_windows, frame in read.groups:
        findings += _by_window(table, group_windows, frame, check)
    return sorted(findings, key=lambda found: found[0].start)


def _by_window(table: Table, windows: Sequence[Window], frame: pd.DataFrame, check: FrameCheck) -> WindowFindings:
    """One finding for all windows if the frame passes or has the wrong columns; else one for each window."""
    finding = check(table, frame)
    if finding.passed:
        return [(windows[-1], finding)]
    if len(windows) == 1 or any(shape_problems(table, frame)):
        return [(windows[-1], _named(finding, windows[-1]))]
    by_window = RowsByWindow(frame)
    findings = [(window, check(table, by_window.rows(window.start))) for window in windows]
    return [(window, found if found.passed else _named(found, window)) for window, found in findings]


def _named(finding: Finding, window: Window) -> Finding:
    return replace(finding, text=_with_command(finding.text, window))


def _with_command(problem: str, window: Window) -> str:
    return f"{problem}; run `signals run --window {window.key}`"
