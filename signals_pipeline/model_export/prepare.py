"""From a source folder to one that the loader runs: build the graph, seal, verify, and only then put it in place."""

import tempfile
from pathlib import Path

from signals_pipeline.adapters.model.folder import MODEL_FILE, TOKENIZER_FILE, ModelManifest, seal
from signals_pipeline.adapters.model.running import SentimentModel
from signals_pipeline.model_export.graph import weights_of, write_graph
from signals_pipeline.model_export.reference import TorchModel
from signals_pipeline.model_export.source import Origin, check, read_origin
from signals_pipeline.model_export.staging import staged
from signals_pipeline.model_export.tokens import read_tokenizer
from signals_pipeline.model_export.verify import Verification, compare, headlines, record

QUANTISATION = "int8: activations by channel, after GELU by token, 7-bit weights by column, word vectors by row"
BATCH_TOKENS = 256  # the weights are read once for several headlines; more tokens gain nothing
MAX_LENGTH = 256


def export(source: Path, target: Path, *, name: str = "finbert") -> Verification:
    """Prepare `target` from a fetched source; a folder that fails its verification never gets there.

    Raises:
        ModelError: the source is unusable or not as it was fetched, or the result is refused.
    """
    origin = read_origin(source)
    reference = TorchModel.load(source, device="cpu", max_length=MAX_LENGTH)
    with staged(target) as folder:
        config = convert(source, folder, reference, name=name)
        verification = judge(folder, source, reference, origin, config)
        record(folder, verification)
    return verification


def verify(folder: Path, source: Path) -> Verification:
    """Compare a prepared folder with its source once more and record the outcome.

    Raises:
        ModelError: either folder is unusable, or the prepared one is refused.
    """
    model = SentimentModel.load(folder)
    origin = read_origin(source)
    reference = TorchModel.load(source, device="cpu", max_length=MAX_LENGTH)
    verification = judge(folder, source, reference, origin, model)
    record(folder, verification)
    return verification


def convert(
    source: Path, folder: Path, reference: TorchModel, *, name: str, int8: bool = True, max_length: int = MAX_LENGTH
) -> ModelManifest:
    """Write the model, the tokenizer and the sealed config to `folder`, unjudged."""
    architecture = check(source)
    tokenizer = read_tokenizer(source, architecture)
    inputs = reference.inputs(headlines()[::2]) if int8 else None  # the other half is for the verification alone
    write_graph(folder / MODEL_FILE, architecture, weights_of(reference.network), inputs=inputs)
    (folder / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8")
    return seal(
        folder,
        name=name,
        id2label=architecture.id2label,
        max_length=min(max_length, architecture.max_position_embeddings),
        vocabulary=architecture.vocab_size,
        quantisation=QUANTISATION if int8 else "fp32",
        batch_tokens=BATCH_TOKENS,
    )


def judge(
    folder: Path, source: Path, reference: TorchModel, origin: Origin, config: ModelManifest | SentimentModel
) -> Verification:
    """Compare the int8 folder, the same graph in fp32 (built for this and thrown away) and torch."""
    with tempfile.TemporaryDirectory() as scratch:
        convert(source, Path(scratch), reference, name=config.name, int8=False)
        return compare(
            SentimentModel.load(folder),
            SentimentModel.load(Path(scratch)),
            reference,
            revision=config.revision,
            source=origin.repository,
            source_revision=origin.revision,
        )
