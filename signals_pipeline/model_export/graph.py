# pyright: reportMissingImports=false
"""FinBERT as an ONNX graph, built from its weights node by node, without an exporter or a fusion pass.

The graph has the few fused operators that onnxruntime runs fastest, reads only token ids (texts of a batch have equal
length, so nothing is masked), takes the token type as 0, and computes the last layer for the first token alone, the
only one that the classifier reads. Layer norm is the standard operator: onnxruntime's SkipLayerNormalization took four
times as long on the CPU. The matrix products are in `blocks`.

The compact model shares the encoder; its classifier is one linear layer, without BERT's pooler before it. Its teacher
in distillation reads the mean of all tokens' last states.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from signals_pipeline.adapters.model.folder import WEIGHTS_FILE
from signals_pipeline.model_export.blocks import MICROSOFT, Fp32Products, Graph, Int8Products, PreparedInput
from signals_pipeline.model_export.calibration import Inputs
from signals_pipeline.model_export.rounding import Array
from signals_pipeline.model_export.source import Architecture

if TYPE_CHECKING:
    from torch import nn

OPSET = 20  # the first with Gelu
IR_VERSION = 9  # the one of that opset
Pooling = Literal["first", "mean"]


def weights_of(network: "nn.Module") -> dict[str, Array]:
    """The network's tensors by name, without the prefix of the encoder."""
    return {
        name.removeprefix("bert."): tensor.detach().float().cpu().numpy()
        for name, tensor in network.state_dict().items()
    }


