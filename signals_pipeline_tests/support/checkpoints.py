"""Small checkpoints of every architecture in the hub's layout, each with a tokenizer of its own kind.

Their weights are random at first and learn plain sentences by heart, as `learn` says: they tell good news from bad.
"""

# pyright: reportMissingImports=false
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import TOKENIZER_FILE
from signals_pipeline.cli.commands.model import PROBE
from signals_pipeline.model_export.verify import PROBES, headlines

NEUTRAL = [
    "Board to meet on Tuesday to consider results",
    "Company names new chief financial officer",
    "Annual shareholders' meeting set for May 12",
    "Company to present at technology conference in Boston",
    "Five things to know before markets open",
    "What to expect from the earnings call",
]
LABEL_NAMES = {0: "positive", 1: "negative", 2: "neutral"}  # FinBERT's own order
BPE_SIZE = 1_500
# At so few channels, the usual deviation of initial weights (.02) leaves nothing to learn from.
WIDE: dict[str, Any] = {"initializer_range": 0.1}
# What most architectures have under the same name.
SHAPE: dict[str, Any] = {
    **WIDE,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
# DeBERTa's attention: relative positions alone, in both directions.
RELATIVE: dict[str, Any] = {"relative_attention": True, "position_biased_input": False, "max_position_embeddings": 64}
# What version 3 adds: far positions share a bucket, and positions the projections of words.
SHARED_KEYS: dict[str, Any] = {"position_buckets": 16, "share_att_key": True}
ARCHITECTURES = ("bert", "roberta", "distilbert", "deberta", "deberta-v2", "modernbert")


def write_checkpoint(folder: Path, architecture: str, names: dict[int, str] | None = None) -> Path:
    """Write a checkpoint of this architecture; skips the test where torch or transformers is not installed.

    Args:
        folder: Where to.
        architecture: One of `ARCHITECTURES`.
        names: `id2label`; the columns stay positive, negative, neutral, whatever they are called.
    """
    torch = pytest.importorskip("torch", reason="needs the extra finbert: torch")
    pytest.importorskip("transformers", reason="needs the extra finbert: transformers")
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer_size, marks = _TOKENIZERS[architecture](folder)
    torch.manual_seed(3)
    torch.set_num_threads(1)
    network = _network(architecture, tokenizer_size, marks)
    network.save_pretrained(folder)
    learn(folder, network)
    network.config.id2label = names or LABEL_NAMES
    network.config.label2id = {name: column for column, name in network.config.id2label.items()}
    network.save_pretrained(folder)
    return folder


def learn(folder: Path, network: Any) -> None:
    """Train the network on the plain sentences until it knows them by heart."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    columns = {label: column for column, label in LABEL_NAMES.items()}
    label_by_text = PROBES | {PROBE: "positive"} | dict.fromkeys(NEUTRAL, "neutral")
    texts = list(label_by_text)
    truth = torch.tensor([columns[label] for label in label_by_text.values()])
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    network.train()
    for _ in range(80):
        loss = network(**inputs, labels=truth).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    network.eval()


def _network(architecture: str, size: int, marks: dict[str, int]) -> Any:
    import transformers

    common: dict[str, Any] = {"vocab_size": size, "num_labels": 3, **marks}
    kinds: dict[str, Callable[[], Any]] = {
        "bert": lambda: transformers.BertConfig(**common, **SHAPE, max_position_embeddings=64),
        # Two positions fewer than it says: they are counted from the one after the padding's.
        "roberta": lambda: transformers.RobertaConfig(**common, **SHAPE, max_position_embeddings=66, type_vocab_size=1),
        "distilbert": lambda: transformers.DistilBertConfig(
            **common, dim=32, n_layers=2, n_heads=2, hidden_dim=64, dropout=0, max_position_embeddings=64, **WIDE
        ),
        "deberta": lambda: transformers.DebertaConfig(**common, **SHAPE, **RELATIVE, pos_att_type=["c2p", "p2c"]),
        "deberta-v2": lambda: transformers.DebertaV2Config(
            **common, **SHAPE, **RELATIVE, **SHARED_KEYS, pos_att_type=["p2c", "c2p"]
        ),
        "modernbert": lambda: transformers.ModernBertConfig(
            **common,
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=64,
            local_attention=8,
        ),
    }
    return transformers.AutoModelForSequenceClassification.from_config(kinds[architecture]())


def _write_wordpiece(folder: Path) -> tuple[int, dict[str, int]]:
    """The bundled model's tokenizer, which is BERT's; its size and special ids."""
    shutil.copyfile(sample.COMPACT_MODEL / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    marks = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64, **marks}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return 30_522, {"pad_token_id": 0}


def _write_roberta_bpe(folder: Path) -> tuple[int, dict[str, int]]:
    """Byte-level BPE as RoBERTa publishes it: vocab.json and merges.txt, no tokenizer.json."""
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(headlines(), vocab_size=BPE_SIZE, special_tokens=special, show_progress=False)
    tokenizer.save_model(str(folder))
    settings = {"tokenizer_class": "RobertaTokenizer", "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizer.get_vocab_size(), {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


def _write_bert_marked_bpe(folder: Path) -> tuple[int, dict[str, int]]:
    """Byte-level BPE with BERT's marks in tokenizer.json, as ModernBERT's and the first DeBERTa's is."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_SIZE, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(headlines(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return _write_fast(folder, tokenizer)


def _write_unigram(folder: Path) -> tuple[int, dict[str, int]]:
    """A unigram model with sentencepiece's blanks, as DeBERTa v3's; the word embedding has a few rows more."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=BPE_SIZE, special_tokens=special, unk_token=special[3], show_progress=False
    )
    tokenizer.train_from_iterator(headlines(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    size, marks = _write_fast(folder, tokenizer)
    return size + 99, marks


def _write_fast(folder: Path, tokenizer: Any) -> tuple[int, dict[str, int]]:
    tokenizer.save(str(folder / TOKENIZER_FILE))
    marks = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64, **marks}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2}
    return tokenizer.get_vocab_size(), ids


_TOKENIZERS: dict[str, Callable[[Path], tuple[int, dict[str, int]]]] = {
    "bert": _write_wordpiece,
    "roberta": _write_roberta_bpe,
    "distilbert": _write_wordpiece,
    "deberta": _write_bert_marked_bpe,
    "deberta-v2": _write_unigram,
    "modernbert": _write_bert_marked_bpe,
}
