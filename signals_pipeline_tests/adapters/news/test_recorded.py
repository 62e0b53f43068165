"""Recorded headlines: nothing lost, nothing twice, nothing before it was known, whatever the file holds."""

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline import sample
from signals_pipeline.adapters.news.recorded import MAX_CELL, MAX_FILE_BYTES, MAX_ROWS, RecordedNews
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
    st.lists(st.tuples(INSTANTS, st.none() | INSTANTS), min_size=1, max_size=15),
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
    news = recorded(tmp_path_factory.mktemp("news"), rows, kind)
    edges = sorted(cuts)
    pieces = [news.fetch(start, end).headlines for start, end in pairwise(edges)]
    known = {str(number): max(published, seen or published) for number, (published, seen) in enumerate(times)}
    expected = {title for title, at in known.items() if edges[0] <= at < edges[-1]}
    delivered = [item for piece in pieces for item in piece]
    assert sorted(item.title or "" for item in delivered) == sorted(expected)
    assert [item.known_at for item in delivered] == sorted(known[title] for title in expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (None, "published_at is empty"),
        (" ", "published_at is empty"),
        ("yesterday", "published_at 'yesterday' is in no form that is read"),
        ("2015-01-27T12:00:00", "published_at '2015-01-27T12:00:00' has no UTC offset"),
        ("2015-01-27", "published_at '2015-01-27' is a date without a time of day"),
        ("1422360000", "published_at '1422360000' looks like a Unix time in seconds"),
    ],
)
def test_a_time_that_would_have_to_be_guessed_is_no_time_and_the_report_names_it(
    tmp_path: Path, kind: str, time: str | None, reason: str
) -> None:
    batch = recorded(tmp_path, [row(), row(time, title="undated")], kind).fetch(*EVER)

    assert [(item.title, item.published_at is None) for item in batch.headlines] == [
        ("Title", False),
        ("undated", True),
    ]
    (report,) = batch.reports
    place = {"csv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[kind]
    assert report.detail == f"news.{kind}: 1 of 2 rows without a readable time (first: {place}: {reason})"
    assert report.status == "ok"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("time", "looks_like"),
    [
        ("2026-04-13T08:00:00", "'2026-04-13T08:00:00' has no UTC offset"),
        ("1776067200", "'1776067200' looks like a Unix time in seconds"),
        ("1776067200000", "'1776067200000' looks like a Unix time in milliseconds"),
        ("46125.3333", "'46125.3333' looks like a date of a spreadsheet (days since 1900)"),
    ],
)
def test_a_file_without_readable_times_is_refused_and_not_read_as_silence(
    tmp_path: Path, kind: str, time: str, looks_like: str
) -> None:
    news = recorded(tmp_path, [row(time), row(time), row()], kind)

    with pytest.raises(SourceError) as raised:
        news.fetch(*EVER)

    message = str(raised.value)
    place = {"csv": "line 2", "jsonl": "line 1", "parquet": "row 1"}[kind]
    assert message.startswith(f"{news.path}: 2 of 3 rows have no readable time; {place}: published_at {looks_like}; ")
    assert "write ISO 8601 with an offset, e.g. 2026-04-13T12:00:00Z" in message
    assert "set NEWS_TIMEZONE" in message
    assert "\n" not in message


def test_a_file_is_read_where_half_of_its_times_are_readable(tmp_path: Path) -> None:
    assert len(recorded(tmp_path, [row(), row("noon")]).fetch(*EVER).headlines) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_times_without_an_offset_are_read_in_the_zone_that_the_user_names(tmp_path: Path, kind: str) -> None:
    path = recorded(tmp_path, [row("2015-01-27 07:00:00", first_seen_at="2015-01-27T12:30:00Z")], kind).path

    batch = RecordedNews(path, zone=ZoneInfo("America/New_York")).fetch(*EVER)

    (item,) = batch.headlines
    assert item.published_at == datetime(2015, 1, 27, 12, tzinfo=UTC)
    assert item.first_seen_at == datetime(2015, 1, 27, 12, 30, tzinfo=UTC)
    assert batch.reports[0].status == "ok"


@settings(max_examples=80, deadline=None)
@given(
    st.lists(INSTANTS | st.none(), min_size=1, max_size=12).filter(
        lambda times: 2 * times.count(None) <= len(times) and times.count(None) < len(times)
    ),
    st.lists(INSTANTS, max_size=4),
)
def test_an_unreadable_row_belongs_to_the_one_interval_in_which_the_file_has_it(
    tmp_path_factory: pytest.TempPathFactory, times: list[datetime | None], cuts: list[datetime]
) -> None:
    rows = [row(time.isoformat() if time else "?", title=str(number)) for number, time in enumerate(times)]
    news = recorded(tmp_path_factory.mktemp("news"), rows)
    edges = [EVER[0], *sorted(cuts), EVER[1]]

    delivered = {}
    for start, end in pairwise(edges):
        for item in news.fetch(start, end).headlines:
            assert item.title not in delivered
            delivered[item.title] = (start, item.first_seen_at)

    # Placed with the readable row before it, or the first one of all.
    assert len(delivered) == len(times)
    place = next(time for time in times if time)
    for number, time in enumerate(times):
        place = time or place
        start, first_seen_at = delivered[str(number)]
        assert start == max(edge for edge in edges if edge <= place)
        assert first_seen_at == (None if time else place)


