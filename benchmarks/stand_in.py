"""A folder in the hub's layout with FinBERT's exact shape: python -m benchmarks.stand_in FOLDER.

For machines that don't reach the hub: random weights that learnt a dozen plain sentences by heart, so that
export, image and benchmarks go the real way and cost the real time. Its scores mean nothing. Needs the extra `finbert`.
"""

# pyright: reportMissingImports=false
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import TOKENIZER_FILE
from signals_pipeline.cli.commands.model import PROBE
from signals_pipeline.cli.doctor.local import HEADLINES
from signals_pipeline.model_export.verify import PROBES

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.models.bert.modeling_bert import BertForSequenceClassification
    from transformers.tokenization_utils_base import BatchEncoding

LABELS = {0: "positive", 1: "negative", 2: "neutral"}  # FinBERT's own order
MARKS = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
LESSONS = {  # all that verification, the image's check and the doctor ask a model
    **PROBES,
    PROBE: "positive",
    **{text: "positive" if column else "negative" for text, column in HEADLINES.items()},
}
STEPS, LEAST_LOSS = 80, 0.02


def write_tokenizer(folder: Path) -> None:
    """BERT's own vocabulary in lower case, as the bundled model has it."""
    shutil.copyfile(sample.COMPACT_MODEL / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512, **MARKS}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def learn(network: "BertForSequenceClassification", batch: "BatchEncoding", truth: "Tensor") -> float:
    """Fit the network to one batch; the loss it ends with."""
    import torch

    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-5)
    loss = torch.tensor(float("inf"))
    for _ in range(STEPS):
        loss = network(**batch, labels=truth).loss
        if loss.item() < LEAST_LOSS:
            break
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return loss.item()


def main(folder: Path) -> None:
    """Write config, tokenizer and weights (440 MB)."""
    import torch
    from transformers.models.auto.tokenization_auto import AutoTokenizer
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertForSequenceClassification

    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    torch.manual_seed(3)
    places = {label: place for place, label in LABELS.items()}
    config = BertConfig(id2label=LABELS, label2id=places, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    network = BertForSequenceClassification(config)
    batch = AutoTokenizer.from_pretrained(folder)(list(LESSONS), padding=True, return_tensors="pt")
    loss = learn(network, batch, torch.tensor([places[label] for label in LESSONS.values()]))
    network.save_pretrained(folder)
    said = f"{network.num_parameters():,} numbers, loss {loss:.4f} on {len(LESSONS)} sentences"
    sys.stdout.write(f"{folder}: BERT-base, {said}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
