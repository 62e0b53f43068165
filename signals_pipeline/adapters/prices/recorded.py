"""Recorded daily bars from a file: CSV, gzipped CSV or Parquet, cleaned once, with every repair counted and named.

Live prices are in `live`; both are price sources of `core.news.feeds.PriceSource`.
"""

import csv
import gzip
import math
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.prices.adjustment import no_actions
from signals_pipeline.core.prices.corrections import no_corrections

_PRICES = ["open", "high", "low", "close"]
_REQUIRED_COLUMNS = ["date", "symbol", *_PRICES, "volume"]
_ADJUSTED_CLOSE = "adj_close"

# A 2:1 split moves the logarithm by ln 2; no large cap falls by a factor of 1.8 on news within a day.
_SPLIT_JUMP = math.log(1.8)

# A time of midnight, with or without a zone, that some exports append to the date.
_MIDNIGHT = r"[ T]00:00:00(?:\.0+)?(?:Z|[+-]\d\d:?\d\d)?$"


@dataclass(frozen=True, slots=True)
class _Note:
    """Something about a row that the operator should know: where it is, and what was found and done."""

    place: str
    finding: str


@dataclass(frozen=True, slots=True)
class _Recording:
    """The whole file, cleaned.

    Attributes:
        bars: Columns symbol, session, open, high, low, close, volume; sorted by symbol and session.
        notes: Rows that were dropped or look odd.
        symbols: Symbols that have bars.
    """

    bars: pd.DataFrame
    notes: list[_Note]
    symbols: set[str]


class RecordedPrices:
    """A price source that replays a recording.

    Columns: `date` (YYYY-MM-DD), `symbol`, `open`, `high`, `low`, `close`, `volume`, and optionally `adj_close`.

    Where `adj_close` is there, open, high, low and close are multiplied by adj_close / close. That is the adjustment as
    known when the recording was made, not as of a window: dividends paid after the window have scaled its bars, too.
    They scale all bars up to any day by one factor, so what is scale-free (RSI, MACD / ATR, returns, distances from an
    average in ATRs) comes out as with the adjustment of the day; what is not (the price level shown to a reader, a
    threshold in currency) differs from the traded prices by the later dividends. Volume is taken as recorded.

    Rows that are not bars are dropped, the last of several rows of one day is kept, and jumps that look like a split
    are left as they are; `quality` counts them and `notes` names each. Gaps and zero volume are not touched.

    Attributes:
        path: `.csv`, `.csv.gz` or `.parquet` file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Symbols that were requested and have no bars.
        self._unknown_symbols: set[str] = set()

    @property
    def name(self) -> str:
        """Name of the source."""
        return "recorded"

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Daily bars of sessions from start to end, both included.

        Returns:
            One row per symbol and session, sorted by both: symbol (str), session (datetime64[us], naive midnight),
            open, high, low, close (float64, the symbol's currency, adjusted as the class says), volume (float64,
            shares).

        Raises:
            SourceError: The file is missing, can't be read, or lacks a column.
        """
        requested = set(symbols)
        self._unknown_symbols.update(requested - self._recording.symbols)
        bars = self._recording.bars
        is_symbol_requested = bars["symbol"].isin(requested)
        is_in_interval = bars["session"].between(pd.Timestamp(start), pd.Timestamp(end))
        return bars.loc[is_symbol_requested & is_in_interval].reset_index(drop=True)

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:  # noqa: ARG002
        """No corrections: a recording holds one value per session."""
        return no_corrections()

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:  # noqa: ARG002
        """No actions: the recording's own adjusted close has been applied."""
        return no_actions()

    def quality(self) -> dict[str, int]:
        """How often each finding of `notes` occurred."""
        return dict(Counter(note.finding for note in self._all_notes()))

    def notes(self) -> tuple[str, ...]:
        """One line for each row that was dropped or looks odd, and for each requested symbol that has no bars."""
        return tuple(f"{self.path.name}: {note.place}: {note.finding}" for note in self._all_notes())

    def _all_notes(self) -> list[_Note]:
        unknown = [_Note(symbol, "no bars recorded") for symbol in sorted(self._unknown_symbols)]
        return [*self._recording.notes, *unknown]

    @cached_property
    def _recording(self) -> _Recording:
        # Time and size of the file are part of the cache key; a missing file is reported by the reader.
        version = None
        if self.path.is_file():
            stat = self.path.stat()
            version = (stat.st_mtime_ns, stat.st_size)
        return _load(self.path, version)


# The runs of one process share the recording; a file that changed is read again. 2: the sample's and one more.
@lru_cache(maxsize=2)
def _load(path: Path, _version: tuple[int, int] | None) -> _Recording:
    notes: list[_Note] = []
    raw = _read(path, notes)
    for column in _REQUIRED_COLUMNS:
        if column not in raw.columns:
            raise SourceError(f"{path}: column {column!r} is missing; a recording has {', '.join(_REQUIRED_COLUMNS)}")
    bars = _clean(raw, notes)
    return _Recording(bars, notes, set(bars["symbol"]))


