"""What signals_pipeline uses of pyarrow, which ships no types."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow import parquet as parquet
from pyarrow import types as types

class ArrowException(Exception): ...  # noqa: N818
class DataType: ...

class Field:
    name: str
    type: DataType

class Schema:
    def equals(self, other: Schema, check_metadata: bool = False) -> bool: ...
    def __iter__(self) -> Iterator[Field]: ...

class ChunkedArray:
    type: DataType
    def cast(self, target_type: DataType) -> ChunkedArray: ...
    def to_numpy(self, *, zero_copy_only: bool) -> NDArray[np.object_]: ...
    def to_pylist(self) -> list[object]: ...

class Table:
    @classmethod
    def from_pandas(cls, df: pd.DataFrame, **options: Any) -> Table: ...  # noqa: ANN401
    column_names: list[str]
    columns: list[ChunkedArray]
    schema: Schema
    def column(self, i: int) -> ChunkedArray: ...
    def set_column(self, i: int, field_: str, column: ChunkedArray) -> Table: ...
    def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401

def string() -> DataType: ...
def __getattr__(name: str) -> Any: ...  # noqa: ANN401  # what the rest of the tree uses is not described here
