"""Codes approximate a matrix, and those fitted to its inputs change its product least."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from signals_pipeline.model_export.calibration import Inputs
from signals_pipeline.model_export.rounding import (
    SPLIT_CHANNELS,
    Array,
    channels_to_split,
    column_scales,
    quantise_for_product,
    quantise_rows,
    smoothing_divisors,
    split_channels,
)

MATRICES = arrays(np.float32, (6, 5), elements=st.floats(-100, 100, width=32))
ROWS = arrays(np.float32, (9, 6), elements=st.floats(-8, 8, width=16))
CODES = arrays(np.int8, (6, 5), elements=st.integers(-62, 62))


def second_moment_of(rows: Array) -> Array:
    """Mean of x xᵀ."""
    return (rows.T @ rows / len(rows)).astype(np.float32)


def loss(weight: Array, found: Array, second: NDArray[np.floating]) -> float:
    """Mean squared error of x @ weight."""
    difference = (weight - found).astype(np.float64)
    return float(np.einsum("ic,ij,jc->", difference, second.astype(np.float64), difference))


@given(matrix=MATRICES)
def test_row_codes_approximate_a_matrix_to_half_a_step(matrix: Array) -> None:
    codes, scales = quantise_rows(matrix)
    assert (np.abs(codes * scales - matrix) <= 0.5001 * scales + 1e-6).all()


@given(matrix=MATRICES)
def test_uncorrelated_inputs_get_the_nearest_codes(matrix: Array) -> None:
    codes, scales = quantise_for_product(matrix, np.eye(6, dtype=np.float32))
    assert np.abs(codes).max() <= 63
    within = np.abs(matrix) <= 63 * scales
    assert (np.abs(codes * scales - matrix) <= 0.5001 * scales + 1e-6)[within].all()
    assert (np.abs(codes) == 63)[~within].all()


@given(matrix=MATRICES, loudness=arrays(np.float32, 6, elements=st.floats(0.125, 8, width=16)))
def test_a_clipped_step_never_loses_more_than_the_largest_weights_own(matrix: Array, loudness: Array) -> None:
    second = np.diag(loudness)
    whole = (np.maximum(np.abs(matrix).max(axis=0), 1e-12) / 63).astype(np.float32)
    chosen = column_scales(matrix, loudness)

    def rounded(steps: Array) -> Array:
        return np.clip(np.rint(matrix / steps), -63, 63) * steps

    assert loss(matrix, rounded(chosen), second) <= loss(matrix, rounded(whole), second) * 1.001 + 1e-6


@given(rows=ROWS, codes=CODES, steps=arrays(np.float32, 5, elements=st.floats(0.0625, 4, width=16)))
def test_a_matrix_on_a_grid_keeps_its_codes_whatever_its_inputs(rows: Array, codes: Array, steps: Array) -> None:
    codes[0] = 63  # the largest code determines the step
    second = second_moment_of(rows) + np.eye(6, dtype=np.float32)
    found, scales = quantise_for_product(codes * steps, second)
    assert (found == codes).all()
    assert scales == pytest.approx(steps, rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_correlated_inputs_lose_less_than_with_the_nearest_codes(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = (draw.normal(size=(400, 12)) @ draw.normal(size=(12, 160))).astype(np.float32)
    second, weight = second_moment_of(rows), draw.normal(size=(160, 20)).astype(np.float32)
    codes, scales = quantise_for_product(weight, second)
    nearest = np.clip(np.rint(weight / scales), -63, 63) * scales
    assert loss(weight, codes * scales, second) < 0.2 * loss(weight, nearest, second)


@given(rows=ROWS, centre=arrays(np.float32, 6, elements=st.floats(-8, 8, width=16)))
def test_the_second_moment_about_a_centre_is_that_of_the_shifted_rows(rows: Array, centre: Array) -> None:
    found = Inputs(rows.mean(axis=0), np.abs(rows).max(axis=0), second_moment_of(rows)).second_moment_about(centre)
    shifted = rows - centre
    assert found == pytest.approx(shifted.T @ shifted / len(rows), abs=1e-2)


# --- Channels with steps of their own ---

LARGEST = arrays(np.float32, 6, elements=st.floats(0, 1_000, width=32))


@given(largest=LARGEST)
def test_smoothed_channels_fit_the_codes_and_are_more_alike_than_before(largest: Array) -> None:
    divisor = smoothing_divisors(largest)
    assert (divisor > 0).all()
    quotient = largest / divisor
    assert quotient.max() <= 127
    active = largest > 1e-6
    assert active.sum() < 2 or np.ptp(np.log(quotient[active])) <= 0.11 * np.ptp(np.log(largest[active])) + 1e-4


@given(loudness=LARGEST)
def test_each_copy_goes_to_the_channel_that_is_loudest_so_far(loudness: Array) -> None:
    times = 1 + np.bincount(channels_to_split(loudness), minlength=6)
    assert times.sum() == 6 + SPLIT_CHANNELS
    maximum = (loudness / times).max()
    for channel in np.flatnonzero(times > 1):
        assert loudness[channel] / (times[channel] - 1) >= maximum


@given(rows=ROWS, matrix=MATRICES, copied=arrays(np.int64, 4, elements=st.integers(0, 5)))
def test_copied_channels_change_no_product(rows: Array, matrix: Array, copied: NDArray[np.int64]) -> None:
    weight, second = split_channels(matrix, second_moment_of(rows), copied)
    longer = np.hstack([rows, rows[:, copied]])
    assert longer.astype(float) @ weight == pytest.approx(rows.astype(float) @ matrix, abs=1e-2)
    assert second == pytest.approx(second_moment_of(longer), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_splitting_a_loud_channel_makes_the_error_of_the_others_smaller(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows, weight = draw.normal(size=(400, 60)).astype(np.float32), draw.normal(size=(60, 20)).astype(np.float32)
    weight[3] *= 12  # as smoothing leaves the weights of a loud channel
    copied = channels_to_split(np.where(np.arange(60) == 3, 12, 1).astype(np.float32))
    assert (copied == 3).sum() >= 11
    second = second_moment_of(rows)
    codes, scales = quantise_for_product(weight, second)
    once = codes * scales
    codes, scales = quantise_for_product(*split_channels(weight, second, copied))
    more = codes * scales
    merged = more[:60].copy()
    np.add.at(merged, copied, more[60:])
    assert loss(weight, merged, second) < 0.1 * loss(weight, once, second)
