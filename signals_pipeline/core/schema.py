"""What a table of columns is: names, dtypes, units or bounds, keys; and how a frame is brought to it or refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]

INSTANT = "datetime64[us, UTC]"
TEXT = "str"
REAL = "float64"
COUNT = "int64"
FLAG = "bool"
ROUNDING = 1e-9
_AS_ARRAY = {TEXT: "object", INSTANT: "datetime64[us]"}
_NO_ROWS = slice(0, 0)


class SchemaError(ValueError):
    """A frame does not have the columns or dtypes of its stage; the message names the first difference."""


@dataclass(frozen=True, slots=True)
class Range:
    """A unit with bounds that every value lies within; it reads like `[-1, 1]`, `(0, 1]` or `price > 0`.

    Attributes:
        low: Least value.
        high: Largest value; None where there is none.
        above: The least value itself is outside.
        unit: What is counted; empty for a plain number.
    """

    low: Fraction | int
    high: int | None = None
    above: bool = False
    unit: str = ""

    def __str__(self) -> str:
        """As readers see it."""
        if self.high is None:
            return f"{self.unit} {'>' if self.above else '>='} {self.low}".strip()
        return f"{self.unit} {'(' if self.above else '['}{self.low}, {self.high}]".strip()

    def outside(self, values: pd.Series) -> pd.Series:
        """Which values lie outside, by more than rounding; a missing one does not."""
        low = float(self.low)
        below = values <= low if self.above else values < low - ROUNDING
        return below if self.high is None else below | (values > self.high + ROUNDING)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A unit with the only values that there are; it reads like `BUY or SELL`."""

    values: tuple[str | float, ...]

    def __str__(self) -> str:
        """As readers see it."""
        said = [each if isinstance(each, str) else f"{each:g}" for each in self.values]
        return f"{', '.join(said[:-1])} or {said[-1]}"

    def outside(self, values: pd.Series) -> pd.Series:
        """Which values are others; a missing one is not."""
        return ~values.isin(self.values) & values.notna()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stage.

    Attributes:
        name: Column name.
        dtype: pandas dtype as a string.
        unit: Unit for readers, with bounds where a check holds the values to them.
        meaning: One sentence.
        nullable: Whether missing values are allowed.
    """

    name: str
    dtype: str
    unit: str | Range | OneOf
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A stage's frame: its name, what one row is, its key and its columns in order."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """A frame with no rows and every column's dtype."""
        return _empty(self).copy()

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with exactly this table's columns, dtypes and order, rows sorted by the key, index reset.

        Raises:
            SchemaError: a column is missing, can't be cast, holds a missing value it must not, or the key repeats.
        """
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise SchemaError(f"{self.name}: column {missing[0]!r} is missing; the stage before must provide it")
        if frame.empty:
            return self.empty()
        cast = {column.name: self._cast(frame[column.name], column) for column in self.columns}
        result = pd.DataFrame(cast).reset_index(drop=True)
        if self._in_order(result):
            return result
        result = result.sort_values(list(self.key), kind="stable", ignore_index=True)
        repeated = result.duplicated(list(self.key))
        if repeated.any():
            first = {name: str(result[name].to_numpy()[repeated.to_numpy().argmax()]) for name in self.key}
            raise SchemaError(f"{self.name}: two rows have the key {first}")
        return result

    def _in_order(self, frame: pd.DataFrame) -> bool:
        """Whether each row's key is larger than the one before: sorting a year's rows takes a hundred times as long."""
        same, larger = np.ones(len(frame) - 1, dtype=bool), np.zeros(len(frame) - 1, dtype=bool)
        for name in self.key:
            one, other = frame[name].array[:-1], frame[name].array[1:]
            larger |= same & np.asarray(one < other, dtype=bool)
            same &= np.asarray(one == other, dtype=bool)
        return bool(larger.all())

    def _cast(self, series: pd.Series, column: Column) -> pd.Series:
        try:
            result = series.astype(column.dtype)  # pyright: ignore[reportCallIssue, reportArgumentType]
        except (TypeError, ValueError) as error:
            raise SchemaError(f"{self.name}.{column.name}: not {column.dtype}: {error}") from error
        if not column.nullable and result.isna().any():
            raise SchemaError(f"{self.name}.{column.name}: {int(result.isna().sum())} missing values in a full column")
        return result


@cache
def _empty(table: Table) -> pd.DataFrame:
    return pd.DataFrame({column.name: pd.Series([], dtype=column.dtype) for column in table.columns})


def concat(table: Table, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Several windows' frames of one stage as one, in the table's dtypes (an empty frame where there is none)."""
    filled = [frame for frame in frames if not frame.empty]
    return table.conform(pd.concat(filled, ignore_index=True)) if filled else table.empty()


class ByWindow:
    """A frame's rows by window, in their order: slices, where grouping would copy every column.

    Args:
        frame: A stage's rows, with `window_start`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        if not frame["window_start"].is_monotonic_increasing:
            frame = frame.sort_values("window_start", kind="stable")
        starts = frame["window_start"]
        distinct = starts.unique()
        ends = [*starts.searchsorted(distinct).tolist(), len(frame)]
        self._frame = frame
        self._at = {start: slice(*ends[at : at + 2]) for at, start in enumerate(distinct)}

    def rows(self, start: datetime) -> pd.DataFrame:
        """The rows of the window that starts then, which may be none."""
        return self._frame.iloc[self._of(start)]

    def between(self, first: datetime, last: datetime) -> pd.DataFrame:
        """The rows of the windows that start from the first to the last."""
        starts = self._frame["window_start"]
        return self._frame.iloc[
            starts.searchsorted(pd.Timestamp(first)) : starts.searchsorted(pd.Timestamp(last), side="right")
        ]

    def columns(self, start: datetime) -> Columns:
        """The same rows as `columns_of` has them: a hundredth of what a frame of a few rows costs."""
        of = self._of(start)
        return {name: values[of] for name, values in self._columns.items()}

    @cached_property
    def _columns(self) -> Columns:
        return columns_of(self._frame)

    def _of(self, start: datetime) -> slice:
        return self._at.get(pd.Timestamp(start), _NO_ROWS)


def among(values: pd.Series | pd.Index, wanted: pd.Series | pd.Index) -> NDArray[np.bool_]:
    """Which of these texts (n,) are among the others: what `isin` says, which over a year's rows takes a second."""
    found = {*wanted.tolist()}
    return np.array([each in found for each in values.tolist()], dtype=np.bool_)


def columns_of(frame: pd.DataFrame) -> Columns:
    """A stage's columns as arrays (n,): text as Python's own, instants as `datetime64[us]` in UTC."""
    return {name: frame[name].to_numpy(_AS_ARRAY.get(str(frame[name].dtype))) for name in frame.columns}
