"""Asset `scores`: the combined score of every symbol, and what it is made of."""

import json

import pytest

from signals_pipeline_tests.defs.assets.conftest import AssetRun


def test_contributions_add_up_to_the_combined_score(asset_run: AssetRun) -> None:
    for row in asset_run.frame("scores").itertuples():
        contributions = json.loads(str(row.contributions))
        assert sum(part["contribution"] for part in contributions) == pytest.approx(row.combined, abs=1e-12)


def test_each_window_names_its_largest_score_and_its_symbols_with_tone(asset_run: AssetRun) -> None:
    frame = asset_run.frame("scores")

    for window in asset_run.windows:
        toned = frame[(frame["window_start"] == window.start) & (frame["n_stories"] > 0)]
        entries = asset_run.metadata("scores")[window.key]
        assert entries["symbols_with_tone"] == len(toned) > 0
        assert entries["largest_combined"] == round(float(toned["combined"].abs().max()), 4)
    assert "score_plot" in asset_run.metadata("scores")[asset_run.newest.key]
