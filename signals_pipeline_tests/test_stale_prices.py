"""A window whose prices are stale, from end to end: old prices have no vote, and subject, cards and check say so."""

from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.rendering.files import digest_paths
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.windows import window_for_key
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.web_site import site

WINDOW = window_for_key("2015-02-03-08:30")
SAID = "Prices are stale: the last daily bar is from Thu 29 Jan 2015; later sessions are missing."


def prices_until(last: str, folder: Path) -> Path:
    """The sample's bars up to this date, in a file of their own."""
    bars = pd.read_csv(sample.PRICES)
    path = folder / "prices.csv"
    bars[bars["date"] <= last].to_csv(path, index=False)
    return path


@pytest.mark.parametrize(("last", "stale"), [("2015-01-29", True), ("2015-02-03", False)])
def test_every_card_says_that_its_prices_are_stale(tmp_path: Path, last: str, stale: bool) -> None:
    with TestPipeline.open(tmp_path, signals_prices_path=prices_until(last, tmp_path)) as pipeline:
        result = pipeline.run([WINDOW], knobs={"min_combined_score": 0.1})
        files = digest_paths(WINDOW.key, pipeline.settings.digests_dir)
        cards = Digest.from_json(files.json.read_text()).new
        with site(pipeline.settings.database_url) as client:
            page = client.get(f"/digests/{WINDOW.key}").text
    assert len(cards) > 1
    told = len(cards) if stale else 0
    assert sum(SAID in card.sentences for card in cards) == told
    for shown in (unescape(files.html.read_text()), _flowing(files.text.read_text()), unescape(page)):
        assert shown.count(SAID) == told
    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "prices_fresh"]
    assert check.passed != stale


@pytest.mark.parametrize(("last", "missing"), [("2015-01-30", False), ("2015-01-29", True), ("2015-01-08", True)])
def test_old_prices_have_no_vote_and_the_subject_says_so(tmp_path: Path, last: str, missing: bool) -> None:
    with TestPipeline.open(tmp_path, signals_prices_path=prices_until(last, tmp_path)) as pipeline:
        result = pipeline.run([WINDOW], knobs={"min_combined_score": 0.1})
        digest = Digest.from_json(digest_paths(WINDOW.key, pipeline.settings.digests_dir).json.read_text())
    assert len(digest.new) > 1
    assert (digest.kind == "degraded") == missing
    assert ("39 companies without recent prices" in digest.subject) == missing
    for card in digest.new:
        assert (card.technical is None) == missing
        left_out = any("technical score left out" in sentence for sentence in card.sentences)
        agrees = any(sentence.startswith(("Price agrees", "Price disagrees")) for sentence in card.sentences)
        assert (left_out, agrees) == (missing, not missing)
        if missing:
            assert card.combined_score == pytest.approx(0.6 * card.tone, abs=1e-12)
            assert not card.components
    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "prices_fresh"]
    assert not check.passed
    assert f"the newest bar is from {last}" in (check.description or "")


def test_the_technical_generator_makes_no_signal_from_old_prices(tmp_path: Path) -> None:
    with TestPipeline.open(tmp_path, signals_prices_path=prices_until("2015-01-29", tmp_path)) as pipeline:
        pipeline.run([WINDOW], knobs={"min_combined_score": 0.1, "signal_generator": "technical"})
        digest = Digest.from_json(digest_paths(WINDOW.key, pipeline.settings.digests_dir).json.read_text())
    assert (digest.new, digest.near_misses) == ((), ())
    assert digest.funnel["symbols_with_technical"] == 0
    assert digest.subject.endswith("Degraded (39 companies without recent prices): no new signals")


def _flowing(text: str) -> str:
    """Text without its line breaks."""
    return " ".join(text.split())
