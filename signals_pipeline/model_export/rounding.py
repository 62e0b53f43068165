"""Quantisation: real numbers as int8 codes, by row, or by column for a matrix whose inputs are known.

Weights have seven bits, because CPUs without VNNI add two products in 16 bits: with eight bits the sum would saturate,
and those CPUs would answer differently. Nothing here knows of ONNX; `blocks` puts the codes into a graph.

Sources:
- SmoothQuant: Xiao et al. 2023, https://arxiv.org/abs/2211.10438
- Outlier channel splitting: Zhao et al. 2019, https://arxiv.org/abs/1901.09504
- GPTQ: Frantar et al. 2023, https://arxiv.org/abs/2210.17323
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

WEIGHT_STEPS = 63  # codes of weights lie in [-63, 63]: seven bits
ACTIVATION_STEPS = 127  # codes of activations and word vectors lie in [-127, 127]: eight bits
SMALLEST = 1e-12  # a row or channel of zeros has a scale too, by which can be divided
NO_CHANNELS = np.zeros(0, dtype=np.int64)

# Candidates for a column's step, as shares of the step that its largest weight needs: clipping the largest weights
# makes the steps of all others finer.
CLIP_RATIOS = np.linspace(0.7, 1, 13)
# Calibration has not seen the largest activation there is: others are a little larger.
HEADROOM = 1.05
# SmoothQuant's alpha, without the factor of the weights: 0 leaves the channels as they are, 1 makes them alike. Chosen,
# like the headroom and the number of split channels, by the error of logits on 400 held-out titles.
SMOOTHING_STRENGTH = 0.9
# Channels that are added by splitting, per product; more change little.
SPLIT_CHANNELS = 16
# GPTQ's damping, as a share of the mean square of the inputs: it keeps codes from being fitted to directions that the
# calibration hardly saw.
DAMPING = 0.01
# Rows that GPTQ rounds before it updates all later ones: one matrix product per block instead of one per row.
BLOCK_ROWS = 128


def quantise_rows(table: Array) -> tuple[NDArray[np.int8], Array]:
    """Int8 codes of a matrix and the scale of each row, shape (rows, 1)."""
    largest = np.maximum(np.abs(table).max(axis=1, keepdims=True), SMALLEST)
    scales = largest / ACTIVATION_STEPS
    codes = np.rint(table / scales).astype(np.int8)
    return codes, scales.astype(np.float32)


def smoothing_divisors(largest: Array) -> Array:
    """The divisor of each channel of a product's inputs, so that the quotients lie in [-127, 127] (SmoothQuant).

    The weights are multiplied by the divisors, so the product stays the same. With one divisor for all channels, the
    few loud ones would leave few steps to the others; with each channel's own maximum as divisor, the weights would
    become as unequal as the channels are. So the divisor is proportional to maximum ** SMOOTHING_STRENGTH.

    Args:
        largest: Largest absolute value of each channel over the rows seen in calibration, shape (inputs,).

    Returns:
        Shape (inputs,).
    """
    bound = np.maximum(largest * HEADROOM, SMALLEST)
    divisor = bound**SMOOTHING_STRENGTH
    # The channel with the largest quotient uses all steps.
    largest_quotient = (bound / divisor).max()
    return (divisor * largest_quotient / ACTIVATION_STEPS).astype(np.float32)


def channels_to_split(loudness: Array) -> NDArray[np.int64]:
    """The channels that a product reads more than once, `SPLIT_CHANNELS` in all (outlier channel splitting).

    A channel that is read n times gives each copy an n-th of its weights: they no longer set the steps of the others,
    and n codes approximate them more finely. Each copy goes to the channel that is loudest after the splits so far.

    Args:
        loudness: Size of each channel, shape (inputs,).

    Returns:
        Positions of the extra copies, ascending; a channel occurs once per extra copy.
    """
    times_read = np.ones(loudness.shape, dtype=np.int64)
    for _ in range(SPLIT_CHANNELS):
        loudest = np.argmax(loudness / times_read)
        times_read[loudest] += 1
    return np.repeat(np.arange(len(times_read)), times_read - 1)


def split_channels(
    weight: Array, second_moment: NDArray[np.floating], copied: NDArray[np.int64]
) -> tuple[Array, NDArray[np.floating]]:
    """A matrix, and the mean of x xᵀ, for inputs x with the copied channels appended.

    Args:
        weight: Shape (inputs, columns).
        second_moment: Mean of x xᵀ, shape (inputs, inputs).
        copied: Positions of the copies, see `channels_to_split`.

    Returns:
        Shapes (inputs + copies, columns) and (inputs + copies, inputs + copies).
    """
    channels = np.concatenate([np.arange(len(weight)), copied])
    times_read = np.bincount(channels)[channels]
    split_weight = (weight[channels] / times_read[:, np.newaxis]).astype(np.float32)
    return split_weight, second_moment[np.ix_(channels, channels)]


def column_scales(weight: Array, loudness: NDArray[np.floating]) -> Array:
    """The step of each column, shape (columns,): of `CLIP_RATIOS`, the one with the smallest error of the product.

    The error counts each input by its mean square and takes inputs as uncorrelated.

    Args:
        weight: Shape (inputs, columns).
        loudness: Mean square of each input, shape (inputs,).
    """
    largest = np.maximum(np.abs(weight).max(axis=0), SMALLEST)
    loudness = loudness.astype(np.float32)
    candidates: list[Array] = []
    errors: list[Array] = []
    for ratio in CLIP_RATIOS:
        step = (largest * ratio / WEIGHT_STEPS).astype(np.float32)
        rounding_error = _nearest_codes(weight, step) * step - weight
        candidates.append(step)
        errors.append(loudness @ np.square(rounding_error))
    return np.choose(np.argmin(errors, axis=0), candidates)


def quantise_for_product(weight: Array, second_moment: NDArray[np.floating]) -> tuple[NDArray[np.int8], Array]:
    """Seven-bit codes of a matrix and the scale of each column, chosen so that x @ weight changes least (GPTQ).

    The rows of the matrix, one per input, are rounded one after the other, the loudest input first. What rounding a row
    loses is compensated by the rows that are still to come, as far as their inputs are correlated with this one.

    Args:
        weight: Shape (inputs, columns).
        second_moment: Mean of x xᵀ over the rows x that will be multiplied, shape (inputs, inputs).

    Returns:
        Codes of shape (inputs, columns), and scales of shape (columns,).
    """
    loudness = np.diag(second_moment)
    scales = column_scales(weight, loudness)
    order = np.argsort(-loudness, kind="stable")

    # The Hessian of the squared error is proportional to the second moment. Row i of the upper Cholesky factor of its
    # inverse, divided by its diagonal, says how later rows compensate an error in row i (GPTQ's step 3).
    hessian = second_moment[np.ix_(order, order)].astype(np.float64)
    hessian[np.diag_indices_from(hessian)] += DAMPING * loudness.mean() + SMALLEST
    compensation = np.linalg.cholesky(np.linalg.inv(hessian)).T.astype(np.float32)

    remaining = weight[order].astype(np.float32)
    codes = np.empty(weight.shape, dtype=np.int8)
    for start in range(0, len(order), BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, len(order))
        errors = np.empty((end - start, weight.shape[1]), dtype=np.float32)
        for row in range(start, end):
            row_codes = _nearest_codes(remaining[row], scales)
            codes[order[row]] = row_codes
            error = (remaining[row] - row_codes * scales) / compensation[row, row]
            # Within the block at once, because the next row needs it; beyond it below, for the whole block.
            remaining[row + 1 : end] -= np.outer(compensation[row, row + 1 : end], error)
            errors[row - start] = error
        remaining[end:] -= compensation[start:end, end:].T @ errors
    return codes, scales


def _nearest_codes(weight: Array, scales: Array) -> Array:
    """The nearest codes, as real numbers."""
    return np.clip(np.rint(weight / scales), -WEIGHT_STEPS, WEIGHT_STEPS)
