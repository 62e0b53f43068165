"""A sentiment model folder: `model.onnx`, `tokenizer.json` and the `config.json` that seals them.

Every text is run alone: dynamic int8 scales activations by what else is in the batch, so only a batch of one gives a
text the same logits in every company. Threads work on different texts, each on its own sequence.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

LABELS = ("negative", "neutral", "positive")
MODEL_FILE, TOKENIZER_FILE, CONFIG_FILE = "model.onnx", "tokenizer.json", "config.json"


class ModelError(Exception):
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


def available_cpus(groups: Path = Path("/sys/fs/cgroup"), member: Path = Path("/proc/self/cgroup")) -> int:
    """CPUs that this process may use: its scheduler affinity, cut by `cpu.max` of its control groups; at least 1."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    lines = member.read_text().splitlines() if member.is_file() else []
    own = next((line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::")), "")
    for group in [groups / own, *(groups / own).parents]:
        limit = group / "cpu.max"
        if limit.is_file():
            quota, period = limit.read_text().split()
            cpus = cpus if quota == "max" else min(cpus, int(quota) // int(period))
    return max(1, cpus)


def checksum(file: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def revision_of(checksums: Mapping[str, str], id2label: Mapping[int, str], max_length: int) -> str:
    """Twelve hexadecimal digits that change whenever the answers could: the key under which scores are kept."""
    labels = [id2label[index].casefold() for index in sorted(id2label)]
    content = [checksums[MODEL_FILE], checksums[TOKENIZER_FILE], labels, max_length]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def seal(
    folder: Path, *, name: str, id2label: Mapping[int, str], max_length: int, vocabulary: int, quantisation: str
) -> ModelConfig:
    """Write `config.json` for the model and tokenizer that lie in `folder`; what an exporter does last.

    Args:
        folder: Has `model.onnx` and `tokenizer.json`.
        name: What readers see, as `compact`.
        id2label: The model's columns.
        max_length: Tokens after which a text is cut, the special ones counted.
        vocabulary: Rows of the model's word embedding.
        quantisation: How the weights are stored, in words.
    """
    checksums = {file: checksum(folder / file) for file in (MODEL_FILE, TOKENIZER_FILE)}
    config = ModelConfig(
        name=name,
        revision=revision_of(checksums, id2label, max_length),
        id2label=dict(id2label),
        max_length=max_length,
        vocabulary=vocabulary,
        quantisation=quantisation,
        checksums=checksums,
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
    for file in (MODEL_FILE, TOKENIZER_FILE):
        if checksum(folder / file) != config.checksums.get(file):
            raise ModelError(
                f"{folder / file}: not the file that {CONFIG_FILE} was made for (SHA-256 differs);"
                " prepare the model folder again"
            )
    if config.revision != revision_of(config.checksums, config.id2label, config.max_length):
        raise ModelError(f"{folder / CONFIG_FILE}: revision is not that of the content; prepare the model folder again")
    return config


def _read_tokenizer(folder: Path, config: ModelConfig) -> "Tokenizer":
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    except Exception as error:  # tokenizers raises nothing narrower
        raise ModelError(f"{folder / TOKENIZER_FILE}: unreadable ({error}); prepare the model folder again") from error
    if tokenizer.get_vocab_size() != config.vocabulary:
        raise ModelError(
            f"{folder / TOKENIZER_FILE}: {tokenizer.get_vocab_size()} tokens, but the model has"
            f" {config.vocabulary} word vectors; put the model's own tokenizer there"
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.max_length)
    return tokenizer


def _open_session(file: Path) -> "InferenceSession":
    from onnxruntime import InferenceSession, SessionOptions  # pyright: ignore[reportAttributeAccessIssue]  # untyped C

    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no narrower base
        reason = str(error).splitlines()[0]
        raise ModelError(f"{file}: unreadable ({reason}); prepare the model folder again") from error


@dataclass(frozen=True)
class SentimentModel:
    """A three-class sentiment model, ready to score; safe to share between threads."""

    name: str
    revision: str
    quantisation: str
    threads: int
    _order: list[int]
    _tokenizer: "Tokenizer"
    _session: "InferenceSession"
    _inputs: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path, *, threads: int | None = None) -> Self:
        """Verify and open a model folder.

        Args:
            folder: Has `model.onnx`, `tokenizer.json` and `config.json`.
            threads: Texts scored at the same time; the CPUs of this process where not given.

        Raises:
            ModelError: a file is missing, changed, unreadable or not made for the others; nothing is guessed.
        """
        config = read_config(folder)
        tokenizer = _read_tokenizer(folder, config)
        session = _open_session(folder / MODEL_FILE)
        return cls(
            name=config.name,
            revision=config.revision,
            quantisation=config.quantisation,
            threads=threads or available_cpus(),
            _order=config.order(folder),
            _tokenizer=tokenizer,
            _session=session,
            _inputs=tuple(node.name for node in session.get_inputs()),
        )

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits of texts; a text's are bit-identical alone, in any batch and order, and for any number of threads.

        Returns:
            Shape (len(texts), 3), columns negative, neutral, positive. Equal texts are run once.
        """
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return np.empty((0, len(LABELS)), dtype=np.float32)
        with ThreadPoolExecutor(self.threads) as pool:
            rows = dict(zip(distinct, pool.map(self._run, distinct), strict=True))
        return np.stack([rows[text] for text in texts])

    def _run(self, text: str) -> NDArray[np.float32]:
        """One text alone, shape (3,)."""
        # A lone surrogate, as cut-off emoji leave them, has no UTF-8 form and would stop the tokenizer.
        encoding = self._tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"))
        values = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        feed = {name: np.array([values[name]], dtype=np.int64) for name in self._inputs}
        return np.asarray(self._session.run(None, feed)[0], dtype=np.float32)[0, self._order]
