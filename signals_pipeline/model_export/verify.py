"""Verification: how a prepared folder compares with the fp32 weights that it was made from.

The result is recorded beside the model, in `verification.json`.
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import LABELS, ModelError
from signals_pipeline.core.intervals import wilson_interval
from signals_pipeline.core.sentiment.tone import softmax

VERIFICATION_FILE = "verification.json"
MIN_AGREEMENT = 0.995  # share of labels on which int8 and fp32 agree
MAX_EXACT_DIFFERENCE = 1e-4  # of an fp32 logit, which different orders of summation account for
# Plain sentences with the label that any financial model must give them: they show mixed-up labels and foreign
# tokenizers, which agreement with equally broken weights does not.
PROBES = {
    "Profit soars to a record as sales jump 40%": "positive",
    "The company raised its full-year forecast after strong quarterly growth": "positive",
    "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn": "positive",
    "Shares surge after earnings beat expectations": "positive",
    "Net sales increased by 18% and the dividend was raised": "positive",
    "Shares plunge after a profit warning": "negative",
    "The company filed for bankruptcy as losses mounted": "negative",
    "Net sales fell 15% and the operating loss widened": "negative",
    "Stock tumbles as quarterly earnings miss expectations": "negative",
    "Operating profit fell to EUR 5.2 mn from EUR 9.8 mn": "negative",
}
MIN_PROBES_RIGHT = 8


class Scoring(Protocol):
    """Any model that returns logits."""

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), 3), columns negative, neutral, positive."""
        ...


class Verification(BaseModel):
    """How a prepared folder compares with its fp32 source; differences are the largest over all texts and classes.

    The folder is in int8, or in fp32 where int8 was too far off.
    """

    model_config = ConfigDict(frozen=True)

    revision: str
    source: str
    source_revision: str
    texts: int
    label_agreement: float
    agreement_interval: tuple[float, float]
    largest_probability_difference: float
    mean_probability_difference: float
    largest_exact_difference: float
    batch_invariant: bool
    probes_right: int
    probe_labels: int

    @property
    def summary(self) -> str:
        """The result in words."""
        low, high = self.agreement_interval
        return (
            f"verified against fp32: {self.label_agreement:.2%} of {self.texts} labels agree (95% interval {low:.1%} to"
            f" {high:.1%}), largest probability difference {self.largest_probability_difference:.3f}"
        )

    def faults(self) -> list[str]:
        """Why the folder must not be used; empty where it may be.

        Agreement is judged by its Wilson 95% interval: a folder is refused when the whole interval lies below 99.5%,
        because one near-tie more or less among a few hundred headlines proves nothing.
        """
        faults: list[str] = []
        if self.agreement_interval[1] < MIN_AGREEMENT:
            faults.append(f"int8 and fp32 agree on {self.label_agreement:.2%} of {self.texts} labels")
        # Written as "not <=", so that NaN is a fault, too.
        if not self.largest_exact_difference <= MAX_EXACT_DIFFERENCE:
            faults.append(f"the fp32 graph's logits are off by {self.largest_exact_difference:.2g} from torch's")
        if not self.batch_invariant:
            faults.append("a headline's logits change with what is scored together with it")
        return faults + probe_faults(self.probes_right, self.probe_labels)


def headlines() -> list[str]:
    """The titles of the bundled sample, each once."""
    with sample.HEADLINES.open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["title"] for row in csv.DictReader(file)))


def compare(
    int8: Scoring, exact: Scoring, reference: Scoring, *, revision: str, source: str, source_revision: str
) -> Verification:
    """Score the bundled headlines with all three models and compare the results.

    Args:
        int8: The folder to verify.
        exact: The same graph in fp32.
        reference: The weights in torch, fp32.
        revision: The folder's revision.
        source: Repository of the weights.
        source_revision: Revision of the weights.
    """
    texts = headlines()
    int8_logits = int8.logits(texts)
    reference_logits = reference.logits(texts)
    agreeing = int((int8_logits.argmax(axis=1) == reference_logits.argmax(axis=1)).sum())
    probability_differences = np.abs(softmax(int8_logits) - softmax(reference_logits))
    exact_differences = np.abs(exact.logits(texts) - reference_logits)

    probes_right, probe_labels = probe_answers(int8.logits(list(PROBES)))
    return Verification(
        revision=revision,
        source=source,
        source_revision=source_revision,
        texts=len(texts),
        label_agreement=agreeing / len(texts),
        agreement_interval=wilson_interval(agreeing, len(texts)),
        largest_probability_difference=float(probability_differences.max()),
        mean_probability_difference=float(probability_differences.mean()),
        largest_exact_difference=float(exact_differences.max()),
        batch_invariant=is_batch_invariant(int8, texts, int8_logits),
        probes_right=probes_right,
        probe_labels=probe_labels,
    )


def probe_answers(logits: NDArray[np.float32]) -> tuple[int, int]:
    """How many of the plain sentences get their label, and how many different labels they get.

    Args:
        logits: Of `PROBES`, columns as in `LABELS`.
    """
    labels = [LABELS[column] for column in logits.argmax(axis=1)]
    right = sum(label == expected for label, expected in zip(labels, PROBES.values(), strict=True))
    return right, len(set(labels))


def probe_faults(right: int, distinct: int) -> list[str]:
    """Why a model with these `probe_answers` must not be used; empty where it may be."""
    if distinct < 2:
        return ["plainly good and plainly bad news get the same label, which hints at a foreign tokenizer"]
    if right < MIN_PROBES_RIGHT:
        return [f"only {right} of {len(PROBES)} plain sentences get their label, which hints at mixed-up labels"]
    return []


def is_batch_invariant(model: Scoring, texts: Sequence[str], together: NDArray[np.float32]) -> bool:
    """Whether every text's logits are the same bits alone, and in reverse order, as in `together`."""
    alone = np.concatenate([model.logits([text]) for text in texts])
    reverse = model.logits(texts[::-1])[::-1]
    return alone.tobytes() == together.tobytes() == np.ascontiguousarray(reverse).tobytes()


def record(folder: Path, verification: Verification) -> None:
    """Write the verification beside the model.

    Raises:
        ModelError: the folder must not be used; the message has the reasons on one line.
    """
    faults = verification.faults()
    if faults:
        raise ModelError(f"{verification.source}: refused, {'; '.join(faults)}; check weights and tokenizer")
    (folder / VERIFICATION_FILE).write_text(verification.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(folder: Path, revision: str) -> Verification | None:
    """The recorded verification of this revision of the folder; None where there is none.

    Raises:
        ModelError: the record is damaged, or is of another revision.
    """
    path = folder / VERIFICATION_FILE
    if not path.is_file():
        return None
    try:
        verification = Verification.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelError(f"{path}: unreadable; verify the folder again: signals model verify") from error
    if verification.revision != revision:
        raise ModelError(
            f"{path}: of revision {verification.revision}, but the model is {revision}; verify the folder again:"
            " signals model verify"
        )
    return verification
