# pyright: reportMissingImports=false
"""FinBERT as an ONNX graph, built from its weights node by node, without an exporter or a fusion pass.

The graph has the few fused operators that onnxruntime runs fastest, reads only token ids (texts of a batch have equal
length, so nothing is masked), takes the token type as 0, and computes the last layer for the first token alone, the
only one that the classifier reads. Layer norm is the standard operator: onnxruntime's SkipLayerNormalization took four
times as long on the CPU. The matrix products are in `blocks`.

The compact model shares the encoder; its classifier is one linear layer, without BERT's pooler before it. Its teacher
in distillation reads the mean of all tokens' last states. Where the weights have heads for events and for entities, the
event is read from the first token as well, and a second graph over the same weights, `entity.onnx`, computes the last
layer for all tokens and gives the tone of each: the mean over a company's tokens is the tone toward it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from signals_pipeline.adapters.model.folder import ENTITY_FILE, WEIGHTS_FILE
from signals_pipeline.model_export.blocks import MICROSOFT, Fp32Products, Graph, Int8Products, PreparedInput
from signals_pipeline.model_export.calibration import Inputs
from signals_pipeline.model_export.rounding import Array
from signals_pipeline.model_export.source import Architecture

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto, ValueInfoProto
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

    With an `event_head` among the weights the model has the output `event_logits` (texts, events) too. With an
    `entity_head`, the file `ENTITY_FILE` is written beside it: `token_logits` (texts, tokens, 3), and `event_logits`.

    Args:
        file: Where to; the weights go beside it, see `WEIGHTS_FILE`.
        architecture: Sizes of the model.
        weights: Tensors by name, see `weights_of`.
        inputs: Calibration of the encoder's products, see `inputs_of`, which int8 codes are fitted to; None for fp32.
        pooling: What the classifier reads: the state of the first token, or the mean of all. The classifier is `head`
            where the weights have one, else `pooler.dense` and `classifier`.
    """
    import onnx
    from onnx import numpy_helper

    builder = _Builder(Graph(), inputs, architecture, weights)
    states = builder.build_lower_layers()
    entity_builder = builder.branch() if "entity_head.weight" in weights else None
    builder.build_text_outputs(states, pooling)
    if entity_builder is not None:
        entity_builder.build_token_outputs(states)

    # The branch shares the constants, so one file of weights has those of both graphs. onnx would append to an earlier
    # export's weights, and creates the file with permissions for its owner alone.
    weights_file = file.with_name(WEIGHTS_FILE)
    weights_file.unlink(missing_ok=True)
    tensors = [numpy_helper.from_array(value, name) for name, value in builder.graph.constants.items()]
    model = builder.model(tensors)
    onnx.save(model, file, save_as_external_data=True, location=WEIGHTS_FILE, size_threshold=1_024)
    weights_file.chmod(file.stat().st_mode)

    # Saving has turned the large tensors into references to the file.
    stored = list(model.graph.initializer)
    file.write_bytes(builder.model(stored, only_read=True).SerializeToString())
    entity_file = file.with_name(ENTITY_FILE)
    entity_file.unlink(missing_ok=True)
    if entity_builder is not None:
        entity_file.write_bytes(entity_builder.model(stored, only_read=True).SerializeToString())


