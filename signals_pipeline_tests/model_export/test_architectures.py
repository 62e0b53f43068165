"""Classifiers of every supported architecture are fetched, exported and verified, and score like their weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from signals_pipeline.adapters.model.folder import LABELS, read_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.core.sentiment.tone import softmax
from signals_pipeline.model_export import fetching, prepare
from signals_pipeline.model_export.reference import TorchModel
from signals_pipeline.model_export.verify import PROBES, headlines, read
from signals_pipeline_tests.support.checkpoints import ARCHITECTURES, write_checkpoint

pytestmark = pytest.mark.finbert


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def fetched(architecture: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose configuration says LABEL_0 to LABEL_2; the user says what they are."""
    names = {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    given = write_checkpoint(tmp_path_factory.mktemp("hub") / f"tiny-{architecture}", architecture, names)
    target = tmp_path_factory.mktemp("models") / "tiny-source"
    fetching.copy(given, target, labels=("positive", "negative", "neutral"))
    return target


@pytest.fixture(scope="module")
def exported(fetched: Path) -> Path:
    prepare.export(fetched, fetched.parent / "tiny")
    return fetched.parent / "tiny"


def test_an_exported_model_passes_its_verification(exported: Path) -> None:
    verification = read(exported, read_manifest(exported).revision)
    assert verification is not None
    assert verification.faults() == []
    assert verification.texts == len(headlines())


def test_plain_sentences_get_their_label(exported: Path) -> None:
    answers = SentimentModel.load(exported).logits(list(PROBES)).argmax(axis=1)
    assert [LABELS[column] for column in answers] == list(PROBES.values())


def test_scores_are_those_of_the_weights(fetched: Path, exported: Path) -> None:
    texts = [*headlines()[:40], "", "📈", "loss " * 300, "\ud83d"]
    reference = TorchModel.load(fetched, device="cpu", labels=("positive", "negative", "neutral"))
    near = softmax(SentimentModel.load(exported).logits(texts))
    far = softmax(reference.logits(texts))
    assert np.abs(near - far).max() < 0.15


def test_the_manifest_says_where_the_model_comes_from(exported: Path, architecture: str) -> None:
    manifest = read_manifest(exported)
    assert manifest.name == "tiny"
    assert manifest.origin is not None
    assert manifest.origin.repository == f"tiny-{architecture}"
    assert manifest.origin.architecture == architecture
    assert manifest.origin.labels == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    assert manifest.id2label == {0: "positive", 1: "negative", 2: "neutral"}


def test_only_berts_own_graph_runs_texts_together(exported: Path, architecture: str) -> None:
    manifest = read_manifest(exported)
    assert (manifest.batch_tokens > 0) == (architecture == "bert")


def test_a_prepared_folder_needs_only_the_runtimes_files(exported: Path) -> None:
    names = {"config.json", "model.onnx", "model.onnx.data", "tokenizer.json", "verification.json"}
    assert {file.name for file in exported.iterdir()} == names
    assert json.loads((exported / "tokenizer.json").read_text())["truncation"] is None


def test_exporting_again_gives_the_same_revision(fetched: Path, exported: Path, tmp_path: Path) -> None:
    assert prepare.export(fetched, tmp_path / "again").revision == read_manifest(exported).revision


def test_verifying_again_has_the_same_result(fetched: Path, exported: Path) -> None:
    before = read(exported, read_manifest(exported).revision)
    assert prepare.verify(exported, fetched) == before
