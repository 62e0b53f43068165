# pyright: reportMissingImports=false
"""What goes into the encoder's products on real headlines: int8 codes are fitted to it."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.model_export.rounding import Array

if TYPE_CHECKING:
    from torch import Tensor, nn

LAYERS = "encoder.layer."


class Inputs(NamedTuple):
    """Rows that went into a product: mean and largest size of each channel, shape (inputs,), and mean of x xᵀ."""

    mean: Array
    largest: Array
    second: Array

    def about(self, centre: Array) -> NDArray[np.float64]:
        """Mean of (x - centre)(x - centre)ᵀ, in float64: what is left where terms cancel decides."""
        at, mean = centre.astype(np.float64), self.mean.astype(np.float64)
        cross = np.outer(at, mean)
        return self.second - cross - cross.T + np.outer(at, at)


def inputs_of(network: "nn.Module", batches: Iterable["Tensor"]) -> dict[str, Inputs]:
    """The inputs of every linear layer of a BERT's encoder, by its path in it (`encoder.layer.0.output.dense`).

    Args:
        network: Has the encoder in it; is run as it is, so in the mode for inference.
        batches: Token ids of shape (texts, tokens), without padding.
    """
    import torch
    from torch import nn

    sums: dict[str, _Sums] = {}

    def watched(name: str) -> "Callable[[nn.Module, tuple[Tensor]], None]":
        path = name[name.index(LAYERS) :]

        def watch(_: nn.Module, given: "tuple[Tensor]") -> None:
            rows = given[0].flatten(0, -2).double()  # in fp32 the sums would not be those of any rows any more
            if path not in sums:
                sums[path] = _Sums(rows)
            sums[path].add(rows)

        return watch

    hooks = [
        module.register_forward_pre_hook(watched(name))
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and LAYERS in name
    ]
    try:
        with torch.inference_mode():
            for ids in batches:
                network(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        for hook in hooks:
            hook.remove()
    return {path: sums.pop(path).means() for path in list(sums)}


class _Sums:
    """Sums over rows, and how many there were."""

    def __init__(self, rows: "Tensor") -> None:
        size = rows.shape[1]
        self.count, self.total, self.second = 0, rows.new_zeros(size), rows.new_zeros(size, size)
        self.largest = rows.new_zeros(size)

    def add(self, rows: "Tensor") -> None:
        self.count += len(rows)
        self.total += rows.sum(0)
        self.second.addmm_(rows.T, rows)
        self.largest = self.largest.maximum(rows.abs().amax(0))

    def means(self) -> Inputs:
        parts = self.total / self.count, self.largest, self.second / self.count
        return Inputs(*(part.float().cpu().numpy() for part in parts))
