"""Small sources and prepared folders: BERT's architecture a few numbers wide, with the bundled model's tokenizer."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import EVENT_LABELS, MODEL_FILE, TOKENIZER_FILE, write_manifest
from signals_pipeline.model_export.calibration import Inputs
from signals_pipeline.model_export.graph import Pooling, write_graph
from signals_pipeline.model_export.rounding import Array
from signals_pipeline.model_export.source import Architecture

LABELS = {0: "positive", 1: "negative", 2: "neutral"}  # FinBERT's own order
CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "model_type": "bert",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 30522,
    "max_position_embeddings": 128,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "id2label": LABELS,
    "label2id": {label: index for index, label in LABELS.items()},
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
ARCHITECTURE = Architecture.model_validate(CONFIG)


def write_files(folder: Path) -> Path:
    """Everything of a source but the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    shutil.copyfile(sample.COMPACT_MODEL / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    marks = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 128, **marks}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return folder


def random_weights(seed: int = 5) -> dict[str, Array]:
    """Weights by name; some channels are five times as loud as others, as in trained models."""
    draw = np.random.default_rng(seed)
    hidden, inner = int(CONFIG["hidden_size"]), int(CONFIG["intermediate_size"])
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (30522, hidden),
        "embeddings.position_embeddings.weight": (128, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "pooler.dense.weight": (hidden, hidden),
        "pooler.dense.bias": (hidden,),
        "classifier.weight": (3, hidden),
        "classifier.bias": (3,),
        "head.weight": (3, hidden),
        "head.bias": (3,),
        "entity_head.weight": (3, hidden),
        "entity_head.bias": (3,),
        "event_head.weight": (len(EVENT_LABELS), hidden),
        "event_head.bias": (len(EVENT_LABELS),),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(2):
        path = f"encoder.layer.{layer}"
        norms += [f"{path}.attention.output.LayerNorm", f"{path}.output.LayerNorm"]
        dense = {f"attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")}
        dense |= {"attention.output.dense": (hidden, hidden), "intermediate.dense": (inner, hidden)}
        dense |= {"output.dense": (hidden, inner)}
        for name, shape in dense.items():
            shapes |= {f"{path}.{name}.weight": shape, f"{path}.{name}.bias": shape[:1]}
    weights = {name: draw.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    for name in norms:
        gain = draw.uniform(0.5, 1.5, hidden)
        gain[:2] *= 5
        weights |= {f"{name}.weight": gain.astype(np.float32), f"{name}.bias": np.zeros(hidden, dtype=np.float32)}
    return weights


def inputs() -> dict[str, Inputs]:
    """Inputs of every product: apart from their mean, unrelated and equally loud, two channels at times."""
    draw = np.random.default_rng(6)
    found: dict[str, Inputs] = {}
    for name, value in random_weights().items():
        if name.startswith("encoder.") and value.ndim == 2:
            mean = draw.normal(0, 0.3, value.shape[1]).astype(np.float32)
            largest = np.full_like(mean, 8)
            largest[:2] = 40
            second = np.outer(mean, mean) + np.eye(len(mean), dtype="f4")
            found[name.removesuffix(".weight")] = Inputs(mean, largest, second)
    return found


def prepared(
    folder: Path,
    *,
    int8: bool,
    batch_tokens: int = 64,
    pooling: Pooling = "first",
    pooler: bool = True,
    more_heads: bool = False,
) -> Path:
    """A sealed folder of random weights, with BERT's pooler or a linear head, and heads for companies and events.

    Skips the test that asks for it where `onnx` is not installed.
    """
    pytest.importorskip("onnx", reason="needs the extra finbert: onnx")
    folder.mkdir(parents=True, exist_ok=True)
    other = ("head",) if pooler else ("pooler", "classifier")
    other += () if more_heads else ("entity_head", "event_head")
    weights = {name: value for name, value in random_weights().items() if not name.startswith(other)}
    write_graph(folder / MODEL_FILE, ARCHITECTURE, weights, inputs=inputs() if int8 else None, pooling=pooling)
    shutil.copyfile(sample.COMPACT_MODEL / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    write_manifest(
        folder,
        name="finbert",
        id2label=LABELS,
        max_length=128,
        vocabulary=30522,
        quantisation="int8" if int8 else "fp32",
        batch_tokens=batch_tokens,
        events=EVENT_LABELS if more_heads else (),
    )
    return folder
