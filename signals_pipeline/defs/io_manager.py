"""Stateless frames: one parquet file a stage and window, written and read a range at a time."""

import io
import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import PrivateAttr
from upath import UPath

from signals_pipeline.core.chunks import chunked
from signals_pipeline.core.tables import STAGES, ByWindow, Columns, SchemaError, Table
from signals_pipeline.core.windows import Window, window_for_key

_AT_ONCE = 4  # files of a range that are read or written at the same time
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class WindowFrames(dg.ConfigurableIOManager):
    """Keeps frames under `base`/<stage>/<window>.parquet, on any file system that fsspec knows.

    A run over many windows hands over one frame; it is split by `window_start`, so that a backfill of hundreds of
    windows and as many single runs leave the same bytes. Every frame is brought to its stage's schema before anything
    is written. What a run has just written its later stages take from memory.
    """

    base: str
    _written: dict[str, tuple[tuple[str, ...], pd.DataFrame]] = PrivateAttr(default_factory=dict)

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Write one file for each window of the run, an empty frame where a window has no rows.

        Raises:
            SchemaError: the frame is not its stage's, or has rows of windows that the run is not over; nothing is
                written.
        """
        table = STAGES[context.asset_key.path[-1]]
        frame = table.conform(obj)
        keys = {pd.Timestamp(window_for_key(key).start): key for key in context.asset_partition_keys}
        stray = frame[~frame["window_start"].isin(list(keys))]
        if len(stray):
            raise SchemaError(f"{table.name}: {len(stray)} rows of windows that the run is not over; leave them out")
        rows = pa.Table.from_pandas(frame, preserve_index=False)
        folder, starts = self._folder(table), frame["window_start"]
        firsts, ends = (starts.searchsorted([*keys], side=side) for side in ("left", "right"))
        slices = {
            key: rows.slice(first, end - first) for key, first, end in zip(keys.values(), firsts, ends, strict=True)
        }
        _together(lambda key: _write(folder / _file(key), slices[key]), slices)
        self._written[table.name] = tuple(context.asset_partition_keys), frame
        context.add_output_metadata({"path": str(folder)})

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """One frame over all windows asked for.

        Raises:
            Failure: a window's file is missing or damaged; the message says which asset and window to materialise.
        """
        table = STAGES[context.asset_key.path[-1]]
        keys = tuple(context.asset_partition_keys)
        written, frame = self._written.get(table.name, ((), None))
        return frame.copy(deep=False) if frame is not None and written == keys else self.read(table, *keys)

    def read(self, table: Table, *keys: str) -> pd.DataFrame:
        """The frame of a stage over these windows.

        Raises:
            Failure: as in `load_input`.
        """
        filled = [rows for rows in self._tables(table, keys) if rows.num_rows]
        if not filled:
            return table.empty()
        # Files of an earlier schema may lack a column: `conform` says which, and that it must be made again.
        return table.conform(pa.concat_tables(filled, promote_options="default").to_pandas())

    def columns(self, table: Table, keys: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
        """Some columns of a stage over hundreds of windows, in the order of the keys; the rest is not read.

        Raises:
            Failure: as in `load_input`.
        """
        parts = self._tables(table, keys, names) or [pa.Table.from_pandas(table.empty()[list(names)])]
        return pa.concat_tables(parts).to_pandas()

    def as_stored(self, table: Table, windows: Sequence[Window]) -> list[tuple[list[Window], pd.DataFrame]]:
        """Frames as their files hold them, unjudged: windows whose files have the same columns and dtypes together.

        Raises:
            Failure: a window's file is damaged, as in `load_input`; one that was never run is left out.
        """
        alike: list[tuple[list[Window], list[pa.Table]]] = []
        run = self._run(table, windows)
        for window, rows in zip(run, self._tables(table, [each.key for each in run]), strict=True):
            group = next((each for each in alike if each[1][0].schema.equals(rows.schema)), None)
            if group is None:
                alike.append(([window], [rows]))
            else:
                group[0].append(window)
                group[1].append(rows)
        return [(of, pa.concat_tables(tables).to_pandas()) for of, tables in alike]

    def held(self, table: Table, windows: Sequence[Window], names: Sequence[str]) -> list[tuple[Window, Columns]]:
        """Some columns of a stage, `window_start` among them, of each of the windows that was ever run."""
        run = self._run(table, windows)
        frame = self.columns(table, [window.key for window in run], names)
        rows_of = ByWindow(frame)
        return [(window, rows_of.columns(window.start)) for window in run]

    def _run(self, table: Table, windows: Sequence[Window]) -> list[Window]:
        folder = self._folder(table)
        return [window for window in windows if (folder / _file(window.key)).exists()]

    def _tables(self, table: Table, keys: Sequence[str], names: Sequence[str] | None = None) -> list[pa.Table]:
        folder = self._folder(table)

        def read(key: str) -> pa.Table:
            path = folder / _file(key)
            if not path.exists():
                raise dg.Failure(f"{table.name} of window {key} is missing at {path}: materialise {table.name} for it")
            try:
                # Not read_table: it looks for a data set first, which takes longer than reading so small a file.
                return pq.ParquetFile(io.BytesIO(path.read_bytes())).read(columns=names, use_threads=False)
            except pa.ArrowInvalid as error:
                raise dg.Failure(
                    f"{table.name} of window {key} is damaged at {path}: materialise {table.name} for it"
                ) from error

        return _together(read, keys)

    def _folder(self, table: Table) -> UPath:
        return UPath(self.base) / table.name


def _together(work: Callable[[_Given], _Made], given: Collection[_Given]) -> list[_Made]:
    """What the work makes of each, in their order; of many, some at the same time."""
    if len(given) < 2:
        return [*map(work, given)]
    shares = chunked([*given], -(-len(given) // _AT_ONCE))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="frames") as threads:
        return [made for share in threads.map(lambda share: [*map(work, share)], shares) for made in share]


def _file(key: str) -> str:
    return f"{key.replace(':', '')}.parquet"


def _write(path: UPath, rows: pa.Table) -> None:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd")
    if path.protocol not in ("", "file"):
        path.write_bytes(buffer.getvalue())  # an object store shows a key only when it is whole
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(buffer.getvalue())
    part.rename(path)  # neither a reader nor a crash ever sees half a file
