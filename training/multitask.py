"""Teach the compact model its three heads: tone of a title, tone toward a company, event.

    python multitask.py --data BUNDLE --backbone FOLDER --start WEIGHTS.pt --before MODEL_FOLDER --out FOLDER

It goes on from the weights of a student with one head. Each epoch draws from every source its own number of examples,
rewritten anew each time. Titles without a label are learnt with the answers of the model before, so that what no label
speaks of stays as it was. Validation rows are only watched; held-out rows are not read here.
"""

import argparse
import json
import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from encoder import Answers, Encoding, MultiTask, quick, span_weights
from examples import (
    Example,
    answered,
    labelled_examples,
    newswire_examples,
    pattern_example,
    places_of,
    read_entities,
    sentfin_examples,
    sentiment_tweets,
    stocknet_titles,
    topic_tweets,
    with_rule_event,
    without,
)
from metrics import softmax
from patterns import pattern_examples
from rewrite import Names, Rewriter, read_names
from rows import read_sentfin
from torch import Tensor, nn
from train import Learner

from signals_pipeline.adapters.model.inference import SentimentModel

# Examples of each source that an epoch draws; "companies" are SEntFiN's titles with several.
DRAWS = {
    "sentfin": 6_000,
    "companies": 6_000,
    "labelled": 12_000,
    "tweets": 4_500,
    "topics": 2_000,
    "stocknet": 2_000,
    "newswire": 500,
    "patterns": 18_000,
}
# Titles made from each file of patterns.
PATTERN_TITLES = {"polarity": 40_000, "relations": 20_000, "events": 8_000}
# Sources whose companies may be exchanged for others; made titles have random ones already.
RENAMED = {"sentfin", "companies", "labelled", "tweets"}
ENTITY_WEIGHT = 1.0  # of the loss toward companies beside that of the whole
EVENT_WEIGHT = 0.4  # of the event's


class Targets(NamedTuple):
    """What a batch of texts teaches: for each head, the rows that have a target and the targets."""

    tone_rows: list[int]
    tone: list[tuple[float, ...]]
    event_rows: list[int]
    event: list[tuple[float, ...]]
    entity_rows: list[int]
    entity_weights: list[Tensor]
    entity: list[tuple[float, ...]]


class Watched(NamedTuple):
    """Validation rows of each kind, by the name under which their share of right answers is printed."""

    titles: dict[str, list[tuple[str, int]]]
    entities: dict[str, list[tuple[str, str, int]]]
    events: dict[str, list[tuple[str, int]]]


def predict_answers(
    model: MultiTask, encode: Encoding, texts: Sequence[str], batch: int = 64
) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Tone, token and event logits of each text, and its tokens' character ranges."""
    model.eval()
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    found: list[tuple[Tensor, Tensor, Tensor, Tensor] | None] = [None] * len(texts)
    with torch.inference_mode(), quick():
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            ids, mask, offsets = encode.with_offsets([texts[index] for index in chosen])
            tone, tokens, event = model.answers(ids, mask)
            for place, index in enumerate(chosen):
                found[index] = (tone[place].float(), tokens[place].float(), event[place].float(), offsets[place])
    return [answer for answer in found if answer is not None]


def toward(answer: tuple[Tensor, Tensor, Tensor, Tensor], spans: Sequence[tuple[int, int]]) -> Tensor:
    """Logits of the tone toward a company with these character ranges, shape (3,)."""
    _, tokens, _, offsets = answer
    return (span_weights(offsets, [spans]) @ tokens)[0]


def share_right(model: MultiTask, encode: Encoding, watched: Watched) -> dict[str, float]:
    """The share of right answers on each kind of validation rows."""
    shares: dict[str, float] = {}
    for name, rows in watched.titles.items():
        answers = predict_answers(model, encode, [text for text, _ in rows])
        right = [int(answer[0].argmax()) == label for answer, (_, label) in zip(answers, rows, strict=True)]
        shares[name] = sum(right) / len(right)
    for name, rows in watched.events.items():
        answers = predict_answers(model, encode, [text for text, _ in rows])
        right = [int(answer[2].argmax()) == label for answer, (_, label) in zip(answers, rows, strict=True)]
        shares[name] = sum(right) / len(right)
    for name, entity_rows in watched.entities.items():
        answers = predict_answers(model, encode, [text for text, _, _ in entity_rows])
        right = [
            int(toward(answer, places_of(text, entity)).argmax()) == label
            for answer, (text, entity, label) in zip(answers, entity_rows, strict=True)
        ]
        shares[name] = sum(right) / len(right)
    return {name: round(share, 4) for name, share in shares.items()}


