"""The weights as their authors publish them: a folder in the Hugging Face hub's layout, fetched or copied.

What is fetched is pinned to a revision, and its checksums are recorded in `origin.json`.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signals_pipeline.adapters.model.folder import LABELS, ModelError, checksum
from signals_pipeline.model_export.staging import staged

REPOSITORY = "ProsusAI/finbert"
REVISION = "4556d13015211d73dccd3fdd39d39232506f3e43"
# Alternatives, the preferred one first: safetensors can't execute code when it is read, a pickle can.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TOKENIZERS = ("tokenizer.json", "vocab.txt")
EXTRAS = ("tokenizer_config.json", "special_tokens_map.json")
ORIGIN_FILE = "origin.json"


class Architecture(BaseModel):
    """The fields of a source's `config.json` that the graph depends on."""

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


class Origin(BaseModel):
    """Where a source folder came from, and the SHA-256 of each of its files."""

    model_config = ConfigDict(frozen=True)

    repository: str
    revision: str
    checksums: dict[str, str]


def fetch(target: Path, *, repository: str = REPOSITORY, revision: str = REVISION) -> Origin:
    """Download a revision of a model from the Hugging Face hub to `target`.

    Raises:
        ModelError: the hub can't be reached, has no such revision, or what it delivered is no usable model.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    preferred, fallback = WEIGHTS
    small_files = ["config.json", *TOKENIZERS, *EXTRAS]
    with staged(target) as folder:
        try:
            snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=[*small_files, preferred])
            if not (folder / preferred).exists():
                snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=[fallback])
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(
                f"{repository} at {revision} can't be fetched ({reason}); check the network and the name, or give a"
                " folder that has it: signals model fetch --from FOLDER"
            ) from error
        # The hub client's metadata about the download.
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        return _record_origin(folder, repository, revision)


def copy(original: Path, target: Path, *, revision: str = "local") -> Origin:
    """Copy a folder in the hub's layout to `target`.

    Raises:
        ModelError: a file is missing or unusable.
    """
    check(original)
    with staged(target) as folder:
        for name in ("config.json", _first_file(original, WEIGHTS), *TOKENIZERS, *EXTRAS):
            if (original / name).is_file():
                shutil.copyfile(original / name, folder / name)
        return _record_origin(folder, str(original), revision)


def check(folder: Path) -> Architecture:
    """Check that a source folder has every file, and return its architecture.

    Raises:
        ModelError: a file is missing, or the graph can't be built for this kind of model.
    """
    for alternatives in (("config.json",), WEIGHTS, TOKENIZERS):
        _first_file(folder, alternatives)
    path = folder / "config.json"
    try:
        architecture = Architecture.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first_error = error.errors()[0]
        field = ".".join(str(part) for part in first_error["loc"]) or "JSON"
        raise ModelError(
            f"{path}: {field}: {first_error['msg']}; a BERT classifier such as {REPOSITORY} is needed"
        ) from error
    labels = list(architecture.id2label.values())
    if sorted(label.casefold() for label in labels) != sorted(LABELS):
        raise ModelError(
            f"{path}: id2label must name {', '.join(LABELS)}, not {', '.join(labels)}; use a three-class model"
        )
    return architecture


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


def _record_origin(folder: Path, repository: str, revision: str) -> Origin:
    check(folder)
    checksums = {file.name: checksum(file) for file in sorted(folder.iterdir()) if file.is_file()}
    origin = Origin(repository=repository, revision=revision, checksums=checksums)
    content: dict[str, Any] = origin.model_dump()
    (folder / ORIGIN_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return origin


def _first_file(folder: Path, names: tuple[str, ...]) -> str:
    """The first of these files that the folder has."""
    for name in names:
        if (folder / name).is_file():
            return name
    raise ModelError(f"{folder}: no {' or '.join(names)}; name a folder with a model in the hub's layout")
