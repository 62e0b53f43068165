"""Recorded bars: clean, sorted, adjusted, and every repair counted and named."""

import gzip
import io
import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from signals_pipeline import sample
from signals_pipeline.adapters.prices import recording
from signals_pipeline.adapters.prices.recorded import RecordedPrices
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.news.feeds import PriceSource, SourceError
from signals_pipeline.core.prices.validation import bar_problems

PRICES = ["open", "high", "low", "close"]
COLUMNS = ["date", "symbol", *PRICES, "volume", "adj_close"]
FIRST, LAST = date(2015, 1, 1), date(2015, 12, 31)
HEADER = ",".join(COLUMNS) + "\n"
KINDS = ("csv", "csv.gz", "parquet")


@st.composite
def clean_bars(draw: st.DrawFn) -> pd.DataFrame:
    """Bars of two symbols on some days, with a dividend adjustment and no jump."""
    rows: list[dict[str, object]] = []
    for symbol in ("AAPL", "NAN"):
        for day in sorted(draw(st.sets(st.integers(0, 300), min_size=1, max_size=12))):
            low, spread = draw(st.floats(10, 12)), draw(st.floats(0, 0.5))
            session = (FIRST + timedelta(days=day)).isoformat()
            cells = {"open": low + spread / 2, "high": low + spread, "low": low, "close": low + spread / 3}
            volume = draw(st.integers(0, 10**9))
            adjusted = cells["close"] * draw(st.floats(0.95, 1))
            rows.append({"date": session, "symbol": symbol, **cells, "volume": volume, "adj_close": adjusted})
    return pd.DataFrame(rows, columns=COLUMNS)


def recorded(folder: Path, frame: pd.DataFrame, kind: str = "csv") -> RecordedPrices:
    path = folder / f"prices.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return RecordedPrices(path)


def text(folder: Path, rows: str, header: str = HEADER) -> RecordedPrices:
    path = folder / "prices.csv"
    path.write_text(header + rows, encoding="utf-8")
    return RecordedPrices(path)


@settings(max_examples=40, deadline=None)
@given(clean_bars(), st.integers(0, 2**32), st.sampled_from(KINDS))
def test_order_repetition_and_broken_rows_change_nothing_but_the_counts(
    tmp_path_factory: pytest.TempPathFactory, bars: pd.DataFrame, seed: int, kind: str
) -> None:
    folder = tmp_path_factory.mktemp("prices")
    expected = recorded(folder, bars, kind).bars(["AAPL", "NAN"], FIRST, LAST)
    order = np.random.default_rng(seed).permutation(len(bars))
    broken = bars.assign(high=bars["low"] / 2)
    stale = bars.assign(close=bars["low"])
    prices = recorded(folder, pd.concat([stale, bars.iloc[order], broken], ignore_index=True), kind)
    pd.testing.assert_frame_equal(prices.bars(["AAPL", "NAN"], FIRST, LAST), expected, check_exact=True)
    assert prices.quality() == {
        "high below low, row dropped": len(bars),
        "day stands twice, last row kept": len(bars),
    }


@settings(max_examples=40, deadline=None)
@given(clean_bars(), st.integers(0, 300), st.integers(0, 300))
def test_both_ends_are_included_and_rows_are_sorted(
    tmp_path_factory: pytest.TempPathFactory, bars: pd.DataFrame, first: int, last: int
) -> None:
    start, end = FIRST + timedelta(days=first), FIRST + timedelta(days=last)
    result = recorded(tmp_path_factory.mktemp("prices"), bars).bars(["NAN", "AAPL", "NAN"], start, end)
    wanted = bars[(bars["date"] >= start.isoformat()) & (bars["date"] <= end.isoformat())]
    assert list(zip(result["symbol"], result["session"].dt.strftime("%Y-%m-%d"), strict=True)) == sorted(
        zip(wanted["symbol"], wanted["date"], strict=True)
    )
    types = {"symbol": "str", "session": "datetime64[us]", **dict.fromkeys([*PRICES, "volume"], "float64")}
    assert {name: str(kind) for name, kind in result.dtypes.items()} == types


