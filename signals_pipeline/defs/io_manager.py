"""Frames as files: one Parquet file per stage and window, written and read a range at a time."""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import PrivateAttr
from upath import UPath

from signals_pipeline.adapters.atomic_write import write_bytes
from signals_pipeline.core.chunks import chunked
from signals_pipeline.core.tables import STAGES, ColumnArrays, RowsByWindow, SchemaError, Table
from signals_pipeline.core.windows import Window, window_for_key

_THREADS = 4  # files of a range that are read or written at once
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class WindowFrames(dg.ConfigurableIOManager):
    """Keeps frames under `base`/<stage>/<window>.parquet, on any file system that fsspec knows.

    A run over many windows outputs one frame. It is split by `window_start`, so that a backfill of hundreds of windows
    writes the same bytes as a run per window. Every frame is converted to its stage's schema before anything is
    written. Later stages of the run get it from memory.
    """

    base: str
    _written: dict[str, tuple[tuple[str, ...], pd.DataFrame]] = PrivateAttr(default_factory=dict)

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Write one file per window of the run, with an empty frame for a window without rows.

        Raises:
            SchemaError: the frame does not conform to its stage's schema, or has rows of windows that are not in the
                run; nothing is written.
        """
        table = STAGES[context.asset_key.path[-1]]
        frame = table.conform(obj)
        keys = tuple(context.asset_partition_keys)
        starts = [pd.Timestamp(window_for_key(key).start) for key in keys]
        stray = frame[~frame["window_start"].isin(starts)]
        if len(stray):
            raise SchemaError(f"{table.name}: {len(stray)} rows of windows that are not in the run; leave them out")

        # The schema sorts rows by window, so each window's rows are one slice.
        rows = pa.Table.from_pandas(frame, preserve_index=False)
        firsts = frame["window_start"].searchsorted(starts, side="left")
        ends = frame["window_start"].searchsorted(starts, side="right")
        slices: dict[str, pa.Table] = {}
        for key, first, end in zip(keys, firsts, ends, strict=True):
            slices[key] = rows.slice(first, end - first)

        folder = self._folder(table)
        _map_in_threads(lambda key: _write(folder / _file_name(key), slices[key]), keys)
        self._written[table.name] = keys, frame
        context.add_output_metadata({"path": str(folder)})

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """One frame with the rows of all windows of the run.

        Raises:
            Failure: a window's file is missing or damaged; the message says which asset and window to materialise.
        """
        table = STAGES[context.asset_key.path[-1]]
        keys = tuple(context.asset_partition_keys)
        written_keys, frame = self._written.get(table.name, ((), None))
        if frame is not None and written_keys == keys:
            return frame.copy(deep=False)
        return self.read(table, *keys)

    def read(self, table: Table, *keys: str) -> pd.DataFrame:
        """A stage's rows of these windows, as one frame.

        Raises:
            Failure: as in `load_input`.
        """
        filled = [rows for rows in self._tables(table, keys) if rows.num_rows]
        if not filled:
            return table.empty()
        # Files of an earlier schema may lack a column; the error of `conform` names it and says what to run again.
        return table.conform(pa.concat_tables(filled, promote_options="default").to_pandas())

    def columns(self, table: Table, keys: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
        """Some columns of a stage over many windows, in the order of the keys; the others are not read.

        Raises:
            Failure: as in `load_input`.
        """
        tables = self._tables(table, keys, names)
        if not tables:
            tables = [pa.Table.from_pandas(table.empty()[list(names)])]
        return pa.concat_tables(tables).to_pandas()

    def as_stored(self, table: Table, windows: Sequence[Window]) -> list[tuple[list[Window], pd.DataFrame]]:
        """Frames as their files hold them, not validated.

        Windows that were never run are left out.

        Returns:
            Groups of windows whose files have the same columns and dtypes, each with the rows of its windows.

        Raises:
            Failure: a window's file is damaged, as in `load_input`.
        """
        groups: list[tuple[list[Window], list[pa.Table]]] = []
        existing = self._existing(table, windows)
        tables = self._tables(table, [window.key for window in existing])
        for window, rows in zip(existing, tables, strict=True):
            for group_windows, group_tables in groups:
                if group_tables[0].schema.equals(rows.schema):
                    group_windows.append(window)
                    group_tables.append(rows)
                    break
            else:
                groups.append(([window], [rows]))
        return [(group_windows, pa.concat_tables(group_tables).to_pandas()) for group_windows, group_tables in groups]

    def existing(
        self, table: Table, windows: Sequence[Window], names: Sequence[str]
    ) -> list[tuple[Window, ColumnArrays]]:
        """Some columns of a stage, `window_start` among them, of each of the windows that was ever run."""
        existing = self._existing(table, windows)
        frame = self.columns(table, [window.key for window in existing], names)
        by_window = RowsByWindow(frame)
        return [(window, by_window.columns(window.start)) for window in existing]

    def _existing(self, table: Table, windows: Sequence[Window]) -> list[Window]:
        folder = self._folder(table)
        return [window for window in windows if (folder / _file_name(window.key)).exists()]

    def _tables(self, table: Table, keys: Sequence[str], names: Sequence[str] | None = None) -> list[pa.Table]:
        folder = self._folder(table)

        def read(key: str) -> pa.Table:
            path = folder / _file_name(key)
            if not path.exists():
                raise dg.Failure(f"{table.name} of window {key} is missing at {path}: materialise {table.name} for it")
            try:
                # Not `read_table`: it looks for a partitioned data set first, which takes longer than reading a file.
                return pq.ParquetFile(io.BytesIO(path.read_bytes())).read(columns=names, use_threads=False)
            except pa.ArrowInvalid as error:
                raise dg.Failure(
                    f"{table.name} of window {key} is damaged at {path}: materialise {table.name} for it"
                ) from error

        return _map_in_threads(read, keys)

    def _folder(self, table: Table) -> UPath:
        return UPath(self.base) / table.name


def _map_in_threads(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Results in the order of the items, several of them computed at once."""
    if len(items) < 2:
        return [function(item) for item in items]

    # A chunk per thread: a task per file would take longer to hand over than the file to read.
    chunks = chunked(items, -(-len(items) // _THREADS))
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="frames") as threads:
        results_of_chunks = threads.map(lambda chunk: [function(item) for item in chunk], chunks)
        return [result for results in results_of_chunks for result in results]


def _file_name(key: str) -> str:
    return f"{key.replace(':', '')}.parquet"


def _write(path: UPath, rows: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd")
    if path.protocol not in ("", "file"):
        path.write_bytes(buffer.getvalue())  # an object store shows a key only when it is complete
        return

    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(Path(path.path), buffer.getvalue())
