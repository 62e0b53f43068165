"""`signals export`: the history as a file that appears whole, filtered, and every refusal as one line."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from signals_pipeline.cli import main
from signals_pipeline.core.tables import SIGNAL_HISTORY
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.web_site import TOLD, fill

DOCUMENT = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose database has a signal of AAA with three outcomes and an earlier one of BBB."""
    (tmp_path / "data").mkdir()
    database = shutil.copy(migrated_template("sqlite"), tmp_path / "data" / "signals.db")
    fill(f"sqlite:///{database}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def export(*words: str) -> Result:
    return CliRunner().invoke(main, ["export", *words])


def refused(*words: str) -> str:
    result = export(*words)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr.splitlines()[-1]


def test_the_history_is_written_in_each_format_and_filtered(history: Path) -> None:
    for ending, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        result = export(f"signals.{ending}")
        assert (result.exit_code, result.stderr) == (0, f"2 signals as {ending}: signals.{ending}\n"), result.output
        frame = read(history / f"signals.{ending}")
        assert list(frame.columns) == SIGNAL_HISTORY.names
        assert frame["symbol"].tolist() == ["AAA", "BBB"]
        assert frame["hit_5"].notna().tolist() == [True, False]
        assert frame["hit_10"].isna().all()
    assert frame["decided_at"].iloc[0] == pd.Timestamp(TOLD.end)
    lines = export("--format", "jsonl", "--symbol", "bbb", "--to", "2024-01-10", "--mode", "live", "-")
    assert lines.stdout.count("\n") == 1
    assert '"symbol": "BBB"' in lines.stdout
    assert export("--event", "results", "--signal-type", "BUY", "-").stdout.count("\n") == 1


def test_a_table_goes_to_a_pipe_as_it_is(history: Path) -> None:
    command = [sys.executable, "-m", "signals_pipeline", "export", "--format", "parquet", "-"]
    done = subprocess.run(command, check=True, capture_output=True, cwd=history)
    assert done.stdout.startswith(b"PAR1")
    assert done.stdout.endswith(b"PAR1")
    assert done.stderr == b"2 signals as parquet: -\n"


def test_what_is_wrong_is_said_in_one_line_and_leaves_a_former_file(
    history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = history / "signals.csv"
    former.write_text("former")
    assert (
        refused("signals.xlsx") == "signals: signals.xlsx: its ending names no format; add --format csv, parquet, jsonl"
    )
    assert refused("--from", "yesterday", "signals.csv") == "signals: from: give a day, such as 2015-02-02"
    assert refused("--from", "2024-02-02", "--to", "2024-02-01", "-").startswith(
        "signals: to: 2024-02-01 is before from"
    )
    assert refused("--symbol", "A B", "-").startswith("signals: symbol: give a ticker")
    assert refused("--lifecycle", "old", "-").startswith("signals: lifecycle: input should be 'new'")
    assert refused("none/signals.csv").startswith("signals: none: this folder does not exist; create it")
    (history / "folder.csv").mkdir()
    assert "folder.csv: Is a directory; choose another folder" in refused("folder.csv")
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(history / "empty"))
    assert refused("signals.csv").endswith("it does not exist; run `signals migrate` to create it")
    assert not (history / "empty").exists()
    assert former.read_text() == "former"


def test_every_column_is_documented_with_its_unit_and_meaning() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| ([^|]*) \| ([^|]+) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    documented = {name: (unit.strip(), meaning.removesuffix("; may be empty")) for name, unit, meaning in rows}
    expected = {}
    for column in SIGNAL_HISTORY.columns:
        name = re.sub(r"_(1|3|5|10)$", "_N", column.name)
        expected[name] = (str(column.unit), column.meaning)
    assert documented == expected
