"""Every figure of the shipped folder, through the loader that the pipeline uses, written into its card.

    python evaluate.py --data BUNDLE --model signals_pipeline/sample/model/compact [--exact FOLDER] [--private FOLDER]

Only reads: nothing is chosen or tuned here.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
import numpy as np
from examples import places_of, read_entities, read_tweets, topic_event
from matplotlib.figure import Figure
from metrics import Bin, by_class, confusion, expected_calibration_error, macro_f1, reliability, softmax, wilson
from numpy.typing import NDArray
from rows import LABELS, read_sentfin
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from signals_pipeline.adapters.model.folder import EVENT_LABELS
from signals_pipeline.adapters.model.inference import ScoredText, SentimentModel
from signals_pipeline.core.spans import format_spans

BEGIN, END = "<!-- figures: begin (written by training/evaluate.py) -->", "<!-- figures: end -->"
PLOT = "calibration.svg"
PRIVATE = (  # file, name, columns of text and label
    ("quick20_headlines.csv", "US newswire (private sample)", "title", "finbert_label"),
    ("tfns_valid.csv", "finance posts (private sample)", "text", "label"),
)
Labels = NDArray[np.int64]


def vader(titles: list[str]) -> Labels:
    """VADER's class of each title by its compound score, at its authors' thresholds of 0.05."""
    analyser = SentimentIntensityAnalyzer()
    compound = np.array([analyser.polarity_scores(title)["compound"] for title in titles])
    return np.where(compound >= 0.05, 2, np.where(compound <= -0.05, 0, 1)).astype(np.int64)


def read_labelled(file: Path, text: str, label: str) -> tuple[list[str], Labels]:
    """Texts and classes of a CSV with these two columns."""
    with file.open(encoding="utf-8", newline="") as stream:
        records = list(csv.DictReader(stream))
    return [record[text] for record in records], np.array([LABELS.index(record[label]) for record in records])


def summary_row(name: str, labels: Labels, answers: Labels) -> str:
    """One line of the summary table."""
    right, n = int((labels == answers).sum()), len(labels)
    low, high = wilson(right, n)
    return (
        f"| {name} | {n:,} | {right / n:.3f} | {low:.3f} to {high:.3f} | {macro_f1(confusion(labels, answers)):.3f} |"
    )


def detail(labels: Labels, probabilities: NDArray[np.float64]) -> list[str]:
    """Per-class, confusion and reliability tables of the held-out rows."""
    table = confusion(labels, probabilities.argmax(axis=1))
    bins = reliability(probabilities, labels)
    lines = ["### By class", "", "| class | n | precision | recall | F1 |", "|---|---|---|---|---|"]
    for name, found in zip(LABELS, by_class(table), strict=True):
        lines.append(f"| {name} | {found.n} | {found.precision:.3f} | {found.recall:.3f} | {found.f1:.3f} |")
    lines += ["", "### Confusion", "", "| label \\ answer | " + " | ".join(LABELS) + " |", "|---|---|---|---|"]
    lines += [f"| {name} | " + " | ".join(map(str, row)) + " |" for name, row in zip(LABELS, table, strict=True)]
    lines += ["", f"### Calibration: ECE {expected_calibration_error(bins):.3f} (10 equal bins)", ""]
    lines += ["| confidence | n | mean confidence | accuracy (Wilson 95%) |", "|---|---|---|---|"]
    for b in bins:
        low, high = wilson(round(b.accuracy * b.n), b.n)
        shown = f"{b.accuracy:.3f} ({low:.3f} to {high:.3f})"
        lines.append(f"| {b.low:.1f} to {b.high:.1f} | {b.n} | {b.confidence:.3f} | {shown} |")
    return [*lines, "", f"![How often answers of a confidence are right]({PLOT})"]


def draw_calibration(bins: list[Bin], file: Path) -> None:
    """Accuracy with its Wilson 95% interval against mean confidence, a point a bin, as an SVG that repeats exactly."""
    mpl.rcParams["svg.hashsalt"] = "compact"
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([0.3, 1], [0.3, 1], color="#999999", linewidth=1, linestyle="--", label="perfectly calibrated")
    x, y = [b.confidence for b in bins], [b.accuracy for b in bins]
    ends = [wilson(round(b.accuracy * b.n), b.n) for b in bins]
    spread = [
        [at - low for at, (low, _) in zip(y, ends, strict=True)],
        [high - at for at, (_, high) in zip(y, ends, strict=True)],
    ]
    axes.errorbar(x, y, yerr=spread, fmt="o", color="#1f5fa8", capsize=3, label="answers, with 95% interval")
    for b in bins:
        axes.annotate(f"n = {b.n}", (b.confidence, b.accuracy), xytext=(6, -12), textcoords="offset points", fontsize=8)
    axes.set(
        xlim=(0.3, 1.02), ylim=(0, 1.05), xlabel="confidence: the largest probability", ylabel="share of answers right"
    )
    axes.set_title(
        f"SEntFiN held out, n = {sum(b.n for b in bins)}, ECE {expected_calibration_error(bins):.3f}", fontsize=10
    )
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    axes.grid(color="#eeeeee")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, metadata={"Date": None})


def held_out(model: SentimentModel, data: Path, model_folder: Path) -> tuple[list[str], list[str]]:
    """Summary rows and detail of SEntFiN's held-out rows; the calibration is drawn into the folder."""
    rows = [row for row in read_sentfin(data / "sentfin") if row.part == "held_out"]
    titles, labels = [row.title for row in rows], np.array([row.label for row in rows])
    probabilities = softmax(model.logits(titles))
    majority = np.full(len(labels), np.bincount(labels).argmax())
    summary = [
        summary_row("SEntFiN held out, accuracy", labels, probabilities.argmax(axis=1)),
        summary_row("the same rows, VADER", labels, vader(titles)),
        summary_row("the same rows, the largest class", labels, majority),
    ]
    draw_calibration(reliability(probabilities, labels), model_folder / PLOT)
    return summary, detail(labels, probabilities)


