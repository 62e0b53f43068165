"""A sentiment model folder: `model.onnx`, `tokenizer.json` and the `config.json` that seals them.

A large model keeps its weights in `model.onnx.data` beside the graph: onnxruntime maps that file into memory instead of
reading it, which halves the time to load and saves a third of the memory.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signals_pipeline.core.errors import SignalsError

LABELS = ("negative", "neutral", "positive")
MODEL_FILE, TOKENIZER_FILE, CONFIG_FILE = "model.onnx", "tokenizer.json", "config.json"
WEIGHTS_FILE = "model.onnx.data"


class ModelError(SignalsError):
    """A model folder that must not be used; the message is one line: what, where, what to do."""


class ModelConfig(BaseModel):
    """What `config.json` records of a model folder."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(min_length=1)
    revision: str = Field(pattern=r"^[0-9a-f]{12}$")
    id2label: dict[int, str]
    max_length: int = Field(ge=8, le=512)
    vocabulary: int = Field(gt=0)
    quantisation: str
    checksums: dict[str, str]
    batch_tokens: int = Field(default=0, ge=0)  # texts of one length run together up to this many tokens; 0: each alone

    def order(self, folder: Path) -> list[int]:
        """The model's column of each of `LABELS`.

        Raises:
            ModelError: the labels aren't exactly negative, neutral and positive, in any case and order.
        """
        column = {label.casefold(): index for index, label in self.id2label.items()}
        if sorted(column) != sorted(LABELS) or sorted(self.id2label) != [0, 1, 2]:
            found = ", ".join(f"{index}: {label}" for index, label in sorted(self.id2label.items()))
            raise ModelError(
                f"{folder / CONFIG_FILE}: id2label must name negative, neutral and positive as 0 to 2, not {{{found}}};"
                " take a three-class sentiment model"
            )
        return [column[label] for label in LABELS]


def checksum(file: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def revision_of(checksums: Mapping[str, str], id2label: Mapping[int, str], max_length: int) -> str:
    """Twelve hexadecimal digits that change whenever the answers could: the key under which scores are kept."""
    labels = [id2label[index].casefold() for index in sorted(id2label)]
    weights = [checksums[WEIGHTS_FILE]] if WEIGHTS_FILE in checksums else []
    content = [checksums[MODEL_FILE], checksums[TOKENIZER_FILE], labels, max_length, *weights]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def seal(
    folder: Path,
    *,
    name: str,
    id2label: Mapping[int, str],
    max_length: int,
    vocabulary: int,
    quantisation: str,
    batch_tokens: int = 0,
) -> ModelConfig:
    """Write `config.json` for the model and tokenizer that lie in `folder`; what an exporter does last.

    Args:
        folder: Has `model.onnx` and `tokenizer.json`, and `model.onnx.data` where the graph refers to it.
        name: What readers see, as `compact`.
        id2label: The model's columns.
        max_length: Tokens after which a text is cut, the special ones counted.
        vocabulary: Rows of the model's word embedding.
        quantisation: How the weights are stored, in words.
        batch_tokens: Tokens that run together, of texts of equal length; only for a graph in which no token's
            arithmetic depends on another text. 0: each text alone.
    """
    files = [file for file in (MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE) if (folder / file).exists()]
    checksums = {file: checksum(folder / file) for file in files}
    config = ModelConfig(
        name=name,
        revision=revision_of(checksums, id2label, max_length),
        id2label=dict(id2label),
        max_length=max_length,
        vocabulary=vocabulary,
        quantisation=quantisation,
        checksums=checksums,
        batch_tokens=batch_tokens,
    )
    config.order(folder)
    (folder / CONFIG_FILE).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return config


def read_config(folder: Path) -> ModelConfig:
    """The folder's config, after everything that can be checked without running the model."""
    for file in (CONFIG_FILE, MODEL_FILE, TOKENIZER_FILE):
        if not (folder / file).is_file():
            raise ModelError(f"{folder}: no {file}; prepare the model folder again or name another")
    try:
        config = ModelConfig.model_validate_json((folder / CONFIG_FILE).read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise ModelError(f"{folder / CONFIG_FILE}: {where}: {first['msg']}; prepare the model folder again") from error
    config.order(folder)
    for file in dict.fromkeys((MODEL_FILE, TOKENIZER_FILE, *config.checksums)):
        if not (folder / file).is_file():
            raise ModelError(f"{folder}: no {file}; prepare the model folder again or name another")
        if checksum(folder / file) != config.checksums.get(file):
            raise ModelError(
                f"{folder / file}: not the file that {CONFIG_FILE} was made for (SHA-256 differs);"
                " prepare the model folder again"
            )
    if config.revision != revision_of(config.checksums, config.id2label, config.max_length):
        raise ModelError(f"{folder / CONFIG_FILE}: revision is not that of the content; prepare the model folder again")
    return config
