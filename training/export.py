"""From trained weights to the folder that is shipped: calibrate, write the ONNX graph in int8 and the manifest.

python export.py --data BUNDLE --backbone FOLDER --weights RUN/weights.pt --out MODEL_FOLDER [--exact FOLDER]
"""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from encoder import MAX_LENGTH, Classifier, Encoding, MultiTask, classifier_for, predict
from examples import filled, places_of, read_entities, sentiment_tweets, stocknet_titles
from multitask import predict_answers, toward
from numpy.typing import NDArray
from rows import LABELS, read_sentfin
from torch import Tensor, nn

from signals_pipeline.adapters.model.folder import EVENT_LABELS, MODEL_FILE, TOKENIZER_FILE, write_manifest
from signals_pipeline.model_export.calibration import inputs_of
from signals_pipeline.model_export.graph import write_graph
from signals_pipeline.model_export.prepare import BATCH_TOKENS, QUANTISATION
from signals_pipeline.model_export.source import Architecture

CALIBRATION = 1_500  # titles, about; more change nothing


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The divisor of the logits that minimises cross-entropy on validation rows (Guo et al. 2017), found by L-BFGS."""
    scale = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=50)

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(logits / scale.exp(), labels)
        loss.backward()
        return loss

    optimiser.step(closure)
    return float(scale.detach().exp())


def weights_of(model: Classifier) -> dict[str, NDArray[np.float32]]:
    """The tensors by the names that the graph knows: the encoder's without their prefix, and the head's."""
    return {name.removeprefix("encoder."): tensor.float().numpy() for name, tensor in model.state_dict().items()}


def calibrated(settings: argparse.Namespace) -> Classifier:
    """The trained model with each tone head's temperature folded in, so that softmax of its logits is calibrated.

    The head of the whole is fitted on the validation rows of SEntFiN and of the tweets, so that neither the ratings of
    one nor the plain language of the other sets it alone; the head of companies on SEntFiN's validation rows.
    """
    state = torch.load(settings.weights, weights_only=True)
    model = classifier_for(settings.backbone, state)
    model.load_state_dict(state)
    encode = Encoding(settings.backbone)
    held = [(row.title, row.label) for row in read_sentfin(settings.data / "sentfin") if row.part == "validation"]
    if isinstance(model, MultiTask):
        held += sentiment_tweets(settings.data / "twitter-financial-news")[1]
    logits = predict(model, encode, [title for title, _ in held])
    _divide(model.head, temperature(logits, torch.tensor([label for _, label in held])), len(held))

    if isinstance(model, MultiTask):
        rows = [row for row in read_entities(settings.data / "sentfin") if row.part == "validation"]
        answers = predict_answers(model, encode, [row.title for row in rows])
        toward_entities = [
            toward(answer, places_of(row.title, row.entity)) for answer, row in zip(answers, rows, strict=True)
        ]
        labels = torch.tensor([row.label for row in rows])
        _divide(model.entity_head, temperature(torch.stack(toward_entities), labels), len(rows))
    return model


def _divide(head: nn.Linear, divisor: float, rows: int) -> None:
    print(f"temperature {divisor:.4f}, from {rows} validation rows")
    with torch.no_grad():
        head.weight /= divisor
        head.bias /= divisor


def calibration(settings: argparse.Namespace) -> Iterator[Tensor]:
    """Token ids of training titles, one title a batch: headlines, tweets and titles without a label in turn."""
    encode = Encoding(settings.backbone)
    sources = (
        [row.title for row in read_sentfin(settings.data / "sentfin") if row.part == "train"],
        [filled(e.template, e.names)[0] for e in sentiment_tweets(settings.data / "twitter-financial-news")[0]],
        stocknet_titles(settings.data, ()),
    )
    for titles in sources:
        for title in titles[:: len(titles) // (CALIBRATION // len(sources))]:
            yield encode([title])[0]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets, see README.md")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the pre-trained encoder")
    parser.add_argument("--weights", type=Path, required=True, help="weights.pt of train.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--exact", type=Path, help="where the same weights go in fp32, for evaluate.py to compare with")
    parser.add_argument("--name", default="compact")
    return parser.parse_args()


def write(model: Classifier, folder: Path, settings: argparse.Namespace, *, int8: bool) -> None:
    """Write the graphs, tokenizer.json and config.json to the folder."""
    shape = model.encoder.config
    architecture = Architecture.model_validate(shape.to_dict() | {"id2label": dict(enumerate(LABELS))})
    folder.mkdir(parents=True, exist_ok=True)
    inputs = inputs_of(model, calibration(settings)) if int8 else None
    write_graph(folder / MODEL_FILE, architecture, weights_of(model), inputs=inputs, pooling=model.pooling)
    shutil.copyfile(settings.backbone / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    config = write_manifest(
        folder,
        name=settings.name,
        id2label=dict(enumerate(LABELS)),
        max_length=MAX_LENGTH,
        vocabulary=shape.vocab_size,
        quantisation=QUANTISATION if int8 else "fp32",
        batch_tokens=BATCH_TOKENS,
        events=EVENT_LABELS if isinstance(model, MultiTask) else (),
    )
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {config.name} {config.revision}, {size / 1e6:.1f} MB")


def main() -> None:
    """Write the int8 folder, and the fp32 one where it is asked for."""
    settings = arguments()
    model = calibrated(settings)
    write(model, settings.out, settings, int8=True)
    if settings.exact:
        write(model, settings.exact, settings, int8=False)


if __name__ == "__main__":
    main()
