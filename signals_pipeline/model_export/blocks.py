# pyright: reportMissingImports=false
"""The matrix products of the graph: exact in fp32, or int8 with steps that no other text has a say in.

Int8: activations x become u8 codes, a column of weights w seven-bit codes with a step of its own. The product is a sum
of integers, which is exact in any order, times the steps; so a token's result depends on no other token, and a text's
logits on no other text (dynamic quantisation by tensor, which onnxruntime's tool makes, takes one step for all tokens
of a batch). Where a step comes from depends on what x is:

- What a layer norm or attention puts out is bounded, and its loud channels are the same in every text. Each channel has
  a step fixed in calibration, which is taken out of x and put into the weights (SmoothQuant, Xiao et al. 2023): one
  node makes the codes, and scales and bias are part of the product.
- What GELU puts out has tokens ten times as loud as others, in channels of their own. There each token has its step,
  and codes are of x less GELU's least value, so that all 256 serve, not the half on one side of 0.

The loudest channels would make their weights' rounding felt most, or, where the weights took the loudness over, set the
steps of all others in a column. So the codes of these channels stand in a product's inputs several times.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.model_export.calibration import Inputs
from signals_pipeline.model_export.rounding import (
    NOTHING,
    SMALLEST,
    Array,
    by_product,
    by_row,
    loudest,
    smoothing,
    spread,
)

if TYPE_CHECKING:
    from onnx import NodeProto

MICROSOFT = "com.microsoft"
ZERO = 128  # the code of 0, where values lie on both sides of it
GELU_LEAST = np.float32(-0.16997121)  # min of x Phi(x), rounded down
NONE = np.zeros((0, 0))


class Prepared(NamedTuple):
    """What a product takes in x's place; in fp32 that is x itself, and nothing else."""

    codes: str
    second: NDArray[np.floating] = NONE  # mean of x xᵀ as the codes have x
    copied: NDArray[np.int64] = NOTHING  # channels whose codes follow those of all
    divisor: Array | None = None  # of each channel, where the codes are of x divided by it
    scales: str = ""  # of each token, where it has its own


class Graph:
    """Nodes and constants of an ONNX graph under construction; names are made up as nodes are added."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        """Name of a constant; a name is given one value only."""
        self.constants[name] = np.array(value, order="C")
        return name

    def add(self, kind: str, *inputs: str, domain: str = "", name: str = "", **attributes: Any) -> str:  # noqa: ANN401
        """Add a node with one output and give that output's name."""
        from onnx import helper

        output = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], domain=domain, **attributes))
        return output


class Exact:
    """Products in fp32: what an int8 graph is verified against."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def words(self, ids: str, table: Array) -> str:
        """Word vectors of ids, shape (texts, tokens, hidden)."""
        return self.graph.add("Gather", self.graph.constant("words", table), ids)

    def divided(self, path: str, weight: Array, bias: Array) -> tuple[Array, Array]:  # noqa: ARG002
        """A dense layer, its outputs divided as `prepare_divided` wants them; weight of shape (outputs, inputs)."""
        return weight, bias

    def prepare(self, path: str, x: str) -> Prepared:  # noqa: ARG002
        """What `product` takes in x's place, so that several products share it."""
        return Prepared(x)

    prepare_divided = prepare_gelu = prepare

    def product(self, path: str, prepared: Prepared, weight: Array, bias: Array) -> str:
        """`x @ weight + bias` for weight of shape (inputs, outputs)."""
        product = self.graph.add("MatMul", prepared.codes, self.graph.constant(f"{path}.weight", weight))
        return self.graph.add("Add", product, self.graph.constant(f"{path}.bias", bias))


