"""Recorded headlines from a file: CSV, JSON lines or Parquet, read once and sliced by the time they became known.

Live news are in `live`; what makes a headline out of these raw items is in `core.news.normalisation`.
"""

import csv
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline.adapters.http_client.json_values import is_array, is_object
from signals_pipeline.core.news.deliveries import first_deliveries
from signals_pipeline.core.news.feeds import NewsBatch, SourceError, SourceReport
from signals_pipeline.core.news.normalisation import RawHeadline

if TYPE_CHECKING:
    import pyarrow as pa

_REQUIRED_COLUMNS = ("published_at", "symbol", "title", "source", "url")
_TAG_SEPARATORS = re.compile(r"[|\s]+")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the file.

    Attributes:
        cells: Values by column.
        is_whole: False where cells are missing or too many, or the line is not a JSON object.
    """

    cells: Mapping[str, object]
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class _Recording:
    """The whole file.

    Attributes:
        known_at: When each of `dated` became known, ascending.
        dated: Headlines in the order of `known_at`.
        undated: Headlines without a readable time.
        detail: What the operator should know of the file; empty where all is well.
    """

    known_at: list[datetime]
    dated: tuple[RawHeadline, ...]
    undated: tuple[RawHeadline, ...]
    detail: str


class RecordedNews:
    """A news source that replays a recording: every item once, as it was first delivered.

    Columns: `published_at` and optionally `first_seen_at` (ISO 8601 with an offset; a time without one is unreadable,
    never guessed), `symbol` (the vendor's tag; several separated by `|` or space), `title`, `source`, `url`, and
    optionally `summary`.

    Attributes:
        path: `.csv`, `.jsonl` or `.parquet` file, UTF-8.
        feed: Name in reports and on headlines.
    """

    def __init__(self, path: Path, feed: str = "recorded") -> None:
        self.path = path
        self.feed = feed

    @property
    def name(self) -> str:
        """Name of the feed."""
        return self.feed

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Headlines whose known_at lies in [start, end), by known_at, then those without a readable time.

        A headline without a readable time belongs to no interval; each batch has it, and the normaliser counts it.

        Raises:
            SourceError: The file is missing, can't be read, or lacks a column.
            ValueError: Start or end has no timezone.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(f"{self.feed}: start and end need a timezone; got {start} and {end}")
        recording = self._recording
        first = bisect_left(recording.known_at, start)
        last = bisect_left(recording.known_at, end)
        headlines = recording.dated[first:last] + recording.undated
        report = SourceReport(self.feed, "ok", len(headlines), recording.detail)
        return NewsBatch(headlines, (report,))

    @cached_property
    def _recording(self) -> _Recording:
        read_rows = _READERS.get(self.path.suffix.lower())
        if read_rows is None:
            raise SourceError(f"{self.path}: unknown kind of file; use one of {', '.join(_READERS)}")
        try:
            rows = list(read_rows(self.path))
        except OSError as error:
            raise SourceError(f"{self.path}: can't be read ({error.strerror or error}); check the path") from error

        # Headlines by the time they became known; equal times keep the file's order.
        known_at_and_headline: list[tuple[datetime, RawHeadline]] = []
        undated: list[RawHeadline] = []
        for row in rows:
            headline = _headline(row.cells, self.feed)
            known_at = headline.known_at
            if known_at is None:
                undated.append(headline)
            else:
                known_at_and_headline.append((known_at, headline))
        known_at_and_headline.sort(key=lambda pair: pair[0])

        # A collector that appends every poll delivers an item again and again: the first time counts.
        dated = first_deliveries(headline for _, headline in known_at_and_headline)

        return _Recording(
            known_at=[headline.known_at for headline in dated if headline.known_at is not None],
            dated=tuple(dated),
            undated=tuple(undated),
            detail=self._detail(rows, undated),
        )

    def _detail(self, rows: Sequence[_Row], undated: Sequence[RawHeadline]) -> str:
        """How many rows can't be used in full, as one line; empty where there are none."""
        incomplete = sum(not row.is_whole for row in rows)
        counts = {"without a readable time": len(undated), "not whole": incomplete}
        parts: list[str] = []
        for description, count in counts.items():
            if count:
                parts.append(f"{self.path.name}: {count} of {len(rows)} rows {description}")
        return "; ".join(parts)


def _headline(cells: Mapping[str, object], feed: str) -> RawHeadline:
    published_at = _parse_instant(cells.get("published_at"))
    first_seen_at = _parse_instant(cells.get("first_seen_at"))
    if first_seen_at is None and _text(cells.get("first_seen_at")):
        # It was received at a time that can't be read: taking the publisher's time instead could look ahead.
        published_at = None
    return RawHeadline(
        published_at=published_at,
        title=_text(cells.get("title")),
        url=_text(cells.get("url")),
        source=_text(cells.get("source")),
        feed=feed,
        summary=_text(cells.get("summary")),
        tags=_tags(cells.get("symbol")),
        first_seen_at=first_seen_at,
    )


def _text(value: object) -> str | None:
    """The value as text that can be encoded; None for nothing or white space."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)
    if not text or text.isspace():
        return None
    # ASCII, the usual case, can always be encoded; other text may have lone surrogates.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _tags(value: object) -> tuple[str, ...]:
    """The vendor's symbols in their order, each once."""
    # A single symbol, as nearly every row has it, needs no splitting.
    if isinstance(value, str) and value.isalnum():
        return (value,)
    parts: Sequence[object] = value if is_array(value) else _TAG_SEPARATORS.split(_text(value) or "")
    tags: dict[str, None] = {}
    for part in parts:
        tag = _text(part)
        if tag:
            tags[tag] = None
    return tuple(tags)


def _parse_instant(value: object) -> datetime | None:
    """An ISO 8601 instant as UTC; None where it can't be read or names no offset."""
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(str(value).strip())
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _read_csv(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file)
        last_line = 0
        try:
            no_header: list[str] = []
            columns = next(reader, no_header)
            _check_columns(path, columns)
            last_line = reader.line_num
            for cells in reader:
                _check_for_open_quote(path, last_line + 1, columns, cells)
                last_line = reader.line_num
                if not cells:
                    continue
                # A row with too few or too many cells keeps those that have a column.
                values: dict[str, object] = dict(zip(columns, cells, strict=False))
                yield _Row(values, is_whole=len(cells) == len(columns))
        except csv.Error as error:
            raise SourceError(f"{path} line {last_line + 1}: {error}; is a quote opened and never closed?") from error


def _check_for_open_quote(path: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> None:
    """Refuse a row with a cell that contains further rows: a quote that is never closed swallows them silently.

    Raises:
        SourceError: A line inside a cell has a time where the file has `published_at`.
    """
    position = columns.index("published_at")
    for cell in cells:
        if "\n" not in cell:
            continue
        # The first line of a cell is its own text.
        for text in cell.split("\n")[1:]:
            parts = text.split(",")
            if len(parts) > position and _parse_instant(parts[position]):
                raise SourceError(
                    f"{path} line {line}: a quote swallows the rows after it; close the quote or double it"
                )


def _read_jsonl(path: Path) -> Iterator[_Row]:
    columns: set[str] = set()
    # Only a line feed ends a line: titles may contain other line separators.
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        for line in file:
            if not line.strip():
                continue
            cells = _json_object(line)
            if cells is None:
                yield _Row({}, is_whole=False)
                continue
            columns.update(cells)
            yield _Row(cells)
    _check_columns(path, columns)


def _json_object(line: str) -> Mapping[str, object] | None:
    try:
        # NaN and Infinity, which some exporters write, become missing values.
        value: object = json.loads(line, strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return value if is_object(value) else None


def _read_parquet(path: Path) -> Iterator[_Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        _check_columns(path, table.column_names)

        # Times as text, which is parsed like that of the other formats.
        for position, column in enumerate(table.schema):
            if pa.types.is_temporal(column.type):
                times_as_text = table.column(position).cast(pa.string())
                table = table.set_column(position, column.name, times_as_text)

        # Column by column: `Table.to_pylist` takes three times as long.
        columns = [_column_values(column) for column in table.columns]
        for values in zip(*columns, strict=True):
            yield _Row(dict(zip(table.column_names, values, strict=True)))
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error


def _column_values(column: "pa.ChunkedArray") -> list[object]:
    import pyarrow as pa

    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if is_text:
        # `to_pylist` would create a scalar object for each of a hundred thousand texts first.
        return column.to_numpy(zero_copy_only=False).tolist()
    return column.to_pylist()


def _check_columns(path: Path, columns: Collection[str]) -> None:
    for column in _REQUIRED_COLUMNS:
        if column not in columns:
            raise SourceError(f"{path}: column {column!r} is missing; a recording has {', '.join(_REQUIRED_COLUMNS)}")


_READERS: dict[str, Callable[[Path], Iterator[_Row]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
