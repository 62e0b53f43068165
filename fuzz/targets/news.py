"""Recorded headlines: CSV, JSON lines and Parquet."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from fuzz.inputs import Case
from fuzz.invariants import outcome_of, require
from fuzz.worker import Check
from signals_pipeline import sample
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.core.news.normalisation import normalise

TOKENS = (
    b"published_at", b"first_seen_at", b"symbol", b"title", b"source", b"url", b"summary", b",", b'"', b"\n", b'""',
    b"{", b"}", b"[", b":", b"2015-01-24T00:43:08Z", b"+00:00", b"AAPL", b"AAPL|MSFT", b"PAR1", b"a" * 200_000,
)  # fmt: skip
_ROWS = 12
_START, _END = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def examples() -> Sequence[Case]:
    """The first rows of the sample, in each format."""
    rows = pd.read_csv(sample.HEADLINES, nrows=_ROWS, dtype="str", keep_default_na=False)
    rows = rows.assign(first_seen_at="2015-01-24T00:45:00+00:00", summary='A "lead", quoted\nover two lines')
    parquet = io.BytesIO()
    rows.to_parquet(parquet)
    return (
        Case("news.csv", rows.to_csv(index=False).encode()),
        Case("news.jsonl", rows.to_json(orient="records", lines=True).encode()),
        Case("news.parquet", parquet.getvalue()),
    )


@contextmanager
def opened() -> Iterator[Check]:
    """Read the file and normalise what is in it."""
    yield lambda file: outcome_of(lambda: _read(file))


def _read(file: Path) -> str:
    batch = RecordedNews(file).fetch(_START, _END)
    for headline in batch.headlines:
        for instant in (headline.published_at, headline.first_seen_at):
            require(instant is None or instant.tzinfo is not None, "an instant without a timezone")
    normalised = normalise(batch.headlines)
    return f"{batch.reports[0].status}, {'some' if len(normalised.items) else 'no'} headlines"