class Int8:
    """Products of u8 activations with int8 weights, a step a column."""

    def __init__(self, graph: Graph, inputs: Mapping[str, Inputs]) -> None:
        self.graph, self.inputs = graph, inputs
        graph.constant("middle", np.uint8(ZERO))
        graph.constant("bottom", np.uint8(0))
        graph.constant("unit", np.float32(1))
        graph.constant("whole", np.float32(1 / 255))
        graph.constant("smallest", np.float32(SMALLEST))
        graph.constant("columns", np.array([1]))
        graph.constant("vector", np.array([-1]))
        graph.constant("lift", -GELU_LEAST)

    def words(self, ids: str, table: Array) -> str:
        """Word vectors of ids, kept as int8 with a scale a word."""
        codes, scales = by_row(table)
        from onnx import TensorProto

        add, constant = self.graph.add, self.graph.constant
        picked = add("Cast", add("Gather", constant("words", codes), ids), to=TensorProto.FLOAT)
        return add("Mul", picked, add("Gather", constant("word_scales", scales), ids))

    def divided(self, path: str, weight: Array, bias: Array) -> tuple[Array, Array]:
        """A dense layer, its outputs divided as `prepare_divided` wants them; weight of shape (outputs, inputs)."""
        divisor = self._divisor(path)
        return weight / divisor[:, np.newaxis], bias / divisor

    def _divisor(self, path: str) -> Array:
        return smoothing(self.inputs[path].largest)

    def prepare(self, path: str, x: str) -> Prepared:
        """Codes of x, a step a channel."""
        add, divisor = self.graph.add, self._divisor(path)
        quotient = add("Mul", x, self.graph.constant(f"{path}.share", 1 / divisor))
        copied = loudest(divisor)
        codes = self._copied(path, add("QuantizeLinear", quotient, "unit", "middle"), copied)
        return self._by_channel(path, codes, copied, divisor)

    def prepare_divided(self, path: str, x: str) -> Prepared:
        """Codes of an x that comes from a layer made by `divided`."""
        codes = self.graph.add("QuantizeLinear", x, "unit", "middle")
        return self._by_channel(path, codes, NOTHING, self._divisor(path))

    def _by_channel(self, path: str, codes: str, copied: NDArray[np.int64], divisor: Array) -> Prepared:
        return Prepared(codes, self.inputs[path].second / np.outer(divisor, divisor), copied, divisor)

    def prepare_gelu(self, path: str, x: str) -> Prepared:
        """Codes of rows that came out of GELU, shape (tokens, inputs), and their scales, shape (tokens, 1)."""
        add = self.graph.add
        lifted = add("Add", x, "lift")
        scales = add("Mul", add("Max", add("ReduceMax", lifted, "columns", keepdims=1), "smallest"), "whole")
        codes = add("QuantizeLinear", lifted, add("Reshape", scales, "vector"), axis=0)
        second = self.inputs[path].about(np.full_like(self.inputs[path].mean, GELU_LEAST))
        copied = loudest(np.sqrt(np.diag(second)))
        return Prepared(self._copied(path, codes, copied), second, copied, scales=scales)

    def _copied(self, path: str, codes: str, channels: NDArray[np.int64]) -> str:
        """Codes with those of some channels once more after them."""
        add = self.graph.add
        again = add("Gather", codes, self.graph.constant(f"{path}.copied", channels), axis=-1)
        return add("Concat", codes, again, axis=-1)

    def product(self, path: str, prepared: Prepared, weight: Array, bias: Array) -> str:
        """`x @ weight + bias` for weight of shape (inputs, outputs)."""
        if prepared.divisor is None:
            least = np.full(len(weight), GELU_LEAST)
            sums = self._sums(path, prepared, weight, "bottom")
            whole = self.graph.constant(f"{path}.bias", (bias + least @ weight).astype(np.float32))
            return self.graph.add("Add", self.graph.add("Mul", sums, prepared.scales), whole)
        added = self.graph.constant(f"{path}.bias", bias)
        return self._sums(path, prepared, weight * prepared.divisor[:, np.newaxis], "middle", "", added)

    def _sums(self, path: str, prepared: Prepared, weight: Array, *zero_and_bias: str) -> str:
        """The codes' product with those of a weight that is made for them, times the weight's scales."""
        name = f"{path}.weight"
        codes, scales = by_product(*spread(weight, prepared.second, prepared.copied))
        weights = self.graph.constant(name, codes), "unit", self.graph.constant(f"{name}_scales", scales)
        return self.graph.add("MatMulIntegerToFloat", prepared.codes, *weights, *zero_and_bias, domain=MICROSOFT)
