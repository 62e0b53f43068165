"""Frames as files: one Parquet file per stage and window, written and read a range at a time.

A file that can't be used is one `FrameError`: which file, what is wrong, and the command that makes it anew.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import PrivateAttr
from upath import UPath

from signals_pipeline.adapters.atomic_write import replace_file, sync_folder
from signals_pipeline.core.chunks import chunked
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.tables import STAGES, ColumnArrays, RowsByWindow, SchemaError, Table
from signals_pipeline.core.windows import Window, window_for_key

_THREADS = 4  # files of a range that are read or written at once
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class FrameError(SignalsError, ValueError):
    """A window's frame can't be used; the message is one line that ends with the command that makes it anew.

    Attributes:
        stage: Name of the frame's table.
        window_key: Key of its window.
        fault: What is wrong, and where the file is.
        before: What to do before the command; empty where nothing stands in its way.
        missing: Whether there is no file at all.
    """

    def __init__(self, stage: str, window_key: str, fault: str, *, before: str = "", missing: bool = False) -> None:
        super().__init__(f"{stage} of window {window_key} {fault}: {before}run `signals run --window {window_key}`")
        self.stage = stage
        self.window_key = window_key
        self.fault = fault
        self.before = before
        self.missing = missing

    def among(self, count: int) -> "FrameError":
        """The same error where it is the first of several."""
        if count == 1:
            return self
        fault = f"{self.fault} (the first of {count} such frames)"
        return FrameError(self.stage, self.window_key, fault, before=self.before, missing=self.missing)


@dataclass(frozen=True, slots=True)
class StoredGroups:
    """Frames of several windows as their files hold them.

    Attributes:
        groups: Windows whose files have the same columns and dtypes, oldest first, with their rows in one frame.
        errors: What is wrong with the files of the other windows, a missing file included.
    """

    groups: list[tuple[list[Window], pd.DataFrame]] = field(default_factory=list)
    errors: dict[Window, FrameError] = field(default_factory=dict)


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
        is_local = folder.protocol in ("", "file")
        if is_local:
            folder.mkdir(parents=True, exist_ok=True)
        _map_in_threads(lambda key: _write(folder / _file_name(key), slices[key]), keys)
        if is_local:
            # Once for all windows: the content of each file is on the disk already.
            sync_folder(Path(folder.path))
        self._written[table.name] = keys, frame
        context.add_output_metadata({"path": str(folder)})

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """One frame with the rows of all windows of the run.

        Raises:
            FrameError: a window's file is missing or can't be used.
        """
        table = STAGES[context.asset_key.path[-1]]
        keys = tuple(context.asset_partition_keys)
        written_keys, frame = self._written.get(table.name, ((), None))
        if frame is not None and written_keys == keys:
            return frame.copy(deep=False)
        return self.read(table, *keys)

    def read(self, table: Table, *keys: str) -> pd.DataFrame:
        """A stage's rows of these windows, as one frame; columns that a newer release added are left out.

        Raises:
            FrameError: as in `load_input`, or a file of an earlier release lacks a column.
        """
        tables = self._tables(table, keys, table.names)
        filled = [rows for rows in tables if rows.num_rows]
        if not filled:
            return table.empty()
        try:
            return table.conform(pa.concat_tables(filled).to_pandas())
        except SchemaError:
            # One by one, to name the window.
            for key, rows in zip(keys, tables, strict=True):
                _require_conforming(table, key, rows)
            raise

    def columns(self, table: Table, keys: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
        """Some columns of a stage over many windows, in the order of the keys; the others are not read.

        Raises:
            FrameError: as in `read`.
        """
        tables = self._tables(table, keys, names)
        if not tables:
            tables = [pa.Table.from_pandas(table.empty()[list(names)])]
        return pa.concat_tables(tables).to_pandas()

    def as_stored(self, table: Table, windows: Sequence[Window]) -> StoredGroups:
        """Frames as their files hold them: whatever columns and dtypes, and values that nobody checked."""
        stored = StoredGroups()
        groups: list[tuple[list[Window], list[pa.Table]]] = []
        results = self._read_all(table, [window.key for window in windows], None)
        for window, rows in zip(windows, results, strict=True):
            if isinstance(rows, FrameError):
                stored.errors[window] = rows
                continue
            for group_windows, group_tables in groups:
                if group_tables[0].schema.equals(rows.schema):
                    group_windows.append(window)
                    group_tables.append(rows)
                    break
            else:
                groups.append(([window], [rows]))
        for group_windows, group_tables in groups:
            try:
                stored.groups.append((group_windows, pa.concat_tables(group_tables).to_pandas()))
            except (pa.ArrowException, ValueError, TypeError):
                # Never with the types of a stage: all files of the group have others, which pandas has none for.
                for window in group_windows:
                    stored.errors[window] = FrameError(table.name, window.key, "has types that can't be read")
        return stored

    def existing(
        self, table: Table, windows: Sequence[Window], names: Sequence[str]
    ) -> tuple[list[tuple[Window, ColumnArrays]], list[FrameError]]:
        """Some columns of a stage, `window_start` among them, of each window that was ever run.

        Returns:
            The columns by window, and what is wrong with the files that can't be used.
        """
        readable: list[tuple[Window, pa.Table]] = []
        errors: list[FrameError] = []
        results = self._read_all(table, [window.key for window in windows], names)
        for window, rows in zip(windows, results, strict=True):
            if not isinstance(rows, FrameError):
                readable.append((window, rows))
            elif not rows.missing:
                errors.append(rows)
        if not readable:
            return [], errors
        by_window = RowsByWindow(pa.concat_tables([rows for _, rows in readable]).to_pandas())
        return [(window, by_window.columns(window.start)) for window, _ in readable], errors

    def _tables(self, table: Table, keys: Sequence[str], names: Sequence[str]) -> list[pa.Table]:
        """Columns of a stage, one table per window, all with the types of the stage.

        Raises:
            FrameError: any of the files can't be used; the message is about the first of them.
        """
        tables: list[pa.Table] = []
        errors: list[FrameError] = []
        for result in self._read_all(table, keys, names):
            if isinstance(result, FrameError):
                errors.append(result)
            else:
                tables.append(result)
        if errors:
            raise errors[0].among(len(errors)) from errors[0].__cause__
        return tables

    def _read_all(
        self, table: Table, keys: Sequence[str], names: Sequence[str] | None
    ) -> "list[pa.Table | FrameError]":
        """For each window its rows, or what is wrong with its file; see `_read_rows`."""
        folder = self._folder(table)

        def read(key: str) -> "pa.Table | FrameError":
            try:
                return _read_rows(folder / _file_name(key), table, key, names)
            except FrameError as error:
                return error

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
    """Write one window's rows; on a local disk `sync_folder` must follow the last file of a folder."""
    buffer = io.BytesIO()
    # Without a checksum per page, a flipped bit in a number would be read as another number.
    pq.write_table(rows, buffer, compression="zstd", write_page_checksum=True)
    if path.protocol in ("", "file"):
        replace_file(Path(path.path), buffer.getvalue())
    else:
        path.write_bytes(buffer.getvalue())  # an object store shows a key only when it is complete


