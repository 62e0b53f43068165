"""What a checkpoint calls its three classes, and which of `LABELS` each of them is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from signals_pipeline.adapters.model.folder import LABELS, ModelError

# Words that published classifiers use, by the label that they mean; compared without regard to case.
SYNONYMS = {
    "negative": ("negative", "neg", "bearish", "bear"),
    "neutral": ("neutral", "neu"),
    "positive": ("positive", "pos", "bullish", "bull"),
}
_LABEL_BY_WORD = {word: label for label, words in SYNONYMS.items() for word in words}
OPTION_HINT = "--labels negative,neutral,positive in the model's order"


def labels_by_column(names: Mapping[int, str], config: Path, given: Sequence[str] = ()) -> dict[int, str]:
    """Which of `LABELS` each output column of a checkpoint is.

    Args:
        names: `id2label` of the checkpoint's configuration.
        config: Where they stand, for errors.
        given: What the user says the columns are, in their order; empty: the names themselves say it.

    Raises:
        ModelError: there aren't exactly three classes, a name is neither a label nor a synonym of one, or two name the
            same label.
    """
    if sorted(names) != [0, 1, 2]:
        raise ModelError(
            f"{config}: {len(names)} classes ({_listed(names)}), not negative, neutral and positive; use a three-class"
            " sentiment model"
        )
    words = list(given) or [names[column] for column in range(len(LABELS))]
    labels = [_LABEL_BY_WORD.get(word.strip().casefold(), "") for word in words]
    if sorted(labels) == sorted(LABELS):
        return dict(enumerate(labels))
    if given:
        raise ModelError(f"--labels {','.join(given)}: name negative, neutral and positive once each; {OPTION_HINT}")
    if "" in labels:
        unknown = words[labels.index("")]
        raise ModelError(
            f"{config}: id2label ({_listed(names)}) does not say which class {unknown} is; say it with {OPTION_HINT}"
        )
    duplicate = next(label for label in labels if labels.count(label) > 1)
    raise ModelError(f"{config}: id2label ({_listed(names)}) names {duplicate} twice; correct it with {OPTION_HINT}")


def _listed(names: Mapping[int, str]) -> str:
    """The names in the order of their columns."""
    return ", ".join(names[column] for column in sorted(names))