def test_an_unreadable_row_with_a_readable_first_sight_stands_at_it(tmp_path: Path) -> None:
    seen = "2015-01-28T09:00:00Z"
    batch = recorded(tmp_path, [row(), row("noon", title="undated", first_seen_at=seen)]).fetch(*EVER)
    assert (batch.headlines[1].published_at, batch.headlines[1].first_seen_at) == (None, datetime.fromisoformat(seen))


def test_an_unreadable_first_sight_does_not_fall_back_to_the_publishers_time(tmp_path: Path) -> None:
    batch = recorded(tmp_path, [row(), row(title="undated", first_seen_at="2015-01-28 noon")]).fetch(*EVER)
    assert [item.known_at is None for item in batch.headlines] == [False, True]
    assert "first: line 3: first_seen_at '2015-01-28 noon' is in no form that is read" in batch.reports[0].detail


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
    with pytest.raises(SourceError, match=r"row 1: published_at '2015-01-26 00:00:00\.000000' has no UTC offset"):
        RecordedNews(tmp_path / "naive.parquet").fetch(*EVER)


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
    assert batch.reports[0].detail == (
        "news.csv: 1 of 3 rows without a readable time (first: line 4: published_at 'cut off' is in no form that is"
        " read); news.csv: 3 of 3 rows not whole (first: line 2 has too few cells)"
    )


def test_rows_that_are_not_whole_count_where_they_stand(tmp_path: Path) -> None:
    times = [f"2015-01-27T{hour:02}:00:00Z" for hour in range(9, 15)]
    rows = [f"{time},AAPL,Title {time},s,u\r\n" for time in times]
    # In another order, one delivered again, and one whose time can't be read after the row of 12:00.
    content = [rows[3], "soon,AAPL,cut off\r\n", f"{times[1]},AAPL,a, comma,s,u\r\n" * 2, *rows]
    batch = raw(tmp_path, HEADER + "".join(content).encode())
    (timeline,) = batch.timelines
    assert [str(instant) for instant in timeline.incomplete_at] == [
        *["2015-01-27T10:00:00.000000"] * 2,
        "2015-01-27T12:00:00.000000",
    ]

    cut = datetime(2015, 1, 27, 11, tzinfo=UTC)
    earlier = RecordedNews(tmp_path / "news.csv").fetch(cut - timedelta(days=1), cut)
    assert len(earlier.timelines[0].incomplete_at) == 2


def test_a_quote_never_closed_is_refused_with_its_line(tmp_path: Path) -> None:
    row_of = TIME + b",AAPL,%s,s,u\n"
    swallowing = HEADER + row_of % b"fine" + row_of % b'"open' + row_of % b"lost"
    with pytest.raises(SourceError, match=r"news\.csv line 3: a quote swallows the rows after it; close the quote"):
        raw(tmp_path, swallowing)
    with pytest.raises(SourceError, match=r"news\.csv line 3: a quote swallows"):
        raw(tmp_path, swallowing + row_of % b'"closed, late"')
    # Rows whose times can't be read are recognised by their cells.
    other = b"13/04/2026,AAPL,%s,s,u\n"
    with pytest.raises(SourceError, match=r"news\.csv line 3: a quote swallows"):
        raw(tmp_path, HEADER + row_of % b"fine" + other % b'"open' + other % b"lost")


