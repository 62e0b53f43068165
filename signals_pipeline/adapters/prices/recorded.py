"""Recorded daily bars from a file: CSV, gzipped CSV or Parquet, cleaned once, every repair counted and named."""

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

from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.prices.adjustment import no_actions

_PRICES = ["open", "high", "low", "close"]
_COLUMNS = ["date", "symbol", *_PRICES, "volume"]
_ADJUSTED = "adj_close"
_SPLIT_JUMP = math.log(1.8)  # a 2:1 split moves the logarithm by ln 2; no large cap falls so far on news in a day
_MIDNIGHT = r"[ T]00:00:00(?:\.0+)?(?:Z|[+-]\d\d:?\d\d)?$"


class RecordedPrices:
    """A price source that replays a recording.

    Columns: `date` (YYYY-MM-DD), `symbol`, `open`, `high`, `low`, `close`, `volume`, and optionally `adj_close`.

    Where `adj_close` is there, open, high, low and close are multiplied by adj_close / close. That is the adjustment as
    known when the recording was made, not as of a window: dividends paid after the window have scaled its bars, too.
    They scale all bars up to any day by one factor, so what is scale-free (RSI, MACD / ATR, returns, distances from an
    average in ATRs) comes out as with the adjustment of the day; what is not (the price level shown to a reader, a
    threshold in currency) differs from the tape by the later dividends. Volume is taken as recorded.

    Rows that are no bar are dropped, of a day that stands twice the last row is kept, jumps that look like a split are
    left as they are; `quality` counts and `notes` names each. Gaps and zero volume are not touched.

    Attributes:
        path: `.csv`, `.csv.gz` or `.parquet` file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unknown: set[str] = set()

    @property
    def name(self) -> str:
        """Name of the source."""
        return "recorded"

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """Daily bars of sessions from start to end, both included.

        Returns:
            One row a symbol and session, sorted by both: symbol (str), session (datetime64[us], naive midnight), open,
            high, low, close (float64, the symbol's currency, adjusted as the class says), volume (float64, shares).

        Raises:
            SourceError: the file is missing, can't be read, or lacks a column.
        """
        bars = self._recording.bars
        self._unknown.update(set(symbols) - self._recording.symbols)
        low, high = (pd.Timestamp(day.year, day.month, day.day) for day in (start, end))
        return bars[bars["symbol"].isin(set(symbols)) & bars["session"].between(low, high)].reset_index(drop=True)

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:  # noqa: ARG002
        """No actions: the recording's own adjusted close has been applied."""
        return no_actions()

    def quality(self) -> dict[str, int]:
        """How often each thing in `notes` was met, by its wording."""
        return dict(Counter(finding for _, finding in self._findings()))

    def notes(self) -> tuple[str, ...]:
        """One line for each row that was dropped or looks odd, and for each symbol asked for that has no bars."""
        return tuple(f"{self.path.name}: {where}: {finding}" for where, finding in self._findings())

    def _findings(self) -> list[tuple[str, str]]:
        return self._recording.findings + [(symbol, "no bars recorded") for symbol in sorted(self._unknown)]

    @cached_property
    def _recording(self) -> "_Recording":
        found = self.path.stat() if self.path.is_file() else None  # a missing one is told by the reader
        return _recorded(self.path, found and (found.st_mtime_ns, found.st_size))


@dataclass(frozen=True, slots=True)
class _Recording:
    """The whole file, cleaned: bars, (where, finding) pairs, and the symbols that have bars."""

    bars: pd.DataFrame
    findings: list[tuple[str, str]]
    symbols: set[str]


@lru_cache(maxsize=2)  # runs that follow each other in one process read a file once; one that was changed is read again
def _recorded(path: Path, _state: tuple[int, int] | None) -> _Recording:
    findings: list[tuple[str, str]] = []
    raw = _read(path, findings)
    missing = [column for column in _COLUMNS if column not in raw.columns]
    if missing:
        raise SourceError(f"{path}: column {missing[0]!r} is missing; a recording has {', '.join(_COLUMNS)}")
    bars = _clean(raw, findings)
    return _Recording(bars, findings, set(bars["symbol"]))


def _read(path: Path, findings: list[tuple[str, str]]) -> pd.DataFrame:
    """The file's columns as they are; text where it is CSV."""
    kind = path.name.lower()
    try:
        if kind.endswith(".parquet"):
            return pd.read_parquet(path)
        if kind.endswith((".csv", ".csv.gz")):
            return _read_csv(path, findings)
    except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
        problem = (str(error).splitlines() or [type(error).__name__])[0]
        raise SourceError(f"{path}: can't be read ({problem}); check the path and the file") from error
    raise SourceError(f"{path}: unknown kind of file; give one of .csv, .csv.gz, .parquet")


def _read_csv(path: Path, findings: list[tuple[str, str]]) -> pd.DataFrame:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file, quoting=csv.QUOTE_NONE)  # no cell of a bar needs a quote; a stray one ruins one row
        columns = [cell.strip().strip('"') for cell in next(reader, [])]
        rows: list[list[str]] = []
        for cells in reader:
            if len(cells) == len(columns):
                rows.append([cell.strip().strip('"') for cell in cells])
            elif cells:
                findings.append((f"line {reader.line_num}", "not as many cells as the header, row dropped"))
    return pd.DataFrame(rows, columns=columns, dtype="str")


