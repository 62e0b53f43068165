"""The weights as their authors publish them: a folder in the hub's layout, fetched at a pinned revision or copied."""

import json
import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signals_pipeline.adapters.model.folder import LABELS, ModelError, checksum
from signals_pipeline.model_export.staging import staged

REPOSITORY = "ProsusAI/finbert"
REVISION = "4556d13015211d73dccd3fdd39d39232506f3e43"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TOKENIZERS = ("tokenizer.json", "vocab.txt")
EXTRAS = ("tokenizer_config.json", "special_tokens_map.json")
ORIGIN_FILE = "origin.json"


class Architecture(BaseModel):
    """What the graph needs to know of `config.json`."""

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
        ModelError: the hub can't be reached, has no such revision, or what it gave is no usable model.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["config.json", *TOKENIZERS, *EXTRAS]
    with staged(target) as folder:
        try:
            snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=[*wanted, WEIGHTS[0]])
            if not (folder / WEIGHTS[0]).exists():
                snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=[WEIGHTS[1]])
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(
                f"{repository} at {revision} can't be fetched ({reason}); check the network and the name, or give a"
                " folder that has it: signals model fetch --from FOLDER"
            ) from error
        shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub's notes about the download
        return _recorded(folder, repository, revision)


def copy(given: Path, target: Path, *, revision: str = "local") -> Origin:
    """Copy a folder in the hub's layout to `target`.

    Raises:
        ModelError: a file is missing or unusable.
    """
    check(given)
    with staged(target) as folder:
        for name in ("config.json", _first(given, WEIGHTS), *TOKENIZERS, *EXTRAS):
            if (given / name).is_file():
                shutil.copyfile(given / name, folder / name)
        return _recorded(folder, str(given), revision)


def check(folder: Path) -> Architecture:
    """The architecture of a source folder that has every file.

    Raises:
        ModelError: a file is missing, or the model is none that the graph can be built for.
    """
    for choice in (("config.json",), WEIGHTS, TOKENIZERS):
        _first(folder, choice)
    path = folder / "config.json"
    try:
        architecture = Architecture.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise ModelError(
            f"{path}: {where}: {first['msg']}; a BERT classifier such as {REPOSITORY} is needed"
        ) from error
    if sorted(label.casefold() for label in architecture.id2label.values()) != sorted(LABELS):
        found = ", ".join(architecture.id2label.values())
        raise ModelError(f"{path}: id2label must name {', '.join(LABELS)}, not {found}; take a three-class model")
    return architecture


def read_origin(folder: Path) -> Origin:
    """The record that `fetch` or `copy` left, after every file was found to be as it was then.

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


def _recorded(folder: Path, repository: str, revision: str) -> Origin:
    check(folder)
    checksums = {file.name: checksum(file) for file in sorted(folder.iterdir()) if file.is_file()}
    origin = Origin(repository=repository, revision=revision, checksums=checksums)
    content: dict[str, Any] = origin.model_dump()
    (folder / ORIGIN_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return origin


def _first(folder: Path, names: tuple[str, ...]) -> str:
    """The first of these files that the folder has."""
    found = next((name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise ModelError(f"{folder}: no {' or '.join(names)}; name a folder with a model as the hub lays it out")
    return found
