"""Ways in which a stored frame may be damaged: by a crash, a full disk, another program or an operator's hand."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def _rows(path: Path) -> pd.DataFrame:
    return pq.ParquetFile(io.BytesIO(path.read_bytes())).read().to_pandas()


def _write(rows: pd.DataFrame, path: Path) -> None:
    rows.to_parquet(path, index=False)


def _flip_a_bit(path: Path) -> None:
    """In the last value of the column `symbol`."""
    content = bytearray(path.read_bytes())
    file = pq.ParquetFile(io.BytesIO(content))
    chunk = file.metadata.row_group(0).column(file.schema_arrow.names.index("symbol"))
    first = chunk.dictionary_page_offset or chunk.data_page_offset
    content[first + chunk.total_compressed_size - 1] ^= 0b100
    path.write_bytes(bytes(content))


def _put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _move_to_another_window(path: Path) -> None:
    rows = _rows(path)
    _write(rows.assign(window_start=rows["window_start"] + pd.Timedelta(days=1)), path)


def _two_columns_of_one_name(path: Path) -> None:
    rows = pq.ParquetFile(io.BytesIO(path.read_bytes())).read()
    pq.write_table(rows.append_column("symbol", rows["symbol"]), path)


def _nested(path: Path) -> None:
    rows = pq.ParquetFile(io.BytesIO(path.read_bytes())).read()
    lists = pa.array([["A"]] * rows.num_rows, type=pa.list_(pa.string()))
    position = rows.schema.get_field_index("symbol")
    pq.write_table(rows.set_column(position, "symbol", lists), path)


def _no_times(rows: pd.DataFrame) -> pd.Series:
    return pd.Series(pd.NaT, index=rows.index)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-60]),
    "cut to its magic number": lambda path: path.write_bytes(b"PAR1"),
    "overwritten": lambda path: path.write_bytes(b"PAR1" + b"x" * 300 + b"PAR1"),
    "a flipped bit": _flip_a_bit,
    "a column missing": lambda path: _write(_rows(path).drop(columns=["symbol"]), path),
    "no column at all": lambda path: _write(pd.DataFrame({"other": [1]}), path),
    "a column of another type": lambda path: _write(_rows(path).assign(symbol=1.5), path),
    "a nested column": _nested,
    "two columns of one name": _two_columns_of_one_name,
    "rows of another window": _move_to_another_window,
    "window_start missing": lambda path: _write(_rows(path).assign(window_start=_no_times), path),
    "window_start as text": lambda path: _write(_rows(path).assign(window_start="yesterday"), path),
    "rows twice": lambda path: _write(pd.concat([_rows(path)] * 2), path),
    "a folder in its place": _put_a_folder,
    "a link to nowhere": _dangle,
    "a link to itself": _loop,
}
"""What is done to the file at a path, by name; each makes a frame with rows unusable or wrong."""
