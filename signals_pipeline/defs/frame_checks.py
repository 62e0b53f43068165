"""Checks of the frames themselves, as they are stored: schema and duplicates of every stage."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

import pandas as pd

from signals_pipeline.core.frame_health import duplicate_finding, schema_finding, shape_problems, signal_rows
from signals_pipeline.core.health import Finding
from signals_pipeline.core.tables import OUTCOMES, SIGNALS, STAGES, Table, by_window
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.resources import Store

FRAMES: Mapping[str, Table] = {**STAGES, SIGNALS.name: SIGNALS, OUTCOMES.name: OUTCOMES}
MEANINGS = {
    "schema": "Columns, dtypes, missing values and bounds are those of core/tables.",
    "no_duplicates": "Nothing is there twice that may be there once.",
}

Found = list[tuple[Window, Finding]]


def found_in(
    frames: WindowFrames, store: Store, windows: Sequence[Window], assets: Collection[str]
) -> dict[str, Found]:
    """What is to be said of the frames of these assets, for each window that has something of its own to say."""
    return {name: _found(table, frames, store, windows) for name, table in FRAMES.items() if name in assets}


def _found(table: Table, frames: WindowFrames, store: Store, windows: Sequence[Window]) -> Found:
    found: Found = []
    for of, frame in _stored(table, frames, store, windows):
        found += _placed(table, of, frame, schema_finding)
        found += _placed(table, of, frame, duplicate_finding)
    return found


def _stored(
    table: Table, frames: WindowFrames, store: Store, windows: Sequence[Window]
) -> list[tuple[list[Window], pd.DataFrame]]:
    if table is SIGNALS:  # a window's signals are decided at its end
        first, last = windows[0].as_of, windows[-1].as_of + timedelta(microseconds=1)
        return [(list(windows), signal_rows(store.history.between(first, last)))]
    if table is OUTCOMES:  # an outcome belongs to the window of its signal, which is an earlier one
        return [([windows[-1]], store.outcomes.known(windows[-1].as_of))]
    return frames.as_stored(table, windows)


def _placed(
    table: Table, windows: Sequence[Window], frame: pd.DataFrame, judge: Callable[[Table, pd.DataFrame], Finding]
) -> Found:
    """One finding of all where all is well or all have the same wrong; else that of each window."""
    whole = judge(table, frame)
    if whole.passed or len(windows) == 1 or any(shape_problems(table, frame)):
        return [(windows[-1], whole)]
    rows_of = by_window(frame)
    return [(window, judge(table, rows_of.get(pd.Timestamp(window.start), frame.iloc[:0]))) for window in windows]