def read_watched(data: Path, tweets: list[tuple[str, int]], topics: list[tuple[str, int]], part: str) -> Watched:
    """The rows of one part of SEntFiN, and the tweets that no example has."""
    entity_rows = [row for row in read_entities(data / "sentfin") if row.part == part]
    labels: dict[str, set[int]] = defaultdict(set)
    names: dict[str, int] = defaultdict(int)
    for row in entity_rows:
        labels[row.title].add(row.label)
        names[row.title] += 1
    rows = [(row.title, row.entity, row.label) for row in entity_rows]
    return Watched(
        titles={
            "sentfin": [(row.title, row.label) for row in read_sentfin(data / "sentfin") if row.part == part],
            "tweets": tweets,
        },
        entities={
            "one company": [row for row in rows if names[row[0]] == 1],
            "several": [row for row in rows if names[row[0]] > 1],
            "differing": [row for row in rows if len(labels[row[0]]) > 1],
            "opposite": [row for row in rows if labels[row[0]] >= {0, 2}],
        },
        events={"topics": topics},
    )


class MultiTaskTraining(Learner):
    """One run: model, mixture and rewrites from one seed."""

    def __init__(self, settings: argparse.Namespace, examples: Sequence[Example], names: Names) -> None:
        torch.manual_seed(settings.seed)
        self.draw = random.Random(settings.seed)  # noqa: S311 - a repeatable order, no secret
        self.rewrite = Rewriter(names, self.draw)
        self.by_source: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            self.by_source[example.source].append(example)
        self.encode, model = Encoding(settings.backbone), MultiTask(settings.backbone, settings.dropout)
        model.start_from(torch.load(settings.start, weights_only=True))
        drawn = sum(DRAWS[source] for source in self.by_source)
        groups = model.parameter_groups(settings.rate, decay=settings.decay, head=5)
        super().__init__(settings, model, groups, math.ceil(settings.epochs * drawn / settings.batch))

    def batches(self) -> Iterator[list[tuple[Example, str, list[list[tuple[int, int]]]]]]:
        """One epoch of rewritten examples, sorted by length within pools of 16 batches, so that little is padded."""
        size = self.settings.batch
        chosen: list[Example] = []
        for source in sorted(self.by_source):
            found = self.by_source[source]
            # A small source is drawn several times over, rewritten anew each time.
            times, rest = divmod(DRAWS[source], len(found))
            chosen += found * times + self.draw.sample(found, rest)
        self.draw.shuffle(chosen)
        for start in range(0, len(chosen), 16 * size):
            pool = [(e, *self.rewrite(e, rename=e.source in RENAMED)) for e in chosen[start : start + 16 * size]]
            pool.sort(key=lambda rewritten: len(rewritten[1]))
            found_batches = [pool[first : first + size] for first in range(0, len(pool), size)]
            self.draw.shuffle(found_batches)
            yield from found_batches

    def loss(self, batch: list[tuple[Example, str, list[list[tuple[int, int]]]]]) -> Tensor:
        """Cross-entropy (nats) of the heads against what targets the batch has, each a mean over its rows."""
        ids, mask, offsets = self.encode.with_offsets([text for _, text, _ in batch])
        with quick():
            answers = self.model.answers(ids, mask)
        return total_loss(answers, targets_of(batch, offsets), self.settings.event_weight)

    def epoch(self, last_step: int) -> float:
        """Train until the epoch or the run is over; the mean loss."""
        self.model.train()
        losses: list[float] = []
        for batch in self.batches():
            if self.step >= last_step:
                break
            losses.append(self.learn(self.loss(batch)))
            if self.step % 100 == 0:
                self.say(losses[-100:])
        return sum(losses) / len(losses)