def test_a_last_row_that_is_still_being_written_is_kept_and_counted(tmp_path: Path) -> None:
    cut_off = TIME + b',AAPL,"two lines\nand no en'
    batch = raw(tmp_path, HEADER + TIME + b",AAPL,whole,s,u\n" + cut_off)
    assert [item.title for item in batch.headlines] == ["whole", "two lines\nand no en"]
    assert batch.reports[0].detail.endswith("1 of 2 rows not whole (first: line 3 opens a quote that is never closed)")


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_of_any_size_costs_no_more_than_itself(tmp_path: Path, kind: str) -> None:
    rows = [
        row(title="just right", summary="x" * 200_000),
        row(title="article", summary="x" * (MAX_CELL + 1)),
        row(title="next"),
    ]
    batch = recorded(tmp_path, rows, kind).fetch(*EVER)
    assert [item.title for item in batch.headlines] == ["just right", "article", "next"]
    assert [len(item.summary or "") for item in batch.headlines] == [200_000, 0, 0]
    place = {"csv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[kind]
    assert batch.reports[0].detail == (
        f"news.{kind}: 1 of 3 rows not whole (first: {place}: summary has more than 1,048,576 characters)"
    )


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_that_is_too_long_to_parse_is_one_row_that_is_lost(tmp_path: Path, kind: str) -> None:
    rows = [row(), row(title="x" * (2**24 + 1)), row(title="next")]
    batch = recorded(tmp_path, rows, kind).fetch(*EVER)
    assert [item.title for item in batch.headlines] == ["Title", "next", None]
    assert "1 of 3 rows not whole (first: line" in batch.reports[0].detail


def test_a_quote_over_many_lines_that_is_too_long_to_parse_is_refused(tmp_path: Path) -> None:
    content = HEADER + TIME + b',AAPL,"' + b"no time\n" * 2**21 + b",s,u\n"
    with pytest.raises(SourceError, match=r"news\.csv line 2: a quote holds more than 16,777,216 characters"):
        raw(tmp_path, content)


def test_empty_rows_of_a_spreadsheet_are_no_rows(tmp_path: Path) -> None:
    batch = raw(tmp_path, HEADER + TIME + b",AAPL,one,s,u\n" + b",,,,\n" * 100)
    assert [item.title for item in batch.headlines] == ["one"]
    assert batch.reports[0].status == "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_case_and_blanks_of_column_names_do_not_count(tmp_path: Path, kind: str) -> None:
    path = recorded(tmp_path, [row(summary="Lead")], kind).path
    if kind == "parquet":
        table = pq.read_table(path)
        pq.write_table(table.rename_columns([f" {name.title()} " for name in table.column_names]), path)
    else:
        text = path.read_text(encoding="utf-8")
        for name in COLUMNS:
            text = text.replace(f'"{name}"' if kind == "jsonl" else name, f'"{name.upper()} "')
        path.write_text(text, encoding="utf-8")
    (item,) = RecordedNews(path).fetch(*EVER).headlines
    assert (item.title, item.summary, item.tags) == ("Title", "Lead", ("AAPL",))


def test_a_column_that_is_there_twice_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="column 'title' is there more than once; rename or remove all but one"):
        raw(tmp_path, HEADER.replace(b"url", b"url, Title") + TIME + b",AAPL,one,s,u,two\n")
    twice = pa.table([["x"]] * 6, names=[*HEADER.decode().strip().split(","), "Title"])
    pq.write_table(twice, tmp_path / "news.parquet")
    with pytest.raises(SourceError, match="column 'title' is there more than once"):
        RecordedNews(tmp_path / "news.parquet").fetch(*EVER)


def test_columns_of_other_names_may_be_there_twice(tmp_path: Path) -> None:
    batch = raw(tmp_path, HEADER.strip() + b",,,note,note\n" + TIME + b",AAPL,one,s,u,,,1,2\n")
    assert [item.title for item in batch.headlines] == ["one"]


def test_a_name_that_is_twice_in_a_json_line_has_no_value(tmp_path: Path) -> None:
    good = json.dumps(row())
    twice = good.replace('"title": "Title"', '"title": "one", "TITLE": "two", "other": 1, "other": 2')
    batch = raw(tmp_path, f"{good}\n{twice}\n".encode(), "news.jsonl")
    assert [item.title for item in batch.headlines] == ["Title", None]
    assert batch.reports[0].detail.endswith("1 of 2 rows not whole (first: line 2: title is there more than once)")


def test_a_title_of_several_lines_is_no_swallowed_row(tmp_path: Path) -> None:
    batch = raw(tmp_path, HEADER + TIME + b',AAPL,"one\nSun, 1, 2, 3, 4\r\nthree",s,u\n' + TIME + b",V,next,s,u\n")
    assert [item.title for item in batch.headlines] == ["one\nSun, 1, 2, 3, 4\r\nthree", "next"]


def test_broken_json_lines_are_kept_as_empty_rows_and_counted(tmp_path: Path) -> None:
    good = json.dumps(row(title="\ud800 half\u2028line", symbol=None, source="5") | {"url": float("nan")})
    deep = "[" * 100_000
    lines = f'{good}\n\n[1]\n{{"title": "cut\n{deep}\n{{"title": "a\rb"}}\n' + f"{good}\n" * 3
    first, _, _, _, *broken, partial = raw(tmp_path, lines.encode(), "news.jsonl").headlines
    assert (first.title, first.url, first.tags, first.source) == ("? half\u2028line", None, (), "5")
    assert [(item.title, item.known_at) for item in broken] == [(None, None)] * 3
    assert partial.title == "a\rb"
    report = RecordedNews(tmp_path / "news.jsonl").fetch(*EVER).reports[0]
    assert report.detail.endswith("news.jsonl: 3 of 8 rows not whole (first: line 3 is no JSON object)")


