"""A text is scored once ever for a model revision, whoever asks, also when scoring is interrupted."""

import hashlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import read_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.core.sentiment.tone import LABELS
from signals_pipeline.defs.cached_scoring import CHUNK, Model, Scorer, SwitchedOff
from signals_pipeline_tests.support.databases import migrated_template


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ScoreCache]:
    engine = engine_for(f"sqlite:///{shutil.copy(migrated_template('sqlite'), tmp_path / 'signals.db')}")
    yield ScoreCache(engine)
    engine.dispose()


class Counting:
    """A model by rule: logits from the text's hash; it knows what it was given, and may be stopped at a call."""

    def __init__(self, stop_at: int = 99) -> None:
        self.given: list[str] = []
        self._calls, self._stop_at = 0, stop_at

    def logits(self, texts: list[str]) -> NDArray[np.float32]:
        self._calls += 1
        if self._calls == self._stop_at:
            raise KeyboardInterrupt
        self.given += texts
        parts = [hashlib.sha256(text.encode()).digest()[:3] for text in texts]
        return np.array([list(part) for part in parts], dtype=np.float32) / np.float32(7)


def scorer(cache: ScoreCache, load: Callable[[Path], Model], revision: str = "one") -> Scorer:
    return Scorer("compact", revision, "int8", sample.COMPACT_MODEL, load, cache)


def texts(*numbers: int) -> pd.Series:
    said = [f"headline {number}" for number in numbers]
    return pd.Series(said, index=pd.Index([hashlib.sha256(text.encode()).hexdigest() for text in said]), dtype="str")


def test_a_text_is_scored_once_ever(cache: ScoreCache) -> None:
    model = Counting()
    fresh, first = scorer(cache, lambda _: model).score(texts(1, 2, 3))
    known, again = scorer(cache, lambda _: model).score(texts(1, 2, 3))  # another scorer on the same cache
    assert ((first.scored, first.cached), (again.scored, again.cached)) == ((3, 0), (0, 3))
    assert model.given == ["headline 1", "headline 2", "headline 3"]
    pd.testing.assert_frame_equal(fresh, known, check_names=False)


def test_only_texts_that_are_new_reach_the_model_and_rows_keep_the_order_asked_for(cache: ScoreCache) -> None:
    model = Counting()
    scorer(cache, lambda _: model).score(texts(5, 1))
    asked = texts(9, 5, 2, 1)
    logits, report = scorer(cache, lambda _: model).score(asked)
    assert (report.scored, report.cached) == (2, 2)
    assert model.given[2:] == ["headline 9", "headline 2"]
    assert list(logits.index) == list(asked.index)
    assert list(logits.columns) == list(LABELS) == ["negative", "neutral", "positive"]
    assert set(logits.dtypes) == {np.dtype("float32")}
    np.testing.assert_array_equal(logits.to_numpy(), Counting().logits(asked.tolist()))


def test_another_revision_scores_again(cache: ScoreCache) -> None:
    model = Counting()
    scorer(cache, lambda _: model).score(texts(1))
    _, report = scorer(cache, lambda _: model, "two").score(texts(1))
    assert (report.scored, len(model.given)) == (1, 2)


def test_without_texts_or_with_known_ones_no_model_is_loaded(cache: ScoreCache) -> None:
    def never(_: Path) -> Model:
        raise AssertionError("loaded")

    logits, report = scorer(cache, never).score(texts())
    assert (list(logits.columns), len(logits), report.scored, report.cached) == (list(LABELS), 0, 0, 0)
    scorer(cache, lambda _: Counting()).score(texts(4))
    assert scorer(cache, never).score(texts(4))[1].cached == 1


def test_what_an_interrupted_run_finished_is_kept(cache: ScoreCache) -> None:
    many = texts(*range(CHUNK + 10))
    stopped = Counting(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        scorer(cache, lambda _: stopped).score(many)
    rest = Counting()
    logits, report = scorer(cache, lambda _: rest).score(many)
    assert (report.scored, report.cached, len(rest.given)) == (10, CHUNK, 10)
    np.testing.assert_array_equal(logits.to_numpy(), Counting().logits(many.tolist()))


def test_the_compact_model_gives_the_same_from_the_model_and_from_the_cache(cache: ScoreCache) -> None:
    card = read_manifest(sample.COMPACT_MODEL)
    real = Scorer(card.name, card.revision, card.quantisation, sample.COMPACT_MODEL, SentimentModel.load, cache)
    said = pd.Series(["Profit surges to a record", "Shares plunge on fraud charges"], index=["a", "b"], dtype="str")
    fresh, _ = real.score(said)
    pd.testing.assert_frame_equal(fresh, real.score(said)[0], check_names=False)
    assert list(fresh.idxmax(axis=1)) == ["positive", "negative"]
    assert real.description.startswith("compact ")
    assert real.announcement == "Generating NEWS-DRIVEN trading signals (ML-powered with compact)"
    assert "(ML-powered with FinBERT)" in replace(real, name="finbert").announcement
    assert "TECHNICAL" in SwitchedOff().announcement
    assert real.description.endswith(f"@{card.revision}")


def test_ctrl_c_in_a_real_process_loses_nothing_scored_so_far(tmp_path: Path, cache: ScoreCache) -> None:
    many = texts(*range(CHUNK * 40))
    script = f"""
import logging, sys
from pathlib import Path
from signals_pipeline_tests.defs.test_cached_scoring import SentimentModel, ScoreCache, engine_for, sample
from signals_pipeline_tests.defs.test_cached_scoring import scorer, texts
logging.basicConfig(level=logging.INFO)
model = SentimentModel.load(sample.COMPACT_MODEL)
scorer(ScoreCache(engine_for("sqlite:///{tmp_path / "signals.db"}")), lambda _: model).score(texts(*range({len(many)})))
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        scored = 0
        for line in process.stderr:
            if "Scored" in line and not scored:
                process.send_signal(signal.SIGINT)
            if found := re.search(r"Scored (\d+) of", line):
                scored = int(found[1])
    assert process.returncode != 0
    known = cache.get(many.index, "one")
    assert scored <= len(known) < len(many)
    again = SentimentModel.load(sample.COMPACT_MODEL).logits(many[known.index].tolist())
    np.testing.assert_array_equal(known.to_numpy(), again)