def _read(path: Path, notes: list[_Note]) -> pd.DataFrame:
    """The file's columns as they are; all of them text where it is CSV."""
    file_name = path.name.lower()
    try:
        if file_name.endswith(".parquet"):
            return pd.read_parquet(path)
        if file_name.endswith((".csv", ".csv.gz")):
            return _read_csv(path, notes)
    except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
        lines = str(error).splitlines()
        problem = lines[0] if lines else type(error).__name__
        raise SourceError(f"{path}: can't be read ({problem}); check the path and the file") from error
    raise SourceError(f"{path}: unknown kind of file; use .csv, .csv.gz or .parquet")


def _read_csv(path: Path, notes: list[_Note]) -> pd.DataFrame:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        # Quotes are not interpreted: no cell of a bar needs one, and a stray quote then ruins one row instead of many.
        reader = csv.reader(file, quoting=csv.QUOTE_NONE)
        no_header: list[str] = []
        columns = [_unquoted(cell) for cell in next(reader, no_header)]
        rows: list[list[str]] = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(columns):
                notes.append(_Note(f"line {reader.line_num}", "not as many cells as the header, row dropped"))
                continue
            rows.append([_unquoted(cell) for cell in cells])
    return pd.DataFrame(rows, columns=columns, dtype="str")


def _unquoted(cell: str) -> str:
    return cell.strip().strip('"')


def _clean(raw: pd.DataFrame, notes: list[_Note]) -> pd.DataFrame:
    """Sorted, adjusted bars; what is dropped or odd is added to the notes."""
    # Parse each column; what can't be parsed is missing.
    symbol = raw["symbol"].astype("str").fillna("")
    day = raw["date"].astype("str").str.replace(_MIDNIGHT, "", regex=True)
    columns: dict[str, pd.Series] = {
        "symbol": symbol,
        "session": pd.to_datetime(day, format="%Y-%m-%d", errors="coerce").astype("datetime64[us]"),
    }
    for name in [*_PRICES, "volume", _ADJUSTED_CLOSE]:
        if name in raw.columns:
            columns[name] = _finite_numbers(raw[name])
    frame = pd.DataFrame(columns)
    place = symbol + " " + day.fillna("")

    # Drop rows that are not bars.
    problem = _first_problem(frame)
    is_bar: NDArray[np.bool_] = problem == ""
    for row_place, text in zip(place[~is_bar], problem[~is_bar], strict=True):
        notes.append(_Note(row_place, f"{text}, row dropped"))
    frame, place = frame.loc[is_bar], place.loc[is_bar]

    # Keep the last row of each day.
    is_superseded: pd.Series[bool] = frame.duplicated(["symbol", "session"], keep="last")
    notes.extend(_Note(row_place, "day stands twice, last row kept") for row_place in place[is_superseded])
    frame = frame.loc[~is_superseded].sort_values(["symbol", "session"], ignore_index=True)

    # Adjust all four prices as the close is adjusted.
    if _ADJUSTED_CLOSE in frame.columns:
        factor = frame[_ADJUSTED_CLOSE] / frame["close"]
        frame[_PRICES] = frame[_PRICES].mul(factor, axis=0)

    notes.extend(_split_jumps(frame))
    return frame[["symbol", "session", *_PRICES, "volume"]]


def _finite_numbers(column: pd.Series) -> pd.Series:
    """The column as float64; what is not a finite number is missing."""
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    return values.where(np.isfinite(values))


def _first_problem(frame: pd.DataFrame) -> NDArray[np.str_]:
    """The first reason why each row is not a bar; empty where it is one."""
    problems = {
        "symbol missing": frame["symbol"] == "",
        "date is not YYYY-MM-DD": frame["session"].isna(),
        "price missing or not positive": ~(frame[_PRICES] > 0).all(axis=1),
        "high below low": frame["high"] < frame["low"],
        "volume missing or negative": ~(frame["volume"] >= 0),
    }
    if _ADJUSTED_CLOSE in frame.columns:
        problems["adj_close missing or not positive"] = ~(frame[_ADJUSTED_CLOSE] > 0)
    return np.select(list(problems.values()), list(problems), default="")


def _split_jumps(frame: pd.DataFrame) -> list[_Note]:
    """Notes on sessions whose close moved like an unadjusted split."""
    logarithm = pd.Series(np.log(frame["close"].to_numpy()), index=frame.index)
    change = logarithm.groupby(frame["symbol"]).diff().abs()
    jumps = frame.loc[change > _SPLIT_JUMP]
    places = jumps["symbol"] + " " + jumps["session"].dt.strftime("%Y-%m-%d")
    finding = "close moves by more than a factor of 1.8, like a split; not adjusted"
    return [_Note(place, finding) for place in places]
