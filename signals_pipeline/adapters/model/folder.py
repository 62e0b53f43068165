"""A sentiment model folder: `model.onnx`, `tokenizer.json`, and `config.json`, the manifest with their checksums.

A large model keeps its weights in `model.onnx.data` beside the graph: onnxruntime maps that file into memory instead of
reading it, which halves the time to load and saves a third of the memory. A model that tells companies apart has a
second graph over the same weights, `entity.onnx`, with the tone of each token.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.event_types import EVENT_TYPES

LABELS = ("negative", "neutral", "positive")
# What the columns of the event head say, in the pipeline's order.
EVENT_LABELS: tuple[str, ...] = tuple(event.value for event in EVENT_TYPES)
MODEL_FILE = "model.onnx"
ENTITY_FILE = "entity.onnx"
WEIGHTS_FILE = "model.onnx.data"
TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "config.json"
SOURCE_SUFFIX = "-source"  # models/finbert-source holds the published weights that models/finbert is made from


class ModelError(SignalsError):
    """A model folder can't be used; the message is one line: what is wrong, where, what to do."""


class ModelOrigin(BaseModel):
    """The published checkpoint that a prepared model was made from.

    Attributes:
        repository: Name on the hub, or of the folder where it was copied from one.
        revision: Commit on the hub, or "local".
        architecture: The checkpoint's kind, e.g. "roberta".
        labels: The checkpoint's own name of each output column.
    """

    model_config = ConfigDict(frozen=True)

    repository: str
    revision: str
    architecture: str
    labels: dict[int, str]

    @property
    def description(self) -> str:
        """Repository, commit, kind and, where they aren't plain, the labels: `a/b@4556d13 (bert)`."""
        is_plain = {name.casefold() for name in self.labels.values()} == set(LABELS)
        names = "" if is_plain else f", labels {'/'.join(name for _, name in sorted(self.labels.items()))}"
        return f"{self.repository}@{self.revision[:7]} ({self.architecture}{names})"


