"""Recorded headlines from a file: CSV, JSON lines or Parquet, read once and sliced by the time they became known.

The format is specified in `docs/sources.md`. What can be read of a row is used; what can't is counted by its reason,
with the first row of each (`Finding`). Which times are read is in `recorded_times`. Live news are in `live`; what makes
a headline out of these raw items is in `core.news.normalisation`.
"""

import csv
import json
import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from signals_pipeline.adapters.http_client.json_values import is_array, is_object
from signals_pipeline.adapters.news.recorded_times import ACCEPTED_TIMES, TimeProblem, read_time
from signals_pipeline.core.news.deliveries import first_deliveries
from signals_pipeline.core.news.feeds import NewsBatch, SourceError, SourceReport
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.news.silence import PACE_DAYS, SourceTimeline
from signals_pipeline.core.text import first_line
from signals_pipeline.core.windows import instant64

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_REQUIRED_COLUMNS = ("published_at", "symbol", "title", "source", "url")
_TIME_COLUMNS = frozenset({"published_at", "first_seen_at"})
_COLUMNS = frozenset({*_REQUIRED_COLUMNS, *_TIME_COLUMNS, "summary"})
_TAG_SEPARATORS = re.compile(r"[|\s]+")

# Bounds, far above what a recording needs. Reading 100,000 rows takes 170 MB of memory at its peak, measured with short
# titles and leads.
MAX_FILE_BYTES = 2**31
MAX_ROWS = 2_000_000

# Characters of a cell. A longer one is left out: it is no headline, but an article, or holds other rows.
MAX_CELL = 2**20

# Characters of a line, or of a cell with its quotes, from which on it is not even parsed.
_MAX_LINE = 2**24

# Characters of a value that messages show.
_SHOWN = 40

_ONE_HOUR = timedelta(hours=1)


