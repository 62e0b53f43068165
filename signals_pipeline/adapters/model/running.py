"""Running a model folder: a text's logits are the same bits alone, in any batch and order, on any number of threads.

A graph that scales activations by what else is in the batch (dynamic int8 by tensor) runs each text alone. A graph
whose arithmetic is each token's own (`batch_tokens` in its config) runs texts of exactly one length together: without
padding nothing tells a text in which company it is, and the weights are read from memory once for several texts.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.adapters.model.folder import (
    LABELS,
    MODEL_FILE,
    TOKENIZER_FILE,
    ModelConfig,
    ModelError,
    read_config,
)

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

_log = logging.getLogger(__name__)
TITLES = {"finbert": "FinBERT"}


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


def batches(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Places of texts that run together: of equal length, at most `most` tokens (but at least one text), longest first.

    Longest first, so that the threads finish together.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    found: list[list[int]] = []
    for length, places in groupby(order, key=lambda place: lengths[place]):
        alike, size = list(places), max(1, most // max(1, length))
        found.extend(alike[start : start + size] for start in range(0, len(alike), size))
    return found


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
    _batch_tokens: int

    @classmethod
    def load(cls, folder: Path, *, threads: int | None = None) -> Self:
        """Verify and open a model folder.

        Args:
            folder: Has `model.onnx`, `tokenizer.json` and `config.json`.
            threads: Texts scored at the same time; the CPUs of this process where not given.

        Raises:
            ModelError: a file is missing, changed, unreadable or not made for the others; nothing is guessed.
        """
        with ThreadPoolExecutor(1) as beside:
            # The files are summed while onnxruntime opens them; what it opened is used only if the sums are right.
            opening = beside.submit(_open_session, folder / MODEL_FILE)
            config = read_config(folder)
            title = TITLES.get(config.name, config.name)
            _log.info("Loading %s model...", title)
            tokenizer = _read_tokenizer(folder, config)
            session = opening.result()
        _log.info("%s model loaded successfully: %s, revision %s", title, config.quantisation, config.revision)
        return cls(
            name=config.name,
            revision=config.revision,
            quantisation=config.quantisation,
            threads=threads or available_cpus(),
            _order=config.order(folder),
            _tokenizer=tokenizer,
            _session=session,
            _inputs=tuple(node.name for node in session.get_inputs()),
            _batch_tokens=config.batch_tokens,
        )

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits of texts; a text's are bit-identical alone, in any batch and order, and for any number of threads.

        Returns:
            Shape (len(texts), 3), columns negative, neutral, positive. Equal texts are run once.
        """
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return np.empty((0, len(LABELS)), dtype=np.float32)
        started = time.perf_counter()
        pool = ThreadPoolExecutor(self.threads)
        try:
            parts = self._together(distinct, pool.map) if self._batch_tokens else pool.map(self._run, distinct)
            rows = dict(zip(distinct, parts, strict=True))
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt waits for the batches in hand, not for all of them
        seconds = time.perf_counter() - started
        rate = len(distinct) / seconds
        _log.info("%s @%s: %d texts in %.1f s, %.0f a second", self.name, self.revision, len(distinct), seconds, rate)
        return np.stack([rows[text] for text in texts])

    def _together(self, texts: list[str], over: Callable[..., Iterable[NDArray]]) -> NDArray[np.float32]:
        """Texts of equal length in one inference, shape (len(texts), 3); `over` is the threads' map."""
        tokens = list(over(self._tokens, texts))
        groups = batches([len(row) for row in tokens], self._batch_tokens)
        logits = np.empty((len(texts), len(LABELS)), dtype=np.float32)
        stacked = (np.stack([tokens[place] for place in group]) for group in groups)
        for group, rows in zip(groups, over(self._infer, stacked), strict=True):
            logits[group] = rows
        return logits

    def _run(self, text: str) -> NDArray[np.float32]:
        """One text alone, shape (3,)."""
        return self._infer(self._tokens(text)[np.newaxis])[0]

    def _tokens(self, text: str) -> NDArray[np.int64]:
        """Token ids of a text, its start and end marks among them."""
        # A lone surrogate, as cut-off emoji leave them, has no UTF-8 form and would stop the tokenizer.
        return np.array(self._tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8")).ids, dtype=np.int64)

    def _infer(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits of texts of one length; ids of shape (texts, tokens) to (texts, 3)."""
        values = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        logits = self._session.run(None, {name: values[name] for name in self._inputs})[0]
        return np.asarray(logits, dtype=np.float32)[:, self._order]
