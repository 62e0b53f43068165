# pyright: reportMissingTypeStubs=false
# onnxruntime has no type stubs; what is used of it is typed here by protocols.
"""Scoring texts with a model folder: a text's logits are bit-identical alone and in any batch, order and thread count.

A text is scored as a whole, or toward one company: then the logits are the mean of those of the company's own tokens. A
text that is cut before the company's name is scored as a whole, which the result counts.

A graph that scales activations by what else is in the batch (dynamic int8 by tensor) runs each text alone. A graph
whose arithmetic is each token's own (`batch_tokens` in its manifest) runs texts of exactly equal length together:
without padding a text's arithmetic does not depend on its batch, and the weights are read from memory once for several
texts.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.adapters.model.folder import (
    CONFIG_FILE,
    ENTITY_FILE,
    LABELS,
    MODEL_FILE,
    TOKENIZER_FILE,
    ModelError,
    ModelManifest,
    read_manifest,
)
from signals_pipeline.core.spans import parse_spans
from signals_pipeline.core.text import first_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_log = logging.getLogger(__name__)
DISPLAY_NAMES = {"finbert": "FinBERT"}
_NO_TOKENS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A text, and the company in it toward which its tone is asked.

    Attributes:
        text: The words.
        span: Character ranges of the company's names in the text, "START-END" separated by blanks; empty where the text
            as a whole speaks of the company.
    """

    text: str
    span: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a model says of n texts.

    Attributes:
        logits: Shape (n, 3), columns negative, neutral, positive.
        events: The likeliest event type of each text; empty strings where the model has no event head.
        cut_spans: Number of texts whose company stands only beyond the model's maximum length; theirs are the logits of
            the whole text.
    """

    logits: NDArray[np.float32]
    events: list[str]
    cut_spans: int = 0


class _Names(Protocol):
    @property
    def name(self) -> str: ...


class _InferenceSession(Protocol):
    """What is used of onnxruntime's `InferenceSession`."""

    def get_inputs(self) -> Sequence[_Names]: ...

    def get_outputs(self) -> Sequence[_Names]: ...

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[np.int64]]
    ) -> Sequence[NDArray[np.float32]]: ...