class RowProblem(Enum):
    """Why a row is not whole; the text goes on after the row or, where one is to blame, its column."""

    NO_OBJECT = "is no JSON object"
    TOO_FEW_CELLS = "has too few cells"
    TOO_MANY_CELLS = "has too many cells"
    OPEN_QUOTE = "opens a quote that is never closed"
    REPEATED_NAME = "is there more than once"
    NO_TEXT = "is no text"
    TOO_LARGE = f"has more than {MAX_CELL:,} characters"


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows of a file that can't be used in full, for one reason.

    Attributes:
        problem: The reason.
        count: Number of rows.
        row: The first of them, e.g. `line 3`.
        column: The column that is to blame; empty where it is the whole row.
        value: What that column holds in the first row, shortened and quoted; empty where that says nothing.
    """

    problem: TimeProblem | RowProblem
    count: int
    row: str
    column: str = ""
    value: str = ""

    @property
    def first(self) -> str:
        """The first row and what is wrong with it, e.g. `line 3: published_at 'noon' is in no form that is read`."""
        subject = " ".join(part for part in (self.column, self.value) if part)
        return f"{self.row}: {subject} {self.problem.value}" if subject else f"{self.row} {self.problem.value}"


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """A whole file.

    Attributes:
        unit: What messages call a row: `line`, or `row` in a Parquet file.
        row_count: Rows with at least one value.
        headlines: Every item as it was first delivered, by known_at, equal ones in the order of the file.
        rows: Number of each headline's row in the file, shape (len(headlines),).
        known_at: When each headline became known, ascending, shape (len(headlines),).
        unreadable: Items without a readable time. Their `first_seen_at` is where they stand in the file: their own
            where that is readable, otherwise when the row before them became known, or the first one after them.
        unreadable_rows: Number of each unreadable item's row in the file.
        repeated: Rows that deliver an item again.
        findings: What can't be used in full, by reason.
        timeline: When the file's collector delivered: every row counts, also one that delivers an item again; the
            lags are those of first deliveries.
    """

    unit: str
    row_count: int
    headlines: tuple[RawHeadline, ...]
    rows: Sequence[int]
    known_at: Sequence[datetime]
    unreadable: tuple[RawHeadline, ...]
    unreadable_rows: Sequence[int]
    repeated: int
    findings: tuple[Finding, ...]
    timeline: SourceTimeline


class RecordedNews:
    """A news source that replays a recording: every item once, as it was first delivered.

    Attributes:
        path: `.csv`, `.jsonl` or `.parquet` file, UTF-8.
        feed: Name in reports and on headlines.
        zone: The zone of times without a UTC offset; None: they are not read.
    """

    def __init__(self, path: Path, feed: str = "recorded", zone: ZoneInfo | None = None) -> None:
        self.path = path
        self.feed = feed
        self.zone = zone

    @property
    def name(self) -> str:
        """Name of the feed."""
        return self.feed

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Headlines whose known_at lies in [start, end), by known_at, then those without a readable time.

        An item without a readable time belongs to the interval in which the file has it (`Recording.unreadable`); the
        normaliser counts it. The report names what can't be used in the whole file, the timeline ends before `end`.

        Raises:
            SourceError: The file is missing, can't be read, lacks a column, is too large, or has no readable time in
                most of its rows.
            ValueError: Start or end has no timezone.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(f"{self.feed}: start and end need a timezone; got {start} and {end}")
        recording = self.recording
        first = bisect_left(recording.known_at, start)
        last = bisect_left(recording.known_at, end)
        headlines = list(recording.headlines[first:last])
        for headline in recording.unreadable:
            seen_at = headline.first_seen_at
            if seen_at is not None and start <= seen_at < end:
                headlines.append(headline)
        # The ledger degrades the windows in which unreadable and incomplete rows stand, not every window of the file.
        report = SourceReport(self.feed, "ok", len(headlines), self._detail(recording))
        timeline = _timeline_between(recording.timeline, start - timedelta(days=PACE_DAYS), end)
        return NewsBatch(tuple(headlines), (report,), timelines=(timeline,))

    @cached_property
    def recording(self) -> Recording:
        """The whole file; read on first use.

        Raises:
            SourceError: As for `fetch`.
        """
        read_rows = _READERS.get(self.path.suffix.lower())
        if read_rows is None:
            raise SourceError(f"{self.path}: unknown kind of file; use one of {', '.join(_READERS)}")
        try:
            _check_size(self.path)
            return self._read(read_rows(self.path))
        except OSError as error:
            raise SourceError(f"{self.path}: can't be read ({error.strerror or error}); check the path") from error

    def _read(self, rows: Iterable["_Row"]) -> Recording:
        dated: list[tuple[datetime, int, RawHeadline]] = []
        undated: list[tuple[int, RawHeadline]] = []
        # When the row before each undated one became known; None before the first readable row.
        known_before: list[datetime | None] = []
        incomplete_rows: set[int] = set()
        unit = "row" if self.path.suffix.lower() == ".parquet" else "line"
        findings = _Findings(unit)
        last_known_at: datetime | None = None
        row_count = 0
        for row in rows:
            row_count += 1
            if row_count > MAX_ROWS:
                raise SourceError(f"{self.path}: more than {MAX_ROWS:,} rows; split the file by time")
            if row.problem is not None:
                findings.add(row.problem, row.number, row.column)
                incomplete_rows.add(row.number)
            headline = _headline(row, self.feed, self.zone, findings)
            known_at = headline.known_at
            if known_at is None:
                undated.append((row.number, headline))
                known_before.append(last_known_at)
            else:
                dated.append((known_at, row.number, headline))
                last_known_at = known_at
        self._refuse_unreadable(row_count, len(undated), findings)

        # An item without a readable time stands where the file has it.
        unreadable: list[RawHeadline] = []
        incomplete_at: list[datetime] = []
        for (number, headline), before in zip(undated, known_before, strict=True):
            place = headline.first_seen_at or before or dated[0][0]
            unreadable.append(replace(headline, first_seen_at=place))
            if number in incomplete_rows:
                incomplete_at.append(place)
        incomplete_at += [known_at for known_at, number, _ in dated if number in incomplete_rows]

        # Equal times keep the file's order.
        dated.sort(key=lambda item: item[0])
        # A collector that appends every poll delivers an item again and again: the first time counts.
        headlines = first_deliveries(headline for _, _, headline in dated)
        numbers: list[int] = []
        remaining = iter(headlines)
        awaited = next(remaining, None)
        for _, number, headline in dated:
            if headline is awaited:
                numbers.append(number)
                awaited = next(remaining, None)

        return Recording(
            unit=unit,
            row_count=row_count,
            headlines=tuple(headlines),
            rows=numbers,
            known_at=[headline.known_at for headline in headlines if headline.known_at is not None],
            unreadable=tuple(unreadable),
            unreadable_rows=[number for number, _ in undated],
            repeated=len(dated) - len(headlines),
            findings=findings.all(),
            timeline=_timeline(self.feed, [known_at for known_at, _, _ in dated], headlines, incomplete_at),
        )

    def _refuse_unreadable(self, row_count: int, unreadable_count: int, findings: "_Findings") -> None:
        """Refuse a file most of whose rows have no readable time: no headlines would look like no news.

        Raises:
            SourceError: More than half of the rows have no readable time.
        """
        if 2 * unreadable_count <= row_count:
            return
        first = findings.first_without_time()
        raise SourceError(
            f"{self.path}: {unreadable_count:,} of {row_count:,} rows have no readable time; {first}; {ACCEPTED_TIMES}"
        )

    def _detail(self, recording: Recording) -> str:
        """How many rows can't be used in full and the first of them, as one line; empty where there are none."""
        row_findings = [finding for finding in recording.findings if isinstance(finding.problem, RowProblem)]
        time_findings = [finding for finding in recording.findings if isinstance(finding.problem, TimeProblem)]
        parts: list[str] = []
        for description, findings in (("without a readable time", time_findings), ("not whole", row_findings)):
            if findings:
                count = sum(finding.count for finding in findings)
                rows = f"{count:,} of {recording.row_count:,} rows {description}"
                parts.append(f"{self.path.name}: {rows} (first: {findings[0].first})")
        return "; ".join(parts)


