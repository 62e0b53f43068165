"""Checks of the frames themselves, as they are stored: schema and duplicates of every stage."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

import pandas as pd

from signals_pipeline.adapters.progress import counted
from signals_pipeline.core.checks.data_quality import (
    Finding,
    duplicate_finding,
    schema_finding,
    shape_problems,
    signal_rows,
)
from signals_pipeline.core.tables import OUTCOMES, SIGNALS, STAGES, ByWindow, Columns, Table
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.resources import Store

FRAMES: Mapping[str, Table] = {**STAGES, SIGNALS.name: SIGNALS, OUTCOMES.name: OUTCOMES}
MEANINGS = {
    "schema": "Columns, dtypes, missing values and bounds are those of core/tables.",
    "no_duplicates": "Nothing is there twice that may be there once.",
}

Found = list[tuple[Window, Finding]]


class Stored:
    """The frames of a run's windows as their files hold them; each file is read once, whoever looks at it."""

    def __init__(self, frames: WindowFrames, windows: Sequence[Window]) -> None:
        self._frames, self.windows = frames, windows
        self._read: dict[str, list[tuple[list[Window], pd.DataFrame]]] = {}

    def of(self, table: Table) -> list[tuple[list[Window], pd.DataFrame]]:
        """A stage's frames, unjudged: windows whose files have the same columns and dtypes together.

        Raises:
            Failure: a file is damaged; a window that was never run is left out.
        """
        if table.name not in self._read:
            self._read[table.name] = self._frames.as_stored(table, self.windows)
        return self._read[table.name]

    def sound(self, table: Table) -> list[tuple[Window, Columns]]:
        """A stage's rows of each window, oldest first, but for those whose file has not the stage's columns."""
        held: list[tuple[Window, Columns]] = []
        for windows, frame in self.of(table):
            if not any(shape_problems(table, frame)):
                rows_of = ByWindow(frame)
                held += [(each, rows_of.columns(each.start)) for each in windows]
        return sorted(held, key=lambda each: each[0].start)


def found_in(stored: Stored, store: Store, assets: Collection[str]) -> dict[str, Found]:
    """What is to be said of the frames of these assets, for each window that has something of its own to say."""
    asked = [name for name in FRAMES if name in assets]
    return {name: _found(FRAMES[name], stored, store) for name in counted(asked, "frames")}


def _found(table: Table, stored: Stored, store: Store) -> Found:
    found: Found = []
    for of, frame in _stored(table, stored, store):
        found += _placed(table, of, frame, schema_finding)
        found += _placed(table, of, frame, duplicate_finding)
    return found


def _stored(table: Table, stored: Stored, store: Store) -> list[tuple[list[Window], pd.DataFrame]]:
    windows = stored.windows
    if table is SIGNALS:  # a window's signals are decided at its end
        first, last = windows[0].as_of, windows[-1].as_of + timedelta(microseconds=1)
        return [(list(windows), signal_rows(store.history.between(first, last)))]
    if table is OUTCOMES:  # an outcome belongs to the window of its signal, which is an earlier one
        return [([windows[-1]], store.outcomes.known(windows[-1].as_of))]
    return stored.of(table)


def _placed(
    table: Table, windows: Sequence[Window], frame: pd.DataFrame, judge: Callable[[Table, pd.DataFrame], Finding]
) -> Found:
    """One finding of all where all is well or all have the same wrong; else that of each window."""
    whole = judge(table, frame)
    if whole.passed or len(windows) == 1 or any(shape_problems(table, frame)):
        return [(windows[-1], whole)]
    rows_of = ByWindow(frame)
    return [(window, judge(table, rows_of.rows(window.start))) for window in windows]
