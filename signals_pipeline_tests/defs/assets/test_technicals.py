"""Asset `technicals`: the indicators of every watchlist symbol, from sessions closed before the window's end."""

from signals_pipeline import sample
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline_tests.defs.assets.conftest import AssetRun


def test_every_symbol_has_a_row_in_every_window(asset_run: AssetRun) -> None:
    symbols = set(load_watchlist(sample.WATCHLIST).symbols)
    frame = asset_run.frame("technicals")

    for window in asset_run.windows:
        rows = frame[frame["window_start"] == window.start]
        assert set(rows["symbol"]) == symbols
        assert (rows["session"].dropna() < window.end).all()


def test_symbols_without_technicals_and_with_stale_bars_are_counted(asset_run: AssetRun) -> None:
    frame = asset_run.frame("technicals")

    for window in asset_run.windows:
        rows = frame[frame["window_start"] == window.start]
        entries = asset_run.metadata("technicals")[window.key]
        assert entries["symbols_without_technicals"] == rows["technical"].isna().sum()
        assert entries["symbols_stale"] == rows["stale"].sum()
        assert entries["price_notes"]