# --- From rows to headlines ---


class _Row(NamedTuple):
    """One row of a file.

    Attributes:
        number: Its first line, or in a Parquet file its position, counted from 1.
        cells: Values by column: text, numbers, None, and in `symbol` a list. Other columns may hold anything.
        problem: Why it is not whole.
        column: The column that is to blame; empty where it is the row.
    """

    number: int
    cells: Mapping[str, object]
    problem: RowProblem | None = None
    column: str = ""


class _Findings:
    """The findings of a file while it is read; each row counts once among the times and once among the shapes.

    Args:
        unit: What messages call a row: `line` or `row`.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._findings: dict[TimeProblem | RowProblem, Finding] = {}

    def add(self, problem: TimeProblem | RowProblem, number: int, column: str, value: object = None) -> None:
        """Count a row."""
        known = self._findings.get(problem)
        if known is None:
            self._findings[problem] = Finding(problem, 1, f"{self._unit} {number}", column, _shown(value))
        else:
            self._findings[problem] = replace(known, count=known.count + 1)

    def all(self) -> tuple[Finding, ...]:
        """The findings by their first rows: dictionaries keep the order of insertion."""
        return tuple(self._findings.values())

    def first_without_time(self) -> str:
        """What is wrong with the first row without a readable time: its shape, or else the time itself."""
        first = next(finding for finding in self.all() if isinstance(finding.problem, TimeProblem))
        for finding in self.all():
            if finding.row == first.row and first.problem is TimeProblem.MISSING:
                # The shape was counted before the time.
                return finding.first
        return first.first


def _headline(row: _Row, feed: str, zone: ZoneInfo | None, findings: _Findings) -> RawHeadline:
    """The item of a row, without published_at where one of its times can't be read."""
    cells = row.cells
    published_at = read_time(cells.get("published_at"), zone)
    first_seen_at = read_time(cells.get("first_seen_at"), zone)
    if isinstance(published_at, TimeProblem):
        findings.add(published_at, row.number, "published_at", cells.get("published_at"))
        published_at = None
    if isinstance(first_seen_at, TimeProblem):
        # Nobody needs to have recorded it. But what was received at a time that can't be read is unreadable: taking
        # the publisher's time instead could look ahead.
        if first_seen_at is not TimeProblem.MISSING and published_at is not None:
            findings.add(first_seen_at, row.number, "first_seen_at", cells.get("first_seen_at"))
            published_at = None
        first_seen_at = None
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
    """The value as text that can be encoded; None for nothing, white space, or a number that is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    text = value if isinstance(value, str) else str(value)
    if not text or text.isspace():
        return None
    # ASCII, the usual case, can always be encoded; other text may have lone surrogates.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _tags(value: object) -> tuple[str, ...]:
    """The vendor's symbols in their order, each once."""
    # A single symbol, as nearly every row has it, needs no splitting.
    if isinstance(value, str) and value.isalnum() and value.isascii():
        return (value,)
    parts: Sequence[object] = value if is_array(value) else _TAG_SEPARATORS.split(_text(value) or "")
    tags: dict[str, None] = {}
    for part in parts:
        tag = _text(part)
        if tag:
            tags[tag] = None
    return tuple(tags)


