"""Reads a recording of daily bars: CSV, gzipped CSV or Parquet, within limits, with every row that is left out counted.

The price source over it is in `recorded`; `signals prices check` shows what is found here. Which rows are bars is
decided by `core.prices.validation`.
"""

import gzip
import io
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.prices.adjustment import PRICES, no_actions, no_bars
from signals_pipeline.core.prices.validation import UNIT_JUMP, bar_problems, unit_jumps
from signals_pipeline.core.text import first_line

REQUIRED_COLUMNS = ("date", "symbol", *PRICES, "volume")
ADJUSTED_CLOSE = "adj_close"
_COLUMNS = (*REQUIRED_COLUMNS, ADJUSTED_CLOSE)
_TRADED_CLOSE = "traded_close"  # of our own: the close before it is adjusted

ACCEPTED = (
    "date as YYYY-MM-DD (midnight may follow), prices and volume as numbers such as 1234.5, low <= open, close <= high"
)
"""The accepted forms, for messages."""

# 500 companies over ten years are 1.3 million rows. Two million take about 700 MB while they are read.
MAX_ROWS = 2_000_000

# What two million rows take as text, with room; a small compressed file can hold far more.
MAX_CHARACTERS = 400_000_000

# A bar takes about 80 characters, with columns that are not read a few hundred.
MAX_LINE = 10_000

# Rows that are parsed at a time: their text takes ten times the memory of their numbers.
_CHUNK_ROWS = 50_000

# Places that are named for each finding; the rest is counted.
MAX_NAMED = 20

# Characters of a value quoted in a message.
_QUOTED = 40

# A 2:1 split moves the logarithm by ln 2; no large cap falls by a factor of 1.8 on news within a day.
_SPLIT_JUMP = math.log(1.8)

# What a place may not show: anything but letters, digits, blanks and the signs of ASCII.
_UNPRINTABLE = r"[^\w !-/:-@\[-`{-~]"

# A time of midnight, with or without a zone, that some exports append to the date.
_MIDNIGHT = r"[ T]00:00:00(?:\.0+)?(?:Z|[+-]\d\d:?\d\d)?$"

_WRONG_LENGTH = "not as many cells as the header"
_LONG_LINE = f"longer than {MAX_LINE:,} characters"

# The columns that a reason for dropping a row is about; for the others, all prices.
_COLUMNS_OF_PROBLEM = {
    "symbol missing": ("symbol",),
    "date is not YYYY-MM-DD": ("date",),
    "volume missing or negative": ("volume",),
    "adj_close missing or not positive": (ADJUSTED_CLOSE,),
}


@dataclass(slots=True)
class Findings:
    """What was found about rows, by kind: how often, and where the first of them are.

    Attributes:
        counts: Number of rows of each kind.
        places: The first MAX_NAMED places of each kind.
    """

    counts: Counter[str] = field(default_factory=Counter[str])
    places: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, finding: str, places: Iterable[str]) -> None:
        """Count a finding at each of these places, and name the first of them."""
        named = self.places.setdefault(finding, [])
        count = 0
        for place in places:
            count += 1
            if len(named) < MAX_NAMED:
                named.append(place)
        if count:
            self.counts[finding] += count
        elif not named:
            del self.places[finding]

    def lines(self) -> Iterator[str]:
        """One line per named place, and one for the others of each kind."""
        for finding, named in self.places.items():
            for place in named:
                yield f"{place}: {finding}"
            more = self.counts[finding] - len(named)
            if more:
                yield f"{more:,} more: {finding}"


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """The whole file, cleaned.

    Attributes:
        bars: Columns symbol, session, open, high, low, close, volume; sorted by symbol and session.
        traded_closes: The close of each bar as the file has it, before its adjustment; as long as `bars`.
        dropped: Rows that were left out, by reason.
        remarks: Rows that are used although they look odd, by finding.
        rows: Number of rows in the file, without the header.
        adjusted: Whether the file has an adjusted close, which has been applied.
        symbols: Symbols that have bars.
    """

    bars: pd.DataFrame
    traded_closes: NDArray[np.float64]
    dropped: Findings
    remarks: Findings
    rows: int
    adjusted: bool
    symbols: frozenset[str]