def entity_rows(model: SentimentModel, data: Path) -> list[str]:
    """Summary rows of SEntFiN's held-out entity rows: the tone toward each company, and that of the whole title."""
    rows = [row for row in read_entities(data / "sentfin") if row.part == "held_out"]
    labels_by_title: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        labels_by_title[row.title].append(row.label)
    spans = [format_spans(places_of(row.title, row.entity)) for row in rows]
    toward = model.score([ScoredText(row.title, span) for row, span in zip(rows, spans, strict=True)]).logits
    whole = model.logits([row.title for row in rows])
    labels = np.array([row.label for row in rows])

    found = [labels_by_title[row.title] for row in rows]
    kinds = {
        "one company in the title": [len(labels) == 1 for labels in found],
        "several companies": [len(labels) > 1 for labels in found],
        "companies of differing tone": [len(set(labels)) > 1 for labels in found],
        "companies of opposite tone": [{0, 2} <= set(labels) for labels in found],
    }
    lines: list[str] = []
    for name, chosen in kinds.items():
        at = np.array(chosen)
        lines.append(summary_row(f"SEntFiN entities held out, {name}", labels[at], toward[at].argmax(axis=1)))
        lines.append(summary_row("the same rows, tone of the whole title", labels[at], whole[at].argmax(axis=1)))
    return lines