def test_a_file_of_one_json_array_is_refused_by_its_first_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"2 of 2 rows have no readable time; line 1 is no JSON object; write ISO"):
        raw(tmp_path, b'[\n{"title": "x"},\n'.replace(b",\n", b",\n"), "news.jsonl")


@pytest.mark.parametrize("value", [True, ["AAPL", "MSFT"], {"text": "x"}])
@pytest.mark.parametrize("column", ["title", "source", "url", "summary", "published_at"])
def test_a_json_value_that_is_no_text_is_left_out_and_counted(tmp_path: Path, column: str, value: object) -> None:
    lines = [json.dumps(row()), json.dumps({**row(), column: value})]
    batch = raw(tmp_path, "\n".join(lines).encode(), "news.jsonl")
    assert len(batch.headlines) == 2
    attribute = getattr(batch.headlines[1], column)
    assert attribute is None
    assert f"1 of 2 rows not whole (first: line 2: {column} is no text)" in batch.reports[0].detail


def test_numbers_are_texts_and_json_tags_may_be_an_array(tmp_path: Path) -> None:
    cells = {**row(), "title": 10**400, "source": 5, "url": 1e999, "symbol": ["AAPL", 700, None, ["x"]]}
    batch = raw(tmp_path, json.dumps(cells).replace("Infinity", "1e999").encode(), "news.jsonl")
    (item,) = batch.headlines
    assert (item.title, item.source, item.url, item.tags) == (f"1{'0' * 400}", "5", None, ("AAPL", "700"))
    assert batch.reports[0].detail.endswith("(first: line 1: symbol is no text)")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "can't be read (No such file or directory); check the path"),
        ("news.xlsx", b"", "unknown kind of file; use one of .csv, .jsonl, .parquet"),
        ("news.csv", b"", "column 'published_at' is missing; a recording has published_at, symbol"),
        ("news.csv", b"published_at;symbol;title\n", "found: 'published_at;symbol;title'"),
        ("news.csv", "published_at,symbol\n".encode("utf-16"), "no UTF-8 text; save it as CSV UTF-8"),
        ("news.jsonl", b"", "column 'published_at' is missing"),
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


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(SourceError, match=r"news\.csv: more than 2 GiB; split the file by time"):
        RecordedNews(path).fetch(*EVER)


def test_a_small_parquet_file_of_many_rows_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "news.parquet"
    time = pa.DictionaryArray.from_arrays(pa.array(np.zeros(MAX_ROWS + 1, np.int32)), ["2015-01-27T12:00:00Z"])
    pq.write_table(pa.table([time] * 5, names=HEADER.decode().strip().split(",")), path)
    assert path.stat().st_size < 200_000
    with pytest.raises(SourceError, match=r"news\.parquet: more than 2,000,000 rows; split"):
        RecordedNews(path).fetch(*EVER)


@pytest.mark.parametrize(
    "values",
    [pa.array([{"a": 1}]), pa.array([[["x"]]]), pa.array([True]), pa.array([5], pa.duration("s"))],
    ids=["struct", "lists of lists", "truth values", "durations"],
)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_parquet_column_of_a_type_that_is_no_text_is_refused_by_its_name(
    tmp_path: Path, column: str, values: pa.Array
) -> None:
    table = pq.read_table(recorded(tmp_path, [row()], "parquet").path)
    position = table.column_names.index(column)
    pq.write_table(table.set_column(position, column, values), tmp_path / "news.parquet")
    with pytest.raises(SourceError, match=rf"column '{column}' has the type '.*'; write it as text") as raised:
        RecordedNews(tmp_path / "news.parquet").fetch(*EVER)
    assert "\n" not in str(raised.value)


def test_parquet_texts_may_be_bytes_dictionaries_and_numbers(tmp_path: Path) -> None:
    table = pa.table(
        {
            "published_at": pa.array([TIME.decode()] * 2).dictionary_encode(),
            "symbol": pa.array([["AAPL", "MSFT"], None], pa.large_list(pa.string())),
            "title": pa.array([b"latin \xe9", None], pa.binary()),
            "source": pa.array([Decimal("1.50"), None]),
            "url": pa.array([None, None], pa.null()),
            "summary": pa.array([float("nan"), 7]),
        }
    )
    pq.write_table(table, tmp_path / "news.parquet")
    batch = RecordedNews(tmp_path / "news.parquet").fetch(*EVER)
    first, second = batch.headlines
    assert (first.title, first.source, first.url, first.summary) == ("latin \ufffd", "1.50", None, None)
    assert (first.tags, second.tags, second.title, second.summary) == (("AAPL", "MSFT"), (), None, "7.0")
    assert batch.reports[0].status == "ok"


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