@settings(max_examples=40, deadline=None)
@given(clean_bars(), st.floats(0.5, 1))
def test_the_adjusted_close_is_met_and_a_later_dividend_scales_all_earlier_bars_alike(
    tmp_path_factory: pytest.TempPathFactory, bars: pd.DataFrame, factor: float
) -> None:
    folder = tmp_path_factory.mktemp("prices")
    before = recorded(folder, bars).bars(["AAPL", "NAN"], FIRST, LAST)
    later = recorded(folder, bars.assign(adj_close=bars["adj_close"] * factor)).bars(["AAPL", "NAN"], FIRST, LAST)
    np.testing.assert_allclose(before["close"], bars["adj_close"], rtol=1e-12)
    # What readers are shown stays the close of the file.
    traded = recorded(folder, bars).traded_closes(["AAPL", "NAN"], FIRST, LAST)
    np.testing.assert_array_equal(traded["close"], bars["close"])
    pd.testing.assert_frame_equal(traded[["symbol", "session"]], before[["symbol", "session"]])
    np.testing.assert_allclose(later[PRICES], before[PRICES] * factor, rtol=1e-12)
    assert (before["high"] >= before["low"]).all()
    assert (later["volume"] == before["volume"]).all()


GOOD = "2015-02-03,AAPL,10,12,9,11,500,11\n"


@pytest.mark.parametrize(
    ("row", "where", "finding"),
    [
        ("2015-02-04,AAPL,10,9,12,11,500,11", "AAPL 2015-02-04", "high below low, row dropped"),
        ("2015-02-04,AAPL,,12,9,11,500,11", "AAPL 2015-02-04", "price missing or not positive, row dropped"),
        ("2015-02-04,AAPL,10,12,0,11,500,11", "AAPL 2015-02-04", "price missing or not positive, row dropped"),
        ("2015-02-04,AAPL,10,1e999,9,11,500,11", "AAPL 2015-02-04", "price missing or not positive, row dropped"),
        ("2015-02-04,AAPL,10,12,9,\0,500,11", "AAPL 2015-02-04", "price missing or not positive, row dropped"),
        ("2015-02-04,AAPL,10,12,9,11,,11", "AAPL 2015-02-04", "volume missing or negative, row dropped"),
        ("2015-02-04,AAPL,10,12,9,11,500,-1", "AAPL 2015-02-04", "adj_close missing or not positive, row dropped"),
        ("2015-02-30,AAPL,10,12,9,11,500,11", "AAPL 2015-02-30", "date is not YYYY-MM-DD, row dropped"),
        ("2015-02-04 15:30,AAPL,10,12,9,11,500,11", "AAPL 2015-02-04 15:30", "date is not YYYY-MM-DD, row dropped"),
        ("2015-02-04,,10,12,9,11,500,11", " 2015-02-04", "symbol missing, row dropped"),
        ("2015-02-04,AAPL,10,12,9,12.1,500,11", "AAPL 2015-02-04", "open or close outside of low to high, row dropped"),
        ("2015-02-04,AAPL,8.9,12,9,11,500,11", "AAPL 2015-02-04", "open or close outside of low to high, row dropped"),
        ("2015-02-04,AAPL,10,12,.1,11,500,11", "AAPL 2015-02-04", "high is more than 20 times low, row dropped"),
        ("2015-02-04,AAPL,10,12,9,11," + "5" * 200_000, "line 3", "longer than 10,000 characters, row dropped"),
        ("2015-02-04,AAPL,10", "line 3", "not as many cells as the header, row dropped"),
        ('2015-02-04,"AAPL,10,12,9,11,500,11,', "line 3", "not as many cells as the header, row dropped"),
    ],
)
def test_a_row_that_is_no_bar_is_dropped_alone_and_named(tmp_path: Path, row: str, where: str, finding: str) -> None:
    prices = text(tmp_path, f"{GOOD}{row}\n2015-02-05,AAPL,10,12,9,11,500,11\n")
    assert prices.bars(["AAPL"], FIRST, LAST)["session"].dt.day.tolist() == [3, 5]
    assert prices.notes() == (f"prices.csv: {where}: {finding}",)
    assert prices.quality() == {finding: 1}


def test_a_file_that_was_changed_is_read_again(tmp_path: Path) -> None:
    path, row = tmp_path / "prices.csv", "2015-02-04,AAPL,10,12,9,11,{},11\n"
    for volume in ("500", "6000", "700"):
        path.write_text(HEADER + row.format(volume))
        for source in (RecordedPrices(path), RecordedPrices(path)):
            assert source.bars(["AAPL"], FIRST, LAST)["volume"].tolist() == [float(volume)]


