"""Technicals equal published results: RSI, ATR, MACD and Bollinger Bands of two years of daily bars."""

from datetime import date
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.prices.technicals import MIN_BARS, build
from signals_pipeline.core.windows import window_for_key

TRUTH = Path(__file__).parents[2] / "data" / "indicators"
SESSIONS = trading_sessions(date(2016, 1, 1), date(2019, 12, 31))


def truth() -> tuple[pd.DataFrame, pd.DataFrame]:
    quotes = pd.read_csv(TRUTH / "quotes_default.csv", parse_dates=["date"], dtype={"volume": "float64"})
    bars = quotes.rename(columns={"date": "session"}).assign(symbol="A")
    return bars, pd.read_csv(TRUTH / "expected.csv", parse_dates=["date"])


def test_every_day_of_two_years_equals_the_published_results() -> None:
    bars, expected = truth()
    windows = [window_for_key(f"{day:%Y-%m-%d}-08:30") for day in bars["session"]]
    found = build(bars, ["A"], windows, SESSIONS)
    assert found["session"].dt.tz_localize(None).tolist() == expected["date"].tolist()
    assert found["close"].tolist() == bars["close"].tolist()
    assert found["rsi"].isna().tolist() == expected["rsi"].isna().tolist()
    np.testing.assert_allclose(found["rsi"], expected["rsi"], rtol=0, atol=1e-9)
    histogram = expected["histogram"] / expected["atr"]
    np.testing.assert_allclose(found["macd_atr"][150:], histogram[150:], rtol=0, atol=1e-9)
    # Until the 49th bar the distance from the 20-day average, Bollinger's middle, is the whole trend.
    distance = (bars["close"] - expected["sma"]) / (expected["atr"] * sqrt(20))
    np.testing.assert_allclose(found["trend_atr"][:49], distance[:49], rtol=0, atol=1e-9)
    averages = [bars["close"].rolling(n).mean() for n in (20, 50, 200)]
    distances = [
        (bars["close"] - sma) / (expected["atr"] * sqrt(n)) for n, sma in zip((20, 50, 200), averages, strict=True)
    ]
    trend = pd.concat(distances, axis=1).mean(axis=1)
    np.testing.assert_allclose(found["trend_atr"], trend, rtol=0, atol=1e-9)
    bounded = np.tanh(2 * pd.concat(distances, axis=1)).mean(axis=1)[MIN_BARS - 1 :]
    np.testing.assert_allclose(found["c_trend"][MIN_BARS - 1 :], bounded, rtol=0, atol=1e-9)


def test_the_library_underneath_equals_the_published_results() -> None:
    bars, expected = truth()
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    np.testing.assert_allclose(talib.RSI(close, 14), expected["rsi"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(talib.ATR(high, low, close, 14), expected["atr"], rtol=0, atol=1e-9)
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    for band, name in ((upper, "upper_band"), (middle, "sma"), (lower, "lower_band")):
        np.testing.assert_allclose(band, expected[name], rtol=0, atol=1e-9)
    for line, name in zip(talib.MACD(close, 12, 26, 9), ("macd", "signal", "histogram"), strict=True):
        np.testing.assert_allclose(line[150:], expected[name][150:], rtol=0, atol=1e-9)


def test_momentum_and_volume_equal_their_definitions() -> None:
    bars, _ = truth()
    found = build(bars, ["A"], [window_for_key("2018-12-31-08:30")], SESSIONS).iloc[0]
    returns = np.diff(np.log(bars["close"].to_numpy()))[-20:]
    assert found["momentum"] == pytest.approx(returns[-5:].sum() / np.sqrt((returns**2).mean() * 5), abs=1e-12)
    volume = np.log1p(bars["volume"].to_numpy()[-20:])
    z = (volume[-1] - volume.mean()) / volume.std()
    assert found["volume_z"] == pytest.approx(z, abs=1e-9)
    assert found["c_volume"] == pytest.approx(np.sign(returns[-1]) * np.tanh(max(z, 0) / 2), abs=1e-9)
