"""Recorded headlines: nothing lost, nothing twice, nothing before it was known, whatever the file holds."""

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline import sample
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.core.news.feeds import NewsBatch, NewsSource, SourceError
from signals_pipeline.core.news.normalisation import RawHeadline

COLUMNS = ["published_at", "symbol", "title", "source", "url", "first_seen_at", "summary"]
START = datetime(2015, 1, 26, tzinfo=UTC)
EVER = (datetime(1900, 1, 1, tzinfo=UTC), datetime(2900, 1, 1, tzinfo=UTC))
INSTANTS = st.integers(0, 400).map(lambda step: START + timedelta(minutes=7 * step))
KINDS = ("csv", "jsonl", "parquet")


def row(published: str | None = "2015-01-27T12:00:00Z", **cells: str | None) -> dict[str, str | None]:
    return dict.fromkeys(COLUMNS) | {"published_at": published, "symbol": "AAPL", "title": "Title"} | cells


def recorded(folder: Path, rows: Sequence[dict[str, str | None]], kind: str = "csv") -> RecordedNews:
    path = folder / f"news.{kind}"
    if kind == "parquet":
        pq.write_table(
            pa.table({name: pa.array([cells[name] for cells in rows], pa.string()) for name in COLUMNS}), path
        )
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(cells, ensure_ascii=False) + "\n" for cells in rows), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    return RecordedNews(path)


def raw(folder: Path, content: bytes, name: str = "news.csv") -> NewsBatch:
    (folder / name).write_bytes(content)
    return RecordedNews(folder / name).fetch(*EVER)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=8), st.sampled_from(KINDS))