def test_it_is_a_price_source(tmp_path: Path) -> None:
    source: PriceSource = text(tmp_path, GOOD)
    assert source.name == "recorded"
    assert source.bars(["AAPL"], date(2015, 2, 3), date(2015, 2, 3))["open"].tolist() == [10]


def test_gaps_and_zero_volume_are_kept(tmp_path: Path) -> None:
    bars = text(tmp_path, GOOD + "2015-06-03,AAPL,10,12,9,11,0,11\n").bars(["AAPL"], FIRST, LAST)
    assert bars["volume"].tolist() == [500, 0]


def test_a_jump_like_a_split_is_named_and_left_but_not_one_that_is_adjusted(tmp_path: Path) -> None:
    split = "2015-02-04,AAPL,5,6,4.5,5.5,500,5.5\n"
    prices = text(tmp_path, GOOD + split)
    assert prices.bars(["AAPL"], FIRST, LAST)["close"].tolist() == [11, 5.5]
    finding = "close moves by more than a factor of 1.8, like a split; not adjusted"
    assert prices.notes() == (f"prices.csv: AAPL 2015-02-04: {finding}",)
    adjusted = text(tmp_path, GOOD.replace(",11\n", ",5.5\n") + split)
    assert adjusted.bars(["AAPL"], FIRST, LAST)["close"].tolist() == [5.5, 5.5]
    assert adjusted.quality() == {}
    other_symbol = text(tmp_path, GOOD + split.replace("AAPL", "MSFT"))
    assert other_symbol.quality() == {}


@pytest.mark.parametrize("times", [0.01, 100])
@pytest.mark.parametrize("header", [HEADER, "date,symbol,open,high,low,close,volume,note\n"])
def test_a_bar_in_another_unit_is_left_out_and_named(tmp_path: Path, times: float, header: str) -> None:
    rows: list[str] = []
    for symbol in ("AAPL", "MSFT"):
        for day in range(1, 13):
            unit = times if (symbol, day) == ("AAPL", 7) else 1
            rows.append(f"2015-01-{day:02},{symbol},{10 * unit},{12 * unit},{9 * unit},{11 * unit},500,{11 * unit}\n")
    prices = text(tmp_path, "".join(rows), header)
    bars = prices.bars(["AAPL", "MSFT"], FIRST, LAST)
    assert len(bars) == 23
    assert set(bars["close"]) == {11}
    finding = "close more than 20 times or under 1/20 of those of the sessions around it, row dropped"
    assert prices.notes() == (f"prices.csv: AAPL 2015-01-07: {finding}",)
    assert prices.quality() == {finding: 1}


def test_a_fall_that_lasts_and_a_share_that_grows_fortyfold_are_used(tmp_path: Path) -> None:
    fall = [100.0] * 8 + [1.0] * 4
    growth = [10 * 1.4**day for day in range(12)]
    rows = [
        f"2015-01-{day:02},{symbol},{close},{close},{close},{close},500,{close}\n"
        for symbol, closes in (("AAPL", fall), ("MSFT", growth))
        for day, close in enumerate(closes, start=1)
    ]
    bars = text(tmp_path, "".join(rows)).bars(["AAPL", "MSFT"], FIRST, LAST)
    # Of the fall, the first two sessions of four lie nearer to what was before.
    assert bars["symbol"].value_counts().to_dict() == {"AAPL": 10, "MSFT": 12}


def test_without_adj_close_prices_are_as_recorded(tmp_path: Path) -> None:
    header = "symbol,date,open,high,low,close,volume\n"
    bars = text(tmp_path, '"AAPL","2015-02-03",10,12,9,11,500\n\n', header).bars(["AAPL"], FIRST, LAST)
    assert bars[[*PRICES, "volume"]].to_numpy().tolist() == [[10, 12, 9, 11, 500]]


def test_a_symbol_without_bars_is_absent_and_counted_once(tmp_path: Path) -> None:
    prices = text(tmp_path, GOOD)
    for _ in range(2):
        assert prices.bars(["ZZZ"], FIRST, LAST).empty
    assert prices.notes() == ("prices.csv: ZZZ: no bars recorded",)
    assert prices.bars([], FIRST, LAST)["session"].dtype == "datetime64[us]"
    assert prices.quality() == {"no bars recorded": 1}


