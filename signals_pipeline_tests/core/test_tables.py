"""Tables: a stage's frame has exactly its columns, dtypes and order, or is refused with one line."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.tables import (
    COUNT,
    INSTANT,
    REAL,
    STAGES,
    TEXT,
    Column,
    RowsByWindow,
    SchemaError,
    Table,
    concat,
)

BARS = Table(
    name="bars",
    row="one bar",
    key=("window_start", "symbol"),
    columns=(
        Column("window_start", INSTANT, "UTC", "Window"),
        Column("symbol", TEXT, "ticker", "Symbol"),
        Column("volume", COUNT, "shares", "Volume"),
        Column("close", REAL, "price", "Close", nullable=True),
    ),
)
START = pd.Timestamp("2015-02-02 22:30", tz="UTC")


def frame(symbols: list[str], **changes: object) -> pd.DataFrame:
    rows = {"close": 1.5, "symbol": symbols, "window_start": START, "volume": 7, **changes}
    return pd.DataFrame(rows, index=range(len(symbols)))


@given(st.lists(st.text("ABC", min_size=1, max_size=3), unique=True, max_size=6), st.integers(0, 99))
def test_any_order_of_rows_and_columns_conforms_to_the_same_frame(symbols: list[str], seed: int) -> None:
    shuffled = frame(symbols).sample(frac=1, random_state=seed)[["volume", "close", "window_start", "symbol"]]
    conformed = BARS.conform(shuffled.assign(extra=1))
    assert list(conformed.columns) == BARS.names
    assert [str(dtype) for dtype in conformed.dtypes] == [column.dtype for column in BARS.columns]
    assert conformed["symbol"].tolist() == sorted(symbols)
    pd.testing.assert_frame_equal(conformed, BARS.conform(conformed))


@given(st.lists(st.integers(0, 3), max_size=9))
def test_each_window_has_its_rows_in_their_order(windows: list[int]) -> None:
    """Also where windows come out of order."""
    starts = [START + pd.Timedelta(days=window) for window in windows]
    rows = pd.DataFrame({"window_start": pd.to_datetime(starts, utc=True), "position": range(len(windows))})

    by_window = RowsByWindow(rows)

    for start in (*starts, START - pd.Timedelta(days=1)):
        expected = [position for position, other in enumerate(starts) if other == start]
        assert by_window.rows(start)["position"].tolist() == expected
        columns = {name: values.tolist() for name, values in by_window.columns(start).items()}
        assert columns == {
            "window_start": [start.tz_convert(None).to_pydatetime()] * len(expected),
            "position": expected,
        }


def test_a_missing_column_is_named() -> None:
    with pytest.raises(SchemaError, match=r"^bars: column 'volume' is missing; the previous stage must provide it$"):
        BARS.conform(frame(["A"]).drop(columns="volume"))


def test_a_value_that_can_not_be_cast_names_its_column() -> None:
    with pytest.raises(SchemaError, match=r"^bars\.volume: not int64: "):
        BARS.conform(frame(["A"], volume="many"))


def test_a_missing_value_is_refused_in_a_required_column_and_accepted_in_a_nullable_one() -> None:
    with pytest.raises(SchemaError, match=r"^bars\.window_start: 1 values are missing; every row must have one$"):
        BARS.conform(frame(["A"], window_start=pd.Series([pd.NaT]).dt.tz_localize("UTC")))
    assert BARS.conform(frame(["A"], close=None))["close"].isna().all()


def test_a_repeated_key_is_named() -> None:
    with pytest.raises(SchemaError, match=r"^bars: two rows have the key \{'window_start': '2015.*', 'symbol': 'B'\}$"):
        BARS.conform(frame(["A", "B", "B"]))


@pytest.mark.parametrize("table", STAGES.values(), ids=STAGES)
def test_an_empty_frame_has_every_dtype_and_is_a_copy(table: Table) -> None:
    empty = table.empty()
    assert [str(dtype) for dtype in empty.dtypes] == [column.dtype for column in table.columns]
    empty["more"] = 1
    assert list(table.empty().columns) == table.names


def test_frames_are_joined_and_no_frames_give_an_empty_one() -> None:
    later = START + pd.Timedelta(hours=15)
    joined = concat(BARS, [frame(["B"], window_start=later), BARS.empty(), frame(["C", "A"])])
    assert joined["symbol"].tolist() == ["A", "C", "B"]
    assert concat(BARS, []).equals(BARS.empty())


@pytest.mark.parametrize("table", STAGES.values(), ids=STAGES)
def test_every_column_of_a_stage_says_its_unit_and_meaning(table: Table) -> None:
    assert table.row
    assert set(table.key) <= set(table.names)
    assert len(set(table.names)) == len(table.names)
    assert all(column.unit and column.meaning for column in table.columns)