def write_graph(
    file: Path,
    architecture: Architecture,
    weights: Mapping[str, Array],
    *,
    inputs: Mapping[str, Inputs] | None,
    pooling: Pooling = "first",
) -> None:
    """Write the model that maps `input_ids` (texts, tokens) to `logits` (texts, 3).

    Args:
        file: Where to; the weights go beside it, see `WEIGHTS_FILE`.
        architecture: Sizes of the model.
        weights: Tensors by name, see `weights_of`.
        inputs: Calibration of the encoder's products, see `inputs_of`, which int8 codes are fitted to; None for fp32.
        pooling: What the classifier reads: the state of the first token, or the mean of all. The classifier is `head`
            where the weights have one, else `pooler.dense` and `classifier`.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = Graph()
    products = Fp32Products(graph) if inputs is None else Int8Products(graph, inputs)
    builder = _Builder(graph, products, architecture, weights)
    builder.build(pooling)
    proto = helper.make_graph(
        graph.nodes,
        "bert",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", len(architecture.id2label)])],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(proto, opset_imports=opsets, ir_version=IR_VERSION)
    # onnx would append to an earlier export's weights.
    file.with_name(WEIGHTS_FILE).unlink(missing_ok=True)
    onnx.save(model, file, save_as_external_data=True, location=WEIGHTS_FILE, size_threshold=1_024)
    # onnx creates the file with permissions for its owner alone.
    file.with_name(WEIGHTS_FILE).chmod(file.stat().st_mode)


class _Builder:
    """The forward pass. States have the shape (texts, tokens, hidden), inside the feed-forward (tokens, inner)."""

    def __init__(
        self,
        graph: Graph,
        products: Fp32Products | Int8Products,
        architecture: Architecture,
        weights: Mapping[str, Array],
    ) -> None:
        self.graph = graph
        self.products = products
        self.architecture = architecture
        self.weights = weights
        hidden = architecture.hidden_size
        inner = weights["encoder.layer.0.intermediate.dense.bias"].size
        # Indices and shapes that nodes read.
        graph.constant("zero", np.array([0]))
        graph.constant("one", np.array([1]))
        graph.constant("two", np.array([2]))
        graph.constant("hidden", np.array([hidden]))
        graph.constant("rows", np.array([-1, hidden]))
        graph.constant("inner", np.array([-1, inner]))

    def build(self, pooling: Pooling) -> None:
        """Add every node."""
        size = self.graph.add("Shape", "input_ids")
        all_states = self.graph.add("Concat", size, "hidden", axis=0)
        x = self._embedding(size)
        last_layer = self.architecture.num_hidden_layers - 1
        for layer in range(last_layer):
            x = self._layer(layer, x, x, all_states)

        if pooling == "mean":
            states = self._layer(last_layer, x, x, all_states)
            self._classify(self._mean(states, size))
        else:
            # Only the first token asks in the last layer: its state is all that the classifier reads.
            texts = self.graph.add("Slice", size, "zero", "one")
            first_states = self.graph.add("Concat", texts, "one", "hidden", axis=0)
            first = self.graph.add("Slice", x, "zero", "one", "one")
            states = self._layer(last_layer, x, first, first_states)
            self._classify(self.graph.add("Reshape", states, "rows"))

    def _classify(self, x: str) -> None:
        """Logits from one row per text."""
        if "head.weight" in self.weights:
            self._exact_dense(x, "head", output="logits")
        else:
            pooled = self.graph.add("Tanh", self._exact_dense(x, "pooler.dense"))
            self._exact_dense(pooled, "classifier", output="logits")

    def _embedding(self, size: str) -> str:
        """Sum of word, position and type vectors, normalised."""
        words = self.products.embed_words("input_ids", self.weights["embeddings.word_embeddings.weight"])
        # Every token is of type 0, so its vector is added to all positions once.
        position_table = self.weights["embeddings.position_embeddings.weight"]
        type_vector = self.weights["embeddings.token_type_embeddings.weight"][0]
        length = self.graph.add("Slice", size, "one", "two")
        places = self.graph.constant("places", position_table + type_vector)
        positions = self.graph.add("Slice", places, "zero", length, "zero")
        return self._layer_norm(self.graph.add("Add", words, positions), "embeddings.LayerNorm")

    def _mean(self, states: str, size: str) -> str:
        """Mean over tokens, shape (texts, hidden), as a product with a row of ones.

        ReduceMean sums in another order where there is one text only, which shows in a logit's last bit.
        """
        from onnx import TensorProto, helper

        length = self.graph.add("Slice", size, "one", "two")
        value = helper.make_tensor("each", TensorProto.FLOAT, [1], [1.0])
        row_shape = self.graph.add("Concat", "one", length, axis=0)
        ones = self.graph.add("ConstantOfShape", row_shape, value=value)
        total = self.graph.add("Reshape", self.graph.add("MatMul", ones, states), "rows")
        return self.graph.add("Div", total, self.graph.add("Cast", length, to=TensorProto.FLOAT))

    def _layer(self, layer: int, x: str, queries: str, shape: str) -> str:
        """One encoder layer for the states `queries`, of the shape `shape`, which attend to all states x."""
        path = f"encoder.layer.{layer}"
        attended = self._attention(f"{path}.attention", x, queries)

        dense = f"{path}.intermediate.dense"
        inner = self.graph.add("Gelu", self._product(dense, self.products.prepare(dense, attended)))

        dense = f"{path}.output.dense"
        prepared = self.products.prepare_gelu(dense, self.graph.add("Reshape", inner, "inner"))
        outer = self.graph.add("Reshape", self._product(dense, prepared), shape)
        return self._layer_norm(self.graph.add("Add", outer, attended), f"{path}.output.LayerNorm")

    def _attention(self, path: str, x: str, queries: str) -> str:
        """Attention with its dense layer and layer norm."""
        query, key, value = f"{path}.self.query", f"{path}.self.key", f"{path}.self.value"
        dense = f"{path}.output.dense"
        prepared = self.products.prepare(query, x)
        prepared_queries = prepared if queries == x else self.products.prepare(query, queries)

        # The shares in which attention mixes values add up to 1, so the mixture is divided where the values are.
        value_weight, value_bias = self.products.divide_outputs(dense, *self._dense(value))
        query_states = self._product(query, prepared_queries)
        key_states = self._product(key, prepared)
        value_states = self.products.product(value, prepared, value_weight.T, value_bias)
        mixed = self.graph.add(
            "MultiHeadAttention",
            query_states,
            key_states,
            value_states,
            domain=MICROSOFT,
            num_heads=self.architecture.num_attention_heads,
        )
        outer = self._product(dense, self.products.prepare_divided(dense, mixed))
        return self._layer_norm(self.graph.add("Add", outer, queries), f"{path}.output.LayerNorm")

    def _layer_norm(self, x: str, path: str) -> str:
        weight, bias = self._tensor(f"{path}.weight"), self._tensor(f"{path}.bias")
        epsilon = self.architecture.layer_norm_eps
        return self.graph.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=epsilon)

    def _product(self, path: str, prepared: PreparedInput) -> str:
        """A dense layer."""
        weight, bias = self._dense(path)
        return self.products.product(path, prepared, weight.T, bias)

    def _dense(self, path: str) -> tuple[Array, Array]:
        """A dense layer's weight, shape (outputs, inputs), and bias."""
        return self.weights[f"{path}.weight"], self.weights[f"{path}.bias"]

    def _exact_dense(self, x: str, path: str, output: str = "") -> str:
        """A dense layer of one row per text, in fp32: it decides near-ties and takes no noticeable time."""
        weight, bias = self._tensor(f"{path}.weight"), self._tensor(f"{path}.bias")
        return self.graph.add("Gemm", x, weight, bias, transB=1, name=output)

    def _tensor(self, name: str) -> str:
        return self.graph.constant(name, self.weights[name])
