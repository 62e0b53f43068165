"""From a source folder to a model folder: export, write the manifest, verify, and only then put it in place.

A BERT gets the own graph of `graph`, every other architecture the traced one of `traced`. Either is in int8, or in fp32
where int8 fails its verification and fp32 passes.
"""

import tempfile
from pathlib import Path

from signals_pipeline.adapters.model.folder import (
    MODEL_FILE,
    TOKENIZER_FILE,
    ModelManifest,
    read_manifest,
    write_manifest,
)
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.model_export.graph import weights_of, write_graph
from signals_pipeline.model_export.reference import TorchModel
from signals_pipeline.model_export.source import (
    Origin,
    model_origin,
    own_architecture,
    read_origin,
)
from signals_pipeline.model_export.staging import staged
from signals_pipeline.model_export.traced import write_traced_graph
from signals_pipeline.model_export.verify import Verification, compare, headlines, record

QUANTISATION = "int8: activations by channel, after GELU by token, 7-bit weights by column, word vectors by row"
TRACED_QUANTISATION = "int8: activations by tensor, one text at a time, 7-bit weights by column"
FP32 = "fp32"
BATCH_TOKENS = 256  # weights are read from memory once per batch of about ten headlines; larger ones gain nothing
MAX_LENGTH = 256  # tokens after which a text is cut; headlines are far shorter


def export(source: Path, target: Path, *, name: str = "", labels: tuple[str, ...] = ()) -> Verification:
    """Prepare the model folder `target` from a fetched source; a folder that fails its verification never gets there.

    Args:
        source: The source folder.
        target: The model folder.
        name: What readers see; empty: the name of the target.
        labels: What the output columns are, instead of what was recorded when the source was fetched.

    Raises:
        ModelError: the source is unusable or not as it was fetched, or the result is refused.
    """
    origin = read_origin(source)
    if labels:
        origin = origin.model_copy(update={"labels": labels})
    reference = _load_reference(source, origin)
    with staged(target) as folder:
        manifest = convert(source, folder, reference, name=name or target.name, origin=origin)
        verification = _verify(folder, source, reference, origin, manifest)
        if verification.faults():
            verification = _fall_back_to_fp32(
                folder, source, reference, origin=origin, int8=verification, name=name or target.name
            )
        record(folder, verification)
    return verification


def verify(folder: Path, source: Path) -> Verification:
    """Compare a prepared folder with its source again and record the result.

    Raises:
        ModelError: either folder is unusable, or the prepared one is refused.
    """
    manifest = read_manifest(folder)
    # The columns that the folder was prepared with; an export may have corrected those of the source.
    labels = tuple(manifest.id2label[column] for column in sorted(manifest.id2label))
    origin = read_origin(source).model_copy(update={"labels": labels})
    verification = _verify(folder, source, _load_reference(source, origin), origin, manifest)
    record(folder, verification)
    return verification


def convert(
    source: Path,
    folder: Path,
    reference: TorchModel,
    *,
    name: str,
    origin: Origin | None = None,
    int8: bool = True,
    fp32_reason: str = "",
    max_length: int = MAX_LENGTH,
) -> ModelManifest:
    """Write the model, the tokenizer and the manifest to `folder`, without verifying them.

    Args:
        source: The source folder.
        folder: Where to.
        reference: The source in torch.
        name: What readers see.
        origin: Where the source came from, for the manifest.
        int8: Whether the model is quantised.
        fp32_reason: Why it is not, for the manifest.
        max_length: Tokens after which a text is cut, or fewer where the model takes no more.
    """
    architecture = own_architecture(source)
    if architecture is not None:
        # Calibrated on every other headline, so that half of what the verification reads is new to the codes.
        inputs = reference.inputs(headlines()[::2]) if int8 else None
        write_graph(folder / MODEL_FILE, architecture, weights_of(reference.network), inputs=inputs)
    else:
        write_traced_graph(folder / MODEL_FILE, reference.network, int8=int8)

    # The loader sets the length itself.
    tokenizer = reference.tokenizer
    tokenizer.no_truncation()
    (folder / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8")
    tokenizer.enable_truncation(reference.max_length)

    int8_quantisation = QUANTISATION if architecture is not None else TRACED_QUANTISATION
    fp32_quantisation = f"{FP32}: {fp32_reason}" if fp32_reason else FP32
    return write_manifest(
        folder,
        name=name,
        id2label=reference.checkpoint.labels,
        max_length=min(max_length, reference.max_length),
        vocabulary=tokenizer.get_vocab_size(),
        quantisation=int8_quantisation if int8 else fp32_quantisation,
        # The products of fp32 are summed in another order where the batch has another size.
        batch_tokens=BATCH_TOKENS if architecture is not None and not fp32_reason else 0,
        origin=None if origin is None else model_origin(origin, reference.checkpoint),
    )


def _load_reference(source: Path, origin: Origin) -> TorchModel:
    return TorchModel.load(source, device="cpu", max_length=MAX_LENGTH, labels=origin.labels)


def _fall_back_to_fp32(
    folder: Path, source: Path, reference: TorchModel, *, origin: Origin, int8: Verification, name: str
) -> Verification:
    """Replace a refused int8 model with fp32 where that passes.

    Returns:
        The verification of what is in the folder then; that of int8 where fp32 fails as well.
    """
    reason = f"int8 refused, {int8.faults()[0]}"
    manifest = convert(source, folder, reference, name=name, origin=origin, int8=False, fp32_reason=reason)
    verification = _verify(folder, source, reference, origin, manifest)
    return int8 if verification.faults() else verification


def _verify(folder: Path, source: Path, reference: TorchModel, origin: Origin, model: ModelManifest) -> Verification:
    """Compare the prepared folder, the same graph in fp32 (built for this and deleted) and torch."""
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
