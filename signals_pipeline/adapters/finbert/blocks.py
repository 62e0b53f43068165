# pyright: reportMissingImports=false
"""The matrix products of the graph: exact in fp32, or int8 with a scale for every token.

Int8 by token: a token's row of activations x is stored as u8 codes with a scale of its own, a column of weights w as
seven-bit codes with a scale. The product is a sum of integers, which is exact in any order, times the two scales; so a
token's result depends on no other token, and a text's logits on no other text (dynamic quantisation by tensor, which
onnxruntime's tool makes, takes one scale for all tokens of a batch).

Codes are of x less a fixed row, its centre, whose product is exact and part of the bias. For what comes out of a layer
norm that is the mean seen in calibration: a few channels are loud there, and mostly by a constant. For what comes out
of GELU it is GELU's least value, so that all 256 codes serve, not the half on one side of 0.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.adapters.finbert.calibration import Inputs
from signals_pipeline.adapters.finbert.rounding import ACTIVATION_STEPS, SMALLEST, Array, by_product, by_row

if TYPE_CHECKING:
    from onnx import NodeProto

MICROSOFT = "com.microsoft"
ZERO = 128  # the code of a centre, where values lie on both sides of it
GELU_LEAST = np.float32(-0.16997121)  # min of x Phi(x), rounded down


class Prepared(NamedTuple):
    """What a product takes in x's place; in fp32 that is x itself, and nothing else."""

    codes: str
    scales: str = ""
    centre: Array = np.zeros(0, dtype=np.float32)
    zero: str = ""


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

    def prepare(self, path: str, x: str, points: str) -> Prepared:  # noqa: ARG002
        """What `product` takes in x's place, so that several products share it."""
        return Prepared(x)

    prepare_gelu = prepare

    def product(self, path: str, prepared: Prepared, weight: Array, bias: Array) -> tuple[str, Array]:
        """`x @ weight` for weight of shape (inputs, outputs), and the bias that is still to be added to it."""
        return self.graph.add("MatMul", prepared.codes, self.graph.constant(f"{path}.weight", weight)), bias


class Int8ByToken:
    """Products of u8 activations, a scale a token, with int8 weights, a scale a column."""

    def __init__(self, graph: Graph, inputs: Mapping[str, Inputs]) -> None:
        self.graph, self.inputs = graph, inputs
        graph.constant("middle", np.uint8(ZERO))
        graph.constant("bottom", np.uint8(0))
        graph.constant("unit", np.float32(1))
        graph.constant("half", np.float32(1 / ACTIVATION_STEPS))
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

    def points(self, x: str) -> str:
        """Zero points of x's rows."""
        from onnx import TensorProto, helper

        value = helper.make_tensor("point", TensorProto.UINT8, [1], [ZERO])
        return self.graph.add("ConstantOfShape", self.graph.add("Shape", x, start=0, end=1), value=value)

    def prepare(self, path: str, x: str, points: str) -> Prepared:
        """Codes and scales of x's rows, about the mean of this product's inputs."""
        centre = self.inputs[path].mean
        apart = self.graph.add("Sub", x, self.graph.constant(f"{path}.centre", centre))
        codes, scale = self._coded(apart, self.graph.add("Abs", apart), "half", points)
        return Prepared(codes, scale, centre, "middle")

    def prepare_gelu(self, path: str, x: str, points: str) -> Prepared:  # noqa: ARG002
        """Codes and scales of rows that came out of GELU."""
        lifted = self.graph.add("Add", x, "lift")
        codes, scale = self._coded(lifted, lifted, "whole", "")
        return Prepared(codes, scale, np.full_like(self.inputs[path].mean, GELU_LEAST), "bottom")

    def _coded(self, x: str, sizes: str, step: str, points: str) -> tuple[str, str]:
        """Shapes (rows, inputs) of u8 and (rows, 1)."""
        add = self.graph.add
        largest = add("Max", add("ReduceMax", sizes, "columns", keepdims=1), "smallest")
        scale = add("Mul", largest, step)
        return add("QuantizeLinear", x, add("Reshape", scale, "vector"), *([points] if points else []), axis=0), scale

    def product(self, path: str, prepared: Prepared, weight: Array, bias: Array) -> tuple[str, Array]:
        """`(x - centre) @ weight` for weight of shape (inputs, outputs), and the bias with the centre's product."""
        codes, scales = by_product(weight, self.inputs[path].about(prepared.centre))
        name = f"{path}.weight"
        inputs = (
            prepared.codes,
            self.graph.constant(name, codes),
            "unit",
            self.graph.constant(f"{name}_scales", scales),
        )
        sums = self.graph.add("MatMulIntegerToFloat", *inputs, prepared.zero, domain=MICROSOFT)
        return self.graph.add("Mul", sums, prepared.scales), (bias + prepared.centre @ weight).astype(np.float32)