@dataclass(slots=True)
class _Unreadable:
    """Rows that are not bars.

    Attributes:
        count: How many.
        first: The first of them, with its value and what is wrong, for a message.
    """

    count: int = 0
    first: str = ""

    def add(self, count: int, first: str) -> None:
        self.count += count
        self.first = self.first or first


def read_recording(path: Path) -> Recording:
    """Read and clean a recording.

    Raises:
        SourceError: The file is missing, can't be read, is too large, lacks a column or has it twice, or most of its
            rows are no bars.
    """
    dropped, remarks, unreadable = Findings(), Findings(), _Unreadable()
    rows = 0
    parts: list[pd.DataFrame] = []
    has_adjusted_close = False
    try:
        for chunk in _chunks(path, dropped, unreadable):
            rows += len(chunk)
            has_adjusted_close = ADJUSTED_CLOSE in chunk.columns
            parts.append(_bars(chunk, dropped, unreadable))
    except (OSError, EOFError, zlib.error, ValueError, TypeError, NotImplementedError) as error:
        problem = first_line(str(error), type(error).__name__)
        raise SourceError(f"{path}: can't be read ({problem}); check the path and the file") from error

    rows += dropped.counts[_WRONG_LENGTH + _DROPPED] + dropped.counts[_LONG_LINE + _DROPPED]
    if unreadable.count * 2 > rows:
        raise SourceError(
            f"{path}: {unreadable.count:,} of {rows:,} rows are no bars, such as {unreadable.first};"
            f" accepted: {ACCEPTED}"
        )
    frame = pd.concat(parts, ignore_index=True) if parts else no_bars()
    ordered = _ordered(frame, dropped, remarks)
    bars = ordered[["symbol", "session", *PRICES, "volume"]]
    traded_closes = ordered[_TRADED_CLOSE].to_numpy()
    return Recording(bars, traded_closes, dropped, remarks, rows, has_adjusted_close, frozenset(bars["symbol"]))


_DROPPED = ", row dropped"


def _chunks(path: Path, dropped: Findings, unreadable: _Unreadable) -> Iterator[pd.DataFrame]:
    """The rows in parts, with the known columns as they are (all text where it is CSV), indexed by line or row.

    Raises:
        SourceError: The kind of file is unknown, it is too large, or its columns are wrong.
        OSError, EOFError, zlib.error, ValueError: It can't be read.
    """
    name = path.name.lower()
    if name.endswith(".parquet"):
        yield from _parquet_chunks(path)
    elif name.endswith((".csv", ".csv.gz")):
        opener = gzip.open if name.endswith(".gz") else open
        with opener(path, "rb") as binary:
            text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="replace")
            yield from _csv_chunks(path, _limited_lines(path, text), dropped, unreadable)
    else:
        raise SourceError(f"{path}: unknown kind of file; use .csv, .csv.gz or .parquet")


def _limited_lines(path: Path, text: io.TextIOWrapper) -> Iterator[str | None]:
    """Each line without its end; None for one that is too long, which is skipped without being held in memory.

    Raises:
        SourceError: The text is too long.
    """
    characters = 0
    while line := text.readline(MAX_LINE):
        characters += len(line)
        is_long = len(line) == MAX_LINE and not line.endswith("\n")
        if is_long:
            rest = text.readline(MAX_LINE)
            while rest and not rest.endswith("\n"):
                characters += len(rest)
                _check_size(path, characters)
                rest = text.readline(MAX_LINE)
        _check_size(path, characters)
        yield None if is_long else line.rstrip("\n")


