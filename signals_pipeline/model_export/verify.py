"""Is a prepared folder as good as the weights it was made from? The answer is written beside the model."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import LABELS, ModelError
from signals_pipeline.core.intervals import wilson
from signals_pipeline.core.sentiment.tone import softmax

VERIFICATION_FILE = "verification.json"
LEAST_AGREEMENT = 0.995
LARGEST_EXACT_DIFFERENCE = 1e-4
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
LEAST_PROBES_RIGHT = 8


class Scoring(Protocol):
    """Anything that gives logits."""

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), 3), columns negative, neutral, positive."""
        ...


class Verification(BaseModel):
    """How an int8 folder compares with its fp32 source; differences are the largest over all texts and classes."""

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
        """The outcome in words."""
        low, high = self.agreement_interval
        return (
            f"verified against fp32: {self.label_agreement:.2%} of {self.texts} labels agree (95% interval {low:.1%} to"
            f" {high:.1%}), largest probability difference {self.largest_probability_difference:.3f}"
        )

    def faults(self) -> list[str]:
        """Why the folder must not be used; empty where it may.

        Agreement is judged by its Wilson 95% interval: a folder is refused when that lies below 99.5% as a whole, as
        one near-tie more or less among a few hundred headlines proves nothing.
        """
        found = []
        if self.agreement_interval[1] < LEAST_AGREEMENT:
            found.append(f"int8 and fp32 agree on {self.label_agreement:.2%} of {self.texts} labels")
        if not self.largest_exact_difference <= LARGEST_EXACT_DIFFERENCE:
            found.append(f"the fp32 graph's logits are off by {self.largest_exact_difference:.2g} from torch's")
        if not self.batch_invariant:
            found.append("a headline's logits change with what is scored beside it")
        if self.probe_labels < 2:
            found.append("plainly good and plainly bad news get one and the same label (a foreign tokenizer does that)")
        elif self.probes_right < LEAST_PROBES_RIGHT:
            found.append(
                f"{self.probes_right} of {len(PROBES)} plain sentences get their label (mixed-up labels do that)"
            )
        return found


def headlines() -> list[str]:
    """The titles of the bundled sample, each once."""
    with sample.HEADLINES.open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["title"] for row in csv.DictReader(file)))


def compare(
    int8: Scoring, exact: Scoring, reference: Scoring, *, revision: str, source: str, source_revision: str
) -> Verification:
    """Score the bundled headlines with all three.

    Args:
        int8: The folder to judge.
        exact: The same graph in fp32.
        reference: The weights in torch, fp32.
        revision: Of the folder.
        source: Where the weights are from.
        source_revision: Which ones.
    """
    texts = headlines()
    answers, truth = int8.logits(texts), reference.logits(texts)
    alike = int((answers.argmax(axis=1) == truth.argmax(axis=1)).sum())
    apart = np.abs(softmax(answers) - softmax(truth))
    labels = [LABELS[place] for place in int8.logits(list(PROBES)).argmax(axis=1)]
    return Verification(
        revision=revision,
        source=source,
        source_revision=source_revision,
        texts=len(texts),
        label_agreement=alike / len(texts),
        agreement_interval=wilson(alike, len(texts)),
        largest_probability_difference=float(apart.max()),
        mean_probability_difference=float(apart.mean()),
        largest_exact_difference=float(np.abs(exact.logits(texts) - truth).max()),
        batch_invariant=invariant(int8, texts, answers),
        probes_right=sum(label == wanted for label, wanted in zip(labels, PROBES.values(), strict=True)),
        probe_labels=len(set(labels)),
    )


def invariant(model: Scoring, texts: Sequence[str], together: NDArray[np.float32]) -> bool:
    """Whether every text has the same bits alone, and all of them in reverse order, as in `together`."""
    alone = np.concatenate([model.logits([text]) for text in texts])
    reverse = model.logits(texts[::-1])[::-1]
    return alone.tobytes() == together.tobytes() == np.ascontiguousarray(reverse).tobytes()


def record(folder: Path, verification: Verification) -> None:
    """Write the verification beside the model.

    Raises:
        ModelError: the folder must not be used; the reasons in one line.
    """
    if faults := verification.faults():
        raise ModelError(f"{verification.source}: refused, {'; '.join(faults)}; check weights and tokenizer")
    (folder / VERIFICATION_FILE).write_text(verification.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(folder: Path, revision: str) -> Verification | None:
    """What was recorded about this revision of the folder, None where nothing was.

    Raises:
        ModelError: the record is damaged, or speaks of another revision.
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
            f"{path}: about revision {verification.revision}, but the model is {revision}; verify the folder again:"
            " signals model verify"
        )
    return verification
