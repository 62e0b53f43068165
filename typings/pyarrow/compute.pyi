"""Computations of pyarrow on columns."""

from typing import Any

from pyarrow import ChunkedArray

def equal(x: ChunkedArray, y: object) -> ChunkedArray: ...
def all(array: ChunkedArray, *, skip_nulls: bool) -> Any: ...  # noqa: A001, ANN401
def __getattr__(name: str) -> Any: ...  # noqa: ANN401  # what the rest of the tree uses is not described here