def _clean(raw: pd.DataFrame, findings: list[tuple[str, str]]) -> pd.DataFrame:
    """Sorted, adjusted bars; what is dropped or odd goes to the findings."""
    day = raw["date"].astype("str").str.replace(_MIDNIGHT, "", regex=True)
    where = raw["symbol"].astype("str").fillna("") + " " + day.fillna("")
    session = pd.to_datetime(day, format="%Y-%m-%d", errors="coerce").astype("datetime64[us]")
    numbers = {name: _numbers(raw[name]) for name in [*_PRICES, "volume", _ADJUSTED] if name in raw.columns}
    frame = pd.DataFrame({"symbol": raw["symbol"].astype("str").fillna(""), "session": session, **numbers})
    problem = _problems(frame)
    findings += [(place, f"{what}, row dropped") for place, what in zip(where, problem, strict=True) if what]
    frame, where = frame[problem == ""], where[problem == ""]
    twice = frame.duplicated(["symbol", "session"], keep="last")
    findings += [(place, "day stands twice, last row kept") for place in where[twice]]
    frame = frame[~twice].sort_values(["symbol", "session"], ignore_index=True)
    if _ADJUSTED in frame.columns:
        frame[_PRICES] = frame[_PRICES].mul(frame[_ADJUSTED] / frame["close"], axis=0)
    findings += _split_jumps(frame)
    return frame[["symbol", "session", *_PRICES, "volume"]]


def _numbers(column: pd.Series) -> pd.Series:
    """The column as float64; what is no finite number is missing."""
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    return values.where(np.isfinite(values))


def _problems(frame: pd.DataFrame) -> np.ndarray:
    """The first reason why each row is no bar; empty where it is one."""
    reasons = {
        "symbol missing": frame["symbol"] == "",
        "date is not YYYY-MM-DD": frame["session"].isna(),
        "price missing or not positive": ~(frame[_PRICES] > 0).all(axis=1),
        "high below low": frame["high"] < frame["low"],
        "volume missing or negative": ~(frame["volume"] >= 0),
    }
    if _ADJUSTED in frame.columns:
        reasons["adj_close missing or not positive"] = ~(frame[_ADJUSTED] > 0)
    return np.select(list(reasons.values()), list(reasons), default="")


def _split_jumps(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Sessions whose close moved like an unadjusted split, as (where, finding)."""
    logs = pd.Series(np.log(frame["close"].to_numpy()), index=frame.index)
    change = logs.groupby(frame["symbol"]).diff().abs()
    jumped = frame[change > _SPLIT_JUMP]
    places = jumped["symbol"] + " " + jumped["session"].dt.strftime("%Y-%m-%d")
    return [(place, "close moves by more than a factor of 1.8, like a split; not adjusted") for place in places]