def topics(model: SentimentModel, data: Path) -> list[str]:
    """The event head on the topics of tweets that are not trained on, as far as a topic is one event."""
    rows: list[tuple[str, str]] = []
    for text, topic in read_tweets(data / "twitter-financial-news" / "topic_valid.csv"):
        event = topic_event(topic, text)
        if event is not None:
            rows.append((text, EVENT_LABELS[int(np.argmax(event))]))
    answers = model.score([ScoredText(text) for text, _ in rows]).events
    lines = ["", "### Event types against the topics of tweets (`topic_valid.csv`)", ""]
    lines += ["| event | n | precision | recall | F1 |", "|---|---|---|---|---|"]
    pairs = list(zip([event for _, event in rows], answers, strict=True))
    for event in EVENT_LABELS:
        n = sum(label == event for label, _ in pairs)
        answered = sum(answer == event for _, answer in pairs)
        right = sum(label == answer == event for label, answer in pairs)
        if n:
            f1 = 2 * right / (n + answered)
            lines.append(f"| {event} | {n} | {right / max(answered, 1):.3f} | {right / n:.3f} | {f1:.3f} |")
    share = sum(label == answer for label, answer in pairs) / len(pairs)
    return [*lines, "", f"Right in {share:.3f} of {len(pairs):,} tweets."]


def private(model: SentimentModel, folder: Path) -> list[str]:
    """Summary rows of two samples that are not redistributable: nothing of them was trained or tuned on."""
    lines: list[str] = []
    for (file, name, text, label), figure in zip(PRIVATE, ("agreement with FinBERT", "accuracy"), strict=True):
        texts, labels = read_labelled(folder / file, text, label)
        lines.append(summary_row(f"{name}, {figure}", labels, model.logits(texts).argmax(axis=1).astype(np.int64)))
        lines.append(summary_row("the same rows, VADER", labels, vader(texts)))
    return lines


def rounding(model: SentimentModel, exact: SentimentModel, data: Path, folder: Path | None) -> list[str]:
    """How often int8 and the same weights in fp32 give one label, on titles that no code was fitted to."""
    texts = {"SEntFiN validation and held out": [r.title for r in read_sentfin(data / "sentfin") if r.part != "train"]}
    if folder:
        texts |= {name: read_labelled(folder / file, *columns)[0] for file, name, *columns in PRIVATE}
    lines = ["", "### Int8 against fp32", ""]
    lines += ["| rows | n | one label | Wilson 95% | largest difference of a probability |", "|---|---|---|---|---|"]
    for name, titles in texts.items():
        ours, theirs = model.logits(titles), exact.logits(titles)
        alike = int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
        low, high = wilson(alike, len(titles))
        apart = np.abs(softmax(ours) - softmax(theirs)).max()
        shown = f"{alike / len(titles):.4f} | {low:.4f} to {high:.4f}"
        lines.append(f"| {name} | {len(titles):,} | {shown} | {apart:.3f} |")
    return lines


def write_card(card: Path, figures: list[str]) -> None:
    """Put the figures between the card's markers; the rest stays."""
    text = card.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        raise SystemExit(f"{card}: the markers of the figures are gone; put '{BEGIN}' and '{END}' back")
    card.write_text("\n".join([before + BEGIN, *figures, END + after]), encoding="utf-8")


def main() -> None:
    """Evaluate and write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets, see README.md")
    parser.add_argument("--model", type=Path, required=True, help="the shipped folder")
    parser.add_argument("--exact", type=Path, help="the same weights in fp32, from export.py")
    parser.add_argument("--private", type=Path, help="folder with the two private samples")
    settings = parser.parse_args()
    model = SentimentModel.load(settings.model)
    summary, details = held_out(model, settings.data, settings.model)
    if model.tells_companies_apart:
        summary += entity_rows(model, settings.data)
    if settings.private:
        summary += private(model, settings.private)
    if model.events:
        details += topics(model, settings.data)
    if settings.exact:
        details += rounding(model, SentimentModel.load(settings.exact), settings.data, settings.private)
    head = ["", f"Revision `{model.revision}`, {model.quantisation}.", ""]
    head += ["| rows | n | share right | Wilson 95% | macro-F1 |", "|---|---|---|---|---|"]
    figures = [*head, *summary, "", *details, ""]
    write_card(settings.model / "MODEL_CARD.md", figures)
    print("\n".join(figures))


if __name__ == "__main__":
    main()
