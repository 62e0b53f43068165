"""Tone by clause against tone of the whole headline: python -m benchmarks.clauses.

Judges the headlines of SEntFiN that are good for one and bad for another of the things that they name, with the compact
model. None of them is among the headlines that it was trained on.
"""

import numpy as np

from benchmarks.results import file_section, table
from signals_pipeline import sample
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.core.linking.clauses import clauses_by_company
from signals_pipeline.core.linking.roles import Role
from signals_pipeline.core.sentiment.tone import LABELS, softmax
from signals_pipeline_tests.support.labelled_data import PARTS, Share, opposite_tones

CONFIDENT = 0.6


def answers(model: SentimentModel, texts: list[str]) -> dict[str, tuple[str, float]]:
    """Each text's label and its probability."""
    probabilities = softmax(model.logits(texts))
    best = probabilities.argmax(axis=1)
    found = zip(texts, best, probabilities[np.arange(len(texts)), best], strict=True)
    return {text: (LABELS[label], float(probability)) for text, label, probability in found}


def judge(model: SentimentModel, part: str) -> list[tuple[object, ...]]:
    """One line a way of telling the tone: covered share of the labels and accuracy on these."""
    whole: list[bool] = []
    same_rows: list[bool] = []
    clause: list[bool] = []
    confident: list[bool] = []
    for one in opposite_tones(part):
        clauses = clauses_by_company(one.title, one.places, dict.fromkeys(one.labels, Role.SUBJECT))
        told = answers(model, sorted({one.title, *(each.text for each in clauses.values() if each.text)}))
        for entity, label in one.labels.items():
            whole.append(told[one.title][0] == label)
            # Where a clause still speaks of others, the whole-text head says nothing of one of them.
            if (text := clauses[entity].text) and not clauses[entity].spans:
                same_rows.append(whole[-1])
                clause.append(told[text][0] == label)
                if told[text][1] >= CONFIDENT:
                    confident.append(clause[-1])
    ways = {
        "whole headline": whole,
        "whole headline, where a clause has a tone": same_rows,
        "clause, else none": clause,
        f"clause, else none, confidence >= {CONFIDENT}": confident,
    }
    return [(part, way, Share(len(right), len(whole)), Share(sum(right), len(right))) for way, right in ways.items()]


def main() -> None:
    """Judge both parts and file the section."""
    model = SentimentModel.load(sample.COMPACT_MODEL, threads=1)
    lines = [line for part in PARTS for line in judge(model, part)]
    header = ("part", "tone of", "coverage", "accuracy")
    file_section("Clauses: headlines with opposite tones", "python -m benchmarks.clauses", table(header, lines))


if __name__ == "__main__":
    main()
