"""Pairs of headlines that differ in a word or two and in their tone: a model may never give both the same sign."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.adapters.model.folder import LABELS


class MinimalPair(NamedTuple):
    """Good news, and bad news of almost the same words."""

    good: str
    bad: str


MINIMAL_PAIRS = (
    MinimalPair("Retailer's quarterly profit rises 12%", "Retailer's quarterly profit falls 12%"),
    MinimalPair("Airline lifts full-year forecast", "Airline cuts full-year forecast"),
    MinimalPair("Chipmaker beats revenue estimates", "Chipmaker misses revenue estimates"),
    MinimalPair("Analyst upgrades carmaker to buy", "Analyst downgrades carmaker to sell"),
    MinimalPair("Broker raises price target on miner", "Broker lowers price target on miner"),
    MinimalPair("Bank's operating costs decline in second quarter", "Bank's operating costs climb in second quarter"),
    MinimalPair("Drugmaker's loss narrows as sales pick up", "Drugmaker's loss widens as sales drop"),
    MinimalPair("Operator's customer churn decreases", "Operator's customer churn increases"),
    MinimalPair("Builder swings to profit from a loss", "Builder swings to loss from a profit"),
    MinimalPair("Insurer's claims come in lower than feared", "Insurer's claims come in higher than feared"),
    MinimalPair("Regulator approves the company's merger", "Regulator blocks the company's merger"),
    MinimalPair("Company wins patent lawsuit", "Company loses patent lawsuit"),
    MinimalPair("Judge dismisses fraud case against software maker", "Judge allows fraud case against software maker"),
    MinimalPair("Utility increases its dividend by a tenth", "Utility cuts its dividend by a tenth"),
    MinimalPair("Trial of heart drug meets its main goal", "Trial of heart drug fails its main goal"),
    MinimalPair("Supplier secures a large order from the army", "Supplier loses a large order from the army"),
    MinimalPair("Shipper's margins expand", "Shipper's margins shrink"),
    MinimalPair("Workers call off strike at truck plant", "Workers go on strike at truck plant"),
    MinimalPair("Demand for its phones strengthens", "Demand for its phones weakens"),
    MinimalPair("Agency lifts credit rating of steelmaker", "Agency cuts credit rating of steelmaker"),
    MinimalPair("Lender's bad loans fall to a five-year low", "Lender's bad loans rise to a five-year high"),
    MinimalPair("Company repays its debt ahead of schedule", "Company defaults on its debt"),
    MinimalPair("Refinery restarts after outage", "Refinery shuts down after outage"),
    MinimalPair("Streaming service gains two million subscribers", "Streaming service loses two million subscribers"),
    MinimalPair("Earnings per share of $2.10 vs $1.95 expected", "Earnings per share of $1.80 vs $1.95 expected"),
    MinimalPair("Brewer sees sales growth accelerating", "Brewer sees sales growth slowing"),
    MinimalPair("Hotel group's bookings surge", "Hotel group's bookings slump"),
    MinimalPair("Investigators clear the firm of wrongdoing", "Investigators accuse the firm of wrongdoing"),
    MinimalPair("Stock hits a record high", "Stock hits a record low"),
    MinimalPair(
        "Outlook for the second half is better than expected", "Outlook for the second half is worse than expected"
    ),
)


class PairAnswers(NamedTuple):
    """How a model does on the pairs.

    Attributes:
        right: Pairs whose good half is positive and whose bad half is negative.
        opposite: Halves with the opposite sign.
    """

    right: int
    opposite: int


def pair_texts() -> list[str]:
    """All halves: the good one of each pair, then its bad one."""
    return [text for pair in MINIMAL_PAIRS for text in pair]


def pair_answers(logits: NDArray[np.float32]) -> PairAnswers:
    """Judge the logits of `pair_texts`, columns as in `LABELS`."""
    labels = [LABELS[column] for column in logits.argmax(axis=1)]
    good, bad = labels[::2], labels[1::2]
    right = sum(answer == ("positive", "negative") for answer in zip(good, bad, strict=True))
    return PairAnswers(right, good.count("negative") + bad.count("positive"))
