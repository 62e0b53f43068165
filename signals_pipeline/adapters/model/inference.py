# pyright: reportMissingTypeStubs=false
# onnxruntime has no type stubs; what is used of it is typed here by protocols.
"""Scoring texts with a model folder: a text's logits are bit-identical alone and in any batch, order and thread count.

A graph that scales activations by what else is in the batch (dynamic int8 by tensor) runs each text alone. A graph
whose arithmetic is each token's own (`batch_tokens` in its manifest) runs texts of exactly equal length together:
without padding a text's arithmetic does not depend on its batch, and the weights are read from memory once for several
texts.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.adapters.model.folder import (
    LABELS,
    MODEL_FILE,
    TOKENIZER_FILE,
    ModelError,
    ModelManifest,
    read_manifest,
)

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_log = logging.getLogger(__name__)
DISPLAY_NAMES = {"finbert": "FinBERT"}


class _NodeArgument(Protocol):
    @property
    def name(self) -> str: ...


class _InferenceSession(Protocol):
    """What is used of onnxruntime's `InferenceSession`."""

    def get_inputs(self) -> Sequence[_NodeArgument]: ...

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[np.int64]]
    ) -> Sequence[NDArray[np.float32]]: ...


@dataclass(frozen=True)
class SentimentModel:
    """A three-class sentiment model, ready to score; safe to share between threads."""

    name: str
    revision: str
    quantisation: str
    threads: int
    _label_columns: list[int]
    _tokenizer: "Tokenizer"
    _session: _InferenceSession
    _inputs: tuple[str, ...]
    _batch_tokens: int

    @classmethod
    def load(cls, folder: Path, *, threads: int | None = None) -> Self:
        """Verify and open a model folder.

        Args:
            folder: Has `model.onnx`, `tokenizer.json` and `config.json`.
            threads: Batches scored at the same time; the CPUs of this process where not given.

        Raises:
            ModelError: a file is missing, changed, unreadable or not made for the others; nothing is guessed.
        """
        # onnxruntime opens the model while the checksums are computed. It is used only if they are right.
        with ThreadPoolExecutor(1) as opener:
            opening = opener.submit(_open_session, folder / MODEL_FILE)
            manifest = read_manifest(folder)
            title = DISPLAY_NAMES.get(manifest.name, manifest.name)
            _log.info("Loading %s model...", title)
            tokenizer = _read_tokenizer(folder, manifest)
            session = opening.result()
        _log.info("%s model loaded successfully: %s, revision %s", title, manifest.quantisation, manifest.revision)
        return cls(
            name=manifest.name,
            revision=manifest.revision,
            quantisation=manifest.quantisation,
            threads=threads or available_cpus(),
            _label_columns=manifest.label_columns(folder),
            _tokenizer=tokenizer,
            _session=session,
            _inputs=tuple(node.name for node in session.get_inputs()),
            _batch_tokens=manifest.batch_tokens,
        )

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits of texts; a text's are bit-identical alone, in any batch and order, and for any number of threads.

        Returns:
            Shape (len(texts), 3), columns negative, neutral, positive. Equal texts are run once.
        """
        distinct_texts = list(dict.fromkeys(texts))
        if not distinct_texts:
            return np.empty((0, len(LABELS)), dtype=np.float32)

        started = time.perf_counter()
        pool = ThreadPoolExecutor(self.threads)
        try:
            logits = self._score(distinct_texts, pool)
        finally:
            # An interrupt waits for the batches that run, not for all of them.
            pool.shutdown(cancel_futures=True)
        seconds = time.perf_counter() - started

        count = len(distinct_texts)
        rate = count / seconds
        _log.info("%s @%s: %d texts in %.1f s, %.0f per second", self.name, self.revision, count, seconds, rate)
        row_by_text = {text: row for row, text in enumerate(distinct_texts)}
        return logits[[row_by_text[text] for text in texts]]

    def _score(self, texts: list[str], pool: ThreadPoolExecutor) -> NDArray[np.float32]:
        """Logits of texts, shape (len(texts), 3)."""
        tokens = list(pool.map(self._tokenise, texts))
        # A maximum of 1 token puts every text into a batch of its own.
        groups = equal_length_batches([len(ids) for ids in tokens], max_tokens=self._batch_tokens or 1)
        batches = [np.stack([tokens[position] for position in group]) for group in groups]
        logits = np.empty((len(texts), len(LABELS)), dtype=np.float32)
        for group, rows in zip(groups, pool.map(self._infer, batches), strict=True):
            logits[group] = rows
        return logits

    def _tokenise(self, text: str) -> NDArray[np.int64]:
        """Token ids of a text, its start and end marks included, shape (tokens,)."""
        # A lone surrogate, as cut-off emoji leave them, has no UTF-8 form and would stop the tokenizer.
        encodable = text.encode("utf-8", "replace").decode("utf-8")
        return np.array(self._tokenizer.encode(encodable).ids, dtype=np.int64)

    def _infer(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits of texts of equal length; ids of shape (texts, tokens) to (texts, 3)."""
        # Nothing is masked, and all tokens are of type 0: there is no padding and one sentence. Some graphs take the
        # ids alone.
        possible_inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        outputs = self._session.run(None, {name: possible_inputs[name] for name in self._inputs})
        return outputs[0].astype(np.float32, copy=False)[:, self._label_columns]


def equal_length_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Group texts of equal length into batches, the longest texts first.

    The longest first, so that all threads finish at about the same time.

    Args:
        lengths: Tokens of each text.
        max_tokens: Maximum number of tokens of a batch; one text forms a batch even if it has more.

    Returns:
        Positions in `lengths` by batch; each position once.
    """
    longest_first = sorted(range(len(lengths)), key=lambda position: -lengths[position])
    batches: list[list[int]] = []
    for length, group in groupby(longest_first, key=lambda position: lengths[position]):
        positions = list(group)
        size = max(1, max_tokens // max(1, length))
        batches.extend(positions[start : start + size] for start in range(0, len(positions), size))
    return batches


def _read_tokenizer(folder: Path, manifest: ModelManifest) -> "Tokenizer":
    from tokenizers import Tokenizer

    path = folder / TOKENIZER_FILE
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise ModelError(f"{path}: unreadable ({error}); prepare the model folder again") from error
    size = tokenizer.get_vocab_size()
    if size != manifest.vocabulary:
        raise ModelError(
            f"{path}: {size} tokens, but the model has {manifest.vocabulary} word vectors;"
            " put the model's own tokenizer there"
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(manifest.max_length)  # pyright: ignore[reportUnknownMemberType]  # its **kwargs
    return tokenizer


def _open_session(file: Path) -> _InferenceSession:
    import onnxruntime

    untyped = cast("Any", onnxruntime)
    options = untyped.SessionOptions()
    # Texts run in parallel, one thread each: that scales better than threads inside one small inference.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return untyped.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no narrower base
        reason = str(error).splitlines()[0]
        raise ModelError(f"{file}: unreadable ({reason}); prepare the model folder again") from error
