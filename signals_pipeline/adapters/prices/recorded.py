"""Recorded daily bars from a file as a price source.

The file is read and cleaned by `recording`. Live prices are in `live`; both are price sources of
`core.news.feeds.PriceSource`.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path

import pandas as pd

from signals_pipeline.adapters.prices.recording import Findings, Recording, read_recording
from signals_pipeline.core.prices.adjustment import CLOSE_COLUMNS, no_actions, no_closes, no_sources
from signals_pipeline.core.prices.corrections import no_corrections


class RecordedPrices:
    """A price source that replays a recording.

    Columns: `date` (YYYY-MM-DD), `symbol`, `open`, `high`, `low`, `close`, `volume`, and optionally `adj_close`.

    Where `adj_close` is there, open, high, low and close are multiplied by adj_close / close. That is the adjustment as
    known when the recording was made, not as of a window: dividends paid after the window have scaled its bars, too.
    They scale all bars up to any day by one factor, so what is scale-free (RSI, MACD / ATR, returns, distances from an
    average in ATRs) comes out as with the adjustment of the day; what is not (a threshold in currency) differs from the
    traded prices by the later dividends. Readers are shown `traded_closes`. Volume is taken as recorded.

    Rows that are not bars are dropped, the last of several rows of one day is kept, bars in another unit than the
    sessions around them are left out, and jumps that look like a split are left as they are; `quality` counts them and
    `notes` names each. Gaps and zero volume are not touched.

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
            SourceError: The file is missing, can't be read, is too large, lacks a column or has it twice, or most of
                its rows are no bars.
        """
        requested = set(symbols)
        self._unknown_symbols.update(requested - self._recording.symbols)
        bars = self._recording.bars
        return bars.loc[_are_requested(bars, symbols, start, end)].reset_index(drop=True)

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:  # noqa: ARG002
        """No corrections: a recording holds one value per session."""
        return no_corrections()

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:  # noqa: ARG002
        """No actions: the recording's own adjusted close has been applied."""
        return no_actions()

    def other_vendors(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:  # noqa: ARG002
        """None: a recording is one source."""
        return no_sources()

    def traded_closes(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        """The closes of the file where it has `adj_close` as well; otherwise none: `bars` are as the file has them.

        Raises:
            SourceError: As for `bars`.
        """
        recording = self._recording
        if not recording.adjusted:
            return no_closes()
        closes = recording.bars.assign(close=recording.traded_closes)[list(CLOSE_COLUMNS)]
        return closes.loc[_are_requested(closes, symbols, start, end)].reset_index(drop=True)

    def quality(self) -> dict[str, int]:
        """How often each finding of `notes` occurred."""
        counts: Counter[str] = Counter()
        for findings in self._findings():
            counts.update(findings.counts)
        return dict(counts)

    def notes(self) -> tuple[str, ...]:
        """One line for each row that was dropped or looks odd, and for each requested symbol that has no bars.

        Of many rows with the same finding the first are named and the rest counted.
        """
        return tuple(f"{self.path.name}: {line}" for findings in self._findings() for line in findings.lines())

    def _findings(self) -> tuple[Findings, ...]:
        unknown = Findings()
        unknown.add("no bars recorded", sorted(self._unknown_symbols))
        return self._recording.dropped, self._recording.remarks, unknown

    @cached_property
    def _recording(self) -> Recording:
        # Time and size of the file are part of the cache key; a missing file is reported by the reader.
        version = None
        if self.path.is_file():
            stat = self.path.stat()
            version = (stat.st_mtime_ns, stat.st_size)
        return _load(self.path, version)


def _are_requested(bars: pd.DataFrame, symbols: Sequence[str], start: date, end: date) -> "pd.Series[bool]":
    """Which rows are of these symbols and of sessions from start to end, both included."""
    return bars["symbol"].isin(set(symbols)) & bars["session"].between(pd.Timestamp(start), pd.Timestamp(end))


# The runs of one process share the recording; a file that changed is read again. 2: the sample's and one more.
@lru_cache(maxsize=2)
def _load(path: Path, _version: tuple[int, int] | None) -> Recording:
    return read_recording(path)
