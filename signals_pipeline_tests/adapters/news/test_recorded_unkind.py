"""Whatever a recorded file holds: one line that refuses it, or every row delivered or counted."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.news.recorded_times import TimeProblem
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.news.normalisation import normalise

COLUMNS = ["published_at", "symbol", "title", "source", "url", "first_seen_at", "summary"]
EVER = (datetime(1, 4, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))

TIMES = st.sampled_from(
    [
        "2015-01-27T12:00:00Z",
        "2015-01-27 12:00:00+05:30",
        "2015-01-27T12:00:00",
        "Tue, 27 Jan 2015 12:00:00 GMT",
        "1422360000",
        "42031.5",
        "2015-01-27",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999-14:00",
        "",
    ]
)
TEXTS = TIMES | st.text(max_size=20) | st.sampled_from(['"', '"open', "a\nb", "\r", "\x00", "\ud800", "x" * 5_000])
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, -0.0, 2**63])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*COLUMNS, *COLUMNS, "Title", " URL ", "SYMBOL", "note", ""])

ARROW_VALUES = {
    "text": (pa.string(), TEXTS.filter(lambda text: "\ud800" not in text)),
    "large text": (pa.large_string(), TIMES),
    "text views": (pa.string_view(), TIMES),
    "bytes": (pa.binary(), st.binary(max_size=10)),
    "fixed bytes": (pa.binary(4), st.binary(min_size=4, max_size=4)),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), TIMES),
    "integers": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "large integers": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "floats": (pa.float64(), st.floats()),
    "half floats": (pa.float16(), st.floats(width=16)),
    "decimals": (pa.decimal128(20, 2), st.decimals(-(10**9), 10**9, places=2)),
    "truth values": (pa.bool_(), st.booleans()),
    "nothing": (pa.null(), st.none()),
    "dates": (pa.date32(), st.dates()),
    "times of day": (pa.time64("us"), st.times()),
    "durations": (pa.duration("us"), st.integers(-(2**63), 2**63 - 1)),
    "timestamps": (pa.timestamp("us"), st.datetimes()),
    "instants": (pa.timestamp("us", "America/New_York"), st.datetimes().map(lambda at: at.replace(tzinfo=UTC))),
    "far instants": (pa.timestamp("ms", "UTC"), st.integers(-(2**63), 2**63 - 1)),
    "lists of texts": (pa.list_(pa.string()), st.lists(TIMES, max_size=3)),
    "lists of numbers": (pa.list_(pa.int8()), st.lists(st.integers(-9, 9), max_size=3)),
    "lists of dates": (pa.large_list(pa.date32()), st.lists(st.dates(), max_size=3)),
    "lists of lists": (pa.list_(pa.list_(pa.string())), st.lists(st.lists(TIMES, max_size=2), max_size=2)),
    "structs": (pa.struct([("a", pa.string())]), st.fixed_dictionaries({"a": TIMES})),
    "maps": (
        pa.map_(pa.string(), pa.int8()),
        st.dictionaries(TIMES, st.integers(-9, 9), max_size=2).map(lambda pairs: [*pairs.items()]),
    ),
}


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """Rows of any cells under a header that may lack, repeat or misspell a column, cut anywhere, joined anyhow."""
    header = draw(st.just(COLUMNS) | st.permutations(COLUMNS) | st.lists(NAMES, max_size=9))
    rows = draw(st.lists(st.lists(TEXTS, max_size=9) | st.tuples(TIMES, *[TEXTS] * 6), max_size=6))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=draw(st.sampled_from(",,,;\t")), lineterminator=draw(st.sampled_from("\r\n")))
    writer.writerows([header, *rows])
    content = text.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])), "replace")
    return content[: draw(st.just(len(content)) | st.integers(0, len(content)))]


@st.composite
def jsonl_files(draw: st.DrawFn) -> bytes:
    """Objects of any names and values between lines that are none, some nested deeper than Python can follow."""
    usual = st.fixed_dictionaries(dict.fromkeys(COLUMNS, JSON)) | st.fixed_dictionaries(
        {"published_at": TIMES, **dict.fromkeys(COLUMNS[1:], TEXTS)}
    )
    values = draw(st.lists(usual | JSON | st.dictionaries(NAMES, JSON), max_size=6))
    lines = [json.dumps(value) for value in values]
    depth = draw(st.sampled_from([0, 900, 100_000]))
    lines.append('{"title": ' + "[" * depth + "]" * depth + "}")
    lines.append(draw(st.sampled_from(["", "{", '{"title": 1e999, "title": -Infinity}', "9" * 5_000, "nul"])))
    return "\n".join(draw(st.permutations(lines))).encode("utf-8", "surrogatepass")


@st.composite
def parquet_files(draw: st.DrawFn) -> bytes:
    """Columns of any types."""
    count = draw(st.integers(0, 4))
    usual = {"published_at": "text", **dict.fromkeys(COLUMNS[1:], "text")}
    unusual = draw(st.dictionaries(NAMES, st.sampled_from([*ARROW_VALUES]), max_size=3))
    arrays: dict[str, pa.Array] = {}
    for name, kind in (usual | unusual).items():
        arrow_type, values = ARROW_VALUES[kind]
        cells = draw(st.lists(st.none() | values, min_size=count, max_size=count))
        arrays[name] = pa.array(cells, arrow_type)
    file = io.BytesIO()
    pq.write_table(pa.table(arrays), file)
    return file.getvalue()


def check(path: Path) -> None:
    """The file is refused by one line, or all of its rows are accounted for."""
    news = RecordedNews(path)
    try:
        batch = news.fetch(*EVER)
    except SourceError as refusal:
        message = str(refusal)
        assert message.startswith(str(path))
        assert "\n" not in message
        assert "\r" not in message
        return
    recording = news.recording
    (report,) = batch.reports
    assert len(batch.headlines) + recording.repeated == recording.row_count
    assert report.fetched == len(batch.headlines)
    assert len(recording.rows) == len(recording.headlines)
    assert len(recording.unreadable_rows) == len(recording.unreadable)
    without_time = [finding for finding in recording.findings if isinstance(finding.problem, TimeProblem)]
    assert sum(finding.count for finding in without_time) == len(recording.unreadable)
    assert report.status == "ok"
    assert (not recording.findings) == (not report.detail)
    assert report.detail.isprintable()
    assert normalise(batch.headlines).drops["no_time"] >= len(recording.unreadable)
    json.dumps(report.detail).encode("utf-8")


UNKIND = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@UNKIND
@given(csv_files())
def test_any_csv_is_refused_by_one_line_or_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "unkind.csv"
    path.write_bytes(content)
    check(path)


@UNKIND
@given(jsonl_files())
def test_any_json_lines_are_refused_by_one_line_or_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "unkind.jsonl"
    path.write_bytes(content)
    check(path)


@UNKIND
@given(parquet_files(), st.none() | st.tuples(st.integers(0), st.integers(0, 255)))
def test_any_parquet_file_is_refused_by_one_line_or_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, damage: tuple[int, int] | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "unkind.parquet"
    if damage is not None:
        position, value = damage
        position %= len(content)
        content = content[:position] + bytes([value]) + content[position + 1 :]
    path.write_bytes(content)
    check(path)
