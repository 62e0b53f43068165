"""`signals prices check`: what would be read from a recording and what would be dropped, one line each."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from signals_pipeline import sample
from signals_pipeline.cli import main

HEADER = "date,symbol,open,high,low,close,volume"
GOOD = "2015-02-03,AAPL,10,12,9,11,500"


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["prices", "check", *map(str, arguments)])


def recording(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "prices.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture(autouse=True)
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "watchlist.yaml"
    path.write_text("- {symbol: AAPL, company: Apple}\n- {symbol: V, company: Visa}\n")
    monkeypatch.setenv("SIGNALS_WATCHLIST", str(path))


def test_a_file_that_is_read_as_a_whole_is_described(tmp_path: Path) -> None:
    path = recording(tmp_path, GOOD, GOOD.replace("02-03", "02-05"), GOOD.replace("AAPL", "V"))
    result = invoke(path)
    assert result.output.splitlines() == [
        f"{path}: 3 rows, 3 read",
        "symbols: 2",
        "sessions: 2015-02-03 to 2015-02-05",
        "prices: as they are: there is no column adj_close",
        "watchlist: all 2 symbols have bars",
    ]
    assert result.exit_code == 0


def test_what_is_dropped_is_counted_by_reason_with_the_first_place_and_the_exit_code_is_1(tmp_path: Path) -> None:
    bad = [GOOD.replace("02-03,AAPL,10,12,9", f"02-{day},AAPL,10,12,90") for day in ("09", "10")]
    jump = "2015-02-04,AAPL,20,24,18,22,500"
    result = invoke(recording(tmp_path, GOOD, jump, "2015-02-05,AAPL,20,24,18,22,500", *bad, "2015-02-06"))
    assert result.output.splitlines()[4:] == [
        "dropped: 1: not as many cells as the header, row dropped; the first: line 7",
        "dropped: 2: high below low, row dropped; the first: AAPL 2015-02-09",
        "odd: 1: close moves by more than a factor of 1.8, like a split; not adjusted; the first: AAPL 2015-02-04",
        "watchlist: 1 of 2 symbols have no bars: V",
    ]
    assert result.exit_code == 1


def test_a_file_that_is_refused_is_one_line_and_the_exit_code_is_2(tmp_path: Path) -> None:
    result = invoke(recording(tmp_path, "3.2.2015,AAPL,10,12,9,11,500"))
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert "1 of 1 rows are no bars, such as line 2, date '3.2.2015': date is not YYYY-MM-DD" in result.output


def test_a_file_without_rows_and_a_long_watchlist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_WATCHLIST", "dow30")
    result = invoke(recording(tmp_path, header=f"{HEADER},adj_close"))
    assert result.output.splitlines()[1:3] == ["symbols: 0", "prices: adjusted by adj_close"]
    assert "watchlist: 30 of 30 symbols have no bars: " in result.output
    assert " and 10 more" in result.output


def test_without_a_file_the_configured_one_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke().output.startswith(f"{sample.PRICES}: 24,600 rows, 24,600 read\n")
    path = recording(tmp_path, GOOD)
    monkeypatch.setenv("SIGNALS_PRICES_PATH", str(path))
    assert invoke().output.startswith(f"{path}: 1 rows, 1 read\n")
