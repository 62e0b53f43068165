"""Teach a student of fewer layers what a larger model answers, and what the labels say where there are any.

    python distil.py --data BUNDLE --backbone FOLDER --teacher MODEL_FOLDER --start WEIGHTS.pt --out FOLDER

The titles are SEntFiN's training rows, StockNet's and made newswire. Each is rewritten anew every time it is drawn, and
the teacher, a sealed folder, answers the rewrite: what the student learns is the teacher's function, not its answers to
a list. Validation rows are only watched; held-out rows are not read here.
"""

import argparse
import json
import math
import random
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from augment import Names, augment, read_names
from encoder import Encoding, Student, quick
from newswire import made_titles
from rows import LABELS, Row, read_sentfin, read_stocknet
from torch import Tensor, nn
from train import SMOOTHING, Learner, in_batches, validate

from signals_pipeline.adapters.model.inference import SentimentModel

NONE = -1  # the label of a title that nobody labelled; cross-entropy leaves it out
ASKED = 20  # batches that the teacher answers at once, as it runs texts of equal length together


class Titled(NamedTuple):
    """A title and the index of its label, or `NONE`."""

    title: str
    label: int


def read_titles(rows: list[Row], settings: argparse.Namespace, names: Names) -> list[Titled]:
    """Every title to learn from; `rows` are all of SEntFiN's."""
    titles = [Titled(row.title, row.label) for row in rows if row.part == "train"]
    titles += [Titled(title, NONE) for title in read_stocknet(settings.data / "stocknet", rows)]
    made = made_titles(settings.made, names.companies, settings.seed)
    return titles + [Titled(title, LABELS.index(label)) for title, label in made]


class Distillation(Learner):
    """One run: student and the order of titles from one seed."""

    def __init__(self, settings: argparse.Namespace, titles: list[Titled], names: Names) -> None:
        torch.manual_seed(settings.seed)
        self.draw = random.Random(settings.seed)  # noqa: S311 - a repeatable order, no secret
        self.titles, self.names = titles, names
        self.teacher = SentimentModel.load(settings.teacher, threads=settings.threads)
        self.encode, student = Encoding(settings.backbone), Student(settings.backbone)
        student.start_from(torch.load(settings.start, weights_only=True))
        groups = student.parameter_groups(settings.rate, decay=1.0, head=5)
        super().__init__(settings, student, groups, settings.epochs * math.ceil(len(titles) / settings.batch))

    def loss(self, batch: list[Titled], answers: Tensor) -> Tensor:
        """Cross-entropy (nats) against the teacher, both softened (Hinton et al. 2015), and a share against labels."""
        soft = self.settings.soften
        with quick():
            logits = self.model(*self.encode([title for title, _ in batch])).float()
        known = torch.tensor([label for _, label in batch])
        told = nn.functional.cross_entropy(logits / soft, (answers / soft).softmax(1)) * soft**2
        if (known == NONE).all():
            return told
        labels = nn.functional.cross_entropy(logits, known, ignore_index=NONE, label_smoothing=SMOOTHING)
        return told + self.settings.labels * labels

    def epoch(self) -> float:
        """Learn from every title once; the mean loss."""
        self.model.train()
        losses: list[float] = []
        waiting = in_batches(self.titles, self.settings.batch, self.draw)
        while asked := [self._rewritten(batch) for batch in islice(waiting, ASKED)]:
            answers = torch.tensor(self.teacher.logits([title for batch in asked for title, _ in batch]))
            for batch, answer in zip(asked, answers.split([len(batch) for batch in asked]), strict=True):
                losses.append(self.learn(self.loss(batch, answer)))
            self.say(losses[-ASKED:])
        return sum(losses) / len(losses)

    def _rewritten(self, batch: list[Titled]) -> list[Titled]:
        return [Titled(augment(title, self.names, self.draw), label) for title, label in batch]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with sentfin/ and stocknet/")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the pre-trained encoder")
    parser.add_argument("--teacher", type=Path, required=True, help="model folder that export.py wrote")
    parser.add_argument("--start", type=Path, required=True, help="weights.pt of the teacher, to take layers from")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--made", type=int, default=12_000, help="titles made from newswire.toml")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-4, help="of every layer; the head's is five times that")
    parser.add_argument("--soften", type=float, default=1.5, help="divisor of student's and teacher's logits")
    parser.add_argument("--labels", type=float, default=0.3, help="weight of the labels beside the teacher")
    parser.add_argument("--ema", type=float, default=0.98, help="decay of the weights' moving average, an update")
    parser.add_argument("--average-every", type=int, default=4, help="steps between updates of the moving average")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Train, print a line an epoch, save the averaged weights."""
    settings = arguments()
    torch.set_num_threads(settings.threads)
    rows = read_sentfin(settings.data / "sentfin")
    names = read_names(settings.data / "sentfin", settings.data / "stocknet", companies_only=True)
    run = Distillation(settings, read_titles(rows, settings, names), names)
    settings.out.mkdir(parents=True, exist_ok=True)
    for epoch in range(settings.epochs):
        loss = run.epoch()
        seen = validate(run.averaged(), run.encode, rows)
        print(json.dumps({"epoch": epoch + 1, "loss": loss, **seen}), flush=True)
        torch.save(run.averaged().state_dict(), settings.out / "weights.pt")


if __name__ == "__main__":
    main()
