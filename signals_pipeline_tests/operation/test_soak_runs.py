"""A short soak: each kind of fault once, on SQLite without a daemon and on PostgreSQL with one.

`python -m benchmarks.soak` is the long one. Both are judged by `benchmarks.soak.oracle` and by the rows and frames of a
run that nothing happened to; a report of what is not as it must be is printed.
"""

from pathlib import Path

import pytest

from benchmarks.soak.__main__ import soaked
from benchmarks.soak.folder import Folder

SQLITE = [
    "run killed",
    "damaged frame",
    "terminal closed",
    "clock -1 h",
    "power cut",
    "off 4 h",
    "sender suspended 4 h",
    "clock +1 year",
    "poisoned digest",
    "two at once",
    "odd row",
]
POSTGRES = ["power cut", "off 4 h", "daemon killed"]


@pytest.mark.parametrize(
    ("setup", "faults"), [("sqlite", SQLITE), pytest.param("postgres", POSTGRES, marks=pytest.mark.postgres)]
)
def test_after_each_fault_every_mail_is_accounted_for_and_nobody_had_to_help(
    tmp_path: Path, setup: str, faults: list[str]
) -> None:
    folder = Folder(tmp_path / "soak")
    folder.claim(setup=setup, windows=len(faults) + 1, seed=1, only=faults)
    status = soaked(folder)
    lines = folder.lines("windows")
    assert [line["fault"] for line in lines if line["fault"]] == faults
    assert all(line["struck"] for line in lines if line["fault"])
    assert status == 0, (folder.root / "report.md").read_text(encoding="utf-8")