def test_any_title_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, titles: list[str], kind: str) -> None:
    rows = [row(title=title) for title in titles] + [row(title="last")]
    batch = recorded(tmp_path_factory.mktemp("news"), rows, kind).fetch(*EVER)
    assert [item.title for item in batch.headlines] == [title if title.strip() else None for title in titles] + ["last"]
    assert batch.reports[0].fetched == len(rows)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(INSTANTS, st.none() | INSTANTS), max_size=15),
    st.lists(INSTANTS, min_size=2, max_size=5),
    st.sampled_from(KINDS),
)
def test_adjacent_intervals_give_every_headline_once_when_it_was_known(
    tmp_path_factory: pytest.TempPathFactory,
    times: list[tuple[datetime, datetime | None]],
    cuts: list[datetime],
    kind: str,
) -> None:
    rows = [
        row(published.isoformat(), title=str(number), first_seen_at=seen.isoformat() if seen else None)
        for number, (published, seen) in enumerate(times)
    ]
    news = recorded(tmp_path_factory.mktemp("news"), [*rows, row(None, title="undated")], kind)
    edges = sorted(cuts)
    pieces = [
        [item for item in news.fetch(start, end).headlines if item.title != "undated"] for start, end in pairwise(edges)
    ]
    known = {str(number): max(published, seen or published) for number, (published, seen) in enumerate(times)}
    expected = {title for title, at in known.items() if edges[0] <= at < edges[-1]}
    delivered = [item for piece in pieces for item in piece]
    assert sorted(item.title or "" for item in delivered) == sorted(expected)
    assert [item.known_at for item in delivered] == sorted(known[title] for title in expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "time", [None, "", "yesterday", "2015-01-27T12:00:00", "2015-01-27", "1422360000", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_needs_a_guess_is_no_time_and_every_batch_says_so(
    tmp_path: Path, kind: str, time: str | None
) -> None:
    news = recorded(tmp_path, [row(), row(time, title="undated")], kind)
    for hours in (0, 100):
        batch = news.fetch(START + timedelta(hours=hours), START + timedelta(hours=hours + 100))
        assert [item.title for item in batch.headlines][-1] == "undated"
        assert batch.headlines[-1].published_at is None
        assert batch.reports[0].detail == f"news.{kind}: 1 of 2 rows without a readable time"


def test_an_unreadable_first_sight_does_not_fall_back_to_the_publishers_time(tmp_path: Path) -> None:
    (item,) = recorded(tmp_path, [row(first_seen_at="2015-01-28 noon")]).fetch(*EVER).headlines
    assert item.known_at is None


def test_offsets_become_utc_and_tags_are_split(tmp_path: Path) -> None:
    cells = row("2015-01-27T07:00:00-05:00", symbol="AAPL|MSFT  GOOG|AAPL", summary="Lead", url="ftp://x", source="S")
    (item,) = recorded(tmp_path, [cells]).fetch(*EVER).headlines
    published = datetime(2015, 1, 27, 12, tzinfo=UTC)
    tags = ("AAPL", "MSFT", "GOOG")
    assert item == RawHeadline(published, "Title", "ftp://x", "S", "recorded", summary="Lead", tags=tags)


def test_parquet_may_hold_timestamps_and_lists(tmp_path: Path) -> None:
    published = [START, START.astimezone(timezone(timedelta(hours=-5)))]
    table = pa.table(
        {
            "published_at": pa.array(published, pa.timestamp("ns", "America/New_York")),
            "first_seen_at": pa.array([None, START + timedelta(hours=1)], pa.timestamp("s", "UTC")),
            "symbol": [["AAPL", "MSFT"], []],
            **{name: ["x", None] for name in ("title", "source", "url")},
        }
    )
    pq.write_table(table, tmp_path / "news.parquet")
    first, second = RecordedNews(tmp_path / "news.parquet").fetch(*EVER).headlines
    assert (first.published_at, first.tags, first.title) == (START, ("AAPL", "MSFT"), "x")
    assert (second.known_at, second.tags, second.title) == (START + timedelta(hours=1), (), None)
    naive = table.set_column(0, "published_at", pa.array([START.replace(tzinfo=None)] * 2, pa.timestamp("us")))
    pq.write_table(naive, tmp_path / "naive.parquet")
    assert all(item.published_at is None for item in RecordedNews(tmp_path / "naive.parquet").fetch(*EVER).headlines)


HEADER = b"published_at,symbol,title,source,url\r\n"
TIME = b"2015-01-27T12:00:00Z"


def test_hostile_rows_survive(tmp_path: Path) -> None:
    titles = [b"NUL \x00 here", b"x" * 10_000, "up 😀".encode(), b"<b>bold</b> &amp;", b"latin \xe9"]
    rows = b"".join(TIME + b",AAPL," + title + b",s,u\r\n" for title in titles)
    batch = raw(tmp_path, b"\xef\xbb\xbf" + HEADER + rows + b"\r\n")
    assert [item.title for item in batch.headlines] == [title.decode(errors="replace") for title in titles]
    assert {item.url for item in batch.headlines} == {"u"}
    assert batch.reports[0].detail == ""


def test_ragged_rows_are_kept_and_counted(tmp_path: Path) -> None:
    batch = raw(tmp_path, HEADER + TIME + b",AAPL,short\r\n" + TIME + b",AAPL,a, comma,s,u\r\n" + b"cut off")
    assert [item.title for item in batch.headlines] == ["short", "a", None]
    assert batch.reports[0].detail == ("news.csv: 1 of 3 rows without a readable time; news.csv: 3 of 3 rows not whole")


def test_a_quote_never_closed_is_refused_with_its_line(tmp_path: Path) -> None:
    row_of = TIME + b",AAPL,%s,s,u\n"
    swallowing = HEADER + row_of % b"fine" + row_of % b'"open' + row_of % b"lost"
    with pytest.raises(SourceError, match=r"news\.csv line 3: a quote swallows the rows after it; close the quote"):
        raw(tmp_path, swallowing)
    with pytest.raises(SourceError, match=r"news\.csv line 3: a quote swallows"):
        raw(tmp_path, swallowing + row_of % b'"closed, late"')
    with pytest.raises(SourceError, match=r"news\.csv line 3: field larger than field limit"):
        raw(tmp_path, HEADER + row_of % b"fine" + row_of % (b'"' + b"no time\n" * 30_000))


def test_a_title_of_several_lines_is_no_swallowed_row(tmp_path: Path) -> None:
    batch = raw(tmp_path, HEADER + TIME + b',AAPL,"one\nSun, 1, 2, 3, 4\r\nthree",s,u\n' + TIME + b",V,next,s,u\n")
    assert [item.title for item in batch.headlines] == ["one\nSun, 1, 2, 3, 4\r\nthree", "next"]


def test_broken_json_lines_are_kept_as_empty_rows_and_counted(tmp_path: Path) -> None:
    good = json.dumps(row(title="\ud800 half\u2028line", symbol=None, source="5") | {"url": float("nan")})
    deep = "[" * 100_000
    batch = raw(tmp_path, f'{good}\n\n[1]\n{{"title": "cut\n{deep}\n{{"title": "a\rb"}}'.encode(), "news.jsonl")
    first, *broken, partial = batch.headlines
    assert (first.title, first.url, first.tags, first.source) == ("? half\u2028line", None, (), "5")
    assert [(item.title, item.known_at) for item in broken] == [(None, None)] * 3
    assert partial.title == "a\rb"
    assert batch.reports[0].detail.endswith("news.jsonl: 3 of 5 rows not whole")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "can't be read (No such file or directory); check the path"),
        ("news.xlsx", b"", "unknown kind of file; use one of .csv, .jsonl, .parquet"),
        ("news.csv", b"", "column 'published_at' is missing; a recording has published_at, symbol"),
        ("news.csv", b"published_at,symbol,title,source\n", "column 'url' is missing"),
        ("news.jsonl", b'{"published_at": "", "title": ""}\n', "column 'symbol' is missing"),
        ("news.parquet", b"PAR1 cut off", "not a readable Parquet file"),
    ],
)
def test_a_file_that_is_no_recording_is_one_line(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    with pytest.raises(SourceError) as raised:
        RecordedNews(tmp_path / name).fetch(*EVER) if content is None else raw(tmp_path, content, name)
    assert str(raised.value).startswith(f"{tmp_path / name}: ")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_parquet_without_a_column_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"published_at": ["x"], "title": ["y"]}), tmp_path / "news.parquet")
    with pytest.raises(SourceError, match="column 'symbol' is missing"):
        RecordedNews(tmp_path / "news.parquet").fetch(*EVER)


def test_an_interval_without_a_timezone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="start and end need a timezone"):
        recorded(tmp_path, [row()]).fetch(START.replace(tzinfo=None), EVER[1])


def test_the_sample_is_five_whole_weeks_of_real_input() -> None:
    source: NewsSource = RecordedNews(sample.HEADLINES, feed="sample")
    batch = source.fetch(*EVER)
    known = [item.known_at for item in batch.headlines if item.known_at]
    assert len(known) == len(batch.headlines) == 383
    assert known[0] >= datetime(2015, 1, 23, 22, 30, tzinfo=UTC)
    assert known[-1] < datetime(2015, 2, 27, 22, 30, tzinfo=UTC)
    assert len({at.isocalendar().week for at in known}) >= 5
    assert source.name == batch.reports[0].feed == batch.headlines[0].feed == "sample"
