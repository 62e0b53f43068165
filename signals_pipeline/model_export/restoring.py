# pyright: reportMissingImports=false
"""The weights of a model folder that `graph` wrote in int8, read back: each as near as its code lies.

They are what a model is trained further from where its fp32 weights are not at hand, as for the compact model in the
package.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.adapters.model.folder import ModelError
from signals_pipeline.model_export.rounding import Array

if TYPE_CHECKING:
    from onnx import GraphProto

_SCALES = "_scales"
# What a product does to its inputs; `_product_weight` takes it out of the weights.
_INPUT_CONSTANTS = (".copied", ".share", ".weight_scales")


@dataclass(frozen=True)
class RestoredWeights:
    """An encoder with its heads.

    Attributes:
        tensors: By the names that `graph.write_graph` reads.
        attention_heads: Number of attention heads of each layer.
        layer_norm_epsilon: What every layer norm adds to the variance.
    """

    tensors: dict[str, Array]
    attention_heads: int
    layer_norm_epsilon: float

    @property
    def layers(self) -> int:
        """Number of encoder layers."""
        prefix = "encoder.layer."
        return len({name.removeprefix(prefix).split(".")[0] for name in self.tensors if name.startswith(prefix)})

    @property
    def heads(self) -> list[str]:
        """Names of the linear layers that read the last states."""
        return sorted(name.removesuffix(".weight") for name in self.tensors if name.endswith("head.weight"))


def restore(folder: Path) -> RestoredWeights:
    """Read the weights out of every graph of a folder.

    Raises:
        ModelError: a graph is not one that `graph` wrote in int8.
    """
    import onnx
    from onnx import numpy_helper

    stored: dict[str, NDArray[Any]] = {}
    graphs: list[GraphProto] = []
    for file in sorted(folder.glob("*.onnx")):
        graph = onnx.load(file).graph
        graphs.append(graph)
        stored |= {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    if "words" not in stored or "word_scales" not in stored or "head.weight" not in stored:
        raise ModelError(f"{folder}: weights can't be read back; use the compact model's folder")

    tensors = _restore_tensors(stored)
    _balance(tensors)
    # The token types' vectors are part of the positions'.
    tensors["embeddings.word_embeddings.weight"] = stored["words"].astype(np.float32) * stored["word_scales"]
    tensors["embeddings.position_embeddings.weight"] = stored["places"].astype(np.float32)
    tensors["embeddings.token_type_embeddings.weight"] = np.zeros((1, stored["places"].shape[1]), dtype=np.float32)
    return RestoredWeights(
        tensors=tensors,
        attention_heads=int(_attribute(graphs, "MultiHeadAttention", "num_heads").i),
        layer_norm_epsilon=float(_attribute(graphs, "LayerNormalization", "epsilon").f),
    )


def _restore_tensors(stored: Mapping[str, NDArray[Any]]) -> dict[str, Array]:
    """Weights, biases and layer norms; weights of shape (outputs, inputs)."""
    tensors: dict[str, Array] = {}
    for name, value in stored.items():
        if not name.endswith((".weight", ".bias")) or name.endswith(_INPUT_CONSTANTS):
            continue
        path = name.removesuffix(".weight")
        if name + _SCALES in stored:
            rows = value.astype(np.float32) * stored[name + _SCALES]
            tensors[name] = _product_weight(path, rows, stored).T
        else:
            tensors[name] = value.astype(np.float32)

    # The bias of a product whose inputs are coded from GELU's minimum has that minimum's product in it.
    for name, value in tensors.items():
        path = name.removesuffix(".bias")
        follows_gelu = path.endswith(".output.dense") and not path.endswith(".attention.output.dense")
        if name.endswith(".bias") and follows_gelu:
            tensors[name] = value + stored["lift"] * tensors[f"{path}.weight"].sum(axis=1)
    return tensors


def _product_weight(path: str, rows: Array, stored: Mapping[str, NDArray[Any]]) -> Array:
    """A product's weight, shape (inputs, outputs): copies added up, steps of the inputs taken out again.

    Where values are divided by the steps of what is mixed of them, they stay so, and the weights after them
    multiplied: the network is the same.
    """
    # Query, key and value read the same inputs, whose constants have the query's name.
    inputs = path.replace(".self.key", ".self.query").replace(".self.value", ".self.query")
    copied = stored.get(f"{inputs}.copied")
    if copied is not None:
        own = rows[: len(rows) - len(copied)].copy()
        np.add.at(own, copied, rows[len(own) :])
        rows = own
    share = stored.get(f"{inputs}.share")
    return rows if share is None else rows * share[:, np.newaxis]


def _balance(tensors: dict[str, Array]) -> None:
    """Give values and the layer after them weights of one size again, channel by channel.

    Values a hundred times too large before weights a hundred times too small can't be trained with one rate.
    """
    for name in [name for name in tensors if name.endswith(".attention.self.value.weight")]:
        bias = name.replace("weight", "bias")
        outputs = name.replace("self.value", "output.dense")
        before = np.linalg.norm(tensors[name], axis=1)
        after = np.linalg.norm(tensors[outputs], axis=0)
        factor = np.sqrt(after / np.maximum(before, 1e-12))
        tensors[name] = tensors[name] * factor[:, np.newaxis]
        tensors[bias] = tensors[bias] * factor
        tensors[outputs] = tensors[outputs] / factor


def _attribute(graphs: list["GraphProto"], kind: str, name: str) -> Any:  # noqa: ANN401
    """An attribute of the first node of this kind."""
    nodes = (node for graph in graphs for node in graph.node if node.op_type == kind)
    return next(attribute for attribute in next(nodes).attribute if attribute.name == name)
