"""Asset `headlines`: linked headlines of each window, and the coverage ledger."""

from signals_pipeline_tests.defs.assets.conftest import AssetRun


def test_every_window_has_its_headlines_and_counts_them(asset_run: AssetRun) -> None:
    frame = asset_run.frame("headlines")

    counts = frame.groupby("window_start").size()
    metadata = asset_run.metadata("headlines")
    for window in asset_run.windows:
        assert metadata[window.key]["dagster/partition_row_count"] == counts[window.start] > 0
    assert (frame["known_at"] < max(window.end for window in asset_run.windows)).all()


def test_headlines_without_tone_are_counted_for_each_window(asset_run: AssetRun) -> None:
    frame = asset_run.frame("headlines")
    without_tone = frame[frame["reason"] != ""]

    for window in asset_run.windows:
        expected = (without_tone["window_start"] == window.start).sum()
        assert asset_run.metadata("headlines")[window.key]["without_tone"] == expected


def test_every_window_has_an_entry_in_the_coverage_ledger(asset_run: AssetRun) -> None:
    entries = asset_run.store.coverage.entries(asset_run.windows)

    assert set(entries) == set(asset_run.windows)
    for window, entry in entries.items():
        assert asset_run.metadata("headlines")[window.key]["coverage/headlines"] == entry.headlines
