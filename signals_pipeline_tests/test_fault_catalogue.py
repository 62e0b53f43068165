"""docs/faults.md names a test for each fault, and each of these tests is there."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CATALOGUE = TESTS.parent / "docs" / "faults.md"
TEST_NAME = re.compile(r"`([\w/]+\.py)(?:::(\w+)(?:\[[^\]]*\])?)?`")
SECTIONS = {"database", "disk", "clock", "memory", "mail", "web", "configuration"}


def rows() -> list[list[str]]:
    """Cells of each fault's row."""
    lines = CATALOGUE.read_text(encoding="utf-8").splitlines()
    faults = [line for line in lines if line.startswith("| ") and not line.startswith("| fault |")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in faults]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_each_fault_has_five_cells_and_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 5
    assert all(row)
    tests = TEST_NAME.findall(row[4])
    assert tests
    assert TEST_NAME.sub("", row[4]).replace(",", "").strip() == ""
    for path, name in tests:
        text = (TESTS / path).read_text(encoding="utf-8")
        assert f"def {name}(" in text if name else "def test_" in text, (path, name)


def test_every_kind_of_fault_has_its_section() -> None:
    titles = re.findall(r"^## (.*)$", CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {title.lower() for title in titles} >= SECTIONS
