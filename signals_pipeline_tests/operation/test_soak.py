"""The soak's folder and report: it goes on wherever it was stopped, and tells growth from noise."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.soak import held
from benchmarks.soak.folder import Folder, belongs


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    claimed = Folder(tmp_path / "soak")
    claimed.claim(windows=200, seed=1)
    return claimed


def test_a_file_is_there_whole_or_not_at_all(folder: Folder) -> None:
    def cut_short() -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.once("state", cut_short)
    (folder.root / "state.new").write_text("{", encoding="utf-8")  # as a kill amid the writing leaves it
    assert folder.once("state", lambda: {"rows": {}}) == {"rows": {}}
    assert folder.once("state", cut_short) == {"rows": {}}


def test_a_line_that_was_cut_short_is_taken_off(folder: Folder) -> None:
    folder.add("windows", {"window": "a"})
    with (folder.root / "windows.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"window": "b", "fau')
    assert folder.lines("windows") == [{"window": "a"}]
    folder.add("windows", {"window": "b"})
    assert folder.lines("windows") == [{"window": "a"}, {"window": "b"}]
    assert folder.lines("mails") == []


def test_a_folder_keeps_to_what_it_was_begun_with(folder: Folder) -> None:
    folder.claim(windows=200, seed=1)
    with pytest.raises(SystemExit, match="was begun with --seed 1 --windows 200: go on with these"):
        folder.claim(windows=100, seed=1)


def test_what_a_killed_soak_left_is_ended_and_nothing_else(folder: Folder, tmp_path: Path) -> None:
    with waiting(folder.home) as left, waiting(tmp_path) as other:
        assert belongs(psutil.Process(left.pid), folder.home)
        folder.clear()
        assert not psutil.pid_exists(left.pid)
        assert other.poll() is None


def waiting(home: Path) -> subprocess.Popen[bytes]:
    """A process of the deployment with this home, which ends with its input."""
    program, surroundings = "import sys; sys.stdin.read()", {"DAGSTER_HOME": str(home)}
    return subprocess.Popen([sys.executable, "-c", program], env=surroundings, stdin=subprocess.PIPE)


def lines(count: int, *, mib: float = 0.0, files: float = 0.0, pid: int = 7) -> list[dict[str, Any]]:
    """Windows of one process; caches fill in the first 30, then it grows by so much a window, files swing by 14."""
    return [
        {"code": {"pid": pid, "mib": 230 + min(at, 30) + at * mib, "files": 20 + at % 15 + int(at * files)}}
        for at in range(count)
    ]


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        (lines(200), "flat"),
        (lines(200, mib=0.05), "flat"),
        (lines(200, mib=0.5), "grows"),
        (lines(200, files=0.5), "grows"),
        (lines(40, mib=0.5), "too few windows"),
    ],
)
def test_growth_is_told_from_caches_that_fill_and_files_that_swing(windows: list[dict[str, Any]], said: str) -> None:
    assert held.verdict(windows, "code") == said
    assert held.grows(windows, ["code"]) is (said == "grows")
    assert f"| {said} |" in held.report(windows, ["code"])


def test_each_process_is_judged_by_itself_where_a_soak_was_stopped() -> None:
    windows = lines(100) + lines(100, pid=8)
    assert [len(life) for life in held.lives(windows, "code")] == [100, 100]
    told = held.report(windows, ["code"])
    assert told.count("| code | 100 | 230 260 260 |") == 2
    assert "| 1 to 20 | 239.5 | 24.5 |" in told
    assert "100 windows add less than 5% of its memory and fewer than 10 open files" in told


def test_one_window_has_no_slope_and_is_told_all_the_same() -> None:
    assert "too few windows" in held.report(lines(1), ["code"])