def _shown(value: object) -> str:
    """A value for a message: on one line, quoted, shortened; empty for nothing."""
    text = "" if value is None else str(value).strip()
    if not text:
        return ""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _timeline(
    feed: str, known_at: Sequence[datetime], first: Sequence[RawHeadline], incomplete_at: Sequence[datetime]
) -> SourceTimeline:
    """When a file's collector delivered.

    Args:
        feed: Name in reports.
        known_at: When each readable row became known.
        first: The first delivery of each item, by known_at.
        incomplete_at: When each row that is not whole became known, in any order.
    """
    lags: list[float] = []
    lag_instants: list[datetime] = []
    for headline in first:
        if headline.published_at is None or headline.first_seen_at is None or headline.known_at is None:
            continue
        lags.append((headline.first_seen_at - headline.published_at) / _ONE_HOUR)
        lag_instants.append(headline.known_at)
    return SourceTimeline(
        feed,
        delivered_at=np.unique(_instants64(known_at)),
        lags=np.array(lags, dtype=np.float64),
        lag_instants=_instants64(lag_instants),
        incomplete_at=np.sort(_instants64(incomplete_at)),
    )


def _instants64(instants: Iterable[datetime]) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    """Instants in UTC as datetime64[us] without zone; as `instant64` of each, many at once."""
    return np.array([instant.replace(tzinfo=None) for instant in instants], dtype="datetime64[us]")


def _timeline_between(timeline: SourceTimeline, start: datetime, end: datetime) -> SourceTimeline:
    """The deliveries of [start, end)."""
    bounds = [instant64(start), instant64(end)]
    first, last = np.searchsorted(timeline.delivered_at, bounds)
    first_lag, last_lag = np.searchsorted(timeline.lag_instants, bounds)
    first_incomplete, last_incomplete = np.searchsorted(timeline.incomplete_at, bounds)
    return SourceTimeline(
        timeline.feed,
        timeline.delivered_at[first:last],
        timeline.lags[first_lag:last_lag],
        timeline.lag_instants[first_lag:last_lag],
        timeline.incomplete_at[first_incomplete:last_incomplete],
    )


# --- From a file to rows ---


def _check_size(path: Path) -> None:
    """Refuse a file that can't be read as a whole.

    Raises:
        OSError: There is no such file.
        SourceError: It is too large.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise SourceError(f"{path}: more than {MAX_FILE_BYTES // 2**30} GiB; split the file by time")


def _column_name(name: str) -> str:
    """A column's name in the spelling of `_COLUMNS`: case and surrounding blanks don't count."""
    return name.strip().casefold()


def _check_columns(path: Path, columns: Iterable[str]) -> None:
    """Refuse a file that lacks a column, or has one that is read twice.

    Args:
        path: The file.
        columns: The names that it has, as from `_column_name`.

    Raises:
        SourceError: The file can't be read by these columns.
    """
    names = list(columns)
    for column in _REQUIRED_COLUMNS:
        if column not in names:
            found = _shown(", ".join(names)) or "none"
            raise SourceError(
                f"{path}: column {column!r} is missing; a recording has {', '.join(_REQUIRED_COLUMNS)}; found: {found}"
            )
    for column in sorted(_COLUMNS):
        if names.count(column) > 1:
            raise SourceError(f"{path}: column {column!r} is there more than once; rename or remove all but one")


def _checked(row: _Row) -> _Row:
    """The row without those of its cells that are too large or no text, and with the first of its problems."""
    cells = dict(row.cells)
    problem, column = row.problem, row.column
    for name in sorted(_COLUMNS & cells.keys()):
        cells[name], cell_problem = _checked_cell(name, cells[name])
        if problem is None and cell_problem is not None:
            problem, column = cell_problem, name
    return _Row(row.number, cells, problem, column)


def _checked_cell(name: str, value: object) -> tuple[object, RowProblem | None]:
    """The value, None where it can't be used, and why."""
    if name == "symbol" and is_array(value):
        checked_tags = [_checked_cell("", tag) for tag in value]
        tags = [tag for tag, _ in checked_tags]
        return tags, next((problem for _, problem in checked_tags if problem is not None), None)
    if isinstance(value, str):
        return (value, None) if len(value) <= MAX_CELL else (None, RowProblem.TOO_LARGE)
    # Python's truth values are integers, too.
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return (value, None) if value is None or is_number else (None, RowProblem.NO_TEXT)