def targets_of(batch: list[tuple[Example, str, list[list[tuple[int, int]]]]], offsets: Tensor) -> Targets:
    """The targets of a batch by head; a company of which no token is left has none."""
    targets = Targets([], [], [], [], [], [], [])
    for row, (example, _, spans) in enumerate(batch):
        if example.tone is not None:
            targets.tone_rows.append(row)
            targets.tone.append(example.tone)
        if example.event is not None:
            targets.event_rows.append(row)
            targets.event.append(example.event)
        if not example.entities:
            continue
        weights = span_weights(offsets[row], spans)
        for position, target in enumerate(example.entities):
            if weights[position].sum() > 0:
                targets.entity_rows.append(row)
                targets.entity_weights.append(weights[position])
                targets.entity.append(target)
    return targets


def total_loss(answers: Answers, targets: Targets, event_weight: float) -> Tensor:
    """The weighted sum of the heads' losses."""
    loss = answers.tone.sum().float() * 0
    if targets.tone_rows:
        logits = answers.tone[targets.tone_rows].float()
        loss = loss + nn.functional.cross_entropy(logits, torch.tensor(targets.tone))
    if targets.entity_rows:
        weights = torch.stack(targets.entity_weights)
        logits = (weights.unsqueeze(-1) * answers.tokens[targets.entity_rows].float()).sum(1)
        loss = loss + ENTITY_WEIGHT * nn.functional.cross_entropy(logits, torch.tensor(targets.entity))
    if targets.event_rows:
        logits = answers.event[targets.event_rows].float()
        loss = loss + event_weight * nn.functional.cross_entropy(logits, torch.tensor(targets.event))
    return loss


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets, see README.md")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the pre-trained encoder")
    parser.add_argument(
        "--start", type=Path, required=True, help="weights.pt of a student, or of an earlier run of this"
    )
    parser.add_argument("--before", type=Path, required=True, help="model folder whose answers unlabelled titles keep")
    parser.add_argument("--keep-out", type=Path, nargs="*", default=[], help="CSV files whose titles are not learnt")
    parser.add_argument("--labelled", type=Path, help="labels by this project of texts of the data sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-4, help="of the top layer; the heads' is five times that")
    parser.add_argument("--decay", type=float, default=0.95, help="of the rate, a layer downwards")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--event-weight", type=float, default=EVENT_WEIGHT)
    parser.add_argument("--ema", type=float, default=0.98, help="decay of the weights' moving average, an update")
    parser.add_argument("--average-every", type=int, default=4, help="steps between updates of the moving average")
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Train, print a line per epoch, save the averaged weights."""
    settings = arguments()
    torch.set_num_threads(settings.threads)
    data = settings.data
    names = read_names(data)
    tweets, watched_tweets = sentiment_tweets(data / "twitter-financial-news")
    topics, watched_topics = topic_tweets(data / "twitter-financial-news", settings.seed)
    examples = sentfin_examples(data / "sentfin") + tweets + topics
    titles = stocknet_titles(data, settings.keep_out)
    before = SentimentModel.load(settings.before, threads=settings.threads)
    examples += answered(titles, softmax(before.logits(titles)))
    examples = list(map(with_rule_event, examples))
    if settings.labelled:
        examples += labelled_examples(data, settings.labelled)
    examples += newswire_examples(DRAWS["newswire"] * 2, names.large, settings.seed)
    for file, count in PATTERN_TITLES.items():
        examples += map(pattern_example, pattern_examples(file, count, settings.seed))
    run = MultiTaskTraining(settings, without(examples, settings.keep_out), names)
    print({source: len(found) for source, found in run.by_source.items()}, run.steps, flush=True)

    watched = read_watched(data, watched_tweets, watched_topics, "validation")
    settings.out.mkdir(parents=True, exist_ok=True)
    epoch = 0
    while run.step < run.steps:
        epoch += 1
        loss = run.epoch(run.steps)
        torch.save(run.averaged().state_dict(), settings.out / "weights.pt")
        seen = share_right(run.averaged(), run.encode, watched)
        print(json.dumps({"epoch": epoch, "loss": round(loss, 4), **seen}), flush=True)


if __name__ == "__main__":
    main()
