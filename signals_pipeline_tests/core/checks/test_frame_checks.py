"""Findings on stored frames: quiet where a frame is what `tables` says, else one line that names the first faults."""

from collections.abc import Callable
from fractions import Fraction

import pandas as pd
import pytest

from signals_pipeline.core.checks.data_quality import duplicate_finding, schema_finding, signal_rows
from signals_pipeline.core.tables import (
    COUNT,
    INSTANT,
    OUTCOMES,
    REAL,
    SIGNALS,
    STAGES,
    TEXT,
    Column,
    Table,
)
from signals_pipeline.core.units import OneOf, Range
from signals_pipeline_tests.support.signal_builders import WINDOWS, signal

TONES = Table(
    name="sentiment",
    row="one headline",
    key=("window_start", "symbol", "known_at", "headline_id"),
    columns=(
        Column("window_start", INSTANT, "UTC", "Window"),
        Column("headline_id", TEXT, "sha256", "Headline"),
        Column("symbol", TEXT, "ticker", "Symbol"),
        Column("known_at", INSTANT, "UTC", "From when on"),
        Column("score", REAL, Range(-1, 1), "Score"),
        Column("close", REAL, Range(0, above=True, unit="price"), "Close", nullable=True),
        Column("bars", COUNT, Range(0, 600, unit="sessions"), "Bars"),
        Column("signal_type", TEXT, OneOf(("BUY", "SELL")), "Direction"),
    ),
)
START = pd.Timestamp("2015-02-02 22:30", tz="UTC")
Change = Callable[[pd.DataFrame], pd.DataFrame]


def frame() -> pd.DataFrame:
    rows = {
        "window_start": START, "headline_id": ["a", "b", "c"], "symbol": "NVDA", "known_at": START,
        "score": [-1, 1 + 1e-12, 0.5], "close": [None, 0.01, 7], "bars": [0, 1, 600], "signal_type": "BUY",
    }  # fmt: skip
    return TONES.conform(pd.DataFrame(rows))


@pytest.mark.parametrize("table", [TONES, *STAGES.values(), SIGNALS, OUTCOMES], ids=lambda table: table.name)
def test_an_empty_frame_is_in_order(table: Table) -> None:
    assert schema_finding(table, table.empty()).passed
    assert duplicate_finding(table, table.empty()).passed


def test_a_frame_in_order_says_what_was_looked_at() -> None:
    assert schema_finding(TONES, frame()).text == "3 rows with 8 columns as declared"
    assert duplicate_finding(TONES, frame()).text == "3 rows, each window_start, symbol, headline_id once"
    assert not schema_finding(TONES, frame()).serious


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.drop(columns="score"), "missing column score"),
        (lambda rows: rows.assign(bars=1.0), "bars is float64, not int64"),
        (lambda rows: rows.assign(symbol=[None, "A", "B"]), "symbol: 1 missing"),
        (lambda rows: rows.assign(score=[0.1, 1.2, -3.0]), "score: 2 outside [-1, 1], such as 1.2"),
        (lambda rows: rows.assign(close=[0.0, None, 1.0]), "close: 1 outside price > 0, such as 0.0"),
        (lambda rows: rows.assign(bars=[1, 2, 601]), "bars: 1 outside sessions [0, 600], such as 601"),
        (lambda rows: rows.assign(signal_type=["BUY", "SELL", "HOLD"]), "signal_type: 1 outside BUY or SELL, such as"),
    ],
)
def test_each_fault_of_a_frame_has_its_line_and_is_serious(change: Change, said: str) -> None:
    finding = schema_finding(TONES, change(frame()))
    assert not finding.passed
    assert finding.serious
    assert finding.text.startswith(said)


def test_columns_of_a_newer_release_are_named_and_no_fault() -> None:
    finding = schema_finding(TONES, frame().assign(mood=1, colour="red"))
    assert finding.passed
    assert finding.text == "3 rows with 8 columns as declared, and mood, colour of another release"
    assert duplicate_finding(TONES, frame().assign(mood=1)).passed


def test_what_is_wrong_with_earlier_windows_outcomes_is_not_serious() -> None:
    finding = schema_finding(OUTCOMES, OUTCOMES.empty().drop(columns="hit"))
    assert (finding.passed, finding.serious, finding.text) == (False, False, "missing column hit")


def test_many_faults_are_counted() -> None:
    finding = schema_finding(TONES, frame()[["score"]].assign(score="high"))
    assert finding.value == 2
    wrong = dict.fromkeys(["headline_id", "symbol", "score", "close", "bars", "signal_type"], pd.Timestamp(0))
    assert " and 1 more" in schema_finding(TONES, frame().assign(**wrong)).text


def test_a_headline_counts_once_for_a_company_whenever_it_became_known() -> None:
    later = frame().iloc[[1]].assign(known_at=START + pd.Timedelta(hours=1))
    finding = duplicate_finding(TONES, pd.concat([frame(), later]))
    assert not finding.passed
    assert finding.serious
    assert finding.text == f"duplicate: {START} NVDA b"
    assert duplicate_finding(TONES, pd.concat([frame(), later.assign(symbol="AMD")])).passed
    unknown = duplicate_finding(TONES, frame().drop(columns="symbol"))
    assert (unknown.passed, unknown.serious) == (False, False)
    assert unknown.text == "could not be made: missing column symbol"


def test_signals_are_a_frame_in_order_and_one_told_twice_is_found() -> None:
    told = [signal(WINDOWS[0]), signal(WINDOWS[1], combined=-0.5), signal(WINDOWS[0], symbol="AMD")]
    assert schema_finding(SIGNALS, signal_rows(told)).passed
    assert duplicate_finding(SIGNALS, signal_rows(told)).passed
    assert schema_finding(SIGNALS, signal_rows([])).passed
    assert not duplicate_finding(SIGNALS, signal_rows([*told, told[0]])).passed
    assert not schema_finding(SIGNALS, signal_rows([signal(WINDOWS[0], combined=1.5)])).passed


def test_bounds_read_as_they_are_written_in_mathematics() -> None:
    said = [Range(Fraction(1, 3), 1), Range(0, 1, above=True), Range(0), Range(0, unit="stories")]
    assert [str(each) for each in said] == ["[1/3, 1]", "(0, 1]", ">= 0", "stories >= 0"]
    assert str(OneOf((1, 0.5, 0))) == "1, 0.5 or 0"
