"""Replaying a collector that appends every daily poll gives the evidence of first deliveries."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.news.evidence import build_evidence, news_interval
from signals_pipeline.core.news.normalisation import normalise
from signals_pipeline.core.windows import windows_between

POLLS = 5  # daily polls that list an item


def sample_rows(start: datetime, end: datetime) -> list[dict[str, str]]:
    """The sample's rows of an interval, with the daily poll at 22:00 UTC that first delivered each."""
    with sample.HEADLINES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen: list[dict[str, str]] = []
    for row in rows:
        published_at = datetime.fromisoformat(row["published_at"])
        if start <= published_at < end:
            poll = published_at.replace(hour=22, minute=0, second=0, microsecond=0)
            if poll < published_at:
                poll += timedelta(days=1)
            chosen.append(row | {"first_seen_at": poll.isoformat()})
    return chosen


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def evidence(path: Path, start: datetime, end: datetime) -> pd.DataFrame:
    windows = windows_between(start, end)
    lookback = {"lookback_hours": 6.0, "strict": False}
    batch = RecordedNews(path).fetch(*news_interval(windows, lookback_hours=6.0, strict=False))
    frame, _ = build_evidence(normalise(batch.headlines).items, load_watchlist(sample.WATCHLIST), windows, **lookback)
    return frame


@pytest.fixture(name="interval")
def _interval() -> tuple[datetime, datetime]:
    end = datetime.fromisoformat("2015-02-07T00:00:00+00:00")
    return end - timedelta(days=12), end


def test_daily_polls_of_the_sample_give_the_evidence_of_first_deliveries(
    tmp_path: Path, interval: tuple[datetime, datetime]
) -> None:
    start, end = interval
    first = sample_rows(start, end)
    appended: list[dict[str, str]] = []
    for poll in range(POLLS):
        for row in first:
            later = datetime.fromisoformat(row["first_seen_at"]) + timedelta(days=poll)
            appended.append(row | {"first_seen_at": later.isoformat()})
    write(tmp_path / "first.csv", first)
    write(tmp_path / "polls.csv", appended)

    expected = evidence(tmp_path / "first.csv", start, end)
    replayed = evidence(tmp_path / "polls.csv", start, end)

    assert len(expected) > 100
    pd.testing.assert_frame_equal(replayed, expected)