def _check_size(path: Path, characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise SourceError(
            f"{path}: holds more than {MAX_CHARACTERS:,} characters; keep the symbols and years that are needed"
        )


def _check_rows(path: Path, rows: int) -> None:
    if rows > MAX_ROWS:
        raise SourceError(f"{path}: has more than {MAX_ROWS:,} rows; keep the symbols and years that are needed")


def _csv_chunks(
    path: Path, lines: Iterator[str | None], dropped: Findings, unreadable: _Unreadable
) -> Iterator[pd.DataFrame]:
    header = next(lines, "")
    if header is None:
        raise SourceError(f"{path}: line 1 is {_LONG_LINE}; a recording has {', '.join(REQUIRED_COLUMNS)}")
    # Quotes are not interpreted: no cell of a bar needs one, and a stray quote then ruins one row instead of many.
    columns = [_unquoted(cell) for cell in header.split(",")]
    _check_columns(path, columns)
    positions = [columns.index(name) for name in _COLUMNS if name in columns]
    names = [columns[position] for position in positions]

    rows: list[list[str]] = []
    numbers: list[int] = []
    count = 0
    for number, line in enumerate(lines, start=2):
        if line == "":
            continue
        count += 1
        _check_rows(path, count)
        cells = None if line is None else line.split(",")
        if cells is None or len(cells) != len(columns):
            problem = _LONG_LINE if cells is None else _WRONG_LENGTH
            dropped.add(problem + _DROPPED, [f"line {number}"])
            unreadable.add(1, f"line {number}, {_quoted(line or '')}: {problem}")
            continue
        rows.append([_unquoted(cells[position]) for position in positions])
        numbers.append(number)
        if len(rows) == _CHUNK_ROWS:
            yield _text_frame(rows, names, numbers)
            rows, numbers = [], []
    yield _text_frame(rows, names, numbers)


def _text_frame(rows: list[list[str]], names: list[str], numbers: list[int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=names, index=pd.Index(numbers, name="line"), dtype="str")


def _parquet_chunks(path: Path) -> Iterator[pd.DataFrame]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        columns: list[str] = list(file.schema_arrow.names)
        _check_columns(path, columns)
        # What the file says of itself is checked before any of it is read, its rows once more as they come.
        _check_rows(path, file.metadata.num_rows)
        names = [name for name in _COLUMNS if name in columns]
        count = 0
        for batch in file.iter_batches(batch_size=_CHUNK_ROWS, columns=names):
            frame = batch.to_pandas()
            frame.index = pd.RangeIndex(count + 1, count + 1 + len(frame), name="row")
            count += len(frame)
            _check_rows(path, count)
            yield frame


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    """Refuse a file whose columns don't say clearly what each value is.

    Raises:
        SourceError: A required column is missing, or a known one is there twice.
    """
    for name in REQUIRED_COLUMNS:
        if name not in columns:
            found = _quoted(", ".join(columns))
            raise SourceError(
                f"{path}: column {name!r} is missing; a recording has {', '.join(REQUIRED_COLUMNS)}, this file {found}"
            )
    for name in _COLUMNS:
        if columns.count(name) > 1:
            raise SourceError(
                f"{path}: column {name!r} is there {columns.count(name)} times; keep the one that is to be read"
            )


def _bars(raw: pd.DataFrame, dropped: Findings, unreadable: _Unreadable) -> pd.DataFrame:
    """The rows that are bars, with their columns parsed; the others are added to the findings."""
    # Parse each column; what can't be parsed is missing.
    symbol = raw["symbol"].astype("str").fillna("")
    day = raw["date"].astype("str").str.replace(_MIDNIGHT, "", regex=True)
    columns: dict[str, pd.Series] = {
        "symbol": symbol,
        "session": pd.to_datetime(day, format="%Y-%m-%d", errors="coerce").astype("datetime64[us]"),
    }
    for name in (*PRICES, "volume", ADJUSTED_CLOSE):
        if name in raw.columns:
            columns[name] = _finite_numbers(raw[name])
    frame = pd.DataFrame(columns)

    problem = _first_problem(frame)
    is_bar: NDArray[np.bool_] = problem == ""
    if is_bar.all():
        return frame
    # Whatever stands in the file, a place is one short line that can be printed.
    place = (symbol + " " + day.fillna("")).str.replace(r"\s+", " ", regex=True).str.slice(0, 2 * _QUOTED)
    place = place.str.replace(_UNPRINTABLE, "?", regex=True)
    for text in dict.fromkeys(problem[~is_bar].tolist()):
        rows_of_problem = np.flatnonzero(problem == text)
        dropped.add(f"{text}{_DROPPED}", place.iloc[rows_of_problem].tolist())
    first = int(np.argmin(is_bar))
    unreadable.add(
        int((~is_bar).sum()), _described(raw.iloc[first], f"{raw.index.name} {raw.index[first]}", str(problem[first]))
    )
    return frame.loc[is_bar]


def _described(row: pd.Series, place: str, problem: str) -> str:
    """A row that is no bar, for a message: which one, the values that are wrong, and why."""
    values = [f"{name} {_quoted(str(row[name]))}" for name in _COLUMNS_OF_PROBLEM.get(problem, PRICES)]
    return f"{place}, {', '.join(values)}: {problem}"


def _finite_numbers(column: pd.Series) -> pd.Series:
    """The column as float64; what is not a finite number is missing."""
    if column.dtype == object:
        column = column.astype("str")
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    return values.where(np.isfinite(values))


def _first_problem(frame: pd.DataFrame) -> NDArray[np.str_]:
    """The first reason why each row is not a bar; empty where it is one."""
    reason = bar_problems(frame)
    if ADJUSTED_CLOSE in frame.columns:
        is_wrong = ~(frame[ADJUSTED_CLOSE] > 0).to_numpy()
        reason = np.where((reason == "") & is_wrong, "adj_close missing or not positive", reason)
    reason = np.where(frame["session"].isna(), "date is not YYYY-MM-DD", reason)
    return np.where(frame["symbol"] == "", "symbol missing", reason)


def _ordered(frame: pd.DataFrame, dropped: Findings, remarks: Findings) -> pd.DataFrame:
    """Adjusted bars in order, one per symbol and session, with the close before the adjustment."""
    # Keep the last row of each day.
    is_superseded: pd.Series[bool] = frame.duplicated(["symbol", "session"], keep="last")
    dropped.add("day stands twice, last row kept", _places(frame.loc[is_superseded]))
    frame = frame.loc[~is_superseded].sort_values(["symbol", "session"], ignore_index=True)

    # Adjust all four prices as the close is adjusted.
    frame = frame.assign(**{_TRADED_CLOSE: frame["close"]})
    if ADJUSTED_CLOSE in frame.columns:
        factor = frame[ADJUSTED_CLOSE] / frame["close"]
        frame[list(PRICES)] = frame[list(PRICES)].mul(factor, axis=0)

    # Leave out bars in another unit, as of a vendor's delivery: they would move every average and range for weeks.
    is_jump = _is_unit_jump(frame)
    finding = f"close more than {UNIT_JUMP:g} times or under 1/{UNIT_JUMP:g} of those of the sessions around it"
    dropped.add(finding + _DROPPED, _places(frame.loc[is_jump]))
    frame = frame.loc[~is_jump].reset_index(drop=True)

    # Sessions whose close moved like an unadjusted split.
    logarithm = pd.Series(np.log(frame["close"].to_numpy()), index=frame.index)
    change = logarithm.groupby(frame["symbol"]).diff().abs()
    finding = "close moves by more than a factor of 1.8, like a split; not adjusted"
    remarks.add(finding, _places(frame.loc[change > _SPLIT_JUMP]))
    return frame


def _is_unit_jump(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each bar's close is in another unit than those around it, shape (rows,).

    Args:
        frame: symbol, session and adjusted close, sorted by symbol and session.
    """
    closes = frame.groupby("symbol")["close"]
    # Few symbols have a range so wide; of the others no bar can be a jump.
    is_wide: NDArray[np.bool_] = (closes.transform("max") > closes.transform("min") * UNIT_JUMP).to_numpy()
    is_jump = np.zeros(len(frame), dtype=bool)
    is_jump[is_wide] = unit_jumps(frame.loc[is_wide], no_actions()) != 1.0
    return is_jump


def _places(rows: pd.DataFrame) -> pd.Series:
    return rows["symbol"] + " " + rows["session"].dt.strftime("%Y-%m-%d")


def _unquoted(cell: str) -> str:
    return cell.strip().strip('"')


def _quoted(value: str) -> str:
    """A value in quotes on one line, cut where it is long."""
    return repr(value if len(value) <= _QUOTED else f"{value[:_QUOTED]}…")