def _read_csv(path: Path) -> Iterator[_Row]:
    # The limit is one of the whole process; it is only ever raised.
    csv.field_size_limit(_MAX_LINE)
    is_at_end = False

    def end() -> Iterator[str]:
        # Reached when the file has no more lines. A row that comes after it has a quote that is still open.
        nonlocal is_at_end
        is_at_end = True
        yield ""

    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(chain(file, end()))
        columns = _csv_header(path, reader)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                # A cell above the limit. A line of its own can be left out; a quote over many lines can't.
                if reader.line_num > line:
                    raise SourceError(
                        f"{path} line {line}: a quote holds more than {_MAX_LINE:,} characters; close or double it"
                    ) from error
                yield _Row(line, {}, RowProblem.TOO_LARGE)
                continue
            if cells is None:
                return
            # Empty lines, also those that spreadsheets write as commas alone.
            if not any(cells):
                continue
            if reader.line_num > line:
                _check_for_swallowed_rows(path, line, columns, cells, is_open=is_at_end)
            yield _csv_row(line, columns, cells, is_open=is_at_end)


def _csv_header(path: Path, reader: "Iterator[list[str]]") -> list[str]:
    """The names of the columns.

    Raises:
        SourceError: A column is missing or repeated, or the file is no UTF-8 text.
    """
    try:
        columns = [_column_name(name) for name in next(reader)]
    except csv.Error as error:
        raise SourceError(f"{path} line 1: a name of more than {_MAX_LINE:,} characters; is it a CSV file?") from error
    if any("\0" in name or "\ufffd" in name for name in columns):
        raise SourceError(f"{path}: no UTF-8 text; save it as CSV UTF-8")
    _check_columns(path, columns)
    return columns


def _csv_row(line: int, columns: Sequence[str], cells: Sequence[str], *, is_open: bool) -> _Row:
    # A row with too few or too many cells keeps those that have a column.
    row = _Row(line, dict(zip(columns, cells, strict=False)))
    if is_open:
        row = row._replace(problem=RowProblem.OPEN_QUOTE)
    elif len(cells) < len(columns):
        row = row._replace(problem=RowProblem.TOO_FEW_CELLS)
    elif len(cells) > len(columns):
        row = row._replace(problem=RowProblem.TOO_MANY_CELLS)
    # Only where all cells together are as long as one may be, they need a second look.
    return row if sum(map(len, cells)) <= MAX_CELL else _checked(row)


def _check_for_swallowed_rows(
    path: Path, line: int, columns: Sequence[str], cells: Sequence[str], *, is_open: bool
) -> None:
    """Refuse a row with a cell that contains further rows: a quote that is never closed swallows them silently.

    Args:
        path: The file.
        line: First line of the row.
        columns: Columns of the file.
        cells: The row.
        is_open: Whether the last cell's quote is open at the end of the file.

    Raises:
        SourceError: A line inside a cell has a time where the file has `published_at`, or, inside the open quote, the
            number of cells of a row.
    """
    position = columns.index("published_at")
    for cell in cells:
        # The first line of a cell is its own text.
        for text in cell.split("\n")[1:]:
            parts = text.split(",")
            if len(parts) <= position:
                continue
            time = read_time(parts[position])
            has_time = not isinstance(time, TimeProblem) or time is TimeProblem.NO_OFFSET
            if has_time or (is_open and len(parts) >= len(columns)):
                raise SourceError(
                    f"{path} line {line}: a quote swallows the rows after it; close the quote or double it"
                )