class ModelManifest(BaseModel):
    """What `config.json` records of a model folder.

    Attributes:
        name: What readers see, as `compact`.
        revision: See `revision_of`.
        id2label: The label of each output column of the model.
        max_length: Tokens after which a text is cut, the special ones included.
        vocabulary: Number of tokens that the tokenizer knows; the word embedding has as many rows, or a few more.
        quantisation: How the weights are stored, in words.
        checksums: SHA-256 by file name, hexadecimal.
        batch_tokens: Maximum number of tokens of a batch of texts of equal length; 0: each text runs alone.
        origin: The checkpoint that the model was made from; None for the compact model and in older folders.
        events: The event type of each column of the event head; empty where the model has none.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(min_length=1)
    revision: str = Field(pattern=r"^[0-9a-f]{12}$")
    id2label: dict[int, str]
    max_length: int = Field(ge=8, le=512)
    vocabulary: int = Field(gt=0)
    quantisation: str
    checksums: dict[str, str]
    batch_tokens: int = Field(default=0, ge=0)
    origin: ModelOrigin | None = None
    events: tuple[str, ...] = ()

    @property
    def tells_companies_apart(self) -> bool:
        """Whether the folder has a graph of the tone toward a company."""
        return ENTITY_FILE in self.checksums

    def label_columns(self, folder: Path) -> list[int]:
        """The model's output column of each of `LABELS`.

        Raises:
            ModelError: the labels aren't exactly negative, neutral and positive, in any case and order.
        """
        column_by_label = {label.casefold(): column for column, label in self.id2label.items()}
        if sorted(column_by_label) != sorted(LABELS) or sorted(self.id2label) != [0, 1, 2]:
            labels = ", ".join(f"{column}: {label}" for column, label in sorted(self.id2label.items()))
            raise ModelError(
                f"{folder / CONFIG_FILE}: id2label must name negative, neutral and positive as 0 to 2, not"
                f" {{{labels}}}; use a three-class sentiment model"
            )
        return [column_by_label[label] for label in LABELS]

    def require_events(self, folder: Path) -> None:
        """Check the names of the event head's columns.

        Raises:
            ModelError: they are neither none nor exactly `EVENT_LABELS` in some order.
        """
        if self.events and sorted(self.events) != sorted(EVENT_LABELS):
            raise ModelError(
                f"{folder / CONFIG_FILE}: events must be {', '.join(EVENT_LABELS)}, not {', '.join(self.events)};"
                " prepare the model folder again"
            )


def checksum(file: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def revision_of(
    checksums: Mapping[str, str], id2label: Mapping[int, str], max_length: int, events: Sequence[str] = ()
) -> str:
    """Twelve hexadecimal digits that change whenever a score could: the key under which scores are cached."""
    labels = [id2label[column].casefold() for column in sorted(id2label)]
    content: list[object] = [checksums[MODEL_FILE], checksums[TOKENIZER_FILE], labels, max_length]
    content.extend(checksums[name] for name in (WEIGHTS_FILE, ENTITY_FILE) if name in checksums)
    if events:
        content.append(list(events))
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def write_manifest(
    folder: Path,
    *,
    name: str,
    id2label: Mapping[int, str],
    max_length: int,
    vocabulary: int,
    quantisation: str,
    batch_tokens: int = 0,
    origin: ModelOrigin | None = None,
    events: Sequence[str] = (),
) -> ModelManifest:
    """Write the manifest `config.json` for the files in `folder`: an export's last step.

    Args:
        folder: Has `model.onnx` and `tokenizer.json`, `model.onnx.data` where the graph refers to it, and `entity.onnx`
            where the model tells companies apart.
        name: See `ModelManifest`, like the other arguments.
        id2label: The label of each output column.
        max_length: Tokens after which a text is cut.
        vocabulary: Number of tokens that the tokenizer knows.
        quantisation: How the weights are stored, in words.
        batch_tokens: More than 0 only for a graph in which no token's arithmetic depends on another text.
        origin: The checkpoint that the model was made from.
        events: The event type of each column of the output `event_logits`.

    Raises:
        ModelError: the labels aren't those of a three-class sentiment model, or the events aren't `EVENT_LABELS`.
    """
    names = (MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE, ENTITY_FILE)
    files = [name for name in names if (folder / name).exists()]
    checksums = {file: checksum(folder / file) for file in files}
    manifest = ModelManifest(
        name=name,
        revision=revision_of(checksums, id2label, max_length, events),
        id2label=dict(id2label),
        max_length=max_length,
        vocabulary=vocabulary,
        quantisation=quantisation,
        checksums=checksums,
        batch_tokens=batch_tokens,
        origin=origin,
        events=tuple(events),
    )
    manifest.label_columns(folder)
    manifest.require_events(folder)
    (folder / CONFIG_FILE).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return manifest


def read_manifest(folder: Path) -> ModelManifest:
    """Read the folder's manifest and verify the folder against it, as far as that goes without running the model.

    Raises:
        ModelError: a file is missing or changed, or the manifest is damaged or contradicts itself.
    """
    for name in (CONFIG_FILE, MODEL_FILE, TOKENIZER_FILE):
        _require_file(folder, name)
    manifest = _parse_manifest(folder)
    manifest.label_columns(folder)
    manifest.require_events(folder)

    # The model and the tokenizer are verified also where the manifest lacks their checksums.
    for name in sorted({MODEL_FILE, TOKENIZER_FILE, *manifest.checksums}):
        _require_file(folder, name)
        if checksum(folder / name) != manifest.checksums.get(name):
            raise ModelError(
                f"{folder / name}: not the file that {CONFIG_FILE} was made for (SHA-256 differs);"
                " prepare the model folder again"
            )

    revision = revision_of(manifest.checksums, manifest.id2label, manifest.max_length, manifest.events)
    if manifest.revision != revision:
        raise ModelError(f"{folder / CONFIG_FILE}: revision is not that of the content; prepare the model folder again")
    return manifest


def _require_file(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise ModelError(f"{folder}: no {name}; prepare the model folder again or name another")


def _parse_manifest(folder: Path) -> ModelManifest:
    path = folder / CONFIG_FILE
    try:
        return ModelManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first_error = error.errors()[0]
        field = ".".join(str(part) for part in first_error["loc"]) or "JSON"
        raise ModelError(f"{path}: {field}: {first_error['msg']}; prepare the model folder again") from error
