"""Fine-tune a sentence encoder on SEntFiN's labels and, where given, on unlabelled titles that teachers have answered.

    python train.py --data BUNDLE --backbone FOLDER --out FOLDER [--taught TAUGHT.npz] [--start WEIGHTS] ...

Validation rows are only watched; held-out rows are not read here.
"""

import argparse
import json
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import torch
from augment import Names, augment, read_names
from encoder import Classifier, Encoding, predict, quick
from newswire import made_titles
from rows import LABELS, Row, read_sentfin
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Groups = list[dict[str, Any]]
SMOOTHING = 0.05  # of hard labels: two people agree on about nine headlines in ten


@dataclass(frozen=True, slots=True)
class Example:
    """A title and its target probabilities."""

    title: str
    target: tuple[float, ...]


def labelled(titles: Iterable[tuple[str, int]]) -> list[Example]:
    """Titles and classes with smoothed one-hot targets."""
    low, high = SMOOTHING / len(LABELS), 1 - SMOOTHING + SMOOTHING / len(LABELS)
    targets = [tuple(high if i == label else low for i in range(len(LABELS))) for label in range(len(LABELS))]
    return [Example(title, targets[label]) for title, label in titles]


def taught(file: Path) -> list[Example]:
    """Titles with the teachers' probabilities, from `teach.py`."""
    stored = np.load(file)
    return [
        Example(str(title), tuple(target.tolist()))
        for title, target in zip(stored["titles"], stored["targets"], strict=True)
    ]


class Titled(Protocol):
    """Anything with a title."""

    @property
    def title(self) -> str:
        """As it was published."""
        ...


AnyTitled = TypeVar("AnyTitled", bound=Titled)


def in_batches(examples: list[AnyTitled], size: int, draw: random.Random) -> Iterator[list[AnyTitled]]:
    """One epoch: shuffled, then sorted by length within pools of 16 batches, so that little is padded."""
    order = draw.sample(examples, len(examples))
    pools = [sorted(order[i : i + 16 * size], key=lambda e: len(e.title)) for i in range(0, len(order), 16 * size)]
    found = [pool[i : i + size] for pool in pools for i in range(0, len(pool), size)]
    draw.shuffle(found)
    yield from found


def schedule(step: int, steps: int) -> float:
    """Warm-up over the first tenth, then linear decay to zero."""
    warm = max(1, steps // 10)
    return min((step + 1) / warm, max(0.0, (steps - step) / (steps - warm)))


def validate(model: Classifier, encode: Encoding, rows: list[Row]) -> dict[str, float]:
    """Accuracy and cross-entropy (nats) on the validation rows."""
    held = [row for row in rows if row.part == "validation"]
    logits = predict(model, encode, [row.title for row in held])
    labels = torch.tensor([row.label for row in held])
    return {
        "accuracy": float((logits.argmax(1) == labels).float().mean()),
        "nll": float(nn.functional.cross_entropy(logits, labels)),
    }


class Learner:
    """A model that learns: the moving average of its weights, its optimiser and the schedule of its rate."""

    def __init__(self, settings: argparse.Namespace, model: Classifier, groups: Groups, steps: int) -> None:
        self.settings, self.model, self.steps, self.step = settings, model, steps, 0
        # Word vectors stay as pre-trained: words that no training title has must keep their place beside those it has.
        model.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.ema), use_buffers=False)
        self.optimiser = torch.optim.AdamW(groups, fused=True)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda step: schedule(step, steps))

    def learn(self, loss: Tensor) -> float:
        """One step down a batch's loss, which is given back."""
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.scheduler.step()
        self.optimiser.zero_grad()
        self.step += 1
        if self.step % self.settings.average_every == 0:
            self.average.update_parameters(self.model)
        return loss.item()

    def say(self, losses: list[float]) -> None:
        """Print where the run is, and the mean of its newest losses."""
        print(json.dumps({"step": self.step, "of": self.steps, "loss": sum(losses) / len(losses)}), flush=True)

    def averaged(self) -> Classifier:
        """The moving average, as a model."""
        return cast("Classifier", self.average.module)


