"""Recorded earnings dates: what can be read is used, a bad row costs itself, a bad file leaves all dates unknown."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from signals_pipeline.adapters.earnings.recorded import RecordedEarnings
from signals_pipeline.core.prices.earnings import EarningsDate, ReportStatus, ReportTime

HEADER = "symbol,date,session,first_seen_at"
SEEN = datetime(2026, 1, 5, 22, 31, tzinfo=UTC)
GOOD = "AAA,2026-02-05,after_close,2026-01-05T17:31:00-05:00"


def source_of(folder: Path, *lines: str, header: str = HEADER) -> RecordedEarnings:
    path = folder / "earnings.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return RecordedEarnings(path)


def test_rows_are_read_with_their_time_and_the_columns_in_any_order(tmp_path: Path) -> None:
    header = "first_seen_at,estimated,note,session,date,symbol"
    lines = (
        "2026-01-05T17:31:00-05:00,,x,after_close,2026-02-05,AAA",
        "2026-01-06T00:00:00Z,true,y,,2026-02-09,BBB",
        "2026-01-06T00:00:00Z,false,y,before_open,2026-02-09,CCC",
    )
    source = source_of(tmp_path, *lines, header=header)
    calendar = source.calendar(["AAA", "BBB"])
    assert calendar.rows == {
        "AAA": (EarningsDate("AAA", date(2026, 2, 5), ReportTime.AFTER_CLOSE, False, SEEN),),
        "BBB": (EarningsDate("BBB", date(2026, 2, 9), ReportTime.UNKNOWN, True, datetime(2026, 1, 6, tzinfo=UTC)),),
    }
    report = source.collect(["AAA", "BBB", "ZZZ"])
    assert (report.asked, report.answered, report.changes, report.problems, report.calls) == (3, 2, (), (), 0)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",2026-02-05,,2026-01-05T00:00Z", "symbol is missing"),
        ("BBB,5 Feb,,2026-01-05T00:00Z", "date '5 Feb' is not YYYY-MM-DD"),
        ("BBB,,,2026-01-05T00:00Z", "date '' is not YYYY-MM-DD"),
        ("BBB,2026-02-05,amc,2026-01-05T00:00Z", "session 'amc' is none of before_open, after_close, unknown"),
        (
            "BBB,2026-02-05,,2026-01-05T00:00",
            "first_seen_at '2026-01-05T00:00' is no time with a UTC offset, such as 2026-01-15T22:00:00Z",
        ),
        ("BBB,2026-02-05", "first_seen_at '' is no time with a UTC offset, such as 2026-01-15T22:00:00Z"),
        ("BBB,2026-02-05,,0001-01-01T00:00+14:00", "first_seen_at '0001-01-01T00:00+14:00' is no time"),
        ("AAA,2026-02-06,after_close,2026-01-05T22:31Z", "another date of AAA was first seen at that time"),
    ],
)
def test_a_row_that_can_not_be_read_is_named_and_the_others_are_used(tmp_path: Path, line: str, problem: str) -> None:
    source = source_of(tmp_path, GOOD, line)
    (told,) = source.collect(["AAA", "BBB"]).problems
    assert told.startswith(f"earnings.csv: line 3: {problem}")
    assert told.endswith("; row left out")
    assert set(source.calendar(["AAA", "BBB"]).rows) == {"AAA"}


def test_an_estimate_that_is_neither_true_nor_false_is_refused(tmp_path: Path) -> None:
    source = source_of(tmp_path, f"{GOOD},maybe", header=f"{HEADER},estimated")
    (told,) = source.collect(["AAA"]).problems
    assert told == "earnings.csv: line 2: estimated 'maybe' is neither true nor false; row left out"


def test_a_file_that_can_not_be_read_leaves_every_date_unknown_and_says_why(tmp_path: Path) -> None:
    missing = RecordedEarnings(tmp_path / "missing.csv")
    without_column = source_of(tmp_path, "AAA,2026-02-05", header="symbol,date")
    folder = RecordedEarnings(tmp_path)
    for source, reason in (
        (missing, "No such file"),
        (without_column, "column session is missing"),
        (folder, "Is a directory"),
    ):
        calendar = source.calendar(["AAA"])
        assert calendar.source == source.name == "recorded"
        assert calendar.next_report("AAA", SEEN).status is ReportStatus.UNKNOWN
        assert reason in calendar.trouble(SEEN)
        assert source.collect(["AAA"]).problems == (calendar.trouble(SEEN),)


def test_a_file_that_is_far_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signals_pipeline.adapters.earnings.recorded.MAX_BYTES", 10)
    assert "more than 10 bytes; keep the symbols" in source_of(tmp_path, GOOD).calendar(["AAA"]).trouble(SEEN)
