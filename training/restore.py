"""The weights of a shipped folder, to train on where no weights.pt was kept: each as near as its int8 code lies.

python restore.py --model FOLDER --backbone FOLDER --out WEIGHTS.pt
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from signals_pipeline.adapters.model import MODEL_FILE

PROJECTIONS = ("query", "key", "value")  # the order in which the graph keeps their biases


def constants(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The graph's tensors by their names in the encoder, codes times scales, as torch lays them out."""
    graph = onnx.load(folder / MODEL_FILE).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found: dict[str, NDArray[np.float32]] = {}
    for name, value in stored.items():
        if f"{name}_scales" in stored:
            found[name] = (value.astype(np.float32) * stored[f"{name}_scales"]).T
        elif name.endswith(".attention.bias"):
            path = name.removesuffix("bias")
            parts = zip(PROJECTIONS, np.split(value, 3), strict=True)
            found |= {f"{path}self.{part}.bias": bias for part, bias in parts}
        else:
            found[name] = value
    return found


def main() -> None:
    """Write a state that `train.py --start` takes; word vectors and token types are the backbone's own."""
    import torch  # noqa: PLC0415 - here, as the tests read `constants` alone
    from encoder import Classifier  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a folder that export.py wrote")
    parser.add_argument("--backbone", type=Path, required=True, help="folder of the pre-trained encoder")
    parser.add_argument("--out", type=Path, required=True)
    settings = parser.parse_args()
    found = constants(settings.model)
    state = Classifier(settings.backbone).state_dict()
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
