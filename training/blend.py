"""Weights between two runs, and off the grid of an int8 folder where the older ones were read back out of one.

python blend.py --old WEIGHTS.pt --new WEIGHTS.pt --share 0.7 --out WEIGHTS.pt

Between them: a fine-tuned model keeps more of what it knew, at little loss of what it learnt (Wortsman et al. 2022).
Off the grid: training moves most weights by a tenth of a step of their code. From exactly on the grid, rounding in the
next export undoes all of that; spread over the step, as the lost weights were, a tenth of them takes the next code.
"""

import argparse
from pathlib import Path

import torch

STEPS = 63  # codes from 0 to the largest weight of a column, as the graph keeps them


def blend(
    old: dict[str, torch.Tensor], new: dict[str, torch.Tensor], share: float, seed: int
) -> dict[str, torch.Tensor]:
    """The state `share` of the way from old to new, each matrix of a layer spread over the steps of old's codes."""
    draw = torch.Generator().manual_seed(seed)
    found: dict[str, torch.Tensor] = {}
    for name, before in old.items():
        value = torch.lerp(before, new[name], share) if before.is_floating_point() else before.clone()
        if ".layer." in name and name.endswith("weight") and value.ndim == 2:
            step = before.abs().amax(1, keepdim=True) / STEPS
            value = value + (torch.rand(value.shape, generator=draw) - 0.5) * step
        found[name] = value
    return found


def main() -> None:
    """Write the blended state."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="weights.pt of restore.py")
    parser.add_argument("--new", type=Path, required=True, help="weights.pt of the run that started from them")
    parser.add_argument("--share", type=float, required=True, help="of the way from old to new")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    settings = parser.parse_args()
    old, new = (torch.load(file, weights_only=True) for file in (settings.old, settings.new))
    torch.save(blend(old, new, settings.share, settings.seed), settings.out)


if __name__ == "__main__":
    main()
