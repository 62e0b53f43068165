"""What the compact model learns from: titles with their companies marked, and the targets of its three heads.

An example has a template, the title with one character of a private range in the place of each of its companies, so
that a rewrite (`rewrite.py`) can put other names there and still knows where they stand. A target is absent where
nobody gave a label: a tweet with a topic has an event and no tone, a title with opposite tones no tone as a whole.
"""

import csv
import html
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from newswire import made_titles
from numpy.typing import NDArray
from patterns import Example as PatternExample
from rows import LABELS, Row, group_keys, normalise, part_of, read_sentfin, read_stocknet

from signals_pipeline.adapters.model.folder import EVENT_LABELS
from signals_pipeline.core.sentiment.events import rule_event

Target = tuple[float, ...]

FIRST_PLACE = 0xE000  # the first character of Unicode's private range; the n-th company's place is n characters on
SMOOTHING = 0.05  # of hard labels: two people agree on about nine headlines in ten
OPEN_TONE = (0.02, 0.43, 0.55)  # neutral or positive
# SEntFiN's entity file went through a replacement of "hold" and "sell" by labels, inside of names as well.
_MANGLED = {"neutraling": "Holding", "Rusnegative": "Russell"}
_LINK = re.compile(r"\s*https?://\S+")
_CASHTAG = re.compile(r"\$([A-Z]{1,5})\b")
# Part of the tweets that a run only watches, by the rows' own rule.
TWEET_LABELS = (0, 2, 1)  # the data set's bearish, bullish and neutral as indices of LABELS


@dataclass(frozen=True, slots=True)
class Example:
    """A training title.

    Attributes:
        template: The title, the n-th name of a company as the character `FIRST_PLACE + n`.
        names: The names that stand at the places.
        source: Which data it is from, for the mixture.
        tone: Target probabilities of `LABELS` for the title as a whole; None where nothing is known.
        entities: The same toward each company.
        owners: The position in `entities` of the company at each place: a title may call it by two names.
        event: Target probabilities of `EVENT_LABELS`.
    """

    template: str
    names: tuple[str, ...]
    source: str
    tone: Target | None = None
    entities: tuple[Target, ...] = ()
    owners: tuple[int, ...] = ()
    event: Target | None = None


def smoothed(label: int, classes: int) -> Target:
    """A one-hot target with `SMOOTHING` spread over all classes."""
    low = SMOOTHING / classes
    return tuple(1 - SMOOTHING + low if index == label else low for index in range(classes))


def marked(title: str, names: Sequence[str]) -> str:
    """The template of a title; a name that is part of another is marked after it, both wherever they stand.

    Raises:
        ValueError: a name does not stand in the title.
    """
    template = title
    for position in sorted(range(len(names)), key=lambda position: -len(names[position])):
        name = names[position]
        if name not in template:
            raise ValueError(f"{name!r} does not stand in {title!r}")
        template = template.replace(name, chr(FIRST_PLACE + position))
    return template


def filled(template: str, names: Sequence[str]) -> tuple[str, list[list[tuple[int, int]]]]:
    """The text of a template, and the character ranges of each name in it."""
    text = ""
    spans: list[list[tuple[int, int]]] = [[] for _ in names]
    for character in template:
        position = ord(character) - FIRST_PLACE
        if 0 <= position < len(names):
            spans[position].append((len(text), len(text) + len(names[position])))
            text += names[position]
        else:
            text += character
    return text, spans


def places_of(text: str, name: str) -> list[tuple[int, int]]:
    """Every character range of the name in the text."""
    found: list[tuple[int, int]] = []
    start = text.find(name)
    while start >= 0:
        found.append((start, start + len(name)))
        start = text.find(name, start + len(name))
    return found


# --- SEntFiN ---


@dataclass(frozen=True, slots=True)
class EntityRow:
    """One (title, entity) pair of SEntFiN, its class and its part of the split."""

    title: str
    entity: str
    label: int
    part: str


def read_entities(folder: Path) -> list[EntityRow]:
    """SEntFiN's entity rows, each in the part of the titles that are near to its title.

    A pair with two labels is left out, and so is one whose entity does not stand in the title.
    """
    labels: dict[tuple[str, str], set[int]] = defaultdict(set)
    with (folder / "sentfin_entity.csv").open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            entity = record["entity"].strip()
            for mangled, name in _MANGLED.items():
                entity = entity.replace(mangled, name)
            labels[record["text"].strip(), entity].add(LABELS.index(record["label"]))
    parts = _parts([title for title, _ in labels], read_sentfin(folder))
    return [
        EntityRow(title, entity, min(found), parts[title])
        for (title, entity), found in sorted(labels.items())
        if len(found) == 1 and entity in title
    ]


