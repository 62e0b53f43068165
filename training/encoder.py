"""A classifier on a sentence encoder: mean-pooled last states, dropout, one linear layer to three logits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rows import LABELS
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

MAX_LENGTH = 64  # tokens; the longest SEntFiN title has fewer


def quick() -> torch.autocast:
    """Products in bfloat16 where the CPU has instructions for it; without, they take eight times as long as fp32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(torch.cpu.get_capabilities().get("avx512_bf16")))


class Classifier(nn.Module):
    """Logits of `LABELS` from token ids and attention mask, both of shape (batch, tokens)."""

    def __init__(self, folder: Path, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.encoder.config.hidden_size, len(LABELS))
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits of shape (batch, 3)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1)
        return self.head(self.dropout(pooled))

    def parameter_groups(self, rate: float, decay: float) -> list[dict[str, Any]]:
        """Parameters with a learning rate that shrinks by `decay` a layer, from the head down to the embeddings."""
        depth = self.encoder.config.num_hidden_layers
        groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters():
            if name.startswith("head"):
                level = depth + 1
            elif ".layer." in name:
                level = int(name.split(".layer.")[1].split(".")[0]) + 1
            else:
                level = 0
            groups.setdefault((level, parameter.ndim < 2), []).append(parameter)
        return [
            {
                "params": parameters,
                "lr": rate * decay ** (depth + 1 - level) * (10 if level == depth + 1 else 1),
                "weight_decay": 0.0 if flat else 0.01,
            }
            for (level, flat), parameters in groups.items()
        ]


class Encoding:
    """Titles to padded tensors, with the tokenizer that lies beside the encoder's weights."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def __call__(self, titles: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids and attention mask, each of shape (len(titles), longest)."""
        batch = self.tokenizer(list(titles), padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt")
        return batch["input_ids"], batch["attention_mask"]


def predict(model: Classifier, encode: Encoding, titles: Sequence[str], batch: int = 64) -> Tensor:
    """Logits of shape (len(titles), 3), in the titles' order; computed in order of length."""
    model.eval()
    order = sorted(range(len(titles)), key=lambda i: len(titles[i]))
    logits = torch.zeros(len(titles), len(LABELS))
    with torch.inference_mode(), quick():
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            logits[chosen] = model(*encode([titles[i] for i in chosen])).float()
    return logits
