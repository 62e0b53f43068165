"""The torch path on a GPU: headlines a second and the share of what the GPU's bf16 products could do.

`benchmarks.sentiment` calls it; where there is no GPU, the section says so.
"""

# pyright: reportMissingImports=false
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.sentiment_limits import headlines

COUNT, ROUNDS, SIDE = 100_000, 3, 8_192


def timed(work: Callable[[], object], wait: Callable[[], None]) -> float:
    """Seconds of the best of `ROUNDS` after one to warm up; `wait` returns when the device has done all."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        wait()
        start = time.perf_counter()
        work()
        wait()
        best = min(best, time.perf_counter() - start)
    return best


def sentence(source: Path, operations: float, *, device: str = "cuda", count: int = COUNT, side: int = SIDE) -> str:
    """What was measured, in words.

    Args:
        source: A folder in the hub's layout.
        operations: Products and sums of a headline.
        device: Of torch.
        count: Headlines to score.
        side: Of the square matrices whose product is the limit.
    """
    import torch

    from signals_pipeline.model_export.reference import TorchModel

    if device == "cuda" and not torch.cuda.is_available():
        return "No GPU was at hand: the torch path in bf16 was not measured."
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    name = torch.cuda.get_device_name() if device == "cuda" else device
    square = torch.ones(side, side, device=device, dtype=torch.bfloat16)
    limit = 2 * side**3 / timed(lambda: square @ square, wait)
    model, texts = TorchModel.load(source, device=device), headlines(count)
    rate = count / timed(lambda: model.logits(texts), wait)
    return (
        f"Torch in bf16 on {name}: {rate:,.0f} headlines/s of {count:,}, {rate * operations / limit:.0%} of the"
        f" {limit / 1e12:.0f} T operations/s of its bf16 product of {side:,} x {side:,}."
    )
