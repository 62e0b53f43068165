"""A text is scored once ever for a model revision, whoever asks, also when scoring is interrupted."""

import hashlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import read_manifest
from signals_pipeline.adapters.model.inference import ScoredText, Scores, SentimentModel
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

    def __init__(self, stop_at: int = 99, event: str = "other", *, cut_spans: int = 0) -> None:
        self.given: list[str] = []
        self.spans: list[str] = []
        self._calls, self._stop_at, self._event, self._cut_spans = 0, stop_at, event, cut_spans

    def score(self, texts: Sequence[ScoredText]) -> Scores:
        self._calls += 1
        if self._calls == self._stop_at:
            raise KeyboardInterrupt
        self.given += [text.text for text in texts]
        self.spans += [text.span for text in texts]
        logits = np.array([self.row(text.text, text.span) for text in texts], dtype=np.float32).reshape(-1, 3)
        return Scores(logits, [self._event] * len(texts), self._cut_spans)

    def row(self, text: str, span: str = "") -> list[float]:
        """The logits that the model gives a text."""
        digest = hashlib.sha256(f"{self._event}{text}{span}".encode()).digest()
        return [float(np.float32(part) / np.float32(7)) for part in digest[:3]]


def scorer(cache: ScoreCache, load: Callable[[Path], Model], revision: str = "one") -> Scorer:
    return Scorer("compact", revision, "int8", sample.COMPACT_MODEL, load, cache)


def texts(*numbers: int, span: str = "") -> pd.DataFrame:
    """Headlines of these numbers by their hash."""
    titles = [f"headline {number}" for number in numbers]
    index = pd.Index([hashlib.sha256(f"{title}{span}".encode()).hexdigest() for title in titles])
    return pd.DataFrame({"text": titles, "span": span}, index=index, dtype="str")


def expected_logits(asked: pd.DataFrame) -> NDArray[np.float32]:
    """What `Counting` gives these texts."""
    pairs = zip(asked["text"], asked["span"], strict=True)
    return np.array([Counting().row(text, span) for text, span in pairs], dtype=np.float32)


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
    assert list(logits.columns) == [*LABELS, "event"] == ["negative", "neutral", "positive", "event"]
    assert set(logits[list(LABELS)].dtypes) == {np.dtype("float32")}
    assert set(logits["event"]) == {"other"}
    np.testing.assert_array_equal(logits[list(LABELS)].to_numpy(), expected_logits(asked))


def test_another_revision_scores_again(cache: ScoreCache) -> None:
    model = Counting()
    scorer(cache, lambda _: model).score(texts(1))
    _, report = scorer(cache, lambda _: model, "two").score(texts(1))
    assert (report.scored, len(model.given)) == (1, 2)


def test_without_texts_or_with_known_ones_no_model_is_loaded(cache: ScoreCache) -> None:
    def never(_: Path) -> Model:
        raise AssertionError("loaded")

    logits, report = scorer(cache, never).score(texts())
    assert (list(logits.columns), len(logits), report.scored, report.cached) == ([*LABELS, "event"], 0, 0, 0)
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
    np.testing.assert_array_equal(logits[list(LABELS)].to_numpy(), expected_logits(many))


def test_one_text_of_two_companies_is_two_scores(cache: ScoreCache) -> None:
    model = Counting()
    asked = pd.concat([texts(1, span="0-8"), texts(1, span="9-10"), texts(1)])
    scores, _ = scorer(cache, lambda _: model).score(asked)
    assert sorted(model.spans) == ["", "0-8", "9-10"]
    np.testing.assert_array_equal(scores[list(LABELS)].to_numpy(), expected_logits(asked))


def test_a_model_without_these_heads_leaves_companies_and_events_to_its_companion(cache: ScoreCache) -> None:
    large, compact = Counting(event=""), Counting(event="guidance")
    both = replace(
        scorer(cache, lambda _: large, "finbert"), name="finbert", companion=scorer(cache, lambda _: compact, "small")
    )
    asked = pd.concat([texts(1), texts(2, span="0-8")])

    scores, report = both.score(asked)
    again, cached_report = both.score(asked)

    assert (large.given, large.spans) == (["headline 1"], [""])
    assert sorted(compact.given) == ["headline 1", "headline 2"]
    assert scores["event"].tolist() == ["guidance", "guidance"]
    expected = [large.row("headline 1"), compact.row("headline 2", "0-8")]
    np.testing.assert_array_equal(scores[list(LABELS)].to_numpy(), np.array(expected, dtype=np.float32))
    pd.testing.assert_frame_equal(scores, again, check_names=False)
    assert ((report.scored, report.cached), (cached_report.scored, cached_report.cached)) == ((3, 0), (0, 3))
    assert both.description == "finbert int8 @finbert with compact int8 @small"


def test_texts_that_were_cut_before_the_company_are_counted(
    cache: ScoreCache, caplog: pytest.LogCaptureFixture
) -> None:
    _, report = scorer(cache, lambda _: Counting(cut_spans=1)).score(texts(1, 2, span="0-8"))
    assert report.cut_spans == 1
    assert "1 headlines were cut before the company's name and scored as a whole" in caplog.messages


def test_the_compact_model_gives_the_same_from_the_model_and_from_the_cache(cache: ScoreCache) -> None:
    card = read_manifest(sample.COMPACT_MODEL)
    real = Scorer(card.name, card.revision, card.quantisation, sample.COMPACT_MODEL, SentimentModel.load, cache)
    titles = ["Profit surges to a record", "Shares plunge on fraud charges"]
    asked = pd.DataFrame({"text": titles, "span": ["", "0-6"]}, index=["a", "b"], dtype="str")
    fresh, _ = real.score(asked)
    pd.testing.assert_frame_equal(fresh, real.score(asked)[0], check_names=False)
    assert list(fresh[list(LABELS)].idxmax(axis=1)) == ["positive", "negative"]
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
    again = SentimentModel.load(sample.COMPACT_MODEL).logits(many.loc[known.index, "text"].tolist())
    np.testing.assert_array_equal(known[list(LABELS)].to_numpy(), again)