def test_parquet_may_hold_dates(tmp_path: Path) -> None:
    row = {"symbol": "AAPL", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1}
    days = [date(2015, 2, 3), date(2015, 2, 4)]
    for number, column in enumerate(
        [pd.Series(days), pd.Series(pd.to_datetime(days)), pd.Series(pd.to_datetime(days).tz_localize("UTC"))]
    ):
        path = tmp_path / f"{number}.parquet"
        pd.DataFrame({"date": column, **row}).to_parquet(path)
        assert RecordedPrices(path).bars(["AAPL"], FIRST, LAST)["session"].dt.date.tolist() == days


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "No such file or directory"),
        ("prices.xlsx", b"", "unknown kind of file; use .csv, .csv.gz or .parquet"),
        ("prices.csv", b"", "column 'date' is missing; a recording has date, symbol"),
        ("prices.csv", b"date,open,high,low,close,volume\n", "column 'symbol' is missing"),
        ("prices.csv.gz", b"plain text", "Not a gzipped file"),
        ("prices.csv.gz", gzip.compress(HEADER.encode() * 99, mtime=0)[:-12], "can't be read (Compressed file ended"),
        ("prices.csv", HEADER.encode() + b"x" * 200_000, "1 of 1 rows are no bars, such as line 2"),
        ("prices.csv", b"x" * 200_000, "line 1 is longer than 10,000 characters; a recording has date, symbol"),
        ("prices.csv", b"date,symbol,open,high,low,close,close,volume\n", "column 'close' is there 2 times; keep"),
        ("prices.csv", b"date;symbol;open\n", "column 'date' is missing; a recording has"),
        ("prices.parquet", b"PAR1 cut off", "can't be read"),
    ],
)
def test_a_file_that_is_no_recording_is_one_line(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        RecordedPrices(path).bars(["AAPL"], FIRST, LAST)
    assert str(raised.value).startswith(f"{path}: ")
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_sample_has_bars_before_and_after_its_headlines() -> None:
    prices = RecordedPrices(sample.PRICES)
    symbols = load_watchlist(sample.WATCHLIST).symbols
    bars = prices.bars(symbols, date.min, date.max)
    before = bars[bars["session"] < "2015-01-26"].groupby("symbol").size()
    after = bars[bars["session"] > "2015-02-27"].groupby("symbol").size()
    assert set(before.index) == set(symbols)
    assert (before >= 600).sum() == 37
    assert before[before < 600].to_dict() == {"ABBV": 519, "BABA": 87}  # listed in 2013 and 2014
    assert (after >= 15).all()
    assert prices.notes() == ()
    assert sample.PRICES.stat().st_size < 1_500_000


def rows_of(count: int) -> str:
    days = pd.bdate_range("2012-01-02", periods=count)
    return "".join(f"{day:%Y-%m-%d},AAPL,10,12,9,11,500,11\n" for day in days)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [2, 3, 9])
def test_the_number_of_rows_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, rows: int) -> None:
    monkeypatch.setattr(recording, "MAX_ROWS", 2)
    monkeypatch.setattr(recording, "_CHUNK_ROWS", 1)
    frame = pd.read_csv(io.StringIO(HEADER + rows_of(rows)))
    prices = recorded(tmp_path, frame, kind)
    if rows <= 2:
        assert len(prices.bars(["AAPL"], FIRST.replace(year=2012), LAST)) == rows
    else:
        with pytest.raises(SourceError, match=r"has more than 2 rows; keep the symbols and years that are needed$"):
            prices.bars(["AAPL"], FIRST, LAST)


