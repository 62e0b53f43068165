"""Codes give a matrix back, and those fitted to its inputs lose least of its product."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from signals_pipeline.adapters.finbert.calibration import Array, Inputs
from signals_pipeline.adapters.finbert.rounding import by_product, by_row, column_scales

MATRICES = arrays(np.float32, (6, 5), elements=st.floats(-100, 100, width=32))
ROWS = arrays(np.float32, (9, 6), elements=st.floats(-8, 8, width=16))
CODES = arrays(np.int8, (6, 5), elements=st.integers(-62, 62))


def second_of(rows: Array) -> Array:
    """Mean of x xᵀ."""
    return (rows.T @ rows / len(rows)).astype(np.float32)


def loss(weight: Array, found: Array, second: NDArray[np.floating]) -> float:
    """Mean square of what is lost of x @ weight."""
    apart = (weight - found).astype(np.float64)
    return float(np.einsum("ic,ij,jc->", apart, second.astype(np.float64), apart))


@given(matrix=MATRICES)
def test_row_codes_give_a_matrix_back_to_half_a_step(matrix: Array) -> None:
    codes, scales = by_row(matrix)
    assert (np.abs(codes * scales - matrix) <= 0.5001 * scales + 1e-6).all()


@given(matrix=MATRICES)
def test_unrelated_inputs_get_the_nearest_codes(matrix: Array) -> None:
    codes, scales = by_product(matrix, np.eye(6, dtype=np.float32))
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
    codes[0] = 63  # the largest code tells the step
    second = second_of(rows) + np.eye(6, dtype=np.float32)
    found, scales = by_product(codes * steps, second)
    assert (found == codes).all()
    assert scales == pytest.approx(steps, rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_related_inputs_lose_less_than_by_the_nearest_codes(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = (draw.normal(size=(400, 12)) @ draw.normal(size=(12, 160))).astype(np.float32)
    second, weight = second_of(rows), draw.normal(size=(160, 20)).astype(np.float32)
    codes, scales = by_product(weight, second)
    nearest = np.clip(np.rint(weight / scales), -63, 63) * scales
    assert loss(weight, codes * scales, second) < 0.2 * loss(weight, nearest, second)


@given(rows=ROWS, centre=arrays(np.float32, 6, elements=st.floats(-8, 8, width=16)))
def test_inputs_about_a_centre_are_those_of_the_shifted_rows(rows: Array, centre: Array) -> None:
    found = Inputs(rows.mean(axis=0), second_of(rows)).about(centre)
    shifted = rows - centre
    assert found == pytest.approx(shifted.T @ shifted / len(rows), abs=1e-2)
