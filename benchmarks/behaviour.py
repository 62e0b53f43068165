"""Behavioural suite of a sentiment model: python -m benchmarks.behaviour [MODEL_FOLDER].

Minimal pairs: two titles that differ in what they say of a company; a pair is right where both halves have their label,
and no pair may have one sign twice. Headlines of two companies: the tone toward each. Invariances: rewrites that change
nothing of what a title says must not change its label. All of it was written by hand for this project before the model
was trained, and none of it was trained on. Rating actions are read as the pipeline reads them, by what they do.
"""

import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from benchmarks.results import file_section, table
from signals_pipeline import sample
from signals_pipeline.adapters.model.inference import ScoredText, SentimentModel
from signals_pipeline.core.event_types import EVENT_TYPES
from signals_pipeline.core.sentiment.events import assign_events
from signals_pipeline.core.sentiment.tone import LABELS, read_tone
from signals_pipeline.core.spans import format_spans
from signals_pipeline_tests.support.labelled_data import (
    MinimalPair,
    Share,
    TwoCompanyRow,
    held_out_titles,
    minimal_pairs,
    two_company_rows,
)

SEED = 20261130
NAMES = ("Honeywell", "Danaher", "Siemens", "Infosys", "Kroger", "Entergy", "Dow Inc.", "Zoetis", "Ahold", "Sandvik")
SUFFIXES = (" - Reuters", " | MarketWatch", " - Yahoo Finance", " (Bloomberg)", " - The Wall Street Journal")


def labels(model: SentimentModel, texts: Sequence[ScoredText]) -> list[int]:
    """The sign of each text's likeliest class: -1, 0 or 1, rating actions by what they do."""
    rows = pd.DataFrame(
        {
            "symbol": "X",
            "title": [text.text for text in texts],
            "text": [text.text for text in texts],
            "text_hash": [str(position) for position in range(len(texts))],
            "span": [text.span for text in texts],
            "role": "subject",
            "source": "",
        }
    ).astype({"text_hash": "str", "span": "str"})
    scores = model.score(texts)
    logits = pd.DataFrame(scores.logits, columns=list(LABELS), index=pd.Index(rows["text_hash"], dtype="str"))
    logits["event"] = pd.Series(scores.events, index=logits.index, dtype="str")
    toned = read_tone(assign_events(rows), logits, min_confidence=0, tone_events=EVENT_TYPES)
    probabilities = toned[["p_negative", "p_neutral", "p_positive"]].to_numpy()
    return (probabilities.argmax(axis=1) - 1).tolist()


def judge_pairs(model: SentimentModel, pairs: Sequence[MinimalPair]) -> str:
    """Pairs wholly right, and halves with the opposite sign, by kind."""
    firsts = labels(model, [ScoredText(pair.first) for pair in pairs])
    seconds = labels(model, [ScoredText(pair.second) for pair in pairs])
    right: dict[str, list[bool]] = defaultdict(list)
    opposite: dict[str, list[bool]] = defaultdict(list)
    for pair, first, second in zip(pairs, firsts, seconds, strict=True):
        is_right = first == pair.first_label and second == pair.second_label
        for kind in (pair.kind, "all"):
            right[kind].append(is_right)
            opposite[kind].append(first * pair.first_label < 0)
            opposite[kind].append(second * pair.second_label < 0)
    lines = [
        (kind, len(results), Share(sum(results), len(results)), Share(sum(opposite[kind]), len(opposite[kind])))
        for kind, results in sorted(right.items(), key=lambda entry: (entry[0] == "all", entry[0]))
    ]
    return table(("minimal pairs", "pairs", "both halves right", "halves with the opposite sign"), lines)


def judge_two_companies(model: SentimentModel, rows: Sequence[TwoCompanyRow]) -> str:
    """Tone toward each company of headlines that name two, by kind."""
    answers = labels(model, [ScoredText(row.title, row.span) for row in rows])
    right: dict[str, list[bool]] = defaultdict(list)
    opposite: dict[str, list[bool]] = defaultdict(list)
    invented: dict[str, list[bool]] = defaultdict(list)
    for row, answer in zip(rows, answers, strict=True):
        for kind in (row.kind, "all"):
            right[kind].append(answer == row.label)
            opposite[kind].append(answer * row.label < 0)
            invented[kind].append(row.label == 0 and answer != 0)
    lines = [
        (kind, len(results), *(Share(sum(flags[kind]), len(results)) for flags in (right, opposite, invented)))
        for kind, results in sorted(right.items(), key=lambda entry: (entry[0] == "all", entry[0]))
    ]
    return table(("two companies", "rows", "right", "opposite sign", "sign where there is none"), lines)


def judge_invariances(model: SentimentModel, titles: Sequence[str], named: Sequence[TwoCompanyRow]) -> str:
    """Share of labels that a rewrite changes."""
    draw = random.Random(SEED)
    before = labels(model, [ScoredText(title) for title in titles])
    lines: list[tuple[object, ...]] = []
    for name, rewrite in REWRITES.items():
        after = labels(model, [ScoredText(rewrite(title, draw)) for title in titles])
        changed = sum(old != new for old, new in zip(before, after, strict=True))
        lines.append((name, len(titles), Share(changed, len(titles))))

    # Another company in the place of the one that the label is for.
    before = labels(model, [ScoredText(row.title, row.span) for row in named])
    after = labels(model, [_renamed(row, draw.choice(NAMES)) for row in named])
    changed = sum(old != new for old, new in zip(before, after, strict=True))
    lines.append(("company's name", len(named), Share(changed, len(named))))
    return table(("rewrite", "titles", "labels changed"), lines)


def _renamed(row: TwoCompanyRow, name: str) -> ScoredText:
    """The row's title with another name for its company, and where it stands."""
    text = row.title.replace(row.company, name)
    return ScoredText(text, format_spans(match.span() for match in re.finditer(re.escape(name), text)))


def _other_digits(title: str, draw: random.Random) -> str:
    """Other digits in numbers of one title; figures that are compared with each other stay."""
    numbers = re.findall(r"\d+", title)
    if len(numbers) != 1:
        return title
    return re.sub(r"\d", lambda _: draw.choice("123456789"), title)


def _typo(title: str, draw: random.Random) -> str:
    """Two letters exchanged inside one word of five letters or more."""
    words = list(re.finditer(r"[^\W\d_]{5,}", title))
    if not words:
        return title
    word = draw.choice(words)
    position = draw.randrange(word.start() + 1, word.end() - 2)
    return title[:position] + title[position + 1] + title[position] + title[position + 2 :]


REWRITES: dict[str, Callable[[str, random.Random], str]] = {
    "publisher's suffix": lambda title, draw: title + draw.choice(SUFFIXES),
    "other digits": _other_digits,
    "full stop": lambda title, _: title.rstrip(".") + ".",
    "exclamation mark": lambda title, _: title.rstrip("!") + "!",
    "emoji": lambda title, _: f"📰 {title}",
    "typo": _typo,
}


def main() -> None:
    """Judge the model and file the section."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else sample.COMPACT_MODEL
    model = SentimentModel.load(folder, threads=1)
    pairs = minimal_pairs()
    rows = two_company_rows()
    titles = [*held_out_titles(), *(pair.first for pair in pairs), *(pair.second for pair in pairs)]
    parts = [judge_pairs(model, pairs), judge_two_companies(model, rows), judge_invariances(model, titles, rows)]
    title = f"Behaviour: {model.name}"
    file_section(title, "python -m benchmarks.behaviour", "\n\n".join(parts))


if __name__ == "__main__":
    main()
