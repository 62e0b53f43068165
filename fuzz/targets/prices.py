"""Recorded daily bars: CSV, gzipped CSV and Parquet."""

import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from fuzz.inputs import Case
from fuzz.invariants import outcome_of, require, require_line
from fuzz.worker import Check
from signals_pipeline import sample
from signals_pipeline.adapters.prices.recorded import RecordedPrices

TOKENS = (
    b"date", b"symbol", b"open", b"high", b"low", b"close", b"volume", b"adj_close", b",", b"\n", b"2015-01-20",
    b"AAPL", b"0.01", b"-5", b"1e-320", b"1e300", b"1,234.5", b"\x1f\x8b", b"PAR1",
)  # fmt: skip
_ROWS = 30
_START, _END = date(1900, 1, 1), date(2200, 1, 1)


def examples() -> Sequence[Case]:
    """The first rows of the sample, in each format."""
    rows = pd.read_csv(sample.PRICES, nrows=_ROWS)
    text = rows.to_csv(index=False).encode()
    parquet = io.BytesIO()
    rows.to_parquet(parquet)
    return (
        Case("prices.csv", text),
        Case("prices.csv", text),  # plain text is where most is found
        Case("prices.csv.gz", gzip.compress(text, mtime=0)),
        Case("prices.parquet", parquet.getvalue()),
    )


@contextmanager
def opened() -> Iterator[Check]:
    """Read the file, its bars and its notes."""
    yield lambda file: outcome_of(lambda: _read(file))


def _read(file: Path) -> str:
    source = RecordedPrices(file)
    bars = source.bars(["AAPL", "MSFT"], _START, _END)
    values = bars[["open", "high", "low", "close", "volume"]].to_numpy(dtype=float)
    require(bool(np.isfinite(values).all()), "a bar with a value that is no number")
    require(bool((bars["low"] > 0).all() and (bars["low"] <= bars["high"]).all()), "a bar with low above high")
    require(not bars.duplicated(["symbol", "session"]).any(), "two bars of one session")
    for note in source.notes():
        require_line(note)
    return f"{'some' if len(bars) else 'no'} bars, {', '.join(sorted(source.quality()))}"
