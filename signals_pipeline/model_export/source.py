"""The weights as their authors publish them: a folder in the Hugging Face hub's layout, with a record of its origin.

`fetching` downloads or copies such a folder. What is fetched is pinned to a commit, and its checksums are recorded in
`origin.json`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signals_pipeline.adapters.model.folder import SOURCE_SUFFIX, ModelError, ModelOrigin, checksum
from signals_pipeline.model_export.labels import labels_by_column

# Alternatives, the preferred one first: safetensors can't execute code when it is read, a pickle can.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
CONFIG = "config.json"
# Any one of them: a whole tokenizer, a vocabulary of WordPiece or byte-level BPE, or a sentencepiece model.
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spm.model", "spiece.model", "sentencepiece.bpe.model")
EXTRAS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")
SMALL_FILES = (CONFIG, *TOKENIZERS, *EXTRAS)
ORIGIN_FILE = "origin.json"
LOCAL_REVISION = "local"  # of a folder that is no snapshot of the hub's


class ModelType(StrEnum):
    """Architectures that can be prepared, by their name in a checkpoint's configuration."""

    BERT = "bert"
    ROBERTA = "roberta"
    DISTILBERT = "distilbert"
    DEBERTA = "deberta"
    DEBERTA_V2 = "deberta-v2"  # version 3 as well
    MODERNBERT = "modernbert"


class Architecture(BaseModel):
    """The fields of a BERT's `config.json` that the own graph depends on; it is built for no other values of them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model_type: str = Field(pattern=r"^bert$")
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    max_position_embeddings: int
    layer_norm_eps: float
    hidden_act: str = Field(pattern=r"^gelu$")
    position_embedding_type: str = Field(default="absolute", pattern=r"^absolute$")
    id2label: dict[int, str]


class Configuration(BaseModel):
    """The fields of a source's `config.json` that every architecture has.

    Attributes:
        model_type: The architecture.
        architectures: Names of the classes that the weights belong to; published configurations may lack them.
        vocab_size: Rows of the word embedding.
        id2label: The checkpoint's own name of each output column; without them, transformers assumes two classes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    model_type: ModelType
    architectures: tuple[str, ...] | None = None
    vocab_size: int = Field(gt=0)
    id2label: dict[int, str] = Field(default={0: "LABEL_0", 1: "LABEL_1"})


@dataclass(frozen=True)
class Checkpoint:
    """A three-class classifier in a source folder, as far as its configuration says.

    Attributes:
        model_type: The architecture.
        vocab_size: Rows of the word embedding.
        label_names: The checkpoint's own name of each output column.
        labels: Which of `LABELS` each output column is.
    """

    model_type: ModelType
    vocab_size: int
    label_names: dict[int, str]
    labels: dict[int, str]


class Origin(BaseModel):
    """Where a source folder came from.

    Attributes:
        repository: Name on the hub, or path of the folder that was copied.
        revision: Commit of the repository, or `LOCAL_REVISION`.
        checksums: SHA-256 of each file by its name.
        labels: Which of `LABELS` each output column is; records of earlier versions lack it, see `check`.
    """

    model_config = ConfigDict(frozen=True)

    repository: str
    revision: str
    checksums: dict[str, str]
    labels: tuple[str, ...] = ()


def name_for(repository: str) -> str:
    """The name that a model gets from its repository or folder: `ProsusAI/finbert` is finbert.

    Raises:
        ModelError: there is no letter or digit in it.
    """
    base = Path(repository).name.casefold()
    name = re.sub(r"[^a-z0-9._-]+", "-", base).strip("-._").removesuffix(SOURCE_SUFFIX)
    if not name:
        raise ModelError(f"{repository}: no name can be made from this; give one with --name")
    return name


def check(folder: Path, labels: tuple[str, ...] = ()) -> Checkpoint:
    """Check that a source folder has every file and a configuration of a three-class classifier.

    Args:
        folder: A folder in the hub's layout.
        labels: What the user says the output columns are; empty: as `id2label` says.

    Raises:
        ModelError: a file is missing, or the model is of another kind.
    """
    first_file(folder, (CONFIG,))
    checkpoint = check_config(folder / CONFIG, labels)
    first_file(folder, WEIGHTS)
    first_file(folder, TOKENIZERS)
    return checkpoint


def check_config(path: Path, labels: tuple[str, ...] = ()) -> Checkpoint:
    """Read a checkpoint's configuration; the arguments and errors are those of `check`."""
    try:
        configuration = Configuration.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first_error = error.errors()[0]
        field = ".".join(str(part) for part in first_error["loc"]) or "JSON"
        raise ModelError(
            f"{path}: {field}: {first_error['msg']}; use a classifier of one of these kinds: {', '.join(ModelType)}"
        ) from error
    classes = configuration.architectures or ()
    if classes and not any(name.endswith("ForSequenceClassification") for name in classes):
        raise ModelError(
            f"{path}: a {classes[0]}, which has no classification head; use a model that was fine-tuned to classify"
            " sentiment"
        )
    return Checkpoint(
        model_type=configuration.model_type,
        vocab_size=configuration.vocab_size,
        label_names=configuration.id2label,
        labels=labels_by_column(configuration.id2label, path, labels),
    )


def own_architecture(folder: Path) -> Architecture | None:
    """The architecture of a BERT that the own graph is built for; None for every other checkpoint."""
    try:
        return Architecture.model_validate_json((folder / CONFIG).read_bytes())
    except ValidationError:
        return None


def model_origin(origin: Origin, checkpoint: Checkpoint) -> ModelOrigin:
    """What a prepared folder records of the checkpoint that it was made from."""
    return ModelOrigin(
        repository=origin.repository if origin.revision != LOCAL_REVISION else Path(origin.repository).name,
        revision=origin.revision,
        architecture=checkpoint.model_type,
        labels=checkpoint.label_names,
    )


def read_origin(folder: Path) -> Origin:
    """Read the record that `fetch` or `copy` wrote, and verify that every file is as it was then.

    Raises:
        ModelError: there is no record, or a file differs from it.
    """
    path = folder / ORIGIN_FILE
    if not path.is_file():
        raise ModelError(f"{folder}: no {ORIGIN_FILE}; fetch the model first: signals model fetch")
    try:
        origin = Origin.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelError(f"{path}: unreadable; fetch the model again: signals model fetch") from error
    for name, digest in origin.checksums.items():
        if not (folder / name).is_file() or checksum(folder / name) != digest:
            raise ModelError(f"{folder / name}: not as it was fetched; fetch the model again: signals model fetch")
    return origin


def first_file(folder: Path, names: tuple[str, ...]) -> str:
    """The first of these files that the folder has.

    Raises:
        ModelError: it has none.
    """
    for name in names:
        if (folder / name).is_file():
            return name
    raise ModelError(f"{folder}: no {' or '.join(names)}; name a folder with a model in the hub's layout")