def _parts(titles: Iterable[str], headlines: Sequence[Row]) -> dict[str, str]:
    """The part of each title: that of the headlines it is near to, the most guarded one where they differ."""
    known = {row.title: row.part for row in headlines}
    distinct = sorted({*titles, *known})
    keys = dict(zip(distinct, group_keys(distinct), strict=True))
    parts_by_key: dict[str, set[str]] = defaultdict(set)
    for title, part in known.items():
        parts_by_key[keys[title]].add(part)
    found: dict[str, str] = {}
    for title in distinct:
        parts = parts_by_key[keys[title]] or {part_of(keys[title])}
        guarded = next(part for part in ("held_out", "validation", "train") if part in parts)
        found[title] = known.get(title, guarded)
    return found


def sentfin_examples(folder: Path) -> list[Example]:
    """The training titles of SEntFiN, with the tone of the whole where it has one, and toward each company."""
    tone = {row.title: row.label for row in read_sentfin(folder) if row.part == "train"}
    entities: dict[str, dict[str, int]] = defaultdict(dict)
    for row in read_entities(folder):
        if row.part == "train":
            entities[row.title][row.entity] = row.label
    examples: list[Example] = []
    for title in sorted({*tone, *entities}):
        # A name inside of another ("Tata" and "Tata Motors") is found where the longer one does not stand.
        named = _markable(title, entities.get(title, {}))
        names = tuple(named)
        examples.append(
            Example(
                marked(title, names),
                names,
                "companies" if len(names) > 1 else "sentfin",
                smoothed(tone[title], len(LABELS)) if title in tone else None,
                tuple(smoothed(label, len(LABELS)) for label in named.values()),
                tuple(range(len(names))),
            )
        )
    return examples


def _markable(title: str, labels: dict[str, int]) -> dict[str, int]:
    """The names that can be marked together, the longest first."""
    found: dict[str, int] = {}
    rest = title
    for name in sorted(labels, key=lambda name: (-len(name), name)):
        if name in rest:
            found[name] = labels[name]
            rest = rest.replace(name, "\n")
    return found


# --- Tweets ---


def read_tweets(file: Path) -> list[tuple[str, int]]:
    """Texts and labels of a file of the Twitter data sets, a text once; HTML's escapes are read as characters."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = {html.unescape(record["text"]).strip(): int(record["label"]) for record in csv.DictReader(stream)}
    return sorted(rows.items())


def sentiment_tweets(folder: Path) -> tuple[list[Example], list[tuple[str, int]]]:
    """Training examples of the labelled tweets, and the tweets that a run only watches.

    A tweet with one cashtag speaks of that company, so the tone is also the one toward it.
    """
    rows = read_tweets(folder / "sentiment_train.csv")
    examples: list[Example] = []
    watched: list[tuple[str, int]] = []
    for (text, tweet_label), key in zip(rows, group_keys([text for text, _ in rows]), strict=True):
        label = TWEET_LABELS[tweet_label]
        if part_of(key) == "validation":
            watched.append((text, label))
            continue
        target = smoothed(label, len(LABELS))
        symbols = tuple(dict.fromkeys(f"${symbol}" for symbol in _CASHTAG.findall(text)))
        names = symbols if len(symbols) == 1 else ()
        owners = tuple(range(len(names)))
        examples.append(Example(marked(text, names), names, "tweets", target, (target,) * len(names), owners))
    return examples, watched


# What the topics' numbers are among the events; absent: the topic is of several kinds. A topic that mixes two kinds
# has both, with its shares as read off fifty of its tweets.
_TOPIC_EVENTS: dict[int, dict[str, float]] = {
    0: {"rating": 1.0},
    1: {"macro": 1.0},
    2: {"product": 0.75, "other": 0.25},
    4: {"capital": 1.0},
    5: {"results": 1.0},
    6: {"macro": 1.0},
    7: {"results": 1.0},
    8: {"macro": 1.0},
    10: {"macro": 1.0},
    11: {"capital": 1.0},
    12: {"legal": 1.0},
    13: {"mna": 1.0},
    14: {"macro": 1.0},
    15: {"macro": 1.0},
    16: {"macro": 1.0},
    17: {"people": 1.0},
    18: {"opinion": 1.0},
    19: {"price": 1.0},
}
# A company's outlook stands among the topics' earnings.
_OUTLOOK = re.compile(
    r"\b(guidance|outlook|forecasts?|guides|sees (?:Q\d|FY|full)|reaffirms|full-year view)\b", re.IGNORECASE
)
_REPORTED = re.compile(r"\b(beats?|misses|EPS of|reports?|results)\b", re.IGNORECASE)
# Tweets of one topic that an epoch draws at most, so that the large topics do not crowd out the small ones.
_TOPIC_LIMIT = 900


def topic_event(topic: int, text: str) -> Target | None:
    """The target among `EVENT_LABELS` of a tweet with this topic; None where the topic says nothing."""
    shares = _TOPIC_EVENTS.get(topic)
    if shares is None:
        return None
    if topic in {5, 7} and _OUTLOOK.search(text) and not _REPORTED.search(text):
        shares = {"guidance": 1.0}
    low = SMOOTHING / len(EVENT_LABELS)
    return tuple(low + (1 - SMOOTHING) * shares.get(event, 0.0) for event in EVENT_LABELS)


def topic_tweets(folder: Path, seed: int) -> tuple[list[Example], list[tuple[str, int]]]:
    """Training examples of the tweets with a topic, and those of `topic_valid.csv` as (text, event)."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable choice, no secret
    by_topic: dict[int, list[Example]] = defaultdict(list)
    for text, topic in read_tweets(folder / "topic_train.csv"):
        event = topic_event(topic, text)
        if event is not None and len(text) > 20:
            by_topic[topic].append(Example(text, (), "topics", event=event))
    examples: list[Example] = []
    for topic in sorted(by_topic):
        found = by_topic[topic]
        examples += found if len(found) <= _TOPIC_LIMIT else draw.sample(found, _TOPIC_LIMIT)
    watched = [
        (text, int(np.argmax(event)))
        for text, topic in read_tweets(folder / "topic_valid.csv")
        if (event := topic_event(topic, text)) is not None
    ]
    return examples, watched


