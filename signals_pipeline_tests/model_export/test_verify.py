"""What a verification counts, and what it refuses."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import LABELS, MODEL_FILE, TOKENIZER_FILE, ModelError, write_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.model_export.verify import (
    PROBES,
    Verification,
    compare,
    headlines,
    is_batch_invariant,
    read,
    record,
)
from signals_pipeline_tests.support.model_sources import prepared

GOOD = Verification(
    revision="0123456789ab",
    source="ProsusAI/finbert",
    source_revision="4556",
    texts=343,
    label_agreement=1.0,
    agreement_interval=(0.989, 1.0),
    largest_probability_difference=0.05,
    mean_probability_difference=0.002,
    largest_exact_difference=1e-6,
    batch_invariant=True,
    probes_right=10,
    probe_labels=2,
)
FAULTY = {
    "agree on 97.00% of 343 labels": {"label_agreement": 0.97, "agreement_interval": (0.946, 0.983)},
    "off by 0.01 from torch's": {"largest_exact_difference": 0.01},
    "off by nan": {"largest_exact_difference": float("nan")},
    "change with what is scored together": {"batch_invariant": False},
    "get the same label": {"probe_labels": 1, "probes_right": 0},
    "7 of 10 plain sentences": {"probes_right": 7},
}


@pytest.fixture(scope="module")
def compact() -> SentimentModel:
    return SentimentModel.load(sample.COMPACT_MODEL, threads=2)


def test_a_good_folder_is_recorded_and_read_again(tmp_path: Path) -> None:
    assert GOOD.faults() == []
    record(tmp_path, GOOD)
    assert read(tmp_path, GOOD.revision) == GOOD
    assert "100.00% of 343 labels agree" in GOOD.summary


@pytest.mark.parametrize("reason", FAULTY)
def test_a_faulty_folder_is_refused_in_one_line_and_not_recorded(tmp_path: Path, reason: str) -> None:
    with pytest.raises(ModelError) as caught:
        record(tmp_path, GOOD.model_copy(update=FAULTY[reason]))
    assert reason in str(caught.value)
    assert str(caught.value).startswith("ProsusAI/finbert: refused, ")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_another_revision_or_half_a_record_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, "0" * 12) is None
    record(tmp_path, GOOD)
    with pytest.raises(ModelError, match=r"of revision 0123456789ab, but the model is 000000000000"):
        read(tmp_path, "0" * 12)
    (tmp_path / "verification.json").write_text("{")
    with pytest.raises(ModelError, match=r"verification.json: unreadable; verify the folder again"):
        read(tmp_path, GOOD.revision)


def test_a_model_agrees_with_itself(compact: SentimentModel) -> None:
    found = compare(compact, compact, compact, revision=compact.revision, source="compact", source_revision="1")
    assert found.texts == len(headlines()) > 300
    assert found.label_agreement == 1
    assert found.largest_probability_difference == found.largest_exact_difference == 0
    assert found.probes_right >= 9
    assert found.batch_invariant
    assert found.faults() == []


class Swapped:
    """A model whose labels are mixed up."""

    def __init__(self, model: SentimentModel) -> None:
        self.model = model

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.model.logits(texts)[:, ::-1]


def test_mixed_up_labels_are_refused(compact: SentimentModel) -> None:
    swapped = Swapped(compact)
    found = compare(swapped, swapped, swapped, revision="0" * 12, source="x", source_revision="1")
    assert found.probes_right <= 2
    assert any("mixed-up labels" in fault for fault in found.faults())


def test_a_model_whose_scores_depend_on_the_batch_is_detected(tmp_path: Path, compact: SentimentModel) -> None:
    """Onnxruntime's own tool scales activations by tensor: run together, texts change each other."""
    from onnxruntime.quantization import quantize_dynamic

    exact = prepared(tmp_path / "exact", int8=False)
    folder = tmp_path / "model"
    folder.mkdir()
    quantize_dynamic(exact / MODEL_FILE, folder / MODEL_FILE, extra_options={"DefaultTensorType": 1})
    shutil.copyfile(exact / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    labels = dict(enumerate(LABELS))
    write_manifest(
        folder, name="t", id2label=labels, max_length=128, vocabulary=30522, quantisation="int8", batch_tokens=512
    )
    together = SentimentModel.load(folder, threads=1)
    texts = headlines()[:40]
    assert is_batch_invariant(compact, texts, compact.logits(texts))
    assert not is_batch_invariant(together, texts, together.logits(texts))


def test_probes_are_plain_and_of_both_signs() -> None:
    assert sorted(set(PROBES.values())) == [LABELS[0], LABELS[2]]
