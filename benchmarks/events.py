"""How often event types of headlines are right: python -m benchmarks.events [FILE.csv [MODEL]].

Judges the labelled headlines of the tests; with a file, those: it has the columns title and event, and may have symbol,
role, span ("START-END"), source and part. A row whose event is empty does not count. Rules are judged alone; with a
model's folder also with its classifier where no rule decides. Precision is right / decided, recall right / all of the
type, with Wilson 95 % intervals.
"""

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.results import file_section, table
from signals_pipeline.core.event_types import EVENT_TYPES, EventType
from signals_pipeline.core.intervals import wilson_interval
from signals_pipeline.core.sentiment.events import rule_event
from signals_pipeline.core.spans import first_span

LABELLED = Path(__file__).parent.parent / "signals_pipeline_tests" / "data" / "headline_gold.csv"


@dataclass(frozen=True, slots=True)
class LabelledHeadline:
    """A title with the type that readers gave it."""

    title: str
    span: str
    role: str
    source: str
    event: str
    part: str


def read_labelled(path: Path) -> list[LabelledHeadline]:
    """The file's rows that have a type."""
    headlines = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row["event"]:
                continue
            span, role, source, part = (row.get(name) or "" for name in ("span", "role", "source", "part"))
            headlines.append(LabelledHeadline(row["title"], span, role, source, row["event"], part))
    return headlines


def decide_by_rules(headlines: Sequence[LabelledHeadline]) -> list[str]:
    """The rules' types, empty where no rule decides."""
    decisions = []
    for headline in headlines:
        span = first_span(headline.span)
        decisions.append(rule_event(headline.title, span, role=headline.role, source=headline.source) or "")
    return decisions


def decide_with_classifier(headlines: Sequence[LabelledHeadline], rules: Sequence[str], folder: Path) -> list[str]:
    """The rules' types, and the classifier's where no rule decides."""
    from signals_pipeline.adapters.model.inference import ScoredText, SentimentModel

    model = SentimentModel.load(folder, threads=2)
    classified = model.score([ScoredText(headline.title, headline.span) for headline in headlines]).events
    return [rule or event or EventType.OTHER for rule, event in zip(rules, classified, strict=True)]


def f1_by_type(pairs: Sequence[tuple[str, str]]) -> dict[EventType, float]:
    """F1 of each type that is among the labels of (label, decision) pairs."""
    counts = Counter(pairs)
    scores: dict[EventType, float] = {}
    for event in EVENT_TYPES:
        decided = sum(count for (_, decision), count in counts.items() if decision == event)
        labelled = sum(count for (label, _), count in counts.items() if label == event)
        if labelled:
            scores[event] = 2 * counts[event, event] / (decided + labelled)
    return scores


def judge(headlines: Sequence[LabelledHeadline], decisions: Sequence[str]) -> str:
    """The table of figures by type; F1 of all rows is the mean over the types that occur."""
    pairs = [(headline.event, decision) for headline, decision in zip(headlines, decisions, strict=True)]
    scores = f1_by_type(pairs)
    lines = []
    for event, score in scores.items():
        right = pairs.count((event.value, event.value))
        decided = sum(decision == event for _, decision in pairs)
        labelled = sum(label == event for label, _ in pairs)
        lines.append((event.value, labelled, share(right, decided), share(right, labelled), f"{score:.2f}"))

    right = sum(label == decision for label, decision in pairs)
    decided = sum(decision != "" for _, decision in pairs)
    lines.append(("all", len(pairs), share(right, decided), share(right, len(pairs)), f"{mean(scores.values()):.2f}"))
    return table(("type", "rows", "precision", "recall", "F1"), lines)


def share(hits: int, n: int) -> str:
    """A share with its interval."""
    if not n:
        return "-"
    low, high = wilson_interval(hits, n)
    return f"{hits / n:.2f} [{low:.2f}, {high:.2f}]"


def main(path: Path, folder: Path | None) -> None:
    """Judge, print and file the section."""
    headlines = read_labelled(path)
    body = []
    for part in sorted({headline.part for headline in headlines}):
        rows = [headline for headline in headlines if headline.part == part]
        rules = decide_by_rules(rows)
        decided = sum(decision != "" for decision in rules)
        figures = judge(rows, rules)
        body.append(f"Rules alone, {part or 'all rows'}: they decide {share(decided, len(rows))} of {len(rows)} rows.")
        body.append(figures)
        if folder is not None:
            figures = judge(rows, decide_with_classifier(rows, rules, folder))
            body.append(f"Rules, then the classifier, {part or 'all rows'}:")
            body.append(figures)
    body.append("Unit: a headline and a company. Wilson 95 % intervals; F1 of all rows is the mean over types.")
    file_section("Event types", "python -m benchmarks.events", "\n\n".join(body))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else LABELLED, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
