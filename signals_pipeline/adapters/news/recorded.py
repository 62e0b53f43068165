"""Recorded headlines from a file: CSV, JSON lines or Parquet, read once and sliced by the time they became known."""

import csv
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline.core.news.feeds import NewsBatch, RawHeadline, SourceError, SourceReport

if TYPE_CHECKING:
    import pyarrow as pa

_REQUIRED = ("published_at", "symbol", "title", "source", "url")
_SEPARATORS = re.compile(r"[|\s]+")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row as the file has it; not whole where cells are missing or too many, or the line is no JSON object."""

    record: Mapping[str, object]
    whole: bool = True


class RecordedNews:
    """A news source that replays a recording.

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

        A headline without a readable time can't be placed; each batch has it, and the normaliser counts it.

        Raises:
            SourceError: the file is missing, can't be read, or lacks a column.
            ValueError: start or end has no timezone.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(f"{self.feed}: start and end need a timezone; got {start} and {end}")
        recording = self._recording
        low, high = (bisect_left(recording.known_at, instant) for instant in (start, end))
        headlines = recording.placed[low:high] + recording.unplaced
        return NewsBatch(headlines, (SourceReport(self.feed, "ok", len(headlines), recording.detail),))

    @cached_property
    def _recording(self) -> "_Recording":
        read = _READERS.get(self.path.suffix.lower())
        if read is None:
            raise SourceError(f"{self.path}: unknown kind of file; give one of {', '.join(_READERS)}")
        try:
            rows = list(read(self.path))
        except OSError as error:
            raise SourceError(f"{self.path}: can't be read ({error.strerror or error}); check the path") from error
        items = [_headline(row.record, self.feed) for row in rows]
        dated = sorted(((item.known_at, item) for item in items if item.known_at), key=lambda pair: pair[0])
        unplaced = tuple(item for item in items if item.known_at is None)
        counts = {"without a readable time": len(unplaced), "not whole": sum(not row.whole for row in rows)}
        detail = "; ".join(f"{self.path.name}: {n} of {len(rows)} rows {what}" for what, n in counts.items() if n)
        return _Recording([at for at, _ in dated], tuple(item for _, item in dated), unplaced, detail)


@dataclass(frozen=True, slots=True)
class _Recording:
    """The whole file: headlines in the order of known_at, those instants beside them, and the rows with no time."""

    known_at: list[datetime]
    placed: tuple[RawHeadline, ...]
    unplaced: tuple[RawHeadline, ...]
    detail: str


def _headline(record: Mapping[str, object], feed: str) -> RawHeadline:
    published, first_seen = _instant(record.get("published_at")), _instant(record.get("first_seen_at"))
    if first_seen is None and _text(record.get("first_seen_at")):
        # It was received at a time that can't be read: taking the publisher's time instead could look ahead.
        published = None
    return RawHeadline(
        published_at=published,
        title=_text(record.get("title")),
        url=_text(record.get("url")),
        source=_text(record.get("source")),
        feed=feed,
        summary=_text(record.get("summary")),
        tags=_tags(record.get("symbol")),
        first_seen_at=first_seen,
    )


def _text(value: object) -> str | None:
    """The value as text that can be encoded; None for nothing or white space."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)
    if not text or text.isspace():
        return None
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str) and value.isalnum():
        return (value,)  # nearly every row's, without the search below
    parts = value if isinstance(value, list) else _SEPARATORS.split(_text(value) or "")
    return tuple(dict.fromkeys(tag for part in parts if (tag := _text(part))))


def _instant(value: object) -> datetime | None:
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
        before = 0
        try:
            columns = next(reader, [])
            _require(path, columns)
            before = reader.line_num
            for cells in reader:
                _refuse_swallowed(path, before + 1, columns, cells)
                before = reader.line_num
                if cells:
                    yield _Row(dict(zip(columns, cells, strict=False)), len(cells) == len(columns))
        except csv.Error as error:
            raise SourceError(f"{path} line {before + 1}: {error}; is a quote opened and never closed?") from error


def _refuse_swallowed(path: Path, line: int, columns: list[str], cells: list[str]) -> None:
    """A quote that is never closed swallows the rows after it without a sound: look for their times inside a cell."""
    place = columns.index("published_at")
    swallowed = (text.split(",") for cell in cells if "\n" in cell for text in cell.split("\n")[1:])
    if any(len(parts) > place and _instant(parts[place]) for parts in swallowed):
        raise SourceError(f"{path} line {line}: a quote swallows the rows after it; close the quote or double it")


def _read_jsonl(path: Path) -> Iterator[_Row]:
    found: set[str] = set()
    # Only a line feed ends a line: titles may hold other line separators.
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        for line in file:
            if line.strip():
                record = _json_object(line)
                found.update(record or ())
                yield _Row(record or {}, record is not None)
    _require(path, found)


def _json_object(line: str) -> dict[str, object] | None:
    try:
        value = json.loads(line, strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read_parquet(path: Path) -> Iterator[_Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        _require(path, table.column_names)
        for place, field in enumerate(table.schema):
            if pa.types.is_temporal(field.type):
                table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
        # By column: `Table.to_pylist` takes three times as long.
        columns = [_values(column) for column in table.columns]
        yield from (_Row(dict(zip(table.column_names, cells, strict=True))) for cells in zip(*columns, strict=True))
    except (pa.ArrowException, ValueError) as error:
        raise SourceError(f"{path}: not a Parquet file that can be read ({str(error).splitlines()[0]})") from error


def _values(column: "pa.ChunkedArray") -> list[object]:
    import pyarrow as pa

    # Of a hundred thousand texts `to_pylist` makes as many scalars first.
    texts = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return column.to_numpy(zero_copy_only=False).tolist() if texts else column.to_pylist()


def _require(path: Path, columns: Collection[str]) -> None:
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise SourceError(f"{path}: column {missing[0]!r} is missing; a recording has {', '.join(_REQUIRED)}")


_READERS: dict[str, Callable[[Path], Iterator[_Row]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
