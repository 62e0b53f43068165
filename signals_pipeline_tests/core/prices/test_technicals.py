"""Technicals: bounded, independent of scale, of the future and of the distant past."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.prices import technicals
from signals_pipeline.core.prices.technicals import COMPONENT_WEIGHTS, MAX_BARS, MIN_BARS, BarsError, build
from signals_pipeline.core.tables import TECHNICALS
from signals_pipeline.core.windows import Sessions, Window, window_for_key, windows_between
from signals_pipeline_tests.support.chunks import map_in_reverse

FEW = settings(deadline=None, max_examples=20)  # each example is a whole history through the stage
SESSIONS = trading_sessions(date(2012, 1, 1), date(2020, 12, 31))
END = window_for_key("2018-06-05-08:30")  # a Tuesday's window; it ends after that day's close
LAST = int(np.searchsorted(SESSIONS.dates, np.datetime64("2018-06-05")))
COMPONENTS = [f"c_{name}" for name in COMPONENT_WEIGHTS]
RAW = ["rsi", "macd_atr", "trend_atr", "momentum", "volume_z"]


def bars_of(
    close: np.ndarray, *, spread: float = 0.01, volume: np.ndarray | None = None, symbol: str = "A"
) -> pd.DataFrame:
    """Bars around these closes whose last session is that of END."""
    days = SESSIONS.dates[LAST + 1 - len(close) : LAST + 1]
    prices = {"open": close, "high": close * (1 + spread), "low": close * (1 - spread), "close": close}
    shares = np.full(len(close), 1e6) if volume is None else volume
    return pd.DataFrame({"symbol": symbol, "session": days.astype("datetime64[us]"), **prices, "volume": shares})


@st.composite
def histories(draw: st.DrawFn, minimum: int = MIN_BARS, maximum: int = 660) -> pd.DataFrame:
    """A walk of any roughness, with stretches without movement, without range and without trades."""
    n = draw(st.integers(minimum, maximum))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    sigma = draw(st.sampled_from([0.0, 1e-7, 0.01, 0.05, 0.3]))
    halted = random.random(n) < draw(st.sampled_from([0.0, 0.5, 0.95]))
    steps = np.where(halted, 0.0, random.normal(draw(st.sampled_from([0.0, 0.005, -0.005])), sigma, n))
    close = draw(st.sampled_from([0.01, 1.0, 250_000.0])) * np.exp(np.cumsum(steps))
    volume = np.where(random.random(n) < draw(st.sampled_from([0.0, 0.3, 1.0])), 0.0, np.exp(random.normal(14, 1, n)))
    return bars_of(close, spread=draw(st.sampled_from([0.0, 0.02])), volume=volume.round())


def row_of(bars: pd.DataFrame, window: Window = END) -> pd.Series:
    return build(bars, ["A"], [window], SESSIONS).iloc[0]


def assert_same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_the_weights_add_up_to_one() -> None:
    assert COMPONENT_WEIGHTS == {"rsi": 0.20, "macd": 0.25, "trend": 0.30, "momentum": 0.15, "volume": 0.10}
    assert sum(COMPONENT_WEIGHTS.values()) == pytest.approx(1)


@FEW
@given(histories())
def test_bounded_complete_and_the_sum_of_its_components(bars: pd.DataFrame) -> None:
    found = row_of(bars)

    components = found[COMPONENTS].to_numpy("float64")
    assert np.isfinite(found[RAW].to_numpy("float64")).all()
    assert 0 <= found["rsi"] <= 100
    assert (np.abs(components) <= 1).all()
    assert abs(found["technical"]) <= 1
    assert found["c_rsi"] == pytest.approx((found["rsi"] - 50) / 50)
    assert found["c_macd"] == pytest.approx(np.tanh(2 * found["macd_atr"]))
    assert found["c_momentum"] == pytest.approx(np.tanh(found["momentum"]))
    direction = np.sign(bars["close"].iloc[-1] - bars["close"].iloc[-2])
    assert found["c_volume"] == pytest.approx(direction * np.tanh(max(found["volume_z"], 0) / 2))
    assert found["technical"] == pytest.approx(components @ list(COMPONENT_WEIGHTS.values()), abs=1e-12)
    assert found["bars"] == min(len(bars), MAX_BARS)
    assert found["session"] == pd.Timestamp("2018-06-05", tz="UTC")
    assert not found["stale"]


@FEW
@given(histories(), st.floats(1e-3, 1e3))
def test_the_scale_of_prices_changes_nothing_but_the_close(bars: pd.DataFrame, factor: float) -> None:
    scaled = bars.assign(**{name: bars[name] * factor for name in ("open", "high", "low", "close")})
    before, after = row_of(bars), row_of(scaled)

    names = [*COMPONENTS, "technical"]
    np.testing.assert_allclose(after[names].to_numpy("float64"), before[names].to_numpy("float64"), rtol=0, atol=1e-6)
    assert after["close"] == pytest.approx(before["close"] * factor)


@FEW
@given(histories(), st.integers(1, 59))
def test_bars_from_as_of_on_change_nothing(bars: pd.DataFrame, known: int) -> None:
    window = window_for_key(f"{bars['session'].iloc[-known - 1]:%Y-%m-%d}-08:30")
    past = bars.iloc[:-known]
    invalid = bars.copy()
    invalid.loc[len(bars) - known :, ["open", "high", "low", "close", "volume"]] = -1.0
    alone = build(past, ["A"], [window], SESSIONS)
    assert_same(build(bars, ["A"], [window], SESSIONS), alone)
    assert_same(build(invalid, ["A"], [window], SESSIONS), alone)


@FEW
@given(histories(minimum=MAX_BARS + 1, maximum=MAX_BARS + 60), st.integers(0, 2**32))
def test_bars_more_than_600_back_change_nothing(bars: pd.DataFrame, seed: int) -> None:
    older = bars.copy()
    count = len(bars) - MAX_BARS
    for name in ("high", "low", "close"):
        older.loc[: count - 1, name] *= np.random.default_rng(seed).uniform(0.1, 10, count)
    found = build(bars, ["A"], [END], SESSIONS)

    assert_same(build(older, ["A"], [END], SESSIONS), found)
    assert_same(build(bars.iloc[count:], ["A"], [END], SESSIONS), found)


@settings(FEW, max_examples=8)
@given(histories(), histories(minimum=1, maximum=200), st.data())
def test_many_windows_in_any_order_equal_each_alone(
    first: pd.DataFrame, second: pd.DataFrame, data: st.DataObject
) -> None:
    bars = pd.concat([first, second.assign(symbol="B")], ignore_index=True)
    span = windows_between(window_for_key("2018-03-26-08:30").start, END.end)
    chosen = data.draw(st.lists(st.sampled_from(span), min_size=1, max_size=8, unique=True))
    together = build(bars, ["A", "B", "NONE"], chosen, SESSIONS)
    alone = [build(bars, ["A", "B", "NONE"], [window], SESSIONS) for window in sorted(chosen)]
    assert_same(together, pd.concat(alone, ignore_index=True))
    assert_same(build(bars, ["NONE", "B", "A"], chosen[::-1], SESSIONS), together)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(technicals, "MOMENTS_A_SHARE", data.draw(st.integers(1, 4)))
        assert_same(build(bars, ["A", "B", "NONE"], chosen, SESSIONS, map_chunks=map_in_reverse), together)
    assert_same(
        build(bars.iloc[len(first) :], ["B"], chosen, SESSIONS), together.query("symbol == 'B'").reset_index(drop=True)
    )


@pytest.mark.parametrize("volume", [0.0, 1e6])
@pytest.mark.parametrize("price", [0.0001, 33.3, 1e6])
def test_a_price_that_never_moves_has_no_direction(price: float, volume: float) -> None:
    found = row_of(bars_of(np.full(300, price), spread=0, volume=np.full(300, volume)))

    assert found["rsi"] == 50
    assert found[["technical", *COMPONENTS, *RAW[1:]]].tolist() == [0.0] * 10


def test_a_jump_long_before_a_halt_leaves_no_rounding_for_a_signal() -> None:
    found = row_of(bars_of(np.where(np.arange(600) < 20, 70.1, 33.3), spread=0))

    assert (found["rsi"], found["technical"]) == (50, 0)


def test_a_range_without_a_change_of_close_has_no_direction_either() -> None:
    found = row_of(bars_of(np.full(300, 33.3), spread=0.05))

    assert found["rsi"] == 50
    assert found["technical"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("n", [1, 14, 15, 19, 20, 21, 33, 34, 49, 50, 59, 60])
def test_few_bars_give_the_raw_values_that_they_are_enough_for(n: int) -> None:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.02, n)))
    found = row_of(bars_of(close))
    needed = dict(zip(RAW, (15, 34, 20, 21, 20), strict=True))
    assert {name: bool(np.isfinite(found[name])) for name in RAW} == {name: n >= needed[name] for name in RAW}
    assert found[[*COMPONENTS, "technical"]].notna().tolist() == [n >= MIN_BARS] * 6
    assert (found["bars"], found["close"]) == (n, close[-1])


def test_few_bars_without_movement_have_no_macd_either() -> None:
    assert np.isnan(row_of(bars_of(np.full(20, 5.0), spread=0))["macd_atr"])


def steady(n: int) -> pd.DataFrame:
    return bars_of(np.linspace(100, 110, n))


@pytest.mark.parametrize(
    ("key", "session"),
    [
        ("2018-06-04-17:30", "2018-06-04"),  # made at 08:30: that day's bar is not finished, were it there or not
        ("2018-06-05-08:30", "2018-06-05"),  # made at 17:30, after the close
        ("2018-05-25-17:30", "2018-05-25"),
        ("2018-05-25-08:30", "2018-05-25"),
        ("2018-05-28-08:30", "2018-05-25"),  # Memorial Day
        ("2018-05-28-17:30", "2018-05-25"),
    ],
)
def test_the_last_bar_is_that_of_the_last_session_closed_before_the_digest(key: str, session: str) -> None:
    found = row_of(steady(300), window_for_key(key))

    assert found["session"] == pd.Timestamp(session, tz="UTC")
    assert not found["stale"]


def test_both_digests_about_a_session_have_the_same_numbers() -> None:
    evening, morning = END, window_for_key("2018-06-05-17:30")
    found = build(steady(300), ["A"], [evening, morning], SESSIONS).drop(columns="window_start")

    assert_same(found.iloc[[0]], found.iloc[[1]].set_axis([0]))


def test_a_symbol_without_the_last_bar_is_stale_and_still_computed() -> None:
    bars = steady(300)
    late = row_of(bars.iloc[:-1])

    assert late["stale"]
    assert late["session"] == pd.Timestamp("2018-06-04", tz="UTC")
    assert late["technical"] == row_of(bars, window_for_key("2018-06-04-08:30"))["technical"]


@FEW
@given(histories(minimum=80), st.integers(0, 15))
def test_a_score_whose_last_bar_is_more_than_two_sessions_old_is_missing(bars: pd.DataFrame, missing: int) -> None:
    found = row_of(bars.iloc[: len(bars) - missing])

    votes = found[[*COMPONENTS, "technical"]].notna()
    assert votes.all() if missing <= 2 else not votes.any()
    # What the bars said on their own day is still shown, with that day.
    assert found[RAW].notna().all()
    assert found["session"] == pd.Timestamp(bars["session"].iloc[len(bars) - missing - 1], tz="UTC")
    assert found["stale"] == (missing > 0)


def test_where_the_calendar_begins_its_first_session_is_recent() -> None:
    few = SESSIONS.dates[LAST - 1 : LAST + 20]
    short = Sessions(few, SESSIONS.opens[LAST - 1 : LAST + 20], SESSIONS.closes[LAST - 1 : LAST + 20])
    found = build(steady(300), ["A"], [END], short).iloc[0]

    assert not np.isnan(found["technical"])


@pytest.mark.parametrize("bars", [steady(300), steady(300).iloc[:0]])
def test_a_symbol_without_bars_has_a_row_without_numbers(bars: pd.DataFrame) -> None:
    found = build(bars, ["NONE"], [END], SESSIONS)

    assert found[["symbol", "stale", "bars"]].iloc[0].tolist() == ["NONE", True, 0]
    assert found.drop(columns=["window_start", "symbol", "stale", "bars"]).isna().all(axis=None)
    assert_same(found, TECHNICALS.conform(found))


@pytest.mark.parametrize(("symbols", "windows"), [([], [END]), (["A"], [])])
def test_without_symbols_or_windows_the_frame_is_empty(symbols: Sequence[str], windows: Sequence[Window]) -> None:
    assert_same(build(steady(100), symbols, windows, SESSIONS), TECHNICALS.empty())


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("close", 0.0, "bar A 2018-06-01 has a price that is not positive"),
        ("high", np.nan, "bar A 2018-06-01 has a price that is not positive"),
        ("low", np.inf, "bar A 2018-06-01 has a price that is not positive"),
        ("volume", -1.0, "bar A 2018-06-01 has a volume that is not 0 or more"),
        ("volume", np.nan, "bar A 2018-06-01 has a volume that is not 0 or more"),
        ("session", pd.Timestamp("2018-05-31"), "bar A 2018-05-31 has a session that repeats or goes back"),
        ("session", pd.Timestamp("2018-05-30"), "bar A 2018-05-30 has a session that repeats or goes back"),
    ],
)
def test_an_impossible_bar_is_named(column: str, value: float | pd.Timestamp, message: str) -> None:
    bars = steady(100)
    bars.loc[97, column] = value
    with pytest.raises(BarsError, match=message):
        row_of(bars)
    assert_same(
        build(pd.concat([bars, bars_of(np.ones(9), symbol="B")]), ["B"], [END], SESSIONS),
        build(bars_of(np.ones(9), symbol="B"), ["B"], [END], SESSIONS),
    )


def test_a_calendar_that_starts_too_late_is_an_error_not_missing_numbers() -> None:
    late = trading_sessions(date(2018, 6, 6), date(2018, 6, 8))
    with pytest.raises(BarsError, match="window 2018-06-05-08:30: the calendar has no session before it"):
        build(steady(100), ["A"], [END], late)
