"""`signals news check`: what would be read of a recorded file, what would be dropped, and how the ledger sees it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from signals_pipeline import sample
from signals_pipeline.cli import main
from signals_pipeline.cli.news import check_file
from signals_pipeline.settings import Settings

NOON = datetime(2026, 4, 13, 16, tzinfo=UTC)  # Monday, 12:00 in New York


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["news", "check", *map(str, arguments)])


def row(number: int, **cells: object) -> dict[str, object]:
    """An item published in the ten minutes before noon that a collector saw a minute later."""
    published_at = NOON - timedelta(minutes=10 - number)
    return {
        "published_at": published_at.isoformat(),
        "first_seen_at": (published_at + timedelta(minutes=1)).isoformat(),
        "symbol": "AAPL",
        "title": f"Title {number}",
        "source": "s",
        "url": f"https://example.org/{number}",
        **cells,
    }


def write(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "news.jsonl"
    path.write_text("".join(json.dumps(cells) + "\n" for cells in rows), encoding="utf-8")
    return path


def lines(path: Path, now: datetime = NOON) -> dict[str, str]:
    """The lines by what stands before their colon; without the first, which begins with the path."""
    found = check_file(Settings.checked(signals_watchlist="dow30"), path, now).lines
    return dict(line.split(": ", 1) for line in found[1:])


def test_of_a_good_file_nothing_would_be_dropped(tmp_path: Path) -> None:
    path = write(tmp_path, [row(0), row(1), row(1, first_seen_at=NOON.isoformat()), row(2, symbol=["V", "ZZZ"])])

    result = invoke(path)

    assert result.exit_code == 0
    assert result.output.splitlines()[0] == (
        f"{path}: 4 rows, 3 headlines, 1 row with an item that was delivered before"
    )
    assert result.output.splitlines()[-1] == "dropped: nothing"


def test_the_file_is_seen_as_the_ledger_sees_it(tmp_path: Path) -> None:
    path = write(tmp_path, [row(number) for number in range(8)])
    assert lines(path) == {
        "published": "2026-04-13 15:50 UTC to 2026-04-13 15:57 UTC",
        "first_seen_at": "recorded, items arrive 1 min after publication in the median",
        "newest delivery": "2026-04-13 15:58 UTC (2 min old); gaps between deliveries in market hours: half up to"
        " 0.017, 95% up to 0.017",
        "covered": "up to now",
        "tags": "1 of 30 companies of the watchlist",
        "dropped": "nothing",
    }


def test_a_file_that_ended_does_not_cover_today(tmp_path: Path) -> None:
    path = write(tmp_path, [row(number) for number in range(8)])
    three_weeks_later = lines(path, NOON + timedelta(days=21))
    assert three_weeks_later["newest delivery"].startswith("2026-04-13 15:58 UTC (21 days old); gaps")
    in_the_afternoon = lines(path, NOON + timedelta(hours=3, minutes=3))
    assert in_the_afternoon["newest delivery"].startswith("2026-04-13 15:58 UTC (3 h 5 min old); gaps")
    assert three_weeks_later["covered"].startswith("up to 2026-04-13 15:58 UTC, no item since Mon 13 Apr 2026 11:58 ET")
    assert lines(path, NOON + timedelta(days=200))["covered"].startswith("nothing of today's window, no item in the")


def test_a_collector_that_polls_once_a_day_covers_up_to_its_last_poll(tmp_path: Path) -> None:
    poll = NOON + timedelta(hours=5)
    path = write(tmp_path, [row(number, first_seen_at=poll.isoformat()) for number in range(8)])
    found = lines(path, poll + timedelta(hours=1))
    assert found["first_seen_at"] == (
        "recorded, items arrive 5.1 h after publication in the median; above 30 min, so that only the time up to the"
        " last delivery counts as covered"
    )
    assert found["covered"].startswith("up to 2026-04-13 21:00 UTC, last delivery")


def test_what_would_be_dropped_is_told_by_reason_with_its_first_row(tmp_path: Path) -> None:
    rows = [
        row(0),
        row(1, published_at="2026-04-13 11:51"),
        row(2, published_at="1776095520"),
        row(3, title=" "),
        row(4, title="[Removed]"),
        row(5, summary=["no text"]),
        row(6, title="very " * 1_000 + "long"),
        row(7, first_seen_at=(NOON - timedelta(days=1)).isoformat()),
        row(8),
        {**row(9), "published_at": (NOON + timedelta(days=400)).isoformat()},
    ]

    result = check_file(Settings.checked(signals_watchlist="dow30"), write(tmp_path, rows), NOON)

    assert result.is_lossy
    told = [line for line in result.lines if line.startswith(("dropped", "not whole", "used"))]
    title = repr(("very " * 1_000)[:60] + "...")
    without_time = "dropped: 1 row without a readable time, first line"
    assert told == [
        "used later: 1 item with a time in the future",
        f"used: 1 row with a title that is cut, first line 7: {title}",
        "used: 2 rows published after they were first seen, first line 8: 'Title 7'",
        f"{without_time} 2: published_at '2026-04-13 11:51' has no UTC offset",
        f"{without_time} 3: published_at '1776095520' looks like a Unix time in seconds",
        "not whole: 1 row of which only a part is read, first line 6: summary is no text",
        "dropped: 1 row without a title, first line 4: ''",
        "dropped: 1 row removed by the publisher, first line 5: '[Removed]'",
    ]


def test_the_exit_code_is_1_where_something_would_be_dropped(tmp_path: Path) -> None:
    assert invoke(write(tmp_path, [row(0), row(1, title="")])).exit_code == 1


def test_a_file_that_a_run_refuses_is_refused_in_one_line(tmp_path: Path) -> None:
    result = invoke(write(tmp_path, [row(0, published_at="2026-04-13 11:50")]))
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "1 of 1 rows have no readable time; line 1: published_at '2026-04-13 11:50' has no UTC" in result.output


def test_a_zone_can_be_tried_before_it_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, [row(0, published_at="2026-04-13 11:50", first_seen_at=None)])
    assert "published: 2026-04-13 15:50 UTC" in invoke(path, "--timezone", "America/New_York").output
    monkeypatch.setenv("NEWS_TIMEZONE", "Europe/London")
    assert "published: 2026-04-13 10:50 UTC" in invoke(path).output
    unknown = invoke(path, "--timezone", "Mars")
    assert unknown.exit_code == 2
    assert "NEWS_TIMEZONE='Mars': use a name of the IANA time zone database" in unknown.output


def test_without_a_file_the_one_that_is_set_is_checked_or_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke().output.startswith(f"{sample.HEADLINES}: 383 rows")
    path = write(tmp_path, [row(0)])
    monkeypatch.setenv("SIGNALS_NEWS_PATH", str(path))
    assert invoke().output.startswith(f"{path}: 1 row")


def test_tags_of_no_company_of_the_watchlist_are_named_by_their_number(tmp_path: Path) -> None:
    rows = [row(number, symbol=["AAPL", "ZZZ", f"T{number}"]) for number in range(10)]
    assert lines(write(tmp_path, rows))["tags"] == (
        "1 of 30 companies of the watchlist; of no company of it: ZZZ (10), T0 (1), T1 (1), T2 (1), T3 (1), T4 (1),"
        " T5 (1), T6 (1) and 3 more"
    )


@pytest.mark.parametrize("published", ["1850-01-01T00:00:00Z", "1999-12-31T00:00:00Z", "2900-01-01T00:00:00Z"])
def test_times_beyond_the_exchanges_calendar_are_shown(tmp_path: Path, published: str) -> None:
    path = write(tmp_path, [row(0, published_at=published, first_seen_at=None)])
    assert lines(path)["published"].startswith(published[:10])


def test_a_file_without_rows_has_nothing(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text("published_at,symbol,title,source,url\n", encoding="utf-8")
    assert lines(path)["published"] == "nothing"
    assert invoke(path).exit_code == 0
