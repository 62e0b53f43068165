"""Findings on a stage's frame as it is stored: is it what `tables` says, and is anything in it twice.

Either is serious: what is made of a broken frame, a reader would be told wrongly.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import pandas as pd

from signals_pipeline.core.health import Finding
from signals_pipeline.core.signals import Signal
from signals_pipeline.core.tables import INSTANT, REAL, SIGNALS, Column, Table

# What may be there once; elsewhere the table's key. A headline counts once for a company, whenever it became known.
ONCE: dict[str, tuple[str, ...]] = dict.fromkeys(("headlines", "sentiment"), ("window_start", "symbol", "headline_id"))
SHOWN = 5


def schema_finding(table: Table, frame: pd.DataFrame) -> Finding:
    """Whether a frame has its stage's columns, dtypes and no missing value too many, all values within their bounds.

    Args:
        table: The stage's table.
        frame: As it was stored, in any number of rows.
    """
    problems = [*shape_problems(table, frame)] or [*_value_problems(table, frame)]
    said = f"{len(frame)} rows with {len(table.columns)} columns as they must be"
    return _finding("schema", problems, said, f"materialise {table.name} again")


def duplicate_finding(table: Table, frame: pd.DataFrame) -> Finding:
    """Whether anything is in a frame twice that may be there once.

    Args:
        table: The stage's table.
        frame: As it was stored; one without the columns that tell is left to `schema_finding`.
    """
    once = list(ONCE.get(table.name, table.key))
    problems = []
    if set(once) <= set(frame.columns):
        rows = frame.loc[frame.duplicated(once), once]
        problems = [f"twice: {' '.join(str(value) for value in row)}" for row in rows.itertuples(index=False)]
    said = f"{len(frame)} rows, each {', '.join(once)} once"
    return _finding("no_duplicates", problems, said, f"materialise {table.name} again")


def signal_rows(told: Sequence[Signal]) -> pd.DataFrame:
    """Signals as a frame with the columns of SIGNALS, nothing brought into order."""
    rows = [
        asdict(each.candidate)
        | {"lifecycle": each.lifecycle, "decided_at": each.decided_at, "expires_at": each.expires_at}
        for each in told
    ]
    if not rows:
        return SIGNALS.empty()
    frame = pd.DataFrame(rows)[SIGNALS.names]
    instants = {column.name: column.dtype for column in SIGNALS.columns if column.dtype == INSTANT}
    return frame.astype(instants | {"technical": REAL})  # made of datetimes and of None


def shape_problems(table: Table, frame: pd.DataFrame) -> Iterator[str]:
    """What is wrong with the columns and dtypes of a frame, one line each."""
    names = [str(name) for name in frame.columns]
    missing = [name for name in table.names if name not in names]
    further = [name for name in names if name not in table.names]
    if missing:
        yield f"without {', '.join(missing)}"
    if further:
        yield f"with {', '.join(further)}, which no stage has"
    for column in table.columns:
        if column.name in names and (found := str(frame[column.name].dtype)) != column.dtype:
            yield f"{column.name} is {found}, not {column.dtype}"


def _value_problems(table: Table, frame: pd.DataFrame) -> Iterator[str]:
    for column in table.columns:
        values = frame[column.name]
        if not column.nullable and (count := int(values.isna().sum())):
            yield f"{column.name}: {count} missing"
        yield from _outside(column, values)


def _outside(column: Column, values: pd.Series) -> Iterator[str]:
    if isinstance(column.unit, str):
        return
    outside = column.unit.outside(values)
    if outside.any():
        yield f"{column.name}: {int(outside.sum())} outside {column.unit}, such as {values[outside].iloc[0]}"


def _finding(check: str, problems: Sequence[str], well: str, remedy: str) -> Finding:
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    text = f"{'; '.join(problems[:SHOWN])}{more}; {remedy}" if problems else well
    return Finding(check, not problems, text, float(len(problems)), serious=bool(problems))
