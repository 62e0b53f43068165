"""Checks that every stage has: schema and duplicates of its rows, as they are stored."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import pandas as pd

from signals_pipeline.adapters.progress import counted
from signals_pipeline.core.checks.data_quality import (
    Finding,
    duplicate_finding,
    schema_finding,
    shape_problems,
    signal_rows,
)
from signals_pipeline.core.tables import OUTCOMES, SIGNALS, STAGES, ColumnArrays, RowsByWindow, Table
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.resources import Store

FRAMES: Mapping[str, Table] = {**STAGES, SIGNALS.name: SIGNALS, OUTCOMES.name: OUTCOMES}
FRAME_CHECKS = {
    "schema": "Columns, dtypes, missing values and bounds are those of core/tables.",
    "no_duplicates": "Nothing is there twice that may be there once.",
}
"""Descriptions of the checks that every frame has, by name."""

WindowFindings = list[tuple[Window, Finding]]


class StoredFrames:
    """The frames of a run's windows as their files hold them; each file is read once, however many checks use it."""

    def __init__(self, frames: WindowFrames, windows: Sequence[Window]) -> None:
        self.windows = windows
        self._frames = frames
        self._cache: dict[str, list[tuple[list[Window], pd.DataFrame]]] = {}

    def groups(self, table: Table) -> list[tuple[list[Window], pd.DataFrame]]:
        """A stage's frames, not validated; windows whose files have the same columns and dtypes share one frame.

        Windows that were never run are left out.

        Raises:
            Failure: a file is damaged.
        """
        if table.name not in self._cache:
            self._cache[table.name] = self._frames.as_stored(table, self.windows)
        return self._cache[table.name]

    def well_formed(self, table: Table) -> list[tuple[Window, ColumnArrays]]:
        """A stage's rows of each window, oldest first, without those whose file lacks the stage's columns."""
        rows_of_windows: list[tuple[Window, ColumnArrays]] = []
        for windows, frame in self.groups(table):
            if any(shape_problems(table, frame)):
                continue
            by_window = RowsByWindow(frame)
            rows_of_windows += [(window, by_window.columns(window.start)) for window in windows]
        return sorted(rows_of_windows, key=_start)


def _start(rows_of_window: tuple[Window, ColumnArrays]) -> datetime:
    window, _ = rows_of_window
    return window.start


def frame_findings(stored: StoredFrames, store: Store, assets: Collection[str]) -> dict[str, WindowFindings]:
    """Findings of `FRAME_CHECKS` by asset, oldest window first.

    A finding that holds for all windows is given once, with the newest of them.
    """
    names = [name for name in FRAMES if name in assets]
    findings: dict[str, WindowFindings] = {}
    for name in counted(names, "frames"):
        findings[name] = _table_findings(FRAMES[name], stored, store)
    return findings


def _table_findings(table: Table, stored: StoredFrames, store: Store) -> WindowFindings:
    findings: WindowFindings = []
    for windows, frame in _frames(table, stored, store):
        findings += _by_window(table, windows, frame, schema_finding)
        findings += _by_window(table, windows, frame, duplicate_finding)
    return findings


def _frames(table: Table, stored: StoredFrames, store: Store) -> list[tuple[list[Window], pd.DataFrame]]:
    """A table's rows with the windows they belong to, from the database or from files."""
    windows = stored.windows
    newest = windows[-1]
    if table is SIGNALS:
        # A window's signals are decided at its end; the end of `between` is exclusive.
        signals = store.history.between(windows[0].as_of, newest.as_of + timedelta(microseconds=1))
        return [(list(windows), signal_rows(signals))]
    if table is OUTCOMES:
        # An outcome belongs to its signal's window, which is earlier than those of the run.
        return [([newest], store.outcomes.known(newest.as_of)[OUTCOMES.names])]
    return stored.groups(table)


def _by_window(
    table: Table,
    windows: Sequence[Window],
    frame: pd.DataFrame,
    check: Callable[[Table, pd.DataFrame], Finding],
) -> WindowFindings:
    """One finding for all windows if the frame passes or has the wrong columns; else one for each window."""
    finding = check(table, frame)
    if finding.passed or len(windows) == 1 or any(shape_problems(table, frame)):
        return [(windows[-1], finding)]
    by_window = RowsByWindow(frame)
    return [(window, check(table, by_window.rows(window.start))) for window in windows]
