"""The signal history as one flat table: a row per signal, its outcomes as columns, as CSV, Parquet or JSON Lines.

`signals export` writes all three formats, the API serves the CSV. The columns are `core.tables.SIGNAL_HISTORY`, the
rows come from `adapters.stores.signals`.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from signals_pipeline.adapters.stores.signals import OutcomeEntry, SignalEntry
from signals_pipeline.core.tables import FLAG, INSTANT, REAL, SIGNAL_HISTORY, TEXT

if TYPE_CHECKING:
    import pyarrow as pa

TableFormat = Literal["csv", "parquet", "jsonl"]
Value = str | float | bool | datetime | None

# A spreadsheet takes a text that begins with one of these for a formula (OWASP, CSV injection); the wide forms are what
# some of them make the same of. The apostrophe itself is escaped as well, so that removing one restores every text.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")

_SIGNAL_NAMES = [field.name for field in fields(SignalEntry) if field.name != "outcomes"]
_OUTCOME_NAMES = [field.name for field in fields(OutcomeEntry) if field.name != "horizon"]


def rows(entries: Iterable[SignalEntry]) -> Iterator[dict[str, Value]]:
    """Yield a row per signal: its values by column of `SIGNAL_HISTORY`, None where a cell is empty."""
    empty: dict[str, Value] = dict.fromkeys(SIGNAL_HISTORY.names)
    for entry in entries:
        row = empty | {name: getattr(entry, name) for name in _SIGNAL_NAMES}
        for outcome in entry.outcomes:
            row |= {f"{name}_{outcome.horizon}": getattr(outcome, name) for name in _OUTCOME_NAMES}
        # A horizon without columns must not shift cells or be dropped.
        if len(row) > len(empty):
            raise ValueError(f"an outcome has no column in the table: {min(row.keys() - empty.keys())}")
        yield row


def csv_header() -> str:
    """The first line of the CSV."""
    return _csv_lines([[*SIGNAL_HISTORY.names]])


def csv_rows(entries: Iterable[SignalEntry]) -> str:
    """The lines of these signals.

    Instants are ISO 8601 in UTC, truth values `true` and `false`, numbers in their shortest form that reads back as the
    same number. A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    return _csv_lines([[_csv_cell(value) for value in row.values()] for row in rows(entries)])


def _csv_lines(cells: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    # Line ends as RFC 4180 has them; pandas and spreadsheets take them everywhere.
    csv.writer(text, lineterminator="\r\n").writerows(cells)
    return text.getvalue()


def _csv_cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _iso(value) if isinstance(value, datetime) else repr(value)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def table_bytes(pages: Iterable[Sequence[SignalEntry]], table_format: TableFormat) -> bytes:
    """The whole table as a file's content.

    Args:
        pages: The signals, in the order of the rows.
        table_format: `csv` and `jsonl` are UTF-8; `parquet` keeps types and is compressed.
    """
    match table_format:
        case "csv":
            parts = [csv_header(), *(csv_rows(page) for page in pages)]
            return "".join(parts).encode()
        case "jsonl":
            return "".join(_json_line(row) for page in pages for row in rows(page)).encode()
        case "parquet":
            return _parquet(pages)


def _json_line(row: dict[str, Value]) -> str:
    values = {name: _iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
    return json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n"


def _parquet(pages: Iterable[Sequence[SignalEntry]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _arrow_schema()
    file = io.BytesIO()
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for page in pages:
            writer.write_table(pa.Table.from_pylist(list(rows(page)), schema=schema))
    return file.getvalue()


def _arrow_schema() -> "pa.Schema":
    """Types of the columns, with their meaning and unit as metadata."""
    import pyarrow as pa

    types: dict[str, Any] = {
        TEXT: pa.string(),
        REAL: pa.float64(),
        FLAG: pa.bool_(),
        INSTANT: pa.timestamp("us", tz="UTC"),
    }
    arrow_fields: list[pa.Field] = []
    for column in SIGNAL_HISTORY.columns:
        metadata = {"meaning": column.meaning, "unit": str(column.unit)}
        arrow_fields.append(pa.field(column.name, types[column.dtype], column.nullable, metadata))
    return pa.schema(arrow_fields)
