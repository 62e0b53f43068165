# pyright: reportMissingImports=false
"""The matrix products of the graph: exact in fp32, or in int8 with steps that do not depend on other texts.

In int8, activations x become u8 codes, and each column of the weights w becomes seven-bit codes with a step of its own.
The product of the codes is a sum of integers, which is exact in any order, times the steps. So a token's result depends
on no other token, and a text's logits on no other text; dynamic quantisation by tensor, which onnxruntime's own tool
makes, takes one step for all tokens of a batch. Where the step of x comes from depends on what x is:

- The output of a layer norm or of attention is bounded, and its loud channels are the same in every text. Each channel
  has a step fixed in calibration, which is taken out of x and put into the weights (SmoothQuant, see `rounding`): one
  node makes the codes, and scales and bias are part of the product.
- The output of GELU has tokens ten times as loud as others, in channels of their own. There each token has its own
  step, and codes start at GELU's minimum instead of 0, so that all 256 are used, not only those on one side of 0.

The loudest channels would make the rounding of their weights felt most, or, where smoothing made these weights large,
set the steps of all others in a column. So the codes of these channels are in a product's inputs several times
(outlier channel splitting, see `rounding`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.model_export.calibration import Inputs
from signals_pipeline.model_export.rounding import (
    NO_CHANNELS,
    SMALLEST,
    Array,
    channels_to_split,
    quantise_for_product,
    quantise_rows,
    smoothing_divisors,
    split_channels,
)

if TYPE_CHECKING:
    from onnx import NodeProto

MICROSOFT = "com.microsoft"  # the domain of onnxruntime's own operators
ZERO_CODE = 128  # the u8 code of 0, where values lie on both sides of it
GELU_MINIMUM = np.float32(-0.16997121)  # minimum of x Phi(x), rounded down
NO_MOMENT = np.zeros((0, 0))


class PreparedInput(NamedTuple):
    """What a product reads in place of x; in fp32 that is x itself, and nothing else.

    Attributes:
        codes: Name of the tensor of codes.
        second_moment: Mean of x xᵀ, for x as the codes represent it.
        copied: Channels whose codes are appended, see `rounding.channels_to_split`.
        divisor: Of each channel, where the codes are of x divided by it; None where they are of x.
        scales: Name of the tensor of each token's scale, where tokens have their own.
    """

    codes: str
    second_moment: NDArray[np.floating] = NO_MOMENT
    copied: NDArray[np.int64] = NO_CHANNELS
    divisor: Array | None = None
    scales: str = ""


class Graph:
    """Nodes and constants of an ONNX graph under construction; nodes are named in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def branch(self) -> "Graph":
        """A graph with the nodes so far; constants added to either are in both, under one name once."""
        other = Graph()
        other.nodes = list(self.nodes)
        other.constants = self.constants
        return other

    def constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        """Add a constant and return its name."""
        self.constants[name] = np.array(value, order="C")
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", name: str = "", **attributes: Any) -> str:  # noqa: ANN401
        """Add a node with one output and return that output's name."""
        from onnx import helper

        output = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], domain=domain, **attributes))
        return output


