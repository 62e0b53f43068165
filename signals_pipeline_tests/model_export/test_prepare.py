"""From published weights to a verified folder, with torch: export, refusal, agreement of the ways to score."""

# pyright: reportMissingImports=false
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signals_pipeline.adapters.model.folder import CONFIG_FILE, MODEL_FILE, TOKENIZER_FILE, ModelError, read_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.model_export import fetching, prepare
from signals_pipeline.model_export.calibration import inputs_of
from signals_pipeline.model_export.reference import TorchModel
from signals_pipeline.model_export.verify import PROBES, headlines, read
from signals_pipeline_tests.support.model_sources import CONFIG, LABELS, write_files

pytestmark = pytest.mark.finbert

NEUTRAL = [
    "Board to meet on Tuesday to consider results",
    "Company names new chief financial officer",
    "Annual shareholders' meeting set for May 12",
    "Company to present at technology conference in Boston",
    "Five things to know before markets open",
    "What to expect from the earnings call",
]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BERT that learnt the probes by heart: what FinBERT is to the real thing; every test begins with it."""
    torch = pytest.importorskip("torch", reason="needs the extra finbert: torch")  # seconds: not in every test process
    transformers = pytest.importorskip("transformers", reason="needs the extra finbert: transformers")
    folder = write_files(tmp_path_factory.mktemp("hub") / "small")
    torch.manual_seed(3)
    torch.set_num_threads(1)
    network = transformers.BertForSequenceClassification(transformers.BertConfig(**CONFIG))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = [*PROBES, *NEUTRAL]
    names = {label: index for index, label in LABELS.items()}
    truth = torch.tensor([names[label] for label in [*PROBES.values(), *["neutral"] * len(NEUTRAL)]])
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for _ in range(60):
        loss = network(**batch, labels=truth).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def fetched(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "finbert-source"
    fetching.copy(given, folder)
    return folder


@pytest.fixture(scope="module")
def exported(fetched: Path) -> Path:
    prepare.export(fetched, fetched.parent / "finbert")
    return fetched.parent / "finbert"


def test_the_exported_folder_is_verified_and_loads(exported: Path) -> None:
    model = SentimentModel.load(exported)
    verification = read(exported, model.revision)
    assert verification is not None
    assert verification.faults() == []
    assert verification.batch_invariant
    assert verification.texts == len(headlines())
    assert verification.probes_right == len(PROBES)
    answers = model.logits(list(PROBES)).argmax(axis=1)
    assert [("negative", "neutral", "positive")[place] for place in answers] == list(PROBES.values())


def test_exporting_again_gives_the_same_revision(fetched: Path, exported: Path, tmp_path: Path) -> None:
    again = prepare.export(fetched, tmp_path / "again")
    assert again.revision == SentimentModel.load(exported).revision


def test_verifying_again_has_the_same_result(fetched: Path, exported: Path) -> None:
    before = read(exported, SentimentModel.load(exported).revision)
    assert prepare.verify(exported, fetched) == before


def test_torch_and_the_fp32_graph_agree(fetched: Path, tmp_path: Path) -> None:
    reference = TorchModel.load(fetched, device="cpu")
    prepare.convert(fetched, tmp_path, reference, name="fp32", int8=False)
    texts = [*headlines()[:60], "", "📈", "loss " * 500, "\ud83d"]
    exact = SentimentModel.load(tmp_path)
    assert np.abs(exact.logits(texts) - reference.logits(texts)[:, :]).max() <= 1e-4


def test_torch_gives_the_columns_of_the_loader(fetched: Path) -> None:
    reference = TorchModel.load(fetched, device="cpu")
    answers = reference.logits(list(PROBES)).argmax(axis=1)
    assert [("negative", "neutral", "positive")[place] for place in answers] == list(PROBES.values())
    assert reference.logits([]).shape == (0, 3)


def test_bf16_on_a_gpu_is_close_to_fp32(fetched: Path) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    texts = headlines()[:60]
    near = TorchModel.load(fetched, device="cuda").logits(texts)
    far = TorchModel.load(fetched, device="cpu").logits(texts)
    assert np.abs(near - far).max() < 0.2


# --- What is refused ---


def refusal(given: Path, tmp_path: Path) -> str:
    """The one line of a fetch that leaves nothing behind."""
    with pytest.raises(ModelError) as caught:
        fetching.copy(given, tmp_path / "source")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "source").exists()
    return str(caught.value)


@pytest.fixture
def harmed(given: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(given, tmp_path / "given"))


def test_another_models_vocabulary_is_refused(harmed: Path, tmp_path: Path) -> None:
    tokenizer = json.loads((harmed / TOKENIZER_FILE).read_text())
    words = list(tokenizer["model"]["vocab"])[:20_000]
    tokenizer["model"]["vocab"] = {word: place for place, word in enumerate(words)}
    (harmed / TOKENIZER_FILE).write_text(json.dumps(tokenizer))
    assert "the tokenizer has 20000 tokens, the model 30522 word vectors" in refusal(harmed, tmp_path)


def test_a_tokenizer_of_the_other_letter_case_is_refused(harmed: Path, tmp_path: Path) -> None:
    """It takes every capitalised word for unknown; the model then answers neutral to most headlines."""
    tokenizer = json.loads((harmed / TOKENIZER_FILE).read_text())
    tokenizer["normalizer"]["lowercase"] = False
    settings = json.loads((harmed / "tokenizer_config.json").read_text())
    (harmed / "tokenizer_config.json").write_text(json.dumps(settings | {"do_lower_case": False}))
    (harmed / TOKENIZER_FILE).write_text(json.dumps(tokenizer))
    assert "another vocabulary or letter case than the model" in refusal(harmed, tmp_path)


def test_a_vocabulary_in_another_order_is_refused(harmed: Path, tmp_path: Path) -> None:
    tokenizer = json.loads((harmed / TOKENIZER_FILE).read_text())
    words = [word for word in tokenizer["model"]["vocab"] if not word.startswith("[")]
    places = [tokenizer["model"]["vocab"][word] for word in words]
    tokenizer["model"]["vocab"] |= dict(zip(words, reversed(places), strict=True))
    (harmed / TOKENIZER_FILE).write_text(json.dumps(tokenizer))
    assert "refused, " in refusal(harmed, tmp_path)


def test_mixed_up_labels_are_refused(harmed: Path, tmp_path: Path) -> None:
    config = json.loads((harmed / "config.json").read_text())
    config["id2label"] = {"0": "negative", "1": "positive", "2": "neutral"}
    (harmed / "config.json").write_text(json.dumps(config))
    assert "plain sentences get their label, which hints at mixed-up labels" in refusal(harmed, tmp_path)


def test_half_the_weights_are_refused(harmed: Path, tmp_path: Path) -> None:
    content = (harmed / "model.safetensors").read_bytes()
    (harmed / "model.safetensors").write_bytes(content[: len(content) // 2])
    assert "weights unreadable" in refusal(harmed, tmp_path)


def test_weights_without_a_classifier_are_refused(harmed: Path, tmp_path: Path) -> None:
    """Transformers would draw the missing ones at random and go on."""
    import torch
    from transformers.models.bert.modeling_bert import BertModel

    weights = BertModel.from_pretrained(harmed).state_dict()
    (harmed / "model.safetensors").unlink()
    torch.save({f"bert.{name}": tensor for name, tensor in weights.items()}, harmed / "pytorch_model.bin")
    assert "the weights lack classifier.bias" in refusal(harmed, tmp_path)


def test_a_refused_export_leaves_the_former_folder(exported: Path, fetched: Path, tmp_path: Path) -> None:
    former = shutil.copytree(exported, tmp_path / "finbert")
    with pytest.raises(ModelError, match="refused"):
        prepare.export(fetched, tmp_path / "finbert", labels=("neutral", "positive", "negative"))
    assert (former / CONFIG_FILE).read_bytes() == (exported / CONFIG_FILE).read_bytes()
    assert (former / MODEL_FILE).is_file()


def test_labels_given_at_export_replace_those_of_the_fetch(fetched: Path, exported: Path, tmp_path: Path) -> None:
    again = prepare.export(fetched, tmp_path / "finbert", labels=("positive", "negative", "neutral"))
    assert again.revision == SentimentModel.load(exported).revision


def test_a_bert_with_another_activation_gets_the_traced_graph(harmed: Path, tmp_path: Path) -> None:
    """The own graph is built for GELU alone; the tanh approximation differs little on the same weights."""
    (harmed / "config.json").write_text(json.dumps(CONFIG | {"hidden_act": "gelu_new"}))
    fetching.copy(harmed, tmp_path / "source")
    prepare.export(tmp_path / "source", tmp_path / "finbert")
    manifest = read_manifest(tmp_path / "finbert")
    assert manifest.batch_tokens == 0
    assert "one text at a time" in manifest.quantisation or manifest.quantisation.startswith("fp32: int8 refused")


def test_codes_are_fitted_to_the_inputs_that_the_layers_get(fetched: Path) -> None:
    import torch

    network: Any = TorchModel.load(fetched, device="cpu").network
    batches = [torch.tensor([[101, 5618, 102], [101, 9466, 102]]), torch.tensor([[101, 2000, 2001, 2002, 102]])]
    found = inputs_of(network, batches)
    assert len(found) == 2 * 6
    with torch.inference_mode():
        rows = np.concatenate([network.bert.embeddings(ids).flatten(0, 1).numpy() for ids in batches])
    for part in ("query", "key", "value"):
        mean, largest, second = found[f"encoder.layer.0.attention.self.{part}"]
        assert largest == pytest.approx(np.abs(rows).max(axis=0), rel=1e-5)
        assert mean == pytest.approx(rows.mean(axis=0), abs=1e-5)
        assert second == pytest.approx(rows.T @ rows / len(rows), abs=1e-4)
    assert found["encoder.layer.1.output.dense"].second_moment.shape == (128, 128)
    assert not any(hooks for module in network.modules() if (hooks := module._forward_pre_hooks))  # noqa: SLF001