class _Builder:
    """The forward pass. States have the shape (texts, tokens, hidden), inside the feed-forward (tokens, inner)."""

    def __init__(
        self,
        graph: Graph,
        inputs: Mapping[str, Inputs] | None,
        architecture: Architecture,
        weights: Mapping[str, Array],
    ) -> None:
        self.graph = graph
        self.inputs = inputs
        self.products = Fp32Products(graph) if inputs is None else Int8Products(graph, inputs)
        self.architecture = architecture
        self.weights = weights
        self.outputs: list[ValueInfoProto] = []
        self.size = ""
        self.all_states = ""
        hidden = architecture.hidden_size
        inner = weights["encoder.layer.0.intermediate.dense.bias"].size
        # Indices and shapes that nodes read.
        graph.constant("zero", np.array([0]))
        graph.constant("one", np.array([1]))
        graph.constant("two", np.array([2]))
        graph.constant("hidden", np.array([hidden]))
        graph.constant("rows", np.array([-1, hidden]))
        graph.constant("inner", np.array([-1, inner]))

    def branch(self) -> "_Builder":
        """A builder that goes on from the nodes so far in a graph of its own; constants are shared."""
        other = _Builder(self.graph.branch(), self.inputs, self.architecture, self.weights)
        other.size = self.size
        other.all_states = self.all_states
        return other

    def build_lower_layers(self) -> str:
        """The embedding and every layer but the last; the name of the states."""
        self.size = self.graph.add("Shape", "input_ids")
        self.all_states = self.graph.add("Concat", self.size, "hidden", axis=0)
        x = self._embedding(self.size)
        for layer in range(self._last_layer):
            x = self._layer(layer, x, x, self.all_states)
        return x

    def build_text_outputs(self, x: str, pooling: Pooling) -> None:
        """The last layer for what the classifier reads, and the logits of each text."""
        if pooling == "mean":
            states = self._layer(self._last_layer, x, x, self.all_states)
            self._classify(self._mean(states, self.size))
        else:
            # Only the first token asks in the last layer: its state is all that the classifier reads.
            texts = self.graph.add("Slice", self.size, "zero", "one")
            first_states = self.graph.add("Concat", texts, "one", "hidden", axis=0)
            first = self.graph.add("Slice", x, "zero", "one", "one")
            states = self._layer(self._last_layer, x, first, first_states)
            self._classify(self.graph.add("Reshape", states, "rows"))

    def build_token_outputs(self, x: str) -> None:
        """The last layer for all tokens, the logits of each token, and the event's of each text."""
        states = self._layer(self._last_layer, x, x, self.all_states)
        labels = len(self.architecture.id2label)
        token_rows = self._exact_dense(self.graph.add("Reshape", states, "rows"), "entity_head")
        shape = self.graph.add("Concat", self.size, self.graph.constant("labels", np.array([labels])), axis=0)
        self.graph.add("Reshape", token_rows, shape, name="token_logits")
        self._declare_output("token_logits", "texts", "tokens", labels)
        if "event_head.weight" in self.weights:
            first = self.graph.add("Slice", states, "zero", "one", "one")
            self._classify_event(self.graph.add("Reshape", first, "rows"))

    def model(self, tensors: Sequence["TensorProto"], *, only_read: bool = False) -> "ModelProto":
        """The graph as a model.

        Args:
            tensors: The constants.
            only_read: Leave out the constants that no node of this graph reads.
        """
        from onnx import TensorProto, helper

        names_read = {name for node in self.graph.nodes for name in node.input}
        constants = [tensor for tensor in tensors if tensor.name in names_read or not only_read]
        token_ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])
        proto = helper.make_graph(self.graph.nodes, "bert", [token_ids], self.outputs, constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(proto, opset_imports=opsets, ir_version=IR_VERSION)

    @property
    def _last_layer(self) -> int:
        return self.architecture.num_hidden_layers - 1

    def _declare_output(self, name: str, *shape: str | int) -> None:
        from onnx import TensorProto, helper

        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def _classify(self, x: str) -> None:
        """Logits from one row per text, and the event's where the weights have that head."""
        if "head.weight" in self.weights:
            self._exact_dense(x, "head", output="logits")
        else:
            pooled = self.graph.add("Tanh", self._exact_dense(x, "pooler.dense"))
            self._exact_dense(pooled, "classifier", output="logits")
        self._declare_output("logits", "texts", len(self.architecture.id2label))
        if "event_head.weight" in self.weights:
            self._classify_event(x)

    def _classify_event(self, x: str) -> None:
        """Logits of the event from one row per text."""
        self._exact_dense(x, "event_head", output="event_logits")
        self._declare_output("event_logits", "texts", len(self.weights["event_head.bias"]))

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
        """A dense layer of few outputs, in fp32: it decides near-ties and takes no noticeable time."""
        weight, bias = self._tensor(f"{path}.weight"), self._tensor(f"{path}.bias")
        return self.graph.add("Gemm", x, weight, bias, transB=1, name=output)

    def _tensor(self, name: str) -> str:
        return self.graph.constant(name, self.weights[name])
