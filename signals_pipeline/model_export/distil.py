# pyright: reportMissingImports=false
"""Distillation: the compact model learns what a larger, prepared model answers on the user's own titles.

It starts from the weights in the package. Of the titles, in the order of their time, the last fifth is held out: the
result is used only where it agrees there more often with the teacher than before, and does not do worse on pairs of
headlines that differ in a word. What the encoder's other heads answer is held where it was.
"""

import logging
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import (
    LABELS,
    MODEL_FILE,
    TOKENIZER_FILE,
    ModelError,
    ModelManifest,
    ModelOrigin,
    read_manifest,
    write_manifest,
)
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.core.intervals import wilson_interval
from signals_pipeline.model_export.calibration import inputs_of
from signals_pipeline.model_export.graph import weights_of, write_graph
from signals_pipeline.model_export.minimal_pairs import MINIMAL_PAIRS, PairAnswers, pair_answers, pair_texts
from signals_pipeline.model_export.prepare import BATCH_TOKENS, QUANTISATION
from signals_pipeline.model_export.restoring import RestoredWeights, restore
from signals_pipeline.model_export.source import Architecture
from signals_pipeline.model_export.staging import staged

if TYPE_CHECKING:
    from torch import Tensor

_log = logging.getLogger(__name__)
NAME = "compact-distilled"
DISTILLATION_FILE = "distillation.json"
MIN_TITLES = 500  # fewer teach nothing, and a fifth of them proves nothing
HELD_OUT_SHARE = 0.2
HELD_OUT_TITLES = 2_000  # held-out titles that are compared at most: their agreement is known to within 2%
ANSWER_SHARE = 0.4  # of the time, for the teacher's answers; the rest is for learning
ANSWER_CHUNK = 256  # titles that the teacher answers together
EPOCHS = 6  # times that each title is learnt at most; more learn the titles by heart
BATCH = 32  # titles per step
CALIBRATION_TITLES = 1_500  # titles whose activations int8 codes are fitted to; more change nothing
RATE = 1e-4  # of every layer; the head's is five times that
SOFTENING = 1.5  # divisor of student's and teacher's logits (Hinton et al. 2015)
WARM_UP = 0.05  # share of the run after which the rate is full
# Pairs that may be lost without a refusal: a near-tie can fall to either side.
MAX_PAIRS_LOST = 1


class Distillation(BaseModel):
    """What a distillation was made from and how it compares; recorded beside the model.

    Attributes:
        teacher: Name and revision of the teacher.
        student: Name and revision of the model that learnt.
        titles: Number of titles that it learnt from.
        held_out: Number of later titles on which the agreement is counted.
        agreement_before: Share of them with the teacher's label, before.
        agreement_after: The same, after.
        interval_after: Its Wilson 95% interval.
        pairs: Number of minimal pairs.
        before: Answers to the pairs, before.
        after: Answers to the pairs, after.
    """

    model_config = ConfigDict(frozen=True)

    teacher: str
    student: str
    titles: int
    held_out: int
    agreement_before: float
    agreement_after: float
    interval_after: tuple[float, float]
    pairs: int
    before: PairAnswers
    after: PairAnswers

    @property
    def summary(self) -> str:
        """The result in words."""
        low, high = self.interval_after
        return (
            f"learnt {self.titles} titles; on {self.held_out} later ones it agrees with {self.teacher} on"
            f" {self.agreement_after:.1%} (95% interval {low:.1%} to {high:.1%}; before {self.agreement_before:.1%});"
            f" {self.after.right} of {self.pairs} minimal pairs right (before {self.before.right})"
        )

    def faults(self) -> list[str]:
        """Why the result must not be used; empty where it may be."""
        faults: list[str] = []
        if self.agreement_after <= self.agreement_before:
            faults.append(
                f"it agrees with the teacher on {self.agreement_after:.1%} of later titles,"
                f" before on {self.agreement_before:.1%}"
            )
        if self.after.right < self.before.right - MAX_PAIRS_LOST:
            faults.append(f"{self.after.right} of {self.pairs} minimal pairs are right, before {self.before.right}")
        if self.after.opposite > self.before.opposite + MAX_PAIRS_LOST:
            faults.append(
                f"{self.after.opposite} halves of minimal pairs have the opposite sign, before {self.before.opposite}"
            )
        return faults


