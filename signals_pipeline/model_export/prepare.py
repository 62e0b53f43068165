"""From a source folder to a model folder: export, write the manifest, verify, and only then put it in place."""

import tempfile
from pathlib import Path

from signals_pipeline.adapters.model.folder import MODEL_FILE, TOKENIZER_FILE, ModelManifest, write_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.model_export.graph import weights_of, write_graph
from signals_pipeline.model_export.reference import TorchModel
from signals_pipeline.model_export.source import Origin, check, read_origin
from signals_pipeline.model_export.staging import staged
from signals_pipeline.model_export.tokens import read_tokenizer
from signals_pipeline.model_export.verify import Verification, compare, headlines, record

QUANTISATION = "int8: activations by channel, after GELU by token, 7-bit weights by column, word vectors by row"
BATCH_TOKENS = 256  # weights are read from memory once per batch of about ten headlines; larger ones gain nothing
MAX_LENGTH = 256  # tokens after which a text is cut; headlines are far shorter


def export(source: Path, target: Path, *, name: str = "finbert") -> Verification:
    """Prepare the model folder `target` from a fetched source; a folder that fails its verification never gets there.

    Raises:
        ModelError: the source is unusable or not as it was fetched, or the result is refused.
    """
    origin = read_origin(source)
    reference = TorchModel.load(source, device="cpu", max_length=MAX_LENGTH)
    with staged(target) as folder:
        manifest = convert(source, folder, reference, name=name)
        verification = _verify(folder, source, reference, origin, manifest)
        record(folder, verification)
    return verification


def verify(folder: Path, source: Path) -> Verification:
    """Compare a prepared folder with its source again and record the result.

    Raises:
        ModelError: either folder is unusable, or the prepared one is refused.
    """
    model = SentimentModel.load(folder)
    origin = read_origin(source)
    reference = TorchModel.load(source, device="cpu", max_length=MAX_LENGTH)
    verification = _verify(folder, source, reference, origin, model)
    record(folder, verification)
    return verification


def convert(
    source: Path, folder: Path, reference: TorchModel, *, name: str, int8: bool = True, max_length: int = MAX_LENGTH
) -> ModelManifest:
    """Write the model, the tokenizer and the manifest to `folder`, without verifying them."""
    architecture = check(source)
    tokenizer = read_tokenizer(source, architecture)
    # Calibrated on every other headline, so that half of what the verification reads is new to the codes.
    inputs = reference.inputs(headlines()[::2]) if int8 else None
    write_graph(folder / MODEL_FILE, architecture, weights_of(reference.network), inputs=inputs)
    (folder / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8")
    return write_manifest(
        folder,
        name=name,
        id2label=architecture.id2label,
        max_length=min(max_length, architecture.max_position_embeddings),
        vocabulary=architecture.vocab_size,
        quantisation=QUANTISATION if int8 else "fp32",
        batch_tokens=BATCH_TOKENS,
    )


def _verify(
    folder: Path, source: Path, reference: TorchModel, origin: Origin, model: ModelManifest | SentimentModel
) -> Verification:
    """Compare the int8 folder, the same graph in fp32 (built for this and deleted) and torch."""
    with tempfile.TemporaryDirectory() as scratch:
        fp32_folder = Path(scratch)
        convert(source, fp32_folder, reference, name=model.name, int8=False)
        return compare(
            SentimentModel.load(folder),
            SentimentModel.load(fp32_folder),
            reference,
            revision=model.revision,
            source=origin.repository,
            source_revision=origin.revision,
        )
