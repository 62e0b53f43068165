"""Real numbers as int8 codes: by row or column, and for a matrix whose inputs are known, by what its product loses.

Seven bits of weight, because CPUs without VNNI add two products in 16 bits: with eight the sum would saturate and those
CPUs would answer differently.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
WEIGHT_STEPS, ACTIVATION_STEPS = 63, 127
SMALLEST = 1e-12  # a row of zeros keeps a scale that can be divided by
NOTHING = np.zeros(0, dtype=np.int64)
CLIPS = np.linspace(0.7, 1, 13)
REACH = 1.05  # of the largest value seen: others are a little larger
EVENNESS = 0.9  # 0 leaves the channels as they are, 1 makes them alike
COPIES = 16  # of channels in all; more change little
DAMPING = 0.01  # of the mean square of the inputs: keeps what the calibration hardly saw from being fitted to
BLOCK = 128


def by_row(table: Array) -> tuple[NDArray[np.int8], Array]:
    """Int8 codes of a matrix and the scale of each row, shape (rows, 1)."""
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), SMALLEST) / ACTIVATION_STEPS
    return np.rint(table / scales).astype(np.int8), scales.astype(np.float32)


def smoothing(largest: Array) -> Array:
    """By what each channel of a product's inputs is divided, so that the quotient fits -127 to 127, shape (inputs,).

    Were all channels divided by one number, the few loud ones would take the steps of the others; were each divided by
    its own largest, the weights, which take the divisors over, would be as unequal as the channels are.

    Args:
        largest: Largest size of each channel over the rows seen in calibration, shape (inputs,).
    """
    reach = np.maximum(largest * REACH, SMALLEST)
    divisor = reach**EVENNESS
    return (divisor * (reach / divisor).max() / ACTIVATION_STEPS).astype(np.float32)


def loudest(loudness: Array) -> NDArray[np.int64]:
    """The channels that a product reads more than once, `COPIES` in all, one after the other where it is loudest still.

    A channel read n times gives each copy of it an n-th of its weights: they no longer set the steps of the others, and
    n codes say them more finely (outlier channel splitting, Zhao et al. 2019).
    """
    times = np.ones(loudness.shape, dtype=np.int64)
    for _ in range(COPIES):
        times[np.argmax(loudness / times)] += 1
    return np.repeat(np.arange(len(times)), times - 1)


def spread(
    weight: Array, second: NDArray[np.floating], copied: NDArray[np.int64]
) -> tuple[Array, NDArray[np.floating]]:
    """A matrix and the mean of x xᵀ as they are where the copied channels of x follow x's own."""
    channels = np.concatenate([np.arange(len(weight)), copied])
    times = np.bincount(channels)[channels]
    return (weight[channels] / times[:, np.newaxis]).astype(np.float32), second[np.ix_(channels, channels)]


def column_scales(weight: Array, loudness: NDArray[np.floating]) -> Array:
    """The step of each column, shape (columns,): of the `CLIPS` of its largest weight, the one that loses least.

    Args:
        weight: Shape (inputs, columns).
        loudness: Mean square of each input, shape (inputs,).
    """
    largest = np.maximum(np.abs(weight).max(axis=0), SMALLEST)
    steps = [(largest * clip / WEIGHT_STEPS).astype(np.float32) for clip in CLIPS]
    loudness = loudness.astype(np.float32)
    losses = [loudness @ np.square(_codes(weight, step) * step - weight) for step in steps]
    return np.choose(np.argmin(losses, axis=0), steps)


def by_product(weight: Array, second: NDArray[np.floating]) -> tuple[NDArray[np.int8], Array]:
    """Seven-bit codes of a matrix and the scale of each column, chosen so that x @ weight changes least.

    One input after the other is rounded, the loudest first, and what its rounding loses is made good by the inputs that
    are still to come, as far as they go along with it (GPTQ, Frantar et al. 2023).

    Args:
        weight: Shape (inputs, columns).
        second: Mean of x xᵀ over the rows x that will be multiplied, shape (inputs, inputs).
    """
    loudness = np.diag(second)
    scales = column_scales(weight, loudness)
    order = np.argsort(-loudness, kind="stable")
    damped = second[np.ix_(order, order)].astype(np.float64)
    damped[np.diag_indices_from(damped)] += DAMPING * loudness.mean() + SMALLEST
    # Row i: what is left to do for the inputs after i when input i is off by one.
    shares = np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)
    left, codes = weight[order].astype(np.float32), np.empty(weight.shape, dtype=np.int8)
    for start in range(0, len(order), BLOCK):
        end = min(start + BLOCK, len(order))
        lost = np.empty((end - start, weight.shape[1]), dtype=np.float32)
        for row in range(start, end):
            code = _codes(left[row], scales)
            codes[order[row]] = code
            lost[row - start] = (left[row] - code * scales) / shares[row, row]
            left[row + 1 : end] -= np.outer(shares[row, row + 1 : end], lost[row - start])
        left[end:] -= shares[start:end, end:].T @ lost
    return codes, scales


def _codes(weight: Array, scales: Array) -> Array:
    """The nearest codes, as real numbers."""
    return np.clip(np.rint(weight / scales), -WEIGHT_STEPS, WEIGHT_STEPS)
