# pyright: reportMissingImports=false
"""The matrix products of the graph: exact in fp32, or int8 with a scale for every token.

Int8 by token: a token's row of activations x is stored as u8 codes around 128 with scale max|x| / 127, a column of
weights w as int8 with scale max|w| / 63. The product is a sum of integers, which is exact in any order, times the two
scales; so a token's result depends on no other token, and a text's logits on no other text (dynamic quantisation by
tensor, which onnxruntime's tool makes, takes one scale for all tokens of a batch). Seven bits of weight, because CPUs
without VNNI add two products in 16 bits: with eight the sum would saturate and those CPUs would answer differently.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import NodeProto

MICROSOFT = "com.microsoft"
WEIGHT_STEPS, ACTIVATION_STEPS, ZERO = 63, 127, 128
Array = NDArray[np.float32]


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

    def points(self, x: str) -> str:  # noqa: ARG002
        """What `prepare` needs to know of the number of rows."""
        return ""

    def prepare(self, x: str, points: str) -> tuple[str, str]:  # noqa: ARG002
        """What `product` takes in x's place, so that several products share it."""
        return x, ""

    def product(self, name: str, prepared: tuple[str, str], weight: Array) -> str:
        """`x @ weight` for weight of shape (inputs, outputs)."""
        return self.graph.add("MatMul", prepared[0], self.graph.constant(name, weight))


class Int8ByToken:
    """Products of u8 activations, a scale a token, with int8 weights, a scale a column."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        graph.constant("zero_point", np.uint8(ZERO))
        graph.constant("unit", np.float32(1))
        graph.constant("step", np.float32(1 / ACTIVATION_STEPS))
        graph.constant("smallest", np.float32(1e-12))  # a row of zeros keeps a scale that can be divided by
        graph.constant("columns", np.array([1]))
        graph.constant("vector", np.array([-1]))

    def words(self, ids: str, table: Array) -> str:
        """Word vectors of ids, kept as int8 with a scale a word."""
        codes, scales = by_row(table)
        from onnx import TensorProto

        add, constant = self.graph.add, self.graph.constant
        picked = add("Cast", add("Gather", constant("words", codes), ids), to=TensorProto.FLOAT)
        return add("Mul", picked, add("Gather", constant("word_scales", scales), ids))

    def points(self, x: str) -> str:
        """Zero points of x's rows."""
        from onnx import TensorProto, helper

        value = helper.make_tensor("point", TensorProto.UINT8, [1], [ZERO])
        return self.graph.add("ConstantOfShape", self.graph.add("Shape", x, start=0, end=1), value=value)

    def prepare(self, x: str, points: str) -> tuple[str, str]:
        """Codes and scales of x's rows: shapes (rows, inputs) of u8 and (rows, 1)."""
        add = self.graph.add
        largest = add("Max", add("ReduceMax", add("Abs", x), "columns", keepdims=1), "smallest")
        scale = add("Mul", largest, "step")
        return add("QuantizeLinear", x, add("Reshape", scale, "vector"), points, axis=0), scale

    def product(self, name: str, prepared: tuple[str, str], weight: Array) -> str:
        """`x @ weight` for weight of shape (inputs, outputs)."""
        codes, scales = by_column(weight)
        inputs = (prepared[0], self.graph.constant(name, codes), "unit", self.graph.constant(f"{name}_scales", scales))
        sums = self.graph.add("MatMulIntegerToFloat", *inputs, "zero_point", domain=MICROSOFT)
        return self.graph.add("Mul", sums, prepared[1])


def by_row(table: Array) -> tuple[NDArray[np.int8], Array]:
    """Int8 codes of a matrix and the scale of each row, shape (rows, 1)."""
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / ACTIVATION_STEPS
    return np.rint(table / scales).astype(np.int8), scales.astype(np.float32)


def by_column(weight: Array) -> tuple[NDArray[np.int8], Array]:
    """Seven-bit codes of a matrix and the scale of each column, shape (columns,)."""
    scales = np.maximum(np.abs(weight).max(axis=0), 1e-12) / WEIGHT_STEPS
    return np.rint(weight / scales).astype(np.int8), scales.astype(np.float32)
