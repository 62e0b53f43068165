"""Figures of a three-class classifier: accuracy with its interval, F1, confusion, calibration."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

CLASSES = 3


def wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share, 95% by default (Wilson 1927)."""
    share, spread = right / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return centre - half, centre + half


def confusion(labels: NDArray[np.int64], answers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts of shape (3, 3): row the label, column the answer."""
    table = np.zeros((CLASSES, CLASSES), dtype=np.int64)
    np.add.at(table, (labels, answers), 1)
    return table


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Precision, recall and F1 of one class, 0 where nothing is there to divide by; n labels of it."""

    precision: float
    recall: float
    f1: float
    n: int


def by_class(table: NDArray[np.int64]) -> list[ClassFigures]:
    """The figures of each class from a confusion table."""
    found: list[ClassFigures] = []
    for index in range(CLASSES):
        right, answered, n = int(table[index, index]), int(table[:, index].sum()), int(table[index].sum())
        precision, recall = right / max(answered, 1), right / max(n, 1)
        f1 = 2 * right / max(answered + n, 1)
        found.append(ClassFigures(precision, recall, f1, n))
    return found


def macro_f1(table: NDArray[np.int64]) -> float:
    """The plain mean of the classes' F1."""
    return sum(figures.f1 for figures in by_class(table)) / CLASSES


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of the same shape, rows summing to 1."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence lies in [low, high): how many, how sure on average, how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability(probabilities: NDArray[np.float64], labels: NDArray[np.int64], bins: int = 10) -> list[Bin]:
    """The filled ones of `bins` equal bins of confidence (the largest probability)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        Bin(
            low=index / bins,
            high=(index + 1) / bins,
            n=int((place == index).sum()),
            confidence=float(confidence[place == index].mean()),
            accuracy=float(right[place == index].mean()),
        )
        for index in np.unique(place)
    ]


def expected_calibration_error(table: list[Bin]) -> float:
    """Mean |confidence - accuracy| over the bins, weighted by their answers (Naeini et al. 2015)."""
    return sum(b.n * abs(b.confidence - b.accuracy) for b in table) / sum(b.n for b in table)