def test_a_small_compressed_file_that_holds_too_much_is_refused_without_being_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_CHARACTERS", 60_000_000)
    path = tmp_path / "prices.csv.gz"
    part = b"0" * 10_000_000
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEADER.encode())
        for _ in range(recording.MAX_CHARACTERS // len(part) + 1):
            file.write(part)
    assert path.stat().st_size < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"holds more than 60,000,000 characters"):
            RecordedPrices(path).bars(["AAPL"], FIRST, LAST)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_short_lines_without_end_are_refused_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MAX_CHARACTERS", 1_000)
    with pytest.raises(SourceError, match="holds more than 1,000 characters"):
        text(tmp_path, "\n" * 2_000).bars(["AAPL"], FIRST, LAST)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("42038,AAPL,10,12,9,11,500,11", "line 3, date '42038': date is not YYYY-MM-DD"),
        ("04.02.2015,AAPL,10,12,9,11,500,11", "line 3, date '04.02.2015': date is not YYYY-MM-DD"),
        ("2015-02-04,AAPL,1 0,12,9,11,500,11", "line 3, open '1 0', high '12', low '9', close '11': price missing"),
        ("2015-02-04,AAPL,10,12,9,11,n/a,11", "line 3, volume 'n/a': volume missing or negative"),
        ("2015-02-04,AAPL,10,12,9,11,5,?", "line 3, adj_close '?': adj_close missing or not positive"),
        ("2015-02-04,,10,12,9,11,5,11", "line 3, symbol '': symbol missing"),
        ("2015-02-04,AAPL,10", "line 3, '2015-02-04,AAPL,10': not as many cells as the header"),
    ],
)
def test_a_file_of_mostly_unreadable_rows_fails_with_the_row_the_value_and_the_accepted_forms(
    tmp_path: Path, bad: str, message: str
) -> None:
    # Half of the rows may be bad.
    assert len(text(tmp_path, f"{GOOD}{bad}\n").bars(["AAPL"], FIRST, LAST)) == 1
    with pytest.raises(SourceError) as refused:
        text(tmp_path, f"{GOOD}{bad}\n{bad}\n").bars(["AAPL"], FIRST, LAST)
    assert f"2 of 3 rows are no bars, such as {message}" in str(refused.value)
    assert "; accepted: date as YYYY-MM-DD (midnight may follow)" in str(refused.value)


def test_of_many_rows_with_one_finding_the_first_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    bad = rows_of(100).replace(",9,11,", ",90,11,")
    prices = text(tmp_path, rows_of(200) + bad)
    assert len(prices.notes()) == recording.MAX_NAMED + 1
    assert prices.notes()[-1] == "prices.csv: 80 more: high below low, row dropped"
    assert prices.quality() == {"high below low, row dropped": 100}


def test_parquet_with_columns_that_hold_no_values_of_bars_is_one_line(tmp_path: Path) -> None:
    row = {"date": "2015-02-03", "symbol": "AAPL", "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1}
    for number, wrong in enumerate([{"close": [1.0]}, {"close": {"a": 1}}, {"date": 5}, {"volume": b"x"}]):
        path = tmp_path / f"{number}.parquet"
        pd.DataFrame([{**row, **wrong}]).to_parquet(path)
        with pytest.raises(SourceError, match=r"1 of 1 rows are no bars, such as row 1, ") as refused:
            RecordedPrices(path).bars(["AAPL"], FIRST, LAST)
        assert "\n" not in str(refused.value)


def test_parquet_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    arrays = [pa.array(["2015-02-03"]), pa.array(["AAPL"]), *[pa.array([1.0])] * 6]
    table = pa.table(arrays, names=["date", "symbol", *PRICES, "volume", "close"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="column 'close' is there 2 times"):
        RecordedPrices(tmp_path / "a.parquet").bars(["AAPL"], FIRST, LAST)


cells = st.one_of(
    st.sampled_from(
        ["2015-02-03", "2015-02-04 00:00:00", "AAPL", "10", "9", "12", "", "1e400", "-1", "nan", '"', "\0"]
    ),
    st.text(max_size=8),
)


def read_or_refusal(path: Path) -> recording.Recording | str:
    """What is read, or why the file is refused."""
    try:
        return recording.read_recording(path)
    except SourceError as error:
        return str(error)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.just("2015-02-03,AAPL,10,12,9,11,500,11"),
            st.just("2015-02-04,MSFT,10,12,9,11,500,11"),
            st.lists(cells, min_size=7, max_size=9).map(",".join),
            st.text(max_size=40),
        ),
        max_size=12,
    ),
    st.sampled_from(["csv", "csv.gz"]),
)
def test_whatever_a_file_holds_every_row_is_a_bar_or_counted_or_the_file_is_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], kind: str
) -> None:
    path = tmp_path_factory.mktemp("prices") / f"prices.{kind}"
    content = (HEADER + "\n".join(rows)).encode("utf-8", errors="surrogatepass")
    path.write_bytes(gzip.compress(content, mtime=0) if kind == "csv.gz" else content)
    found = read_or_refusal(path)
    if isinstance(found, str):
        assert "rows are no bars, such as line " in found
        assert "\n" not in found
        return
    assert found.rows == len(found.bars) + found.dropped.counts.total()
    assert (bar_problems(found.bars) == "").all()
    assert not found.bars.duplicated(["symbol", "session"]).any()
    assert all("\n" not in line for line in found.dropped.lines())
