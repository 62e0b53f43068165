"""The weights of a shipped folder, to train on where no weights.pt was kept: each as near as its int8 code lies.

python restore.py --model FOLDER --backbone FOLDER --out WEIGHTS.pt
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from signals_pipeline.adapters.model.folder import MODEL_FILE

Tensors = Mapping[str, NDArray[np.float32]]
ASIDE = (".centre", ".copied", ".share")  # what a product does to its inputs
PROJECTIONS = ("query", "key", "value")  # the order in which the graph keeps their biases


def constants(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The graph's tensors by their names in the encoder, codes times scales, as torch lays them out.

    Values divided by the steps of what is mixed of them stay so, and the weights after them multiplied: the network is
    the same.
    """
    graph = onnx.load(folder / MODEL_FILE).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found: dict[str, NDArray[np.float32]] = {}
    for name, value in stored.items():
        if f"{name}_scales" in stored:
            found[name] = weight(name.removesuffix(".weight"), value * stored[f"{name}_scales"], stored).T
        elif name.endswith(ASIDE):
            continue
        elif name.endswith(".attention.bias"):
            path = name.removesuffix("bias")
            parts = zip(PROJECTIONS, np.split(value, 3), strict=True)
            found |= {f"{path}self.{part}.bias": bias for part, bias in parts}
        else:
            found[name] = value
    for name in found:
        if name.endswith(".bias"):
            found[name] = found[name] - moved(name, found, stored)
    return found


def shared(path: str) -> str:
    """Under which product's name stands what query, key and value have in common."""
    return path.replace(".key", ".query").replace(".value", ".query")


def weight(path: str, rows: NDArray[np.float32], stored: Tensors) -> NDArray[np.float32]:
    """A product's weight, shape (inputs, outputs): copies added up, steps of the inputs taken out again."""
    copied = stored.get(f"{shared(path)}.copied")
    share = stored.get(f"{shared(path)}.share")
    if copied is not None:
        own = rows[: len(rows) - len(copied)].copy()
        np.add.at(own, copied, rows[len(own) :])
        rows = own
    return rows if share is None else rows * share[:, np.newaxis]


def moved(name: str, found: Tensors, stored: Tensors) -> NDArray[np.float32] | float:
    """What a bias was given of the centre that its product's inputs have lost (older folders have no centres)."""
    path = name.removesuffix(".bias")
    if path.endswith(".output.dense") and not path.endswith(".attention.output.dense") and "lift" in stored:
        return -stored["lift"] * found[f"{path}.weight"].sum(axis=1)
    centre = stored.get(f"{shared(path)}.centre")
    return 0.0 if centre is None else found[f"{path}.weight"] @ centre


def balance(found: dict[str, NDArray[np.float32]]) -> None:
    """Give values and the layer after them weights of one size again, channel by channel, in place.

    The graph divides values by the steps of what is mixed of them. The network is the same, but values a hundred times
    too large before weights a hundred times too small cannot be trained with one rate.
    """
    for name in [name for name in found if name.endswith(".attention.self.value.weight")]:
        values, bias = name, name.replace("weight", "bias")
        outputs = name.replace("self.value", "output.dense")
        before = np.linalg.norm(found[values], axis=1)
        after = np.linalg.norm(found[outputs], axis=0)
        factor = np.sqrt(after / np.maximum(before, 1e-12))
        found[values] = found[values] * factor[:, np.newaxis]
        found[bias] = found[bias] * factor
        found[outputs] = found[outputs] / factor


def main() -> None:
    """Write a state that `train.py --start` takes; word vectors and token types are the backbone's own."""
    import torch  # noqa: PLC0415 - here, as the tests read `constants` alone
    from encoder import classifier_for  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a folder that export.py wrote")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the pre-trained encoder")
    parser.add_argument("--out", type=Path, required=True)
    settings = parser.parse_args()
    found = constants(settings.model)
    balance(found)
    state = classifier_for(settings.backbone, found).state_dict()
    kinds = state["encoder.embeddings.token_type_embeddings.weight"][0].numpy()
    found["embeddings.position_embeddings.weight"] = found["places"] - kinds
    kept = ("word_embeddings.weight", "token_type_embeddings.weight")
    for name in state:
        if not name.endswith(kept):
            state[name] = torch.tensor(found[name.removeprefix("encoder.")])
    torch.save(state, settings.out)
    print(f"{settings.out}: {len(state)} tensors")


if __name__ == "__main__":
    main()