class Fp32Products:
    """Products in fp32: what an int8 graph is verified against. The methods are those of `Int8Products`."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def embed_words(self, ids: str, table: Array) -> str:
        """Word vectors of ids, shape (texts, tokens, hidden)."""
        return self.graph.add("Gather", self.graph.constant("words", table), ids)

    def divide_outputs(self, path: str, weight: Array, bias: Array) -> tuple[Array, Array]:  # noqa: ARG002
        """A dense layer whose outputs `prepare_divided` takes; weight of shape (outputs, inputs)."""
        return weight, bias

    def prepare(self, path: str, x: str) -> PreparedInput:  # noqa: ARG002
        """What `product` reads in place of x; several products may share it."""
        return PreparedInput(x)

    prepare_divided = prepare_gelu = prepare

    def product(self, path: str, prepared: PreparedInput, weight: Array, bias: Array) -> str:
        """`x @ weight + bias` for weight of shape (inputs, outputs)."""
        product = self.graph.add("MatMul", prepared.codes, self.graph.constant(f"{path}.weight", weight))
        return self.graph.add("Add", product, self.graph.constant(f"{path}.bias", bias))


class Int8Products:
    """Products of u8 activations with int8 weights, a step per column.

    Args:
        graph: Where nodes and constants go.
        inputs: Calibration of each product by the path of its dense layer.
    """

    def __init__(self, graph: Graph, inputs: Mapping[str, Inputs]) -> None:
        self.graph = graph
        self.inputs = inputs
        graph.constant("middle", np.uint8(ZERO_CODE))
        graph.constant("bottom", np.uint8(0))
        graph.constant("unit", np.float32(1))
        graph.constant("whole", np.float32(1 / 255))
        graph.constant("smallest", np.float32(SMALLEST))
        graph.constant("columns", np.array([1]))
        graph.constant("vector", np.array([-1]))
        graph.constant("lift", -GELU_MINIMUM)

    def embed_words(self, ids: str, table: Array) -> str:
        """Word vectors of ids, shape (texts, tokens, hidden); stored as int8 with a scale per word."""
        from onnx import TensorProto

        codes, scales = quantise_rows(table)
        picked_codes = self.graph.add("Gather", self.graph.constant("words", codes), ids)
        real_codes = self.graph.add("Cast", picked_codes, to=TensorProto.FLOAT)
        picked_scales = self.graph.add("Gather", self.graph.constant("word_scales", scales), ids)
        return self.graph.add("Mul", real_codes, picked_scales)

    def divide_outputs(self, path: str, weight: Array, bias: Array) -> tuple[Array, Array]:
        """A dense layer whose outputs `prepare_divided` takes: divided by the divisors of the product at `path`.

        Args:
            path: The product that reads the outputs.
            weight: Shape (outputs, inputs).
            bias: Shape (outputs,).
        """
        divisor = self._divisor(path)
        return weight / divisor[:, np.newaxis], bias / divisor

    def prepare(self, path: str, x: str) -> PreparedInput:
        """Codes of x, a step per channel; several products may share them."""
        divisor = self._divisor(path)
        quotient = self.graph.add("Mul", x, self.graph.constant(f"{path}.share", 1 / divisor))
        copied = channels_to_split(divisor)
        all_codes = self.graph.add("QuantizeLinear", quotient, "unit", "middle")
        codes = self._append_copies(path, all_codes, copied)
        return self._prepared_by_channel(path, codes, copied, divisor)

    def prepare_divided(self, path: str, x: str) -> PreparedInput:
        """Codes of an x that comes from a layer made by `divide_outputs`."""
        codes = self.graph.add("QuantizeLinear", x, "unit", "middle")
        return self._prepared_by_channel(path, codes, NO_CHANNELS, self._divisor(path))

    def prepare_gelu(self, path: str, x: str) -> PreparedInput:
        """Codes of rows that came out of GELU, shape (tokens, inputs), and their scales, shape (tokens, 1)."""
        # A token's step: (maximum - GELU's minimum) / 255.
        lifted = self.graph.add("Add", x, "lift")
        largest = self.graph.add("ReduceMax", lifted, "columns", keepdims=1)
        scales = self.graph.add("Mul", self.graph.add("Max", largest, "smallest"), "whole")
        all_codes = self.graph.add("QuantizeLinear", lifted, self.graph.add("Reshape", scales, "vector"), axis=0)

        inputs = self.inputs[path]
        second_moment = inputs.second_moment_about(np.full_like(inputs.mean, GELU_MINIMUM))
        root_mean_square = np.sqrt(np.diag(second_moment))
        copied = channels_to_split(root_mean_square)
        codes = self._append_copies(path, all_codes, copied)
        return PreparedInput(codes, second_moment, copied, scales=scales)

    def product(self, path: str, prepared: PreparedInput, weight: Array, bias: Array) -> str:
        """`x @ weight + bias` for weight of shape (inputs, outputs)."""
        if prepared.divisor is not None:
            # x = codes * divisor, so the divisors go into the weights; onnxruntime's node adds the bias.
            bias_name = self.graph.constant(f"{path}.bias", bias)
            scaled_weight = weight * prepared.divisor[:, np.newaxis]
            return self._integer_product(path, prepared, scaled_weight, "middle", "", bias_name)
        # x = codes * scale + minimum, so minimum @ weight is the same for every token and goes into the bias.
        products = self._integer_product(path, prepared, weight, "bottom")
        minimum = np.full(len(weight), GELU_MINIMUM)
        bias_name = self.graph.constant(f"{path}.bias", (bias + minimum @ weight).astype(np.float32))
        return self.graph.add("Add", self.graph.add("Mul", products, prepared.scales), bias_name)

    def _divisor(self, path: str) -> Array:
        return smoothing_divisors(self.inputs[path].largest)

    def _prepared_by_channel(self, path: str, codes: str, copied: NDArray[np.int64], divisor: Array) -> PreparedInput:
        # The codes are of x / divisor.
        second_moment = self.inputs[path].second_moment / np.outer(divisor, divisor)
        return PreparedInput(codes, second_moment, copied, divisor)

    def _append_copies(self, path: str, codes: str, channels: NDArray[np.int64]) -> str:
        """Codes with those of some channels appended."""
        copies = self.graph.add("Gather", codes, self.graph.constant(f"{path}.copied", channels), axis=-1)
        return self.graph.add("Concat", codes, copies, axis=-1)

    def _integer_product(self, path: str, prepared: PreparedInput, weight: Array, *zero_and_bias: str) -> str:
        """The product of the codes with a weight's codes, times the weight's scales.

        Args:
            path: The dense layer.
            prepared: Its input.
            weight: Shape (inputs, outputs).
            zero_and_bias: Names of the code of 0, and of the weight's zero point (none) and the bias.
        """
        split_weight, second_moment = split_channels(weight, prepared.second_moment, prepared.copied)
        codes, scales = quantise_for_product(split_weight, second_moment)
        codes_name = self.graph.constant(f"{path}.weight", codes)
        scales_name = self.graph.constant(f"{path}.weight_scales", scales)
        return self.graph.add(
            "MatMulIntegerToFloat",
            prepared.codes,
            codes_name,
            "unit",
            scales_name,
            *zero_and_bias,
            domain=MICROSOFT,
        )