class _Repeating(dict[str, object]):
    """A JSON object in which a name occurs more than once."""

    def __init__(self, pairs: Sequence[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def _json_object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    return values if len(values) == len(pairs) else _Repeating(pairs)


# Built once: `json.loads` with options builds one per call. NaN and Infinity, which some exporters write, become
# missing values; line breaks inside of texts are read.
_JSON = json.JSONDecoder(strict=False, parse_constant=lambda _: None, object_pairs_hook=_json_object)

# Types of cells that need no second look.
_PLAIN_TYPES = frozenset({str, int, float, type(None)})


def _read_jsonl(path: Path) -> Iterator[_Row]:
    columns: set[str] = set()
    is_empty = True
    # Only a line feed ends a line: titles may contain other line separators.
    with path.open(encoding="utf-8-sig", errors="replace", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            is_empty = False
            row = _json_row(number, line, columns)
            columns.update(row.cells)
            yield row
    # A file without a single object is refused for that reason.
    if columns or is_empty:
        _check_columns(path, columns)


def _json_row(number: int, line: str, known_columns: set[str]) -> _Row:
    """The row of one line.

    Args:
        number: The line's number.
        line: Its text.
        known_columns: Columns of the lines before it: names in the spelling of `_COLUMNS`.
    """
    if len(line) > _MAX_LINE:
        return _Row(number, {}, RowProblem.TOO_LARGE)
    try:
        value: object = _JSON.decode(line)
    except (ValueError, RecursionError):
        return _Row(number, {}, RowProblem.NO_OBJECT)
    if not is_object(value):
        return _Row(number, {}, RowProblem.NO_OBJECT)
    row = _Row(number, value)
    if isinstance(value, _Repeating):
        row = _with_column_names(number, value.pairs)
    elif not known_columns.issuperset(value):
        row = _with_column_names(number, [*value.items()])
    is_plain = len(line) <= MAX_CELL and _PLAIN_TYPES.issuperset(map(type, row.cells.values()))
    return row if is_plain else _checked(row)


def _with_column_names(number: int, pairs: Sequence[tuple[str, object]]) -> _Row:
    """The row of these names and values; a column that is there more than once has no value."""
    counts = Counter(_column_name(name) for name, _ in pairs)
    cells: dict[str, object] = {}
    for name, value in pairs:
        column = _column_name(name)
        cells[column] = value if counts[column] == 1 else None
    repeated = sorted(name for name in _COLUMNS if counts[name] > 1)
    if repeated:
        return _Row(number, cells, RowProblem.REPEATED_NAME, repeated[0])
    return _Row(number, cells)


def _read_parquet(path: Path) -> Iterator[_Row]:
    columns, has_large_cells = _parquet_columns(path)
    for number, values in enumerate(zip(*columns.values(), strict=True), start=1):
        row = _Row(number, dict(zip(columns, values, strict=True)))
        is_plain = not has_large_cells and _PLAIN_TYPES.issuperset(map(type, values))
        yield row if is_plain else _checked(row)


def _parquet_columns(path: Path) -> tuple[dict[str, list[object]], bool]:
    """The columns that a recording has, those of other names are not read, and whether a text may be too large."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # The file is opened here, so that what pyarrow raises is about its content.
    with path.open("rb") as file:
        try:
            with pq.ParquetFile(file) as parquet:
                schema = parquet.schema_arrow
                _check_columns(path, [_column_name(name) for name in schema.names])
                column_by_name = {name: _column_name(name) for name in schema.names}
                names = [name for name, column in column_by_name.items() if column in _COLUMNS]
                for name in names:
                    _check_parquet_type(path, column_by_name[name], schema.field(name).type)
                _check_parquet_size(path, parquet.metadata)
                texts = [name for name in names if _is_text(schema.field(name).type)]

            # Texts as dictionaries: one that is in many rows is in memory once, as it is in the file.
            with pq.ParquetFile(file, read_dictionary=texts) as parquet:
                table = parquet.read(columns=names)
            columns: dict[str, list[object]] = {}
            has_large_cells = False
            # Column by column: `Table.to_pylist` takes three times as long.
            for name in names:
                values, is_large = _column_values(table.column(name))
                columns[column_by_name[name]] = values
                has_large_cells = has_large_cells or is_large
        except (pa.ArrowException, ValueError, OverflowError, OSError) as error:
            problem = first_line(str(error), type(error).__name__)
            raise SourceError(f"{path}: not a readable Parquet file ({problem})") from error
    return columns, has_large_cells


def _check_parquet_type(path: Path, column: str, arrow_type: "pa.DataType") -> None:
    """Refuse a column of a type that no cell of it can be read from.

    Raises:
        SourceError: The column has another type than text, numbers and what else its name allows.
    """
    import pyarrow as pa

    cell_type = arrow_type
    is_list = pa.types.is_list(arrow_type) or pa.types.is_large_list(arrow_type)
    if column == "symbol" and is_list:
        cell_type = arrow_type.value_type
    if pa.types.is_dictionary(cell_type):
        cell_type = cell_type.value_type
    if column in _TIME_COLUMNS and (pa.types.is_timestamp(cell_type) or pa.types.is_date(cell_type)):
        return
    is_number = pa.types.is_integer(cell_type) or pa.types.is_floating(cell_type) or pa.types.is_decimal(cell_type)
    if not (is_number or _is_text(cell_type) or pa.types.is_null(cell_type)):
        raise SourceError(f"{path}: column {column!r} has the type {_shown(arrow_type)}; write it as text")


def _is_text(arrow_type: "pa.DataType") -> bool:
    """Whether it is text, also text that is not marked as such, as some writers leave it."""
    import pyarrow as pa

    kinds = (
        *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
        *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view),
    )
    return any(is_kind(arrow_type) for is_kind in kinds)


def _check_parquet_size(path: Path, metadata: "pq.FileMetaData") -> None:
    """Refuse a file that is small only because it is compressed.

    The metadata of single columns is not looked at: pyarrow 26 ends the process where it is damaged.

    Raises:
        SourceError: The file has too many rows or bytes.
    """
    if metadata.num_rows > MAX_ROWS:
        raise SourceError(f"{path}: more than {MAX_ROWS:,} rows; split the file by time")
    byte_count = sum(metadata.row_group(position).total_byte_size for position in range(metadata.num_row_groups))
    if byte_count > MAX_FILE_BYTES:
        raise SourceError(
            f"{path}: more than {MAX_FILE_BYTES // 2**30} GiB uncompressed; leave out the columns that a recording"
            " does not have, or split the file by time"
        )


def _column_values(column: "pa.ChunkedArray") -> tuple[list[object], bool]:
    """The cells of a column as Python values, times as text, and whether a text is too large.

    Raises:
        ValueError: The column is damaged.
    """
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        # They are parsed like those of the other formats.
        return column.cast(pa.string()).to_pylist(), False
    if not pa.types.is_dictionary(column.type):
        return column.to_pylist(), False

    values: list[object] = []
    is_large = False
    for chunk in column.chunks:
        encoded = chunk.dictionary.cast(pa.large_binary()).to_numpy(zero_copy_only=False).tolist()
        texts = [None if text is None else text.decode("utf-8", "replace") for text in encoded]
        is_large = is_large or any(text is not None and len(text) > MAX_CELL for text in texts)
        # A missing cell points behind the texts.
        missing = len(texts)
        texts.append(None)
        positions = chunk.indices.cast(pa.int64()).fill_null(missing).to_numpy()
        # pyarrow does not check it.
        if ((positions < 0) | (positions > missing)).any():
            raise ValueError("a cell points to no text of its dictionary")
        values.extend(map(texts.__getitem__, positions.tolist()))
    return values, is_large


_READERS: dict[str, Callable[[Path], Iterator[_Row]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
