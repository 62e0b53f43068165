"""The signal history as a table: what pandas reads back from any format is what is stored."""

import io
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.signal_table import TableFormat, csv_header, csv_rows, table_bytes
from signals_pipeline.adapters.stores.signals import OutcomeEntry, SignalEntry
from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.tables import INSTANT, SIGNAL_HISTORY, TEXT

# What a database stores (no NUL, no half of a surrogate pair), and what readers of tables take for something else.
TRAPS = ["", "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r", "a\rb", "\n", "'", "''=", "＝1", "a,b", 'a"b', "NA", "1.0"]
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9) | st.sampled_from(TRAPS)
# pandas' parser of JSON refuses numbers below 1e-307.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
# pandas counts nanoseconds from 1970 in 64 bits.
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001

OUTCOMES = st.builds(
    OutcomeEntry,
    horizon=st.sampled_from(HORIZONS),
    benchmark=TEXTS,
    **dict.fromkeys(("entry_session", "exit_session", "known_at"), INSTANTS),
    **dict.fromkeys(("entry", "exit", "raw_return", "benchmark_return", "net_return", "base_rate"), NUMBERS),
)
ENTRIES = st.builds(
    SignalEntry,
    event=st.none() | st.sampled_from(EventType),
    outcomes=st.lists(OUTCOMES, unique_by=lambda outcome: outcome.horizon).map(tuple),
    **dict.fromkeys(("reaction", "technical"), st.none() | NUMBERS),
    **dict.fromkeys(("combined_score", "confidence_score", "tone"), NUMBERS),
    **dict.fromkeys(("symbol", "news_title", "news_url", "story_id", "contributions", "model", "mode"), TEXTS),
    **dict.fromkeys(("window_start", "window_end", "decided_at", "expires_at"), INSTANTS),
    known_at=st.none() | INSTANTS,
)


def read(content: bytes, table_format: TableFormat) -> pd.DataFrame:
    """The table as pandas reads it, of a CSV with the rules of docs/export.md."""
    texts = [column.name for column in SIGNAL_HISTORY.columns if column.dtype == TEXT]
    file = io.BytesIO(content)
    match table_format:
        case "parquet":
            return pd.read_parquet(file)
        case "jsonl":
            return pd.read_json(file, lines=True, dtype=False, precise_float=True)
        case "csv":
            missing = {name: [""] for name in SIGNAL_HISTORY.names if name not in texts}
            frame = pd.read_csv(
                file,
                dtype=dict.fromkeys(texts, "object"),
                keep_default_na=False,
                na_values=missing,
            )
            return frame.assign(**{name: frame[name].str.removeprefix("'") for name in texts})


def cell(value: Any, dtype: str, *, is_csv: bool) -> object:
    """A cell in the form that values are compared in."""
    if dtype == TEXT and is_csv:
        # A CSV has no missing texts.
        return value or ""
    if value is None or value is pd.NaT or value != value:  # noqa: PLR0124 - NaN
        return None
    return pd.Timestamp(value).to_pydatetime() if dtype == INSTANT else value


def stored(entry: SignalEntry) -> dict[str, object]:
    """A signal's values by column, as the database has them."""
    values = asdict(entry)
    outcomes = values.pop("outcomes")
    row: dict[str, object] = {**dict.fromkeys(SIGNAL_HISTORY.names), **values}
    for outcome in outcomes:
        horizon = outcome.pop("horizon")
        row |= {f"{name}_{horizon}": value for name, value in outcome.items()}
    return row


@pytest.mark.parametrize("table_format", ["csv", "parquet", "jsonl"])
@settings(max_examples=30, deadline=None)
@given(pages=st.lists(st.lists(ENTRIES, min_size=1, max_size=2), max_size=2))
def test_what_pandas_reads_is_what_is_stored(table_format: TableFormat, pages: Sequence[Sequence[SignalEntry]]) -> None:
    entries = [entry for page in pages for entry in page]

    frame = read(table_bytes(pages, table_format), table_format)

    # JSON Lines without a line have no columns either.
    if entries or table_format != "jsonl":
        assert list(frame.columns) == SIGNAL_HISTORY.names
    assert len(frame) == len(entries)
    is_csv = table_format == "csv"
    for position, entry in enumerate(entries):
        expected = stored(entry)
        for column in SIGNAL_HISTORY.columns:
            found = cell(frame[column.name].iloc[position], column.dtype, is_csv=is_csv)
            assert found == cell(expected[column.name], column.dtype, is_csv=is_csv), column.name


def test_the_table_has_a_column_for_every_value_of_a_signal_and_of_its_outcomes() -> None:
    of_signals = {field.name for field in fields(SignalEntry)} - {"outcomes"}
    of_outcomes = {field.name for field in fields(OutcomeEntry)} - {"horizon"}
    expected = of_signals | {f"{name}_{horizon}" for name in of_outcomes for horizon in HORIZONS}
    assert set(SIGNAL_HISTORY.names) == expected
    assert len(SIGNAL_HISTORY.names) == len(expected)


@settings(max_examples=50, deadline=None)
@given(title=TEXTS)
def test_no_text_in_a_csv_begins_as_a_formula(title: str) -> None:
    entry = ENTRY_WITHOUT_OUTCOMES
    frame = pd.read_csv(
        io.StringIO(csv_header() + csv_rows([replace(entry, news_title=title)]), newline=""), dtype="str"
    )
    [written] = frame["news_title"].fillna("")
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    # Numbers stay numbers.
    assert frame["combined_score"].tolist() == ["-0.5"]


def test_an_outcome_over_a_horizon_without_columns_is_not_dropped_in_silence() -> None:
    outcome = OutcomeEntry(7, AT, AT, 1.0, 1.0, 0.0, 0.0, 0.0, hit=False, base_rate=0.5, benchmark="SPY", known_at=AT)
    with pytest.raises(ValueError, match="an outcome has no column in the table: base_rate_7"):
        csv_rows([replace(ENTRY_WITHOUT_OUTCOMES, outcomes=(outcome,))])


AT = datetime(2024, 1, 9, 13, 30, tzinfo=UTC)
ENTRY_WITHOUT_OUTCOMES = SignalEntry(
    window_start=AT, window_end=AT, symbol="AAA", signal_type="SELL", combined_score=-0.5, confidence_score=0.9,
    news_title="", news_url="", source="news_driven_ml", tone=-0.5, technical=None, fresh=True, fragile=False,
    story_id="", contributions="[]", lifecycle="new", decided_at=AT, expires_at=AT, model="m", mode="live", outcomes=(),
)  # fmt: skip
