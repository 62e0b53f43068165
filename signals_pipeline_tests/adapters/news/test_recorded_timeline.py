"""When a recorded file's collector delivered: from every row, before the interval's end, and nothing later."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.core.news.silence import PACE_DAYS, SourceTimeline
from signals_pipeline.core.windows import instant64

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def write(path: Path, items: Sequence[tuple[str, datetime, datetime | None]]) -> Path:
    """A file of items: title, published_at, first_seen_at."""
    lines = []
    for title, published_at, first_seen_at in items:
        cells = {"published_at": published_at.isoformat(), "symbol": "AAPL", "title": title, "source": "s"}
        cells |= {"url": f"https://example.org/{title}"}
        if first_seen_at is not None:
            cells["first_seen_at"] = first_seen_at.isoformat()
        lines.append(json.dumps(cells) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def timeline(path: Path, start: datetime, end: datetime) -> SourceTimeline:
    (one,) = RecordedNews(path).fetch(start, end).timelines
    return one


def test_the_timeline_is_that_of_the_headlines(tmp_path: Path) -> None:
    items = [(str(hour), START + hour * DAY / 24, START + hour * DAY / 24 + timedelta(minutes=7)) for hour in range(9)]
    path = write(tmp_path / "news.jsonl", [*items, ("unseen", START, None)])
    batch = RecordedNews(path).fetch(START, START + DAY)
    (found,) = batch.timelines
    expected = SourceTimeline.from_headlines("recorded", batch.headlines)
    assert found.feed == expected.feed
    np.testing.assert_array_equal(found.delivered_at, expected.delivered_at)
    np.testing.assert_array_equal(found.lags, expected.lags)
    np.testing.assert_array_equal(found.lag_instants, expected.lag_instants)
    assert len(found.lags) == 9


def test_an_item_that_is_delivered_again_shows_that_the_collector_polled_but_has_no_lag_of_its_own(
    tmp_path: Path,
) -> None:
    polls = [START + hours * DAY / 24 for hours in (1, 25, 49)]
    path = write(tmp_path / "news.jsonl", [("one", START, poll) for poll in polls])
    batch = RecordedNews(path).fetch(START, START + 5 * DAY)
    (found,) = batch.timelines
    assert len(batch.headlines) == 1
    assert found.delivered_at.tolist() == [poll.replace(tzinfo=None) for poll in polls]
    assert found.lags.tolist() == [1.0]
    assert found.lag_instants.tolist() == [polls[0].replace(tzinfo=None)]


def test_the_past_that_tells_the_pace_is_part_of_it_and_what_lies_before_is_not(tmp_path: Path) -> None:
    first = START - timedelta(days=PACE_DAYS)
    times = [first - timedelta(microseconds=1), first, START, START + DAY]
    path = write(tmp_path / "news.jsonl", [(str(number), time, None) for number, time in enumerate(times)])
    found = timeline(path, START, START + DAY)
    assert found.delivered_at.tolist() == [time.replace(tzinfo=None) for time in times[1:3]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8), st.integers(0, 5)), max_size=20),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_what_becomes_known_later_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[int, int, int]], start: int, length: int
) -> None:
    # Few titles, so that items are delivered again, before and after the interval's end.
    items = []
    for published, lag, title in deliveries:
        published_at = START + published * DAY / 4
        items.append((str(title), published_at, published_at + lag * DAY / 8))
    begin, end = START + start * DAY / 4, START + (start + length) * DAY / 4
    folder = tmp_path_factory.mktemp("news")
    past = [item for item in items if item[2] < end]
    whole = RecordedNews(write(folder / "whole.jsonl", [("0", START - DAY, START - DAY), *items])).fetch(begin, end)
    known = RecordedNews(write(folder / "known.jsonl", [("0", START - DAY, START - DAY), *past])).fetch(begin, end)
    assert whole.headlines == known.headlines
    (one,), (other,) = whole.timelines, known.timelines
    np.testing.assert_array_equal(one.delivered_at, other.delivered_at)
    np.testing.assert_array_equal(one.lags, other.lags)
    np.testing.assert_array_equal(one.lag_instants, other.lag_instants)
    assert bool((one.delivered_at < instant64(end)).all())
