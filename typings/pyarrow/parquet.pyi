"""Reading Parquet files by pyarrow."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Self

import pandas as pd
from pyarrow import Schema, Table

class ColumnChunkMetaData:
    dictionary_page_offset: int | None
    data_page_offset: int
    total_compressed_size: int

class RowGroupMetaData:
    total_byte_size: int
    def column(self, i: int) -> ColumnChunkMetaData: ...

class FileMetaData:
    num_rows: int
    num_row_groups: int
    def row_group(self, i: int) -> RowGroupMetaData: ...

class RecordBatch:
    def to_pandas(self) -> pd.DataFrame: ...

class ParquetFile:
    schema_arrow: Schema
    metadata: FileMetaData
    def __init__(
        self,
        source: BinaryIO | Path,
        *,
        read_dictionary: Sequence[str] = (),
        page_checksum_verification: bool = False,
    ) -> None: ...
    def read(self, columns: Sequence[str] | None = None, *, use_threads: bool = True) -> Table: ...
    def iter_batches(self, batch_size: int, columns: Sequence[str]) -> Iterator[RecordBatch]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: object) -> None: ...

def read_table(source: Path) -> Table: ...
def __getattr__(name: str) -> Any: ...  # noqa: ANN401  # what the rest of the tree uses is not described here
