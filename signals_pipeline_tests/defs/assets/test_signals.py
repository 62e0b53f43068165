"""Asset `signals`: the signals of each window in the database, and the funnel that led to them."""

from datetime import timedelta

from signals_pipeline_tests.defs.assets.conftest import AssetRun


def test_the_database_holds_as_many_signals_as_the_window_reports(asset_run: AssetRun) -> None:
    history = asset_run.store.history

    for window in asset_run.windows:
        signals = history.between(window.as_of, window.as_of + timedelta(microseconds=1))
        entries = asset_run.metadata("signals")[window.key]
        assert entries["dagster/partition_row_count"] == len(signals) == entries["funnel/signals"]


def test_only_the_newest_window_of_a_live_run_is_live(asset_run: AssetRun) -> None:
    runs = [asset_run.store.history.run(window) for window in asset_run.windows]

    assert [run.mode for run in runs if run is not None] == ["catch_up", "catch_up", "live"]


def test_the_run_stores_the_knobs_and_the_model_that_it_used(asset_run: AssetRun) -> None:
    entries = asset_run.metadata("signals")[asset_run.newest.key]

    assert entries["knobs"] == asset_run.pipeline.settings.knobs.stored()
    assert entries["model"].startswith("compact ")
    assert entries["generator"] == "news_driven"
