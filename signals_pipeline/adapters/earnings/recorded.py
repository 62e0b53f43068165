"""Earnings dates from a recorded file: CSV with the columns symbol, date, session and first_seen_at.

`date` is YYYY-MM-DD, `session` is before_open, after_close or unknown, `first_seen_at` an ISO time with its UTC offset.
An optional column `estimated` is true or false. Other columns are ignored. A row that can't be read is left out and
named; a file that can't be read leaves every date unknown, and the digest says why. Live dates are in `live`.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

from signals_pipeline.adapters.prices.recording import Findings
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.prices.earnings import (
    CollectionReport,
    EarningsCalendar,
    EarningsDate,
    ReportTime,
    Visit,
)
from signals_pipeline.core.text import first_line

REQUIRED_COLUMNS = ("symbol", "date", "session", "first_seen_at")
MAX_BYTES = 200_000_000
"""Some three million rows, far more than a recording of 500 companies over ten years has."""

# Characters of a value quoted in a message.
_QUOTED = 40
# Before every window: what is wrong with the file holds for all of them.
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class UnreadableRowError(SignalsError, ValueError):
    """A row that is no announcement; the message says what is wrong with which value."""


class RecordedEarnings:
    """An earnings source that replays a recording; it is read on first use.

    Attributes:
        path: The CSV file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Name of the source."""
        return "recorded"

    def calendar(self, symbols: Sequence[str]) -> EarningsCalendar:
        """The recorded rows of these symbols; none where the file can't be read, which its one visit says."""
        rows, problems, is_readable = self._recording
        wanted = set(symbols)
        visits = () if is_readable else (Visit(_EVER, frozenset(), problems[0]),)
        return EarningsCalendar.build(self.name, (row for row in rows if row.symbol in wanted), visits)

    def collect(self, symbols: Sequence[str]) -> CollectionReport:
        """Nothing is collected: the report says how many of the symbols the file has, and what can't be read."""
        rows, problems, _ = self._recording
        recorded = {row.symbol for row in rows}
        return CollectionReport(len(symbols), len(recorded.intersection(symbols)), problems=problems)

    @cached_property
    def _recording(self) -> tuple[tuple[EarningsDate, ...], tuple[str, ...], bool]:
        """Rows, problems, and whether the file could be read at all."""
        problems = Findings()
        try:
            rows = _rows(self.path, problems)
        except (OSError, ValueError, csv.Error) as error:
            reason = first_line(str(error), type(error).__name__)
            line = f"{self.path}: can't be read ({reason}); a recording has the columns {', '.join(REQUIRED_COLUMNS)}"
            return (), (line,), False
        return rows, tuple(f"{self.path.name}: {line}" for line in problems.lines()), True


def _rows(path: Path, problems: Findings) -> tuple[EarningsDate, ...]:
    """The announcements of a file; rows that are none are added to the problems.

    Raises:
        ValueError: the file is too large, or a column is missing.
        OSError, csv.Error: it can't be read.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES:,} bytes; keep the symbols and years that are needed")
    rows: dict[tuple[str, datetime], EarningsDate] = {}
    for number, cells in _lines(path):
        try:
            row = _row(cells)
        except UnreadableRowError as error:
            problems.add(f"{error}; row left out", [f"line {number}"])
            continue
        earlier = rows.setdefault((row.symbol, row.first_seen_at), row)
        if not earlier.says_the_same(row):
            problems.add(f"another date of {row.symbol} was first seen at that time; row left out", [f"line {number}"])
    return tuple(rows.values())


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    """Line number and cells by column of each row.

    Raises:
        ValueError: a column is missing.
        OSError, csv.Error: the file can't be read.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in REQUIRED_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"column {missing[0]} is missing")
        for cells in reader:
            yield reader.line_num, cells


def _row(cells: Mapping[str, str | None]) -> EarningsDate:
    """The announcement of a row.

    Raises:
        UnreadableRowError: a value is missing or can't be read.
    """
    values = {name: (cells.get(name) or "").strip() for name in (*REQUIRED_COLUMNS, "estimated")}
    if not values["symbol"]:
        raise UnreadableRowError("symbol is missing")
    try:
        day = date.fromisoformat(values["date"])
    except ValueError:
        raise UnreadableRowError(f"date {values['date'][:_QUOTED]!r} is not YYYY-MM-DD") from None
    try:
        when = ReportTime(values["session"] or "unknown")
    except ValueError:
        accepted = ", ".join(each.value for each in ReportTime)
        raise UnreadableRowError(f"session {values['session'][:_QUOTED]!r} is none of {accepted}") from None
    if values["estimated"] not in ("", "true", "false"):
        raise UnreadableRowError(f"estimated {values['estimated'][:_QUOTED]!r} is neither true nor false")
    return EarningsDate(values["symbol"], day, when, values["estimated"] == "true", _instant(values["first_seen_at"]))


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UnreadableRowError(
        f"first_seen_at {text[:_QUOTED]!r} is no time with a UTC offset, such as 2026-01-15T22:00:00Z"
    )
