# pyright: reportMissingImports=false
"""Calibration: statistics of what goes into the encoder's matrix products on real headlines.

`rounding` and `blocks` fit int8 codes to them.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.model_export.rounding import Array

if TYPE_CHECKING:
    from torch import Tensor, nn

LAYERS = "encoder.layer."


class Inputs(NamedTuple):
    """Statistics of the rows x that went into a product.

    Attributes:
        mean: Of each channel, shape (inputs,).
        largest: Largest absolute value of each channel, shape (inputs,).
        second_moment: Mean of x xᵀ, shape (inputs, inputs).
    """

    mean: Array
    largest: Array
    second_moment: Array

    def second_moment_about(self, centre: Array) -> NDArray[np.float64]:
        """Mean of (x - centre)(x - centre)ᵀ = E[x xᵀ] - c mᵀ - m cᵀ + c cᵀ.

        In float64, because the terms nearly cancel.
        """
        centre64 = centre.astype(np.float64)
        mean64 = self.mean.astype(np.float64)
        cross = np.outer(centre64, mean64)
        return self.second_moment - cross - cross.T + np.outer(centre64, centre64)


def inputs_of(network: "nn.Module", batches: Iterable["Tensor"]) -> dict[str, Inputs]:
    """The inputs of every linear layer of a BERT's encoder, by its path in it (`encoder.layer.0.output.dense`).

    Args:
        network: Contains the encoder; must be in evaluation mode.
        batches: Token ids of shape (texts, tokens), without padding.
    """
    import torch
    from torch import nn

    sums: dict[str, _Sums] = {}

    def hook_for(path: str) -> "Callable[[nn.Module, tuple[Tensor]], None]":
        def add_inputs(_module: nn.Module, arguments: "tuple[Tensor]") -> None:
            # One row per token. In float64: in fp32 the sums of many rows lose the small ones.
            rows = arguments[0].flatten(0, -2).double()
            if path not in sums:
                sums[path] = _Sums(rows)
            sums[path].add(rows)

        return add_inputs

    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and LAYERS in name:
            path = name[name.index(LAYERS) :]
            hooks.append(module.register_forward_pre_hook(hook_for(path)))
    try:
        with torch.inference_mode():
            for ids in batches:
                network(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        for hook in hooks:
            hook.remove()
    # Popped one by one, because FinBERT's sums take about a gigabyte.
    return {path: sums.pop(path).means() for path in list(sums)}


class _Sums:
    """Sums over rows, and their number."""

    def __init__(self, rows: "Tensor") -> None:
        channels = rows.shape[1]
        self.count = 0
        self.total = rows.new_zeros(channels)
        self.second_moment = rows.new_zeros(channels, channels)
        self.largest = rows.new_zeros(channels)

    def add(self, rows: "Tensor") -> None:
        self.count += len(rows)
        self.total += rows.sum(0)
        self.second_moment.addmm_(rows.T, rows)
        self.largest = self.largest.maximum(rows.abs().amax(0))

    def means(self) -> Inputs:
        return Inputs(
            mean=_to_array(self.total / self.count),
            largest=_to_array(self.largest),
            second_moment=_to_array(self.second_moment / self.count),
        )


def _to_array(tensor: "Tensor") -> Array:
    return tensor.float().cpu().numpy()
