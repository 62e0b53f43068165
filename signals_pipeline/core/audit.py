"""What one window made of its inputs, and the first place where two such makings differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from signals_pipeline.core.tables import STAGES, Table

_ABSENT = "absent"


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """Everything that a window made.

    Attributes:
        frames: Its rows of each stage by the stage's name.
        values: What it recorded and told, by name: plain JSON types.
    """

    frames: Mapping[str, pd.DataFrame]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference: where, and the value on either side, each as text."""

    where: str
    expected: str
    found: str

    @property
    def text(self) -> str:
        """One line: `scores AAPL combined: 0.31 became 0.33`."""
        return f"{self.where}: {self.expected} became {self.found}"


def first_difference(expected: Trace, found: Trace) -> Difference | None:
    """The first difference, stages in the order of the flow, then what was recorded; None where all is the same.

    Floats are compared to the last bit, missing values count as equal. What only one side has is not compared.
    """
    return next(_differences(expected, found), None)


def _differences(expected: Trace, found: Trace) -> Iterator[Difference]:
    for name, table in STAGES.items():
        if name in expected.frames and name in found.frames:
            yield from _between_frames(table, expected.frames[name], found.frames[name])
    for name in expected.values:
        if name in found.values:
            yield from _between_values(name, expected.values[name], found.values[name])


def _between_frames(table: Table, expected: pd.DataFrame, found: pd.DataFrame) -> Iterator[Difference]:
    one, other = _keyed(table, expected), _keyed(table, found)
    for key in sorted(one.keys() | other.keys()):
        where = f"{table.name} {' '.join(key)}"
        if key in one and key in other:
            yield from _between_rows(where, one[key], other[key])
        else:
            sides = ("a row", _ABSENT) if key in one else (_ABSENT, "a row")
            yield Difference(where, *sides)


def _between_rows(where: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    for name, value in expected.items():
        if value != found[name] and not (pd.isna(value) and pd.isna(found[name])):
            yield Difference(f"{where} {name}", str(value), str(found[name]))


def _keyed(table: Table, frame: pd.DataFrame) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows by key without the window, which is the same for all."""
    names = [name for name in table.key if name != "window_start"]
    rows: list[dict[str, Any]] = frame.to_dict("records")  # pyright: ignore[reportAssignmentType]
    return {tuple(str(row[name]) for name in names): row for row in rows}


def _between_values(where: str, expected: object, found: object) -> Iterator[Difference]:
    """Differences of two values, from the outside in: objects by name, lists by place."""
    if isinstance(expected, list) and isinstance(found, list):
        expected, found = ({str(at): each for at, each in enumerate(values, 1)} for values in (expected, found))
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name in [*expected, *(name for name in found if name not in expected)]:
            yield from _between_values(f"{where} {name}", expected.get(name, _ABSENT), found.get(name, _ABSENT))
    elif expected != found:
        yield Difference(where, str(expected), str(found))