@dataclass(frozen=True)
class SplitTitles:
    """Titles to learn from, and later ones to compare on."""

    learnt: list[str]
    held_out: list[str]


def split_by_time(titles: Sequence[str]) -> SplitTitles:
    """Hold out the last fifth; of equal titles the first counts.

    Args:
        titles: The oldest first.

    Raises:
        ModelError: there are too few.
    """
    distinct = list(dict.fromkeys(title.strip() for title in titles if title.strip()))
    if len(distinct) < MIN_TITLES:
        raise ModelError(f"{len(distinct)} different titles, at least {MIN_TITLES} are needed; collect more first")
    cut = round(len(distinct) * (1 - HELD_OUT_SHARE))
    later = distinct[cut:]
    step = -(-len(later) // HELD_OUT_TITLES)
    return SplitTitles(distinct[:cut], later[::step])


def distil(
    titles: Sequence[str],
    teacher_folder: Path,
    target: Path,
    *,
    minutes: float,
    student_folder: Path = sample.COMPACT_MODEL,
    seed: int = 11,
) -> Distillation:
    """Teach the compact model and put the result at `target` if it is better than before.

    Args:
        titles: The oldest first.
        teacher_folder: A prepared model.
        target: The new model folder; its name is the model's.
        minutes: Time for the teacher's answers and for learning; conversion and comparison take about another minute.
        student_folder: The compact model to start from.
        seed: Of the order of the titles.

    Raises:
        ModelError: there are too few titles, a folder is unusable, or the result is no better than before.
    """
    deadline = time.monotonic() + minutes * 60
    split = split_by_time(titles)
    draw = random.Random(seed)  # noqa: S311 - a repeatable order, no secret
    teacher, before = SentimentModel.load(teacher_folder), SentimentModel.load(student_folder)
    manifest = read_manifest(student_folder)
    lesson = _Lesson(restore(student_folder), student_folder, manifest.max_length, seed)

    # The teacher answers titles in random order until its share of the time is used.
    held_out_answers = teacher.logits(split.held_out)
    started = time.monotonic()
    answers_end = started + (deadline - started) * ANSWER_SHARE
    order = draw.sample(split.learnt, len(split.learnt))
    answers = _answer(teacher, order, answers_end)
    lesson.learn(order[: len(answers)], answers, deadline, draw)

    with staged(target) as folder:
        lesson.write(folder, target.name, manifest, _origin(teacher, before), split.learnt)
        after = SentimentModel.load(folder)
        agreeing = _agreeing(after, split.held_out, held_out_answers)
        distillation = Distillation(
            teacher=f"{teacher.name} @{teacher.revision}",
            student=f"{before.name} @{before.revision}",
            titles=len(answers),
            held_out=len(split.held_out),
            agreement_before=_agreeing(before, split.held_out, held_out_answers) / len(split.held_out),
            agreement_after=agreeing / len(split.held_out),
            interval_after=wilson_interval(agreeing, len(split.held_out)),
            pairs=len(MINIMAL_PAIRS),
            before=pair_answers(before.logits(pair_texts())),
            after=pair_answers(after.logits(pair_texts())),
        )
        faults = distillation.faults()
        if faults:
            raise ModelError(
                f"{target.name}: refused, {'; '.join(faults)}; give it more titles or --minutes, or keep the model"
                " that you have"
            )
        (folder / DISTILLATION_FILE).write_text(distillation.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return distillation


def _answer(teacher: SentimentModel, titles: Sequence[str], until: float) -> NDArray[np.float32]:
    """The teacher's logits of as many titles, from the first one, as it answers in time; at least one chunk."""
    answers: list[NDArray[np.float32]] = []
    for start in range(0, len(titles), ANSWER_CHUNK):
        if answers and time.monotonic() > until:
            break
        answers.append(teacher.logits(titles[start : start + ANSWER_CHUNK]))
    return np.concatenate(answers)


def _agreeing(model: SentimentModel, titles: Sequence[str], answers: NDArray[np.float32]) -> int:
    """Number of titles that get the teacher's label."""
    return int((model.logits(titles).argmax(axis=1) == answers.argmax(axis=1)).sum())


def _origin(teacher: SentimentModel, student: SentimentModel) -> ModelOrigin:
    return ModelOrigin(
        repository=teacher.name,
        revision=teacher.revision,
        architecture=f"distilled into {student.name} @{student.revision}",
        labels=dict(enumerate(LABELS)),
    )


class _Lesson:
    """A student network with its tokenizer, and a copy as it was before."""

    def __init__(self, weights: RestoredWeights, folder: Path, max_length: int, seed: int) -> None:
        import torch
        from tokenizers import Tokenizer

        torch.manual_seed(seed)
        self.weights = weights
        self.folder = folder
        self.student = _network(weights)
        self.original = _network(weights).eval().requires_grad_(requires_grad=False)
        self.tokenizer: Tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self.tokenizer.enable_truncation(max_length)
        self.tokenizer.enable_padding()

    def learn(self, titles: Sequence[str], answers: NDArray[np.float32], deadline: float, draw: random.Random) -> None:
        """Learn the teacher's answers until the deadline, or until every title was learnt `EPOCHS` times."""
        import torch

        network = self.student.train()
        # Word vectors stay: those of words that no title has must keep their place beside those that are learnt.
        network.encoder.embeddings.word_embeddings.weight.requires_grad_(requires_grad=False)
        head = list(network.head.parameters())
        optimiser = torch.optim.AdamW(
            [
                {"params": [tensor for tensor in network.encoder.parameters() if tensor.requires_grad], "lr": RATE},
                {"params": head, "lr": 5 * RATE},
            ]
        )
        full_rates = [group["lr"] for group in optimiser.param_groups]
        targets = torch.from_numpy(answers)
        batches = list(_batches(titles, draw))
        started = time.monotonic()
        losses: list[float] = []
        for step, rows in enumerate(batches):
            # The rate falls to zero when the time is up or the titles are, whichever comes first.
            done = max(step / len(batches), (time.monotonic() - started) / max(deadline - started, 1e-9))
            if done >= 1:
                break
            for group, full_rate in zip(optimiser.param_groups, full_rates, strict=True):
                group["lr"] = full_rate * min(done / WARM_UP, 1 - done) if done < WARM_UP else full_rate * (1 - done)
            loss = self._loss([titles[row] for row in rows], targets[rows])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            losses.append(loss.item())
            if len(losses) % 100 == 0:
                _log.info("Step %d of at most %d, loss %.3f", step + 1, len(batches), float(np.mean(losses[-100:])))
        network.eval()

    def write(
        self, folder: Path, name: str, manifest: ModelManifest, origin: ModelOrigin, titles: Sequence[str]
    ) -> None:
        """Write the student as an int8 model folder, its codes fitted to these titles."""
        import torch

        encoder = self.student.encoder.config.to_dict()
        architecture = Architecture.model_validate(encoder | {"id2label": dict(enumerate(LABELS))})
        step = -(-len(titles) // CALIBRATION_TITLES)
        token_ids = (torch.tensor([self.tokenizer.encode(title).ids]) for title in titles[::step])
        inputs = inputs_of(self.student, token_ids)
        named = {tensor.removeprefix("encoder."): value for tensor, value in weights_of(self.student).items()}
        write_graph(folder / MODEL_FILE, architecture, named, inputs=inputs)
        (folder / TOKENIZER_FILE).write_bytes((self.folder / TOKENIZER_FILE).read_bytes())
        write_manifest(
            folder,
            name=name,
            id2label=dict(enumerate(LABELS)),
            max_length=manifest.max_length,
            vocabulary=manifest.vocabulary,
            quantisation=QUANTISATION,
            batch_tokens=BATCH_TOKENS,
            origin=origin,
            events=manifest.events,
        )

    def _loss(self, titles: Sequence[str], targets: "Tensor") -> "Tensor":
        """Cross-entropy (nats) against the teacher's softened answers, plus `_drift` of the other heads."""
        import torch
        from torch.nn import functional

        encodings = self.tokenizer.encode_batch(list(titles))
        ids = torch.tensor([encoding.ids for encoding in encodings])
        mask = torch.tensor([encoding.attention_mask for encoding in encodings])
        with _bfloat16_where_fast():
            states = self.student.states(ids, mask)
            logits = self.student.head(states[:, 0]).float()
        soft_targets = (targets / SOFTENING).softmax(1)
        taught = functional.cross_entropy(logits / SOFTENING, soft_targets) * SOFTENING**2
        return taught + self._drift(ids, mask, states)

    def _drift(self, ids: "Tensor", mask: "Tensor", states: "Tensor") -> "Tensor":
        """How far the other heads' answers are from those of the network before: the sum of divergences, in nats.

        The encoder changes under them; without this, event types and the tone toward companies would drift.

        Args:
            ids: Shape (texts, tokens).
            mask: The same.
            states: The student's last states, shape (texts, tokens, hidden).
        """
        import torch
        from torch.nn import functional

        drift = torch.zeros(())
        others = [name for name in self.weights.heads if name != "head"]
        if not others:
            return drift
        with torch.no_grad(), _bfloat16_where_fast():
            states_before = self.original.states(ids, mask)
        is_token = mask.bool()
        for name in others:
            # Each token has its own answer; that of the first one is the text's.
            now = getattr(self.student, name)(states[is_token]).float().log_softmax(-1)
            before = getattr(self.original, name)(states_before[is_token]).float().log_softmax(-1)
            drift = drift + functional.kl_div(now, before, log_target=True, reduction="batchmean")
        return drift


def _batches(titles: Sequence[str], draw: random.Random) -> Iterator[list[int]]:
    """Rows of titles of similar length, in random order, every title `EPOCHS` times."""
    for _ in range(EPOCHS):
        shuffled = draw.sample(range(len(titles)), len(titles))
        batches: list[list[int]] = []
        # Sorted by length within pools of 16 batches, so that little is padded.
        for start in range(0, len(shuffled), 16 * BATCH):
            pool = sorted(shuffled[start : start + 16 * BATCH], key=lambda row: len(titles[row]))
            batches += [pool[first : first + BATCH] for first in range(0, len(pool), BATCH)]
        draw.shuffle(batches)
        yield from batches


def _bfloat16_where_fast() -> Any:  # noqa: ANN401
    """Products in bfloat16 where the CPU has instructions for it; without, they take eight times as long as fp32."""
    import torch

    return torch.autocast("cpu", torch.bfloat16, enabled=bool(torch.cpu.get_capabilities().get("avx512_bf16")))


def _network(weights: RestoredWeights) -> Any:  # noqa: ANN401
    """The encoder with its heads in torch.

    Raises:
        ModelError: the extra `finbert` is not installed.
    """
    try:
        import torch
        from torch import nn
        from transformers.models.bert.configuration_bert import BertConfig
        from transformers.models.bert.modeling_bert import BertModel
    except ImportError as error:
        raise ModelError(f"{error.name} is not installed; pip install 'signals_pipeline[finbert]'") from error

    tensors: Mapping[str, NDArray[np.float32]] = weights.tensors
    words, hidden = tensors["embeddings.word_embeddings.weight"].shape
    config = BertConfig(
        vocab_size=words,
        hidden_size=hidden,
        num_hidden_layers=weights.layers,
        num_attention_heads=weights.attention_heads,
        intermediate_size=len(tensors["encoder.layer.0.intermediate.dense.bias"]),
        max_position_embeddings=len(tensors["embeddings.position_embeddings.weight"]),
        type_vocab_size=1,
        layer_norm_eps=weights.layer_norm_epsilon,
        hidden_act="gelu",
    )

    class Student(nn.Module):
        """The encoder and its heads."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = BertModel(config, add_pooling_layer=False)
            for name in weights.heads:
                self.add_module(name, nn.Linear(hidden, len(tensors[f"{name}.bias"])))

        def states(self, input_ids: "Tensor", attention_mask: "Tensor") -> "Tensor":
            """The last states, shape (texts, tokens, hidden)."""
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

        def forward(self, input_ids: "Tensor", attention_mask: "Tensor") -> "Tensor":
            """Logits of the sentence head, shape (texts, 3)."""
            head: Any = self.head
            return head(self.states(input_ids, attention_mask)[:, 0])

    network = Student()
    state = {name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}
    is_head = tuple(f"{name}." for name in weights.heads)
    network.load_state_dict({name if name.startswith(is_head) else f"encoder.{name}": state[name] for name in state})
    return network
