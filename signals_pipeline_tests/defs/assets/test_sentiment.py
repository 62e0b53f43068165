"""Asset `sentiment`: the tone of each linked headline, from the model or its cache."""

import numpy as np

from signals_pipeline.core.sentiment.tone import texts_to_score
from signals_pipeline_tests.defs.assets.conftest import AssetRun


def test_every_headline_about_a_company_has_class_probabilities(asset_run: AssetRun) -> None:
    frame = asset_run.frame("sentiment")

    assert len(frame)
    np.testing.assert_allclose(frame[["p_negative", "p_neutral", "p_positive"]].sum(axis="columns"), 1, atol=1e-6)
    assert set(frame["headline_id"]) <= set(asset_run.frame("headlines")["headline_id"])


def test_mean_confidence_and_confident_headlines_are_those_of_the_window(asset_run: AssetRun) -> None:
    frame = asset_run.frame("sentiment")

    for window in asset_run.windows:
        rows = frame[frame["window_start"] == window.start]
        entries = asset_run.metadata("sentiment")[window.key]
        assert entries["confident"] == rows["confident"].sum()
        assert entries["mean_confidence"] == round(float(rows["confidence"].mean()), 4)


def test_the_newest_window_tells_what_the_model_did(asset_run: AssetRun) -> None:
    entries = asset_run.metadata("sentiment")[asset_run.newest.key]

    texts = texts_to_score(asset_run.frame("headlines"))
    assert entries["texts_scored"] + entries["texts_from_cache"] == len(texts)
    assert entries["model"].startswith("compact ")
    assert "tone_plot" in entries
