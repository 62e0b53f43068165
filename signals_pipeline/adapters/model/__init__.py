"""The sentiment model behind the pipeline: a sealed folder, and the loader that runs it with onnxruntime alone."""

from signals_pipeline.adapters.cpus import available_cpus
from signals_pipeline.adapters.model.folder import (
    CONFIG_FILE,
    LABELS,
    MODEL_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    ModelConfig,
    ModelError,
    checksum,
    read_config,
    revision_of,
    seal,
)
from signals_pipeline.adapters.model.running import TITLES, SentimentModel

__all__ = [
    "CONFIG_FILE",
    "LABELS",
    "MODEL_FILE",
    "TITLES",
    "TOKENIZER_FILE",
    "WEIGHTS_FILE",
    "ModelConfig",
    "ModelError",
    "SentimentModel",
    "available_cpus",
    "checksum",
    "read_config",
    "revision_of",
    "seal",
]