def _read_rows(path: UPath, table: Table, key: str, names: Sequence[str] | None) -> pa.Table:
    """The rows of one window's file.

    Args:
        path: The file.
        table: Its stage.
        key: Its window.
        names: Columns to read, which then have the types of the stage; None: all that the file has, as they are.

    Raises:
        FrameError: there is no file, it can't be read or is damaged, it lacks a column or has another type there, or
            it has rows of other windows.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FrameError(table.name, key, f"is missing at {path}", missing=True) from error
    except OSError as error:
        fault = f"can't be read at {path} ({error.strerror or error})"
        raise FrameError(table.name, key, fault, before="make it readable or move it away, then ") from error

    try:
        # Not `read_table`: it looks for a partitioned data set first, which takes longer than reading a file.
        file = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True)
        present = file.schema_arrow.names
        rows = file.read(columns=None if names is None else list(names), use_threads=False)
        # Damaged offsets or texts would raise later, or crash, wherever they are used.
        rows.validate(full=True)
        # What pandas noted beside the columns must not decide how they are read.
        rows = rows.replace_schema_metadata()
    except Exception as error:
        # Only bytes in memory were read: whatever the library raises, they are at fault.
        size = "0 bytes" if not content else f"{len(content):,} bytes that are no whole Parquet file"
        raise FrameError(table.name, key, f"is damaged at {path} ({size})") from error

    repeated = [name for position, name in enumerate(present) if name in present[:position]]
    if repeated:
        raise FrameError(table.name, key, f"has two columns {repeated[0]} at {path}")
    if names is not None:
        missing = [name for name in names if name not in present]
        if missing:
            raise FrameError(table.name, key, f"has no column {missing[0]} at {path}")
        rows = _with_declared_types(rows.select(list(names)), table, key, path)
    if not _only_of(window_for_key(key), rows):
        raise FrameError(table.name, key, f"has rows of other windows at {path}")
    return rows


def _require_conforming(table: Table, key: str, rows: pa.Table) -> None:
    """Refuse rows of one window with values that its stage does not allow.

    Raises:
        FrameError: a required value is missing, or a key repeats.
    """
    try:
        table.conform(rows.to_pandas())
    except SchemaError as error:
        raise FrameError(table.name, key, f"is not as it was written ({error})") from error


def _with_declared_types(rows: pa.Table, table: Table, key: str, path: UPath) -> pa.Table:
    """The rows with exactly the Arrow types of the stage.

    Raises:
        FrameError: a column has another type.
    """
    declared = _arrow_types(table)
    for name in rows.schema.names:
        found, expected = rows.schema.field(name).type, declared[name]
        # Other writers use the smaller of two types of text.
        is_text = pa.types.is_string(found) and pa.types.is_large_string(expected)
        if found != expected and not is_text:
            raise FrameError(table.name, key, f"has {found} instead of {expected} in column {name} at {path}")
    return rows.cast(pa.schema([(name, declared[name]) for name in rows.schema.names]))


@cache
def _arrow_types(table: Table) -> Mapping[str, pa.DataType]:
    schema = pa.Schema.from_pandas(table.empty(), preserve_index=False)
    return {name: schema.field(name).type for name in schema.names}


def _only_of(window: Window, rows: pa.Table) -> bool:
    """Whether all rows belong to the window, as far as the column that says so can be compared."""
    if "window_start" not in rows.schema.names or not rows.num_rows:
        return True
    starts = rows["window_start"]
    if not pa.types.is_timestamp(starts.type):
        return True
    is_own = pc.equal(starts, pa.scalar(window.start, type=starts.type))
    return bool(pc.all(is_own, skip_nulls=False).as_py())
