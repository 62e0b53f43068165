"""Technicals point the way that price went, and the other way where price is mirrored."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.prices.technicals import MIN_BARS, build
from signals_pipeline.core.windows import window_for_key

FEW = settings(deadline=None, max_examples=20)
SESSIONS = trading_sessions(date(2012, 1, 1), date(2018, 6, 29))
END = window_for_key("2018-06-29-08:30")


def bars_of(close: np.ndarray, *, spread: float = 0.01, volume: float | np.ndarray = 1e6) -> pd.DataFrame:
    """Bars around these closes; the last session is that of END."""
    days = SESSIONS.dates[-len(close) :].astype("datetime64[us]")
    prices = {"high": close * (1 + spread), "low": close * (1 - spread), "close": close}
    return pd.DataFrame({"symbol": "A", "session": days, **prices, "volume": volume})


def row_of(bars: pd.DataFrame) -> pd.Series:
    return build(bars, ["A"], [END], SESSIONS).iloc[0]


@FEW
@given(st.floats(1e-4, 0.05), st.floats(0, 0.05), st.integers(MIN_BARS, 640), st.booleans())
def test_a_pure_climb_is_positive_and_its_mirror_negative(step: float, spread: float, n: int, steady: bool) -> None:
    climb = np.linspace(100, 100 * (1 + step * 20), n) if steady else 100 * np.exp(step * np.arange(n))
    volume = np.linspace(1e6, 2e6, n)
    up, down = (row_of(bars_of(close, spread=spread, volume=volume)) for close in (climb, climb[::-1]))

    assert up["technical"] > 0 > down["technical"]
    assert up["rsi"] == pytest.approx(100)
    assert down["rsi"] == pytest.approx(0)
    assert (
        min(up["c_trend"], up["c_momentum"], up["c_volume"])
        > 0
        > max(down["c_trend"], down["c_momentum"], down["c_volume"])
    )


@FEW
@given(st.integers(0, 2**32), st.integers(MIN_BARS, 300))
def test_prices_mirrored_about_a_level_mirror_rsi_macd_and_trend(seed: int, n: int) -> None:
    close = 100 + np.cumsum(np.random.default_rng(seed).uniform(-0.1, 0.1, n))
    bars = bars_of(close)
    mirrored = bars.assign(close=200 - bars["close"], high=200 - bars["low"], low=200 - bars["high"])

    there, back = row_of(bars), row_of(mirrored)

    assert back["rsi"] == pytest.approx(100 - there["rsi"], abs=1e-6)
    assert back["macd_atr"] == pytest.approx(-there["macd_atr"], abs=1e-6)
    assert back["trend_atr"] == pytest.approx(-there["trend_atr"], abs=1e-6)
