"""The files that this project labelled by hand, and how an answer to them is judged."""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.intervals import wilson_interval
from signals_pipeline.core.linking.linker import Linker
from signals_pipeline.core.linking.parts import MentionSpan
from signals_pipeline.core.linking.roles import Role
from signals_pipeline.core.news.event_similarity import (
    PairFeatures,
    event_words,
    own_words,
    pair_features,
    same_event_probability,
)
from signals_pipeline.core.news.stories import Timeline
from signals_pipeline.core.text import clean, readable
from signals_pipeline.core.watchlist import Company, Watchlist

DATA = Path(__file__).parents[1] / "data"
PARTS = ("development", "held_out")


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.hits / self.of

    def __str__(self) -> str:
        low, high = wilson_interval(self.hits, self.of)
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}] ({self.hits}/{self.of})"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a labelled file."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True, slots=True)
class LabelledHeadline:
    """What a headline says about one company, as labelled by hand.

    `role` is `Role.TAGGED` where the title does not name the company. `tone` is -1, 0 or 1 for a holder of its stock,
    and 0 unless the company is the subject or affected. `agreed`: two readers independently gave the same three labels.
    """

    part: str
    title: str
    symbol: str
    company: str
    role: Role
    event: EventType
    tone: int
    agreed: bool
    source: str


def labelled_headlines(part: str | None = None) -> list[LabelledHeadline]:
    """The labels of `headline_gold.csv`, or those of one of its `PARTS`.

    Raises:
        ValueError: A role, event or tone is not in the vocabulary.
    """
    headlines = []
    for row in rows("headline_gold.csv"):
        if part is not None and row["part"] != part:
            continue
        headlines.append(
            LabelledHeadline(
                part=row["part"],
                title=row["title"],
                symbol=row["symbol"],
                company=row["company"],
                role=Role(row["role"]),
                event=EventType(row["event"]),
                tone=int(row["tone"]),
                agreed=row["agreed"] == "1",
                source=row["source"],
            )
        )
    return headlines


def gold_watchlist() -> Watchlist:
    """The companies that the gold headlines are labelled for."""
    return load_watchlist(DATA / "linking_watchlist.yaml")


def expected(row: dict[str, str]) -> dict[str, str]:
    """The companies that a row's text names, each `subject` or `named`."""
    return dict(one.split(":") for one in row["expected"].split())


def linked(linker: Linker, row: dict[str, str]) -> dict[str, Role]:
    """The companies that the linker takes a row's text to name, with their roles."""
    title, _ = clean(row["title"])
    tags = row.get("tags", "").split("|")
    links = linker.read(title, readable(title), "", tags).links
    return {link.symbol: link.role for link in links if link.reason != "tagged" and link.role is not Role.OTHER}


@dataclass(frozen=True, slots=True)
class Linking:
    """Links right of those made, found of those expected, and subjects right of those called so."""

    precision: Share
    recall: Share
    subjects: Share


def judge_linking(labelled: Sequence[dict[str, str]], linker: Linker) -> Linking:
    """What the linker makes of labelled headlines; the unit is a headline and a company."""
    made = right = called = subjects = wanted = 0
    for row in labelled:
        truth, answer = expected(row), linked(linker, row)
        wanted, made, right = wanted + len(truth), made + len(answer), right + len(truth.keys() & answer.keys())
        said = [symbol for symbol, role in answer.items() if role is Role.SUBJECT]
        called, subjects = called + len(said), subjects + sum(truth.get(symbol) == "subject" for symbol in said)
    return Linking(Share(right, made), Share(right, wanted), Share(subjects, called))


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two titles of one company, and whether they report one event.

    Attributes:
        company: The company.
        first: The one title, as a model reads it.
        second: The other.
        hours: Hours between them.
        same: Whether both report one event.
    """

    company: Company
    first: str
    second: str
    hours: float
    same: bool

    @property
    def features(self) -> PairFeatures:
        """What the model of stories sees of the pair."""
        own = own_words(self.company)
        return pair_features(event_words(self.first, own), event_words(self.second, own), self.hours)

    @property
    def probability(self) -> float:
        """What the model of stories makes of it."""
        own = own_words(self.company)
        return same_event_probability(event_words(self.first, own), event_words(self.second, own), self.hours)


def labelled_pairs(part: str) -> list[LabelledPair]:
    """The labelled pairs of one part; for development those that were written for the fit as well."""
    labelled = [row for row in rows("story_pairs.csv") if row["part"] == part]
    if part == "development":
        labelled += rows("story_pairs_written.csv")
    watchlist = gold_watchlist()
    pairs: list[LabelledPair] = []
    for row in labelled:
        symbol = row["symbol"]
        # Written pairs are of companies off the watchlist too; their rows bring the name.
        company = watchlist.company(symbol) if symbol in watchlist else Company(symbol, row.get("company") or symbol)
        first, second = (readable(clean(row[side])[0]) for side in ("first", "second"))
        pairs.append(LabelledPair(company, first, second, float(row["hours"]), row["same_story"] == "1"))
    return pairs


def b_cubed(labelled: Sequence[dict[str, str]]) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1 of the stories found within each block of titles.

    Bagga and Baldwin, Entity-based cross-document coreferencing using the vector space model, 1998.
    """
    blocks: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in labelled:
        blocks[row["block"]].append(row)
    watchlist = gold_watchlist()
    precision: list[float] = []
    recall: list[float] = []
    for block in blocks.values():
        stories = found_stories(block, watchlist)
        for at, row in enumerate(block):
            found = {other for other, story in enumerate(stories) if story == stories[at]}
            true = {other for other, candidate in enumerate(block) if candidate["story"] == row["story"]}
            precision.append(len(found & true) / len(found))
            recall.append(len(found & true) / len(true))
    mean_precision, mean_recall = sum(precision) / len(precision), sum(recall) / len(recall)
    return mean_precision, mean_recall, 2 * mean_precision * mean_recall / (mean_precision + mean_recall)


