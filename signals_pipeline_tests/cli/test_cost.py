"""`signals cost`: the lines, the comparison, and a price table that can't be read."""

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.aws import files
from signals_pipeline.adapters.aws.files import price_table
from signals_pipeline.cli import main
from signals_pipeline.core.costs import OLDER_GUIDE, Architecture


def test_the_bill_and_the_three_architectures_are_shown() -> None:
    shown = CliRunner().invoke(main, ["cost"]).output
    assert "RDS db.t4g.micro" in shown
    assert "15.46" in shown
    assert all(each.value in shown for each in Architecture)
    assert str(price_table().dated) in shown
    assert " ".join(shown.split()).endswith(" ".join(OLDER_GUIDE.split()))


def test_the_line_that_goes_beyond_seventeen_dollars_is_named() -> None:
    shown = CliRunner().invoke(main, ["cost"]).output
    assert "Where no allowance is left: $19.45, $3.00 of it for the dashboard; $16.45 with Dashboard=no." in shown
    assert "Dashboard=no" not in CliRunner().invoke(main, ["cost", "--no-dashboard"]).output


def test_one_architecture_with_other_use_and_without_the_free_tier() -> None:
    shown = CliRunner().invoke(main, ["cost", "--architecture", "scheduler", "--no-free-tier", "--runs", "0"]).output
    assert "without the free tier" in shown
    assert "scoring runs" not in shown
    assert "windowed" not in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no price table"),
        ("items: [1]", "no price table"),
        ("region: x\ndated: today\nitems: {}", "'today' is no date"),
        ("items: {a: {price: 1}}", "no price table"),
    ],
)
def test_a_broken_price_table_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    result = CliRunner().invoke(main, ["cost", "--prices", str(path)])
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.count("\n") == 1


def test_away_from_a_checkout_it_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_CHECKOUT", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(files.DeployFilesError, match=r"^no deploy/ in .*: run this from a checkout of the project$"):
        price_table()


def test_impossible_use_is_one_line() -> None:
    result = CliRunner().invoke(main, ["cost", "--control-hours", "30"])
    assert (result.exit_code, result.output) == (2, "signals: control hours 30.0: a day has 24\n")


def test_the_prices_are_dated_and_none_is_negative() -> None:
    table = price_table()
    assert isinstance(table.dated, date)
    assert all(item.price > 0 and item.free >= 0 for item in table.items.values())
