# pyright: reportMissingImports=false
"""A classifier of any architecture as an ONNX graph, traced by torch; `graph` has the faster one, for BERT alone.

The traced graph reads token ids alone, like BERT's own: a text runs without padding, so nothing is masked and all
tokens are of one type, whatever inputs the architecture has besides. In int8, onnxruntime's tool quantises it: weights
have a step per column, activations one step per tensor, taken from the tensor itself. That step depends on all tokens
that run together, so texts of such a graph run one by one.
"""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from signals_pipeline.adapters.model.folder import WEIGHTS_FILE

if TYPE_CHECKING:
    from transformers.modeling_utils import PreTrainedModel

OPSET = 17  # the newest that torch's tracing exporter has every operator for
EXAMPLE_TOKENS = 12  # length of the text that is traced; the graph takes any other


def write_traced_graph(file: Path, network: "PreTrainedModel", *, int8: bool) -> None:
    """Write the model that maps `input_ids` (texts, tokens) to `logits` (texts, 3).

    Args:
        file: Where to; the weights go beside it, see `WEIGHTS_FILE`.
        network: A sequence classifier on the CPU, with eager attention.
        int8: Whether weights and activations are quantised.
    """
    import onnx

    with tempfile.TemporaryDirectory() as scratch:
        traced = Path(scratch) / "traced.onnx"
        _trace(network, traced)
        if int8:
            quantised = Path(scratch) / "quantised.onnx"
            _quantise(traced, quantised)
            traced = quantised
        model = onnx.load(traced)
    # onnx would append to an earlier export's weights.
    file.with_name(WEIGHTS_FILE).unlink(missing_ok=True)
    onnx.save(model, file, save_as_external_data=True, location=WEIGHTS_FILE, size_threshold=1_024)
    # onnx creates the file with permissions for its owner alone.
    file.with_name(WEIGHTS_FILE).chmod(file.stat().st_mode)


def _trace(network: "PreTrainedModel", file: Path) -> None:
    """Write the fp32 graph that torch records while the network reads an example."""
    import torch
    from torch import Tensor, nn

    class TokenIdsOnly(nn.Module):
        """The network without its other inputs."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, input_ids: Tensor) -> Tensor:
            return self.network(input_ids=input_ids, attention_mask=torch.ones_like(input_ids)).logits

    # Any ids but the special ones, which come first in every vocabulary.
    example = torch.arange(EXAMPLE_TOKENS).unsqueeze(0) + 10
    with torch.no_grad(), warnings.catch_warnings():
        # The tracer warns of every size that it takes for a constant. The verification compares the graph with the
        # network on texts of all lengths, which shows any that is none.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            TokenIdsOnly().eval(),
            (example,),
            str(file),
            input_names=["input_ids"],
            output_names=["logits"],
            dynamic_axes={"input_ids": {0: "texts", 1: "tokens"}, "logits": {0: "texts"}},
            opset_version=OPSET,
            dynamo=False,
        )


def _quantise(fp32: Path, int8: Path) -> None:
    """Write the int8 graph of an fp32 one."""
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The tool recommends its optimisation pass for every model that it gets; onnxruntime makes the same fusions when it
    # opens the graph.
    disabled_before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        quantize_dynamic(
            fp32,
            int8,
            per_channel=True,
            # Seven bits: CPUs without VNNI add two products in 16 bits and would saturate with eight.
            reduce_range=True,
            weight_type=QuantType.QInt8,
            # The type of tensors whose type onnx can't infer.
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
    finally:
        logging.disable(disabled_before)
