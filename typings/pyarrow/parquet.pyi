"""Reading Parquet files by pyarrow."""

from pathlib import Path
from typing import Any

from pyarrow import Table

def read_table(source: Path) -> Table: ...
def __getattr__(name: str) -> Any: ...  # noqa: ANN401  # what the rest of the tree uses is not described here