@dataclass(frozen=True)
class SentimentModel:
    """A three-class sentiment model, ready to score; safe to share between threads.

    Attributes:
        name: What readers see.
        revision: See `folder.revision_of`.
        quantisation: How the weights are stored, in words.
        threads: Batches scored at the same time.
        events: The event type of each column of the event head; empty where the model has none.
        tells_companies_apart: Whether the model takes texts with a span.
    """

    name: str
    revision: str
    quantisation: str
    threads: int
    events: tuple[str, ...]
    tells_companies_apart: bool
    _label_columns: list[int]
    _tokenizer: "Tokenizer"
    _session: _InferenceSession
    _open_entity_session: Callable[[], _InferenceSession]
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
        _require_event_output(folder, manifest, session)
        _log.info("%s model loaded successfully: %s, revision %s", title, manifest.quantisation, manifest.revision)
        return cls(
            name=manifest.name,
            revision=manifest.revision,
            quantisation=manifest.quantisation,
            threads=threads or available_cpus(),
            events=manifest.events,
            tells_companies_apart=manifest.tells_companies_apart,
            _label_columns=manifest.label_columns(folder),
            _tokenizer=tokenizer,
            _session=session,
            # Opened for the first text with a span: most runs of one headline have none.
            _open_entity_session=lru_cache(1)(lambda: _open_session(folder / ENTITY_FILE)),
            _batch_tokens=manifest.batch_tokens,
        )

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits of whole texts, see `score`; shape (len(texts), 3)."""
        return self.score([ScoredText(text) for text in texts]).logits

    def score(self, texts: Sequence[ScoredText]) -> Scores:
        """Score texts; a text's scores are bit-identical alone, in any batch and order, and for any number of threads.

        Equal texts are run once, also those of several companies.

        Raises:
            ValueError: a span is malformed, or the model does not tell companies apart and a text has one.
        """
        distinct_texts = list(dict.fromkeys(texts))
        if not distinct_texts:
            return Scores(np.empty((0, len(LABELS)), dtype=np.float32), [])

        started = time.perf_counter()
        pool = ThreadPoolExecutor(self.threads)
        try:
            scores = self._score(distinct_texts, pool)
        finally:
            # An interrupt waits for the batches that run, not for all of them.
            pool.shutdown(cancel_futures=True)
        seconds = time.perf_counter() - started

        count = len(distinct_texts)
        rate = count / seconds
        _log.info("%s @%s: %d texts in %.1f s, %.0f per second", self.name, self.revision, count, seconds, rate)
        row_by_text = {text: row for row, text in enumerate(distinct_texts)}
        rows = [row_by_text[text] for text in texts]
        return Scores(scores.logits[rows], [scores.events[row] for row in rows], scores.cut_spans)

    def _score(self, texts: list[ScoredText], pool: ThreadPoolExecutor) -> Scores:
        """Scores of distinct texts."""
        # The tokens that belong to each text's company; none where the text is scored as a whole.
        with_span = [text for text in texts if text.span]
        if with_span and not self.tells_companies_apart:
            raise ValueError(f"{self.name} does not tell companies apart; score {with_span[0].text[:80]!r} as a whole")
        tokens_by_text = dict(zip(with_span, pool.map(self._company_tokens, with_span), strict=True))
        company_tokens = [tokens_by_text.get(text, _NO_TOKENS) for text in texts]
        is_whole = [not len(tokens) for tokens in company_tokens]

        logits = np.empty((len(texts), len(LABELS)), dtype=np.float32)
        event_by_text: dict[str, str] = {}
        whole_texts = list(dict.fromkeys(text.text for text, whole in zip(texts, is_whole, strict=True) if whole))
        whole_logits: dict[str, NDArray[np.float32]] = {}
        for text, (text_logits, event) in self._run(self._session, whole_texts, pool):
            whole_logits[text] = text_logits
            event_by_text[text] = event

        # A text is run once for all of its companies.
        entity_texts = list(dict.fromkeys(text.text for text, whole in zip(texts, is_whole, strict=True) if not whole))
        token_logits: dict[str, NDArray[np.float32]] = {}
        if entity_texts:
            for text, (text_logits, event) in self._run(self._open_entity_session(), entity_texts, pool):
                token_logits[text] = text_logits
                event_by_text.setdefault(text, event)

        for row, (text, tokens) in enumerate(zip(texts, company_tokens, strict=True)):
            if len(tokens):
                # In double precision, so that the mean of equal logits is that logit.
                logits[row] = token_logits[text.text][tokens].mean(axis=0, dtype=np.float64)
            else:
                logits[row] = whole_logits[text.text]
        cut_spans = sum(bool(text.span) and whole for text, whole in zip(texts, is_whole, strict=True))
        return Scores(logits, [event_by_text[text.text] for text in texts], cut_spans)

    def _run(
        self, session: _InferenceSession, texts: list[str], pool: ThreadPoolExecutor
    ) -> Iterator[tuple[str, tuple[NDArray[np.float32], str]]]:
        """Each text with its logits, of the text or of its tokens, columns in the order of `LABELS`, and its event."""
        tokens = list(pool.map(self._tokenise, texts))
        # A maximum of 1 token puts every text into a batch of its own.
        groups = equal_length_batches([len(ids) for ids in tokens], max_tokens=self._batch_tokens or 1)
        batches = [np.stack([tokens[position] for position in group]) for group in groups]
        results = pool.map(partial(self._infer, session), batches)
        for group, (logits, events) in zip(groups, results, strict=True):
            for position, text_logits, event in zip(group, logits, events, strict=True):
                yield texts[position], (text_logits, event)

    def _tokenise(self, text: str) -> NDArray[np.int64]:
        """Token ids of a text, its start and end marks included, shape (tokens,)."""
        return np.array(self._tokenizer.encode(_encodable(text)).ids, dtype=np.int64)

    def _company_tokens(self, text: ScoredText) -> NDArray[np.int64]:
        """Positions of the tokens that overlap the text's span; none where they are all beyond the maximum length.

        Raises:
            ValueError: the span is malformed, or reaches beyond the text.
        """
        ranges = parse_spans(text.span)
        if any(end > len(text.text) for _, end in ranges):
            raise ValueError(f"{text.span!r} is not within {text.text[:80]!r}; write START-END of the name")
        # Characters become others of the same number, so the offsets are those of the text.
        offsets = self._tokenizer.encode(_encodable(text.text)).offsets
        positions = [
            position
            for position, (start, end) in enumerate(offsets)
            # Start and end marks have empty ranges.
            if start < end and any(start < range_end and end > range_start for range_start, range_end in ranges)
        ]
        return np.array(positions, dtype=np.int64)

    def _infer(self, session: _InferenceSession, ids: NDArray[np.int64]) -> tuple[NDArray[np.float32], list[str]]:
        """Logits and events of texts of equal length.

        Args:
            session: The graph of whole texts, or that of their tokens.
            ids: Shape (texts, tokens).

        Returns:
            Logits of shape (texts, 3) or (texts, tokens, 3), and an event per text, empty without an event head.
        """
        # Nothing is masked, and all tokens are of type 0: there is no padding and one sentence. Some graphs take the
        # ids alone.
        possible_inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        names = [node.name for node in session.get_inputs()]
        outputs = session.run(None, {name: possible_inputs[name] for name in names})
        logits = outputs[0].astype(np.float32, copy=False)[..., self._label_columns]
        if not self.events:
            return logits, [""] * len(ids)
        return logits, [self.events[column] for column in outputs[1].argmax(axis=1).tolist()]


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


def _encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate.

    Cut-off emoji leave such; they have no UTF-8 form and would stop the tokenizer.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def _require_event_output(folder: Path, manifest: ModelManifest, session: _InferenceSession) -> None:
    """Refuse a manifest that names events for a graph without that output.

    Raises:
        ModelError: the graph has no second output.
    """
    if manifest.events and len(session.get_outputs()) < 2:
        raise ModelError(
            f"{folder / MODEL_FILE}: no output for the events that {CONFIG_FILE} names; prepare the model folder again"
        )


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
        reason = first_line(str(error), type(error).__name__)
        raise ModelError(f"{file}: unreadable ({reason}); prepare the model folder again") from error
