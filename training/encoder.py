"""Classifiers on a sentence encoder: pooled last states, dropout, one linear layer to three logits."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rows import LABELS
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from signals_pipeline.adapters.model.folder import EVENT_LABELS
from signals_pipeline.model_export.graph import Pooling

MAX_LENGTH = 64  # tokens; the longest SEntFiN title has fewer
KEPT = (0, 1, 2, 5)  # the layers of the encoder that a student starts from


def quick() -> torch.autocast:
    """Products in bfloat16 where the CPU has instructions for it; without, they take eight times as long as fp32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(torch.cpu.get_capabilities().get("avx512_bf16")))


class Classifier(nn.Module):
    """Logits of `LABELS` from token ids and attention mask, both of shape (batch, tokens); reads the mean state."""

    pooling: Pooling = "mean"

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
        return self.head(self.dropout(self.pooled(states, attention_mask)))

    def pooled(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        """What the linear layer reads of the last states, shape (batch, hidden)."""
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)

    def parameter_groups(self, rate: float, decay: float, head: float = 10) -> list[dict[str, Any]]:
        """Parameters with a rate that shrinks by `decay` a layer downwards; the head's is `head` times the top one."""
        depth = self.encoder.config.num_hidden_layers
        groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters():
            if name.split(".")[0].endswith("head"):
                level = depth + 1
            elif ".layer." in name:
                level = int(name.split(".layer.")[1].split(".")[0]) + 1
            else:
                level = 0
            groups.setdefault((level, parameter.ndim < 2), []).append(parameter)
        return [
            {
                "params": parameters,
                "lr": rate * decay ** (depth + 1 - level) * (head if level == depth + 1 else 1),
                "weight_decay": 0.0 if flat else 0.01,
            }
            for (level, flat), parameters in groups.items()
        ]


class Student(Classifier):
    """A classifier of the layers `KEPT` that reads the first token, for which alone the last layer is then computed."""

    pooling = "first"

    def __init__(self, folder: Path, dropout: float = 0.1) -> None:
        super().__init__(folder, dropout)
        layers = self.encoder.encoder.layer
        self.encoder.encoder.layer = nn.ModuleList(layers[place] for place in KEPT)
        self.encoder.config.num_hidden_layers = len(KEPT)

    def pooled(self, states: Tensor, attention_mask: Tensor) -> Tensor:  # noqa: ARG002
        """The first token's state."""
        return states[:, 0]

    def start_from(self, state: dict[str, Tensor]) -> None:
        """Take over a `Classifier`'s weights, of the layers `KEPT`."""
        places = {f".layer.{old}.": f".layer.{new}." for new, old in enumerate(KEPT)}
        taken: dict[str, Tensor] = {}
        for name, value in state.items():
            layer = next((part for part in places if part in name), "")
            if layer or ".layer." not in name:
                taken[name.replace(layer, places[layer]) if layer else name] = value
        self.load_state_dict(taken)


class Answers(NamedTuple):
    """Logits of the three heads: tone and event by text, and tone by token, of shape (batch, tokens, 3)."""

    tone: Tensor
    tokens: Tensor
    event: Tensor


class MultiTask(Student):
    """A student with three heads on its last states.

    `head` reads the first token's for the tone of the whole, `event_head` the same for the event; `entity_head` reads a
    company's own tokens, and the mean of their logits is the tone toward that company.
    """

    def __init__(self, folder: Path, dropout: float = 0.1) -> None:
        super().__init__(folder, dropout)
        hidden = self.encoder.config.hidden_size
        self.entity_head = nn.Linear(hidden, len(LABELS))
        self.event_head = nn.Linear(hidden, len(EVENT_LABELS))
        for head in (self.entity_head, self.event_head):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def answers(self, input_ids: Tensor, attention_mask: Tensor) -> Answers:
        """The logits of all heads."""
        states = self.dropout(self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)
        first = states[:, 0]
        return Answers(self.head(first), self.entity_head(states), self.event_head(first))

    def start_from(self, state: dict[str, Tensor]) -> None:
        """Take over a `Student`'s weights, its head for the entities too, or those of an earlier run of this kind."""
        entity = {f"entity_head.{part}": state[f"head.{part}"] for part in ("weight", "bias")}
        self.load_state_dict({**self.state_dict(), **entity, **state})


def classifier_for(folder: Path, names: Iterable[str]) -> Classifier:
    """An untrained classifier for weights of these names: with three heads, a student, or the teacher."""
    found = set(names)
    if "event_head.weight" in found:
        return MultiTask(folder)
    depth = len({name.split(".layer.")[1].split(".")[0] for name in found if ".layer." in name})
    return (Student if depth == len(KEPT) else Classifier)(folder)


class Encoding:
    """Titles to padded tensors, with the tokenizer that lies beside the encoder's weights."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def __call__(self, titles: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids and attention mask, each of shape (len(titles), longest)."""
        batch = self.tokenizer(list(titles), padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt")
        return batch["input_ids"], batch["attention_mask"]

    def with_offsets(self, texts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """The same, and the character range of each token, shape (len(texts), longest, 2); (0, 0) for marks."""
        batch = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=MAX_LENGTH,
            return_tensors="pt",
            return_offsets_mapping=True,
        )
        return batch["input_ids"], batch["attention_mask"], batch["offset_mapping"]


def span_weights(offsets: Tensor, spans: Sequence[Sequence[tuple[int, int]]]) -> Tensor:
    """How each company's tokens count, shape (companies, tokens): rows sum to 1, or to 0 where no token is inside.

    Args:
        offsets: Character ranges of one text's tokens, shape (tokens, 2).
        spans: Character ranges of each company.
    """
    start, end = offsets[:, 0], offsets[:, 1]
    is_inside = torch.stack(
        [
            torch.stack(
                [(start < span_end) & (end > span_start) & (end > start) for span_start, span_end in ranges]
            ).any(0)
            for ranges in spans
        ]
    ).float()
    return is_inside / is_inside.sum(1, keepdim=True).clamp(min=1)


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