# --- Titles without a label, and made ones ---


def stocknet_titles(data: Path, keep_out: Iterable[Path]) -> list[str]:
    """StockNet's titles, less those that are near to a title of SEntFiN's other parts or of the files to keep out."""
    guarded = [row for row in read_sentfin(data / "sentfin") if row.part != "train"]
    guarded += [Row(title, -1, "held_out") for file in keep_out for title in titles_of(file)]
    return read_stocknet(data / "stocknet", guarded)


def titles_of(file: Path) -> list[str]:
    """The distinct titles of a CSV file with a column `title`."""
    with file.open(encoding="utf-8", newline="") as stream:
        return sorted({record["title"] for record in csv.DictReader(stream)})


def without(examples: Sequence[Example], keep_out: Iterable[Path]) -> list[Example]:
    """The examples whose title is in none of the files, numbers, case and punctuation aside."""
    barred = {normalise(title) for file in keep_out for title in titles_of(file)}
    return [e for e in examples if normalise(filled(e.template, e.names)[0]) not in barred]


def answered(titles: Sequence[str], probabilities: NDArray[np.floating]) -> list[Example]:
    """Examples of titles with a model's answers, shape (titles, 3), as their tone."""
    return [
        Example(title, (), "stocknet", tuple(row.tolist())) for title, row in zip(titles, probabilities, strict=True)
    ]


def with_rule_event(example: Example) -> Example:
    """The example of a real title with the event that the pipeline's rules find in it, where they find one.

    The classifier learns the rules' language from titles that no reader labelled, and generalises beyond their words.
    """
    if example.event is not None:
        return example
    text, spans = filled(example.template, example.names)
    event = rule_event(text, spans[0][0] if spans else None)
    if event is None:
        return example
    return replace(example, event=smoothed(EVENT_LABELS.index(event), len(EVENT_LABELS)))


def made_tone(label: str, made: PatternExample) -> Target:
    """The target among `LABELS` of a made title or of a company in it.

    Half of what readers see in a launch, a trial or a new plant is good news for the company, so a product's news that
    its pattern calls neutral has no hard target.
    """
    if label == "neutral" and made.kind == made.event == "product":
        return OPEN_TONE
    return smoothed(LABELS.index(label), len(LABELS))


def pattern_example(made: PatternExample) -> Example:
    """A title made from the patterns of `patterns.py`, with what it says."""
    mentions = sorted(
        (start, end, owner) for owner, company in enumerate(made.companies) for start, end in company.spans
    )
    template = ""
    after = 0
    for position, (start, end, _) in enumerate(mentions):
        template += made.title[after:start] + chr(FIRST_PLACE + position)
        after = end
    event = None if made.event is None else smoothed(EVENT_LABELS.index(made.event), len(EVENT_LABELS))
    return Example(
        template + made.title[after:],
        tuple(made.title[start:end] for start, end, _ in mentions),
        "patterns",
        None if made.label is None else made_tone(made.label, made),
        tuple(made_tone(company.label, made) for company in made.companies),
        tuple(owner for _, _, owner in mentions),
        event,
    )


def newswire_examples(count: int, companies: Sequence[tuple[str, str]], seed: int) -> list[Example]:
    """Titles made from the patterns of `newswire.toml`."""
    return [
        Example(title, (), "newswire", smoothed(LABELS.index(label), len(LABELS)))
        for title, label in made_titles(count, companies, seed)
    ]
