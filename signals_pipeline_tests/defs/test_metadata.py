"""What the Dagster UI shows of a run: each window has its own numbers, and text from outside can't break a table."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from signals_pipeline.adapters.mail.envelope import Links
from signals_pipeline.adapters.stores import tables
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.core.tables import HEADLINES, to_arrays
from signals_pipeline.core.windows import window_for_key, windows_between
from signals_pipeline.defs.metadata import (
    PREVIEW_LINES,
    PREVIEW_ROWS,
    PREVIEW_WIDTH,
    coverage_entries,
    funnel_entries,
    leading_rows,
    markdown_table,
    preview,
    sql_schema,
    table_schema,
    text_preview,
)
from signals_pipeline_tests.support.pipeline import TestPipeline

FIRST = window_for_key("2015-01-26-17:30")
WINDOWS = windows_between(FIRST.start, FIRST.end + timedelta(days=1))
STAGES = ("headlines", "sentiment", "technicals", "scores", "signals", "digest")
TABLES = ("headlines", "sentiment", "technicals", "scores", "signals")


def _entry(reports: tuple[SourceReport, ...]) -> Coverage:
    return Coverage(
        window_key=FIRST.key,
        label="Mon 17:30 to Tue 08:30 ET",
        evidence_start=FIRST.start,
        evidence_end=FIRST.end,
        gap_minutes=0,
        overlap_minutes=0,
        missing_windows=(),
        reports=reports,
        headlines=9,
        relevant=8,
        stories=7,
        symbols=6,
        reconstructed=9,
        drops={},
        status="ok",
        first_run=False,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Any]]]:
    """Metadata by asset and window of one run over three windows of the sample."""
    with TestPipeline.open(tmp_path_factory.mktemp("ui"), signals_base_url="https://signals.example.org/") as pipeline:
        result = pipeline.run(WINDOWS)
        return {
            asset: {
                str(event.partition): {name: value.value for name, value in event.metadata.items()}
                for event in result.asset_materializations_for_node(asset)
            }
            for asset in STAGES
        }


def test_every_window_has_an_entry_and_its_own_row_count(shown: dict[str, dict[str, dict[str, Any]]]) -> None:
    for asset in STAGES:
        assert set(shown[asset]) == {window.key for window in WINDOWS}, asset
    for asset in TABLES:
        assert all("dagster/partition_row_count" in entries for entries in shown[asset].values()), asset
    counts = [shown["headlines"][window.key]["dagster/partition_row_count"] for window in WINDOWS]
    assert len(set(counts)) > 1


def test_no_number_of_the_whole_run_is_plotted_at_every_window(shown: dict[str, dict[str, dict[str, Any]]]) -> None:
    for key in ("texts_scored", "texts_from_cache", "model_seconds"):
        assert [key in shown["sentiment"][window.key] for window in WINDOWS] == [False] * (len(WINDOWS) - 1) + [True]
    for asset in STAGES:
        whole = {key for entries in shown[asset].values() for key in entries if key == "dagster/row_count"}
        assert not whole, asset


@pytest.mark.parametrize(
    ("asset", "key"), [("sentiment", "tone_plot"), ("scores", "score_plot"), ("digest", "price_plot")]
)
def test_a_picture_stands_at_the_newest_window_alone_and_is_small(
    shown: dict[str, dict[str, dict[str, Any]]], asset: str, key: str
) -> None:
    assert [key in shown[asset][window.key] for window in WINDOWS] == [False] * (len(WINDOWS) - 1) + [True]
    said, _, content = shown[asset][WINDOWS[-1].key][key].partition("](data:image/svg+xml;base64,")
    assert said.startswith("![")
    svg = base64.b64decode(content.removesuffix(")")).decode()
    assert WINDOWS[-1].key in "".join(ET.fromstring(svg).itertext())  # noqa: S314 - made here
    assert len(content) < 12_000


def test_the_digest_is_linked_to_its_page(shown: dict[str, dict[str, dict[str, Any]]]) -> None:
    for window in WINDOWS:
        assert shown["digest"][window.key]["page"] == f"https://signals.example.org/digests/{window.key}"
    assert Links().page("digests/x") == ""


def test_the_funnel_is_a_table_and_numbers_that_end_at_the_signals(
    shown: dict[str, dict[str, dict[str, Any]]],
) -> None:
    for window in WINDOWS:
        entries = shown["signals"][window.key]
        assert entries["funnel/signals"] == entries["dagster/partition_row_count"]
        assert entries["funnel/headlines_tagged"] >= entries["funnel/headlines_relevant"]
        assert f"| signals | {entries['funnel/signals']} |" in entries["funnel"].splitlines()
        assert entries["funnel"].splitlines()[2].startswith("| headlines tagged |")


def test_the_digest_can_be_read_and_opened(shown: dict[str, dict[str, dict[str, Any]]]) -> None:
    for window in WINDOWS:
        entries = shown["digest"][window.key]
        assert Path(entries["html"]).name == f"{window.key.replace(':', '')}.html"
        assert entries["html_bytes"] > 1_000
        assert entries["subject"].split("] ")[-1] in entries["text"]
        assert entries["signals_new"] + entries["signals_changed"] == shown["signals"][window.key]["funnel/signals"]


def test_the_coverage_line_stands_beside_its_window_without_a_model(
    shown: dict[str, dict[str, dict[str, Any]]],
) -> None:
    for window in WINDOWS:
        line = shown["headlines"][window.key]["coverage"]
        assert "no gap" in line
        assert "model" not in line
        assert not line.endswith((" ", ";"))


def test_coverage_says_what_the_ledger_says() -> None:
    entries = coverage_entries(_entry((SourceReport("rss", "ok", 9),)))
    assert entries["coverage"] == "Mon 17:30 to Tue 08:30 ET, no gap; 1 of 1 source; 9 headlines, 7 stories"
    numbers = {name: value for name, value in entries.items() if isinstance(value, int)}
    expected = {"gap_minutes": 0, "headlines": 9, "stories": 7, "symbols": 6}
    assert numbers == {f"coverage/{name}": value for name, value in expected.items()}


def test_funnel_keeps_the_order_of_the_gates() -> None:
    entries = funnel_entries({"headlines_tagged": 5, "candidates": 2, "signals": 1})
    assert [line.split("|")[1].strip() for line in entries["funnel"].value.splitlines()[2:]] == [
        "headlines tagged",
        "candidates",
        "signals",
    ]
    assert entries["funnel/candidates"] == 2


def test_frame_and_sql_schemas_name_every_column_with_its_meaning() -> None:
    for schema, names in (
        (table_schema(HEADLINES), HEADLINES.names),
        (sql_schema(tables.signal_history), list(tables.signal_history.columns.keys())),
        (sql_schema(tables.digest), list(tables.digest.columns.keys())),
    ):
        columns = schema["dagster/column_schema"].columns
        assert [column.name for column in columns] == names
        assert all(column.description for column in columns)
    assert sql_schema(tables.digest)["dagster/table_name"] == "digest"


def test_a_column_without_a_meaning_is_refused() -> None:
    with pytest.raises(KeyError, match="unheard_of"):
        sql_schema(sa.Table("new", sa.MetaData(), sa.Column("unheard_of", sa.Integer())))


@given(st.lists(st.lists(st.text(max_size=120), min_size=2, max_size=2), min_size=1, max_size=5))
@hypothesis_settings(max_examples=100)
def test_no_cell_breaks_a_table(rows: list[list[str]]) -> None:
    lines = markdown_table(["a", "b"], rows).split("\n")
    assert len(lines) == 2 + len(rows)
    for line in lines:
        assert "<" not in line
        assert len(line.replace("\\\\", "").replace("\\|", "").split("|")) == 4


def test_an_empty_table_says_so() -> None:
    assert markdown_table(["a"], []) == "none"
    assert preview(HEADLINES.empty(), ["symbol"]).value == "none"
    assert leading_rows(to_arrays(HEADLINES.empty()), "known_at", ["symbol"]).value == "none"


def test_cells_show_numbers_instants_and_gaps_briefly() -> None:
    row = (1 / 3, float("nan"), pd.Timestamp("2015-01-26 22:30:05", tz="UTC"), "x" * 200)
    line = markdown_table(list("abcd"), [row]).splitlines()[-1]
    assert line.split("|")[1:4] == [" 0.333 ", "  ", " 2015-01-26 22:30 "]
    assert line.split("|")[4].strip() == "x" * (PREVIEW_WIDTH - 1) + "…"


@given(st.lists(st.floats(-1, 1), max_size=30))
@hypothesis_settings(max_examples=50)
def test_leading_rows_are_the_largest_in_order(values: list[float]) -> None:
    frame = pd.DataFrame({"value": values}, index=[7] * len(values), dtype="float64")
    cells = [line.strip("| ") for line in leading_rows(to_arrays(frame), "value", ["value"]).value.splitlines()[2:]]
    assert cells == [f"{value:.3f}" for value in sorted(values, key=abs, reverse=True)[:PREVIEW_ROWS]]


def test_leading_instants_are_the_newest() -> None:
    instants = pd.date_range("2015-01-26", periods=20, freq="h", tz="UTC")
    lines = leading_rows(to_arrays(pd.DataFrame({"at": instants.as_unit("us")})), "at", ["at"]).value.splitlines()
    assert (len(lines), lines[2]) == (2 + PREVIEW_ROWS, "| 2015-01-26 19:00 |")


def test_text_stays_in_its_block_and_is_cut() -> None:
    block = text_preview("a\n```\n# b\n" + "c\n" * PREVIEW_LINES).value.splitlines()
    assert (block[0], block[-1]) == ("```text", "```")
    assert block[1:-1].count("```") == 0
    assert block[-2] == "…"
    assert text_preview("short").value == "```text\nshort\n```"
