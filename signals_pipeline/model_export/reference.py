# pyright: reportMissingImports=false
"""The same classifier in torch: what a prepared folder is verified against, and how archives are scored on a GPU."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.adapters.model.folder import LABELS, ModelError
from signals_pipeline.adapters.model.inference import equal_length_batches
from signals_pipeline.core.text import first_line
from signals_pipeline.model_export.calibration import Inputs, inputs_of
from signals_pipeline.model_export.source import Checkpoint, ModelType, check
from signals_pipeline.model_export.tokens import read_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor
    from transformers.modeling_utils import PreTrainedModel

# Maximum number of tokens of a batch, by device: a GPU needs large batches to be busy.
BATCH_TOKENS = {"cpu": 2_048, "cuda": 65_536}


@dataclass(frozen=True)
class TorchModel:
    """A checkpoint in torch: fp32 on the CPU, bf16 on a GPU; texts of equal length run together, without padding.

    Attributes:
        folder: The source folder.
        checkpoint: What its configuration says.
        device: "cpu" or "cuda".
        max_length: Tokens after which a text is cut.
        tokenizer: The source's tokenizer, which cuts texts there.
        network: The network in evaluation mode.
    """

    folder: Path
    checkpoint: Checkpoint
    device: str
    max_length: int
    tokenizer: "Tokenizer"
    network: "PreTrainedModel"

    @classmethod
    def load(
        cls, source: Path, *, device: str | None = None, max_length: int = 512, labels: tuple[str, ...] = ()
    ) -> Self:
        """Open a source folder.

        Args:
            source: A folder in the hub's layout.
            device: "cpu" or "cuda"; not given: the GPU where there is one.
            max_length: Tokens after which a text is cut, or fewer where the model takes no more.
            labels: What the output columns are; empty: as the configuration says.

        Raises:
            ModelError: the folder is unusable, or the extra `finbert` is not installed.
        """
        checkpoint = check(source, labels)
        # The tokenizer first, because it is read in no time.
        tokenizer = read_tokenizer(source, checkpoint.vocab_size)
        network, device = _open_network(source, device)
        cut_after = min(max_length, _longest_input(network, checkpoint))
        tokenizer.enable_truncation(cut_after)
        return cls(source, checkpoint, device, cut_after, tokenizer, network)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Logits of shape (len(texts), 3), columns negative, neutral, positive."""
        import torch

        column_by_label = {label: column for column, label in self.checkpoint.labels.items()}
        label_columns = [column_by_label[label] for label in LABELS]
        logits = np.empty((len(texts), len(LABELS)), dtype=np.float32)
        with torch.inference_mode():
            for group, ids in self._batches(texts):
                rows = self.network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
                logits[group] = rows.float().cpu().numpy()[:, label_columns]
        return logits

    def inputs(self, texts: Sequence[str]) -> dict[str, Inputs]:
        """Statistics of what goes into the encoder's products for these texts, see `calibration`."""
        return inputs_of(self.network, (ids for _, ids in self._batches(texts)))

    def _batches(self, texts: Sequence[str]) -> "Iterator[tuple[list[int], Tensor]]":
        """Positions of texts of equal length, and their token ids of shape (texts, tokens)."""
        import torch

        tokens = [self._tokenise(text) for text in texts]
        for group in equal_length_batches([len(ids) for ids in tokens], BATCH_TOKENS[self.device]):
            yield group, torch.tensor([tokens[position] for position in group], device=self.device)

    def _tokenise(self, text: str) -> list[int]:
        # A lone surrogate has no UTF-8 form and would stop the tokenizer.
        return self.tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8")).ids


def _longest_input(network: "PreTrainedModel", checkpoint: Checkpoint) -> int:
    """Number of tokens that the network has positions for."""
    positions = network.config.max_position_embeddings
    if checkpoint.model_type is ModelType.ROBERTA:
        # RoBERTa counts positions from the one after the padding's.
        return positions - network.config.pad_token_id - 1
    return positions


def _open_network(source: Path, device: str | None) -> "tuple[PreTrainedModel, str]":
    try:
        import torch
        from transformers.models.auto.modeling_auto import AutoModelForSequenceClassification
        from transformers.utils import logging
    except ImportError as error:
        raise ModelError(f"{error.name} is not installed; pip install 'signals_pipeline[finbert]'") from error
    logging.disable_progress_bar()
    # Its report on missing weights has many lines; what it says is in the errors below.
    logging.set_verbosity_error()
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(
            source,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            dtype=torch.bfloat16 if device == "cuda" else torch.float32,
            # The plain formula: the only one that every architecture has, and that can be traced.
            attn_implementation="eager" if device == "cpu" else None,
        )
        # With output_loading_info the method returns a pair.
        network, report = loaded
    except Exception as error:  # transformers, safetensors and pickle share no narrower base
        reason = first_line(str(error), type(error).__name__)
        raise ModelError(f"{source}: weights unreadable ({reason}); fetch the model again") from error
    # transformers fills missing weights with random numbers and only warns.
    missing = sorted(report["missing_keys"]) or [str(pair) for pair in report["mismatched_keys"]]
    if missing:
        raise ModelError(f"{source}: the weights lack {missing[0]} ({len(missing)} in all); use a complete classifier")
    return network.eval().to(device), device
