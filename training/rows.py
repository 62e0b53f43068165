"""Labelled and unlabelled titles for training, and a split that near-duplicates cannot straddle."""

import csv
import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

LABELS = ("negative", "neutral", "positive")
JACCARD_LIMIT = 0.8  # token sets at least this alike are one story told twice
_NUMBER = re.compile(r"\d[\d,.]*")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One title, its class (index into `LABELS`, or -1 where it has none) and the part of the split it belongs to."""

    title: str
    label: int
    part: str


def normalise(title: str) -> str:
    """The title in lower case without punctuation, numbers masked: what decides whether two titles are the same."""
    return " ".join(_WORD.findall(_NUMBER.sub("0", title.casefold())))


def _near_pairs(tokens: list[frozenset[str]]) -> list[tuple[int, int]]:
    """Pairs of token sets with Jaccard >= `JACCARD_LIMIT`, found by prefix filtering (exact, no pair is missed)."""
    frequency: dict[str, int] = defaultdict(int)
    for words in tokens:
        for word in words:
            frequency[word] += 1
    index: dict[str, list[int]] = defaultdict(list)
    pairs: list[tuple[int, int]] = []
    for i, words in enumerate(tokens):
        ordered = sorted(words, key=lambda word: (frequency[word], word))
        # Two sets this alike must share one of their rarest (1 - limit) * size + 1 words.
        prefix = ordered[: int((1 - JACCARD_LIMIT) * len(ordered) + 1e-9) + 1]
        seen = {j for word in prefix for j in index[word]}
        pairs += [(j, i) for j in seen if len(words & tokens[j]) >= JACCARD_LIMIT * len(words | tokens[j])]
        for word in prefix:
            index[word].append(i)
    return pairs


def group_keys(titles: list[str]) -> list[str]:
    """A key for each title, the same for all that near-duplication links, directly or through others."""
    normal = [normalise(title) for title in titles]
    distinct = sorted(set(normal))
    parent = list(range(len(distinct)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in _near_pairs([frozenset(text.split()) for text in distinct]):
        low, high = sorted((root(a), root(b)))
        parent[high] = low  # distinct is sorted: the smallest text of a group names it, whatever the row order
    key = {text: distinct[root(i)] for i, text in enumerate(distinct)}
    return [key[text] for text in normal]


def part_of(key: str) -> str:
    """Part by the SHA-256 of a group key: train (80%), validation (10%) or held_out (10%)."""
    bucket = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 10
    return {8: "validation", 9: "held_out"}.get(bucket, "train")


def read_sentfin(folder: Path) -> list[Row]:
    """SEntFiN's headlines with their part; a title labelled in two ways keeps neither."""
    with (folder / "sentfin_headline.csv").open(encoding="utf-8", newline="") as file:
        records = [(record["text"].strip(), LABELS.index(record["label"])) for record in csv.DictReader(file)]
    labels: dict[str, set[int]] = defaultdict(set)
    for title, label in records:
        labels[title].add(label)
    kept = sorted((title, min(found)) for title, found in labels.items() if len(found) == 1)
    keys = group_keys([title for title, _ in kept])
    return [Row(title, label, part_of(key)) for (title, label), key in zip(kept, keys, strict=True)]


def read_stocknet(folder: Path, held: list[Row]) -> list[str]:
    """StockNet's titles without a label, less any that is near to a validation or held-out title of SEntFiN."""
    with (folder / "headlines.csv").open(encoding="utf-8", newline="") as file:
        titles = sorted({record["title"].strip() for record in csv.DictReader(file)} - {""})
    guarded = [row.title for row in held if row.part != "train"]
    keys = group_keys(titles + guarded)
    blocked = set(keys[len(titles) :])
    first = {key: title for title, key in reversed(list(zip(titles, keys, strict=False))) if key not in blocked}
    return sorted(first.values())
