# pyright: reportMissingImports=false
"""FinBERT as an ONNX graph, built from its weights node by node.

No exporter and no fusion pass stands between: the graph has the few fused operators that onnxruntime runs fastest,
reads only token ids (texts that run together have one length, so nothing is masked), takes the token type as 0, and
computes the last layer for the first token alone, the only one that the classifier reads. Layer norm is the standard
operator: onnxruntime's SkipLayerNormalization took four times as long on the CPU.

The compact model shares the encoder; its classifier is one linear layer, without BERT's pooler before it. The model
that taught it reads the mean of all tokens' last states.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from signals_pipeline.adapters.model.folder import WEIGHTS_FILE
from signals_pipeline.model_export.blocks import MICROSOFT, Exact, Graph, Int8, Prepared
from signals_pipeline.model_export.calibration import Inputs
from signals_pipeline.model_export.rounding import Array
from signals_pipeline.model_export.source import Architecture

if TYPE_CHECKING:
    from transformers.models.bert.modeling_bert import BertForSequenceClassification

OPSET, IR_VERSION = 20, 9
Pooling = Literal["first", "mean"]


def weights_of(network: "BertForSequenceClassification") -> dict[str, Array]:
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
        inputs: Of the encoder's products, see `inputs_of`, for int8 products fitted to them; None for products in fp32.
        pooling: What the classifier reads, the state of the first token or the mean of all; the classifier is `head`
            where the weights have one, else `pooler.dense` and `classifier`.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = Graph()
    builder = _Builder(graph, Exact(graph) if inputs is None else Int8(graph, inputs), architecture, weights)
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
    file.with_name(WEIGHTS_FILE).unlink(missing_ok=True)  # onnx would append to an earlier export's weights
    onnx.save(model, file, save_as_external_data=True, location=WEIGHTS_FILE, size_threshold=1_024)
    file.with_name(WEIGHTS_FILE).chmod(file.stat().st_mode)  # onnx makes it for its owner alone


class _Builder:
    """The forward pass. States have the shape (texts, tokens, hidden), inside the feed-forward (tokens, inner)."""

    def __init__(
        self,
        graph: Graph,
        products: Exact | Int8,
        architecture: Architecture,
        weights: Mapping[str, Array],
    ) -> None:
        self.graph, self.products, self.shape, self.weights = graph, products, architecture, weights
        hidden, inner = architecture.hidden_size, weights["encoder.layer.0.intermediate.dense.bias"].size
        numbers = {"zero": [0], "one": [1], "two": [2], "hidden": [hidden]}
        shapes = {"rows": [-1, hidden], "inner": [-1, inner]}
        for name, value in (numbers | shapes).items():
            graph.constant(name, np.array(value))

    def build(self, pooling: Pooling) -> None:
        """Add every node."""
        add = self.graph.add
        size = add("Shape", "input_ids")
        form = add("Concat", size, "hidden", axis=0)
        x = self._embedding(size)
        last = self.shape.num_hidden_layers - 1
        for layer in range(last):
            x = self._layer(layer, x, x, form)
        if pooling == "mean":
            self._classify(self._mean(self._layer(last, x, x, form), size))
            return
        only = add("Concat", add("Slice", size, "zero", "one"), "one", "hidden", axis=0)
        first = add("Slice", x, "zero", "one", "one")
        self._classify(add("Reshape", self._layer(last, x, first, only), "rows"))

    def _classify(self, x: str) -> None:
        """Logits from one row a text."""
        if "head.weight" in self.weights:
            self._small(x, "head", output="logits")
        else:
            pooled = self.graph.add("Tanh", self._small(x, "pooler.dense"))
            self._small(pooled, "classifier", output="logits")

    def _embedding(self, size: str) -> str:
        """Sum of word, position and type vectors, normalised."""
        add, weights = self.graph.add, self.weights
        words = self.products.words("input_ids", weights["embeddings.word_embeddings.weight"])
        places = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )
        length = add("Slice", size, "one", "two")
        placed = add("Slice", self.graph.constant("places", places), "zero", length, "zero")
        return self._norm(add("Add", words, placed), "embeddings.LayerNorm")

    def _mean(self, states: str, size: str) -> str:
        """Mean over tokens, shape (texts, hidden), as a product with a row of ones.

        ReduceMean sums in another order where there is one text only, and the answer's last bit would tell.
        """
        from onnx import TensorProto, helper

        add = self.graph.add
        length = add("Slice", size, "one", "two")
        value = helper.make_tensor("each", TensorProto.FLOAT, [1], [1.0])
        ones = add("ConstantOfShape", add("Concat", "one", length, axis=0), value=value)
        total = add("Reshape", add("MatMul", ones, states), "rows")
        return add("Div", total, add("Cast", length, to=TensorProto.FLOAT))

    def _layer(self, layer: int, x: str, asking: str, form: str) -> str:
        """One encoder layer for the states `asking`, of the shape `form`, which attend to all states x."""
        path = f"encoder.layer.{layer}"
        x = self._attention(f"{path}.attention", x, asking)
        dense = f"{path}.intermediate.dense"
        inner = self.graph.add("Gelu", self._product(dense, self.products.prepare(dense, x)))
        dense = f"{path}.output.dense"
        prepared = self.products.prepare_gelu(dense, self.graph.add("Reshape", inner, "inner"))
        outer = self.graph.add("Reshape", self._product(dense, prepared), form)
        return self._norm(self.graph.add("Add", outer, x), f"{path}.output.LayerNorm")

    def _attention(self, path: str, x: str, asking: str) -> str:
        """Attention's dense layer and layer norm among it."""
        add, dense = self.graph.add, f"{path}.output.dense"
        query, key, value = (f"{path}.self.{part}" for part in ("query", "key", "value"))
        known = self.products.prepare(query, x)
        asked = known if asking == x else self.products.prepare(query, asking)
        # The shares that values are mixed in add up to 1, so that the mixture is divided where the values are.
        values = self.products.divided(dense, *self._dense(value))
        heads = (
            self._product(query, asked),
            self._product(key, known),
            self.products.product(value, known, values[0].T, values[1]),
        )
        mixed = add("MultiHeadAttention", *heads, domain=MICROSOFT, num_heads=self.shape.num_attention_heads)
        outer = self._product(dense, self.products.prepare_divided(dense, mixed))
        return self._norm(add("Add", outer, asking), f"{path}.output.LayerNorm")

    def _norm(self, x: str, path: str) -> str:
        inputs = x, self._tensor(f"{path}.weight"), self._tensor(f"{path}.bias")
        return self.graph.add("LayerNormalization", *inputs, axis=-1, epsilon=self.shape.layer_norm_eps)

    def _product(self, path: str, prepared: Prepared) -> str:
        """A dense layer."""
        weight, bias = self._dense(path)
        return self.products.product(path, prepared, weight.T, bias)

    def _dense(self, path: str) -> tuple[Array, Array]:
        """A dense layer's weight, shape (outputs, inputs), and bias."""
        return self.weights[f"{path}.weight"], self.weights[f"{path}.bias"]

    def _small(self, x: str, path: str, output: str = "") -> str:
        """A dense layer of one row a text, exact: it decides closely and costs nothing."""
        inputs = x, self._tensor(f"{path}.weight"), self._tensor(f"{path}.bias")
        return self.graph.add("Gemm", *inputs, transB=1, name=output)

    def _tensor(self, name: str) -> str:
        return self.graph.constant(name, self.weights[name])