def found_stories(block: Sequence[dict[str, str]], watchlist: Watchlist) -> list[int]:
    """The story of each title of one company within one window, as the pipeline finds it; titles in order of time."""
    texts = [readable(clean(row["title"])[0]) for row in block]
    instants = [datetime.fromisoformat(row["published_at"]) for row in block]
    linked = pd.DataFrame(
        {
            "headline_id": [str(number) for number in range(len(block))],
            "text": texts,
            "text_hash": texts,
            "url": "",
            "symbol": block[0]["block"].split()[0],
            "relevance": 1.0,
            "known_at": pd.DatetimeIndex(instants).as_unit("us"),
        }
    )
    microseconds = linked["known_at"].to_numpy(dtype="datetime64[us]").astype(int)
    found = Timeline(linked, watchlist).window_stories(
        visible_from=microseconds[0], evidence_from=microseconds[0], start=microseconds[0], end=microseconds[-1] + 1
    )
    story_by_row = dict(zip(found.row.tolist(), found.story.tolist(), strict=True))
    return [story_by_row[row] for row in range(len(block))]


@dataclass(frozen=True, slots=True)
class Toned:
    """A headline and the tone of each thing that it names: entity, where, label."""

    title: str
    labels: dict[str, str]

    @property
    def places(self) -> list[MentionSpan]:
        """Where the title names its entities, the longest name first where one holds another."""
        found: list[MentionSpan] = []
        for entity in sorted(self.labels, key=len, reverse=True):
            start = self.title.find(entity)
            while any(place.start < start + len(entity) and start < place.end for place in found):
                start = self.title.find(entity, start + 1)
            found.append(MentionSpan(entity, start, start + len(entity)))
        return sorted(found, key=lambda place: place.start)


def opposite_tones(part: str) -> list[Toned]:
    """The headlines of SEntFiN that are good for one and bad for another of the things that they name."""
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows("clause_gold.csv"):
        if row["part"] == part:
            labels[row["title"]][row["entity"]] = row["label"]
    return [Toned(title, found) for title, found in labels.items()]


@dataclass(frozen=True, slots=True)
class MinimalPair:
    """Two titles that differ in what they say of a company, with the tone of each: -1, 0 or 1, never the same."""

    kind: str
    first: str
    first_label: int
    second: str
    second_label: int


def minimal_pairs() -> list[MinimalPair]:
    """The pairs of minimal_pairs.csv."""
    return [
        MinimalPair(row["kind"], row["first"], int(row["first_label"]), row["second"], int(row["second_label"]))
        for row in rows("minimal_pairs.csv")
    ]


@dataclass(frozen=True, slots=True)
class TwoCompanyRow:
    """The tone of a title toward one of the companies that it names; `span` as in HEADLINES."""

    kind: str
    title: str
    company: str
    span: str
    label: int


def two_company_rows() -> list[TwoCompanyRow]:
    """The rows of two_companies.csv."""
    return [
        TwoCompanyRow(row["kind"], row["title"], row["company"], row["span"], int(row["label"]))
        for row in rows("two_companies.csv")
    ]


def held_out_titles() -> list[str]:
    """SEntFiN's held-out titles that come with the tests."""
    return [row["title"] for row in rows("sentfin_held_out.csv")]
