"""`signals watchlist`: what a file follows, all its mistakes, and presets to start from."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from signals_pipeline.cli import main


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["watchlist", *map(str, arguments)])


def test_a_valid_file_is_summarised(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.yaml"
    path.write_text("- {symbol: V, company: Visa Inc., cik: 1403161, ambiguous_aliases: [Visa]}\n")
    result = invoke("check", path)
    assert result.output == f"{path}: 1 companies, 1 clear names, 1 ambiguous ones, 1 with a CIK\n"
    assert result.exit_code == 0


def test_every_mistake_is_one_line_and_the_exit_code_is_2(tmp_path: Path) -> None:
    path = tmp_path / "watchlist.yaml"
    path.write_text("- symbol: V\n- {symbol: ma, company: Mastercard}\n")
    result = invoke("check", path)
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert len(lines) == 2
    assert "line 1: field 'company' is missing" in lines[0]
    assert "line 2: symbol 'ma'" in lines[1]


def test_without_a_file_the_configured_watchlist_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "39 companies" in invoke("check").output
    monkeypatch.setenv("SIGNALS_WATCHLIST", "dow30")
    assert "30 companies" in invoke("check").output


def test_a_preset_is_copied_once_and_nothing_is_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "desk" / "watchlist.yaml"
    assert [line.split()[:2] for line in invoke("presets").output.splitlines()] == [
        ["dow30", "30"],
        ["nasdaq-megacaps", "25"],
    ]
    copied = invoke("copy", "dow30", target)
    assert copied.exit_code == 0
    assert copied.output.endswith(f"next: SIGNALS_WATCHLIST={target}\n")
    assert "30 companies" in invoke("check", target).output
    target.write_text("mine")
    refused = invoke("copy", "dow30", target)
    assert (refused.exit_code, target.read_text()) == (2, "mine")
    assert "already exists" in refused.output
    assert "no preset 'dax'; there are dow30, nasdaq-megacaps" in invoke("copy", "dax", tmp_path / "x").output