class Training(Learner):
    """One run: model and the order of examples from one seed."""

    def __init__(self, settings: argparse.Namespace, examples: list[Example], names: Names) -> None:
        torch.manual_seed(settings.seed)
        self.draw = random.Random(settings.seed)  # noqa: S311 - a repeatable order, no secret
        self.examples, self.names = examples, names
        self.encode = Encoding(settings.backbone)
        model = Classifier(settings.backbone, settings.dropout)
        if settings.start:
            model.load_state_dict(torch.load(settings.start, weights_only=True))
        if settings.freeze:
            model.encoder.embeddings.requires_grad_(requires_grad=False)
            model.encoder.encoder.layer[: settings.freeze].requires_grad_(requires_grad=False)
        self.epoch_steps = min(math.ceil(len(examples) / settings.batch), settings.most_steps or len(examples))
        groups = model.parameter_groups(settings.rate, settings.decay)
        super().__init__(settings, model, groups, settings.epochs * self.epoch_steps)

    def loss(self, batch: list[Example]) -> Tensor:
        """Cross-entropy (nats) of one batch against its targets."""
        titles = [augment(example.title, self.names, self.draw) for example in batch]
        with quick():
            logits = self.model(*self.encode(titles)).float()
        return nn.functional.cross_entropy(logits, torch.tensor([e.target for e in batch]))

    def epoch(self) -> float:
        """Train on every example once, or on as many as `most_steps` allows; the mean loss."""
        self.model.train()
        losses: list[float] = []
        for batch in islice(in_batches(self.examples, self.settings.batch, self.draw), self.epoch_steps):
            losses.append(self.learn(self.loss(batch)))
            if self.step % 25 == 0:
                self.say(losses[-25:])
        return sum(losses) / len(losses)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with sentfin/ and stocknet/")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the pre-trained encoder")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--taught", type=Path, help="titles with the teachers' probabilities (teach.py)")
    parser.add_argument("--start", type=Path, help="weights.pt of an earlier run to go on from")
    parser.add_argument("--made", type=int, default=0, help="titles made from newswire.toml to learn as well")
    parser.add_argument(
        "--freeze", type=int, default=0, help="lowest layers left as they are, the embeddings with them"
    )
    parser.add_argument("--most-steps", type=int, default=0, help="batches an epoch at most; 0: all")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-4, help="of the top layer; the head's is ten times that")
    parser.add_argument("--decay", type=float, default=0.9, help="of the rate, a layer downwards")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--ema", type=float, default=0.99, help="decay of the weights' moving average, an update")
    parser.add_argument("--average-every", type=int, default=1, help="steps between updates of the moving average")
    parser.add_argument("--companies-only", action="store_true", help="rename companies, not indices and metals")
    parser.add_argument("--seed", type=int, default=20240501)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Train, print a line an epoch, save the averaged weights and what was seen."""
    settings = arguments()
    torch.set_num_threads(settings.threads)
    rows = read_sentfin(settings.data / "sentfin")
    names = read_names(settings.data / "sentfin", settings.data / "stocknet", companies_only=settings.companies_only)
    examples = labelled((row.title, row.label) for row in rows if row.part == "train")
    made = made_titles(settings.made, names.companies, settings.seed)
    examples += labelled((title, LABELS.index(label)) for title, label in made)
    run = Training(settings, examples + (taught(settings.taught) if settings.taught else []), names)
    seen: list[dict[str, float]] = []
    for epoch in range(settings.epochs):
        loss = run.epoch()
        seen.append({"epoch": epoch + 1, "loss": loss, **validate(run.averaged(), run.encode, rows)})
        print(json.dumps(seen[-1]), flush=True)
        settings.out.mkdir(parents=True, exist_ok=True)
        torch.save(run.averaged().state_dict(), settings.out / "weights.pt")
    stored = {key: str(value) if isinstance(value, Path) else value for key, value in vars(settings).items()}
    (settings.out / "run.json").write_text(json.dumps({"settings": stored, "epochs": seen}, indent=1) + "\n")


if __name__ == "__main__":
    main()
