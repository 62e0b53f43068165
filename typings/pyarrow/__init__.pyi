"""What signals_pipeline uses of pyarrow, which ships no types."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow import parquet as parquet
from pyarrow import types as types

class ArrowException(Exception): ...  # noqa: N818

class DataType:
    value_type: DataType  # of lists and dictionaries

class Field:
    name: str
    type: DataType

class Schema:
    @classmethod
    def from_pandas(cls, df: pd.DataFrame, *, preserve_index: bool) -> Schema: ...
    def equals(self, other: Schema, check_metadata: bool = False) -> bool: ...
    def __iter__(self) -> Iterator[Field]: ...
    names: list[str]
    def field(self, i: str) -> Field: ...
    def get_field_index(self, name: str) -> int: ...

class Array:
    def cast(self, target_type: DataType) -> Array: ...
    def fill_null(self, fill_value: int) -> Array: ...
    def to_numpy(self, *, zero_copy_only: bool = True) -> NDArray[Any]: ...

class DictionaryArray:
    @classmethod
    def from_arrays(cls, indices: Array, dictionary: list[str]) -> DictionaryArray: ...
    dictionary: Array
    indices: Array

class ChunkedArray:
    type: DataType
    chunks: list[DictionaryArray]  # of a column of texts that is read as a dictionary
    def cast(self, target_type: DataType) -> ChunkedArray: ...
    def to_numpy(self, *, zero_copy_only: bool) -> NDArray[np.object_]: ...
    def to_pylist(self) -> list[object]: ...

class Table:
    @classmethod
    def from_pandas(cls, df: pd.DataFrame, **options: Any) -> Table: ...  # noqa: ANN401
    @classmethod
    def from_pylist(cls, mapping: Sequence[Mapping[str, object]], schema: Schema) -> Table: ...
    column_names: list[str]
    columns: list[ChunkedArray]
    schema: Schema
    def __getitem__(self, key: str) -> ChunkedArray: ...
    def column(self, i: int | str) -> ChunkedArray: ...
    def set_column(self, i: int, field_: str, column: ChunkedArray | Array) -> Table: ...
    def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401

def string() -> DataType: ...
def large_binary() -> DataType: ...
def int64() -> DataType: ...
def __getattr__(name: str) -> Any: ...  # noqa: ANN401  # what the rest of the tree uses is not described here
