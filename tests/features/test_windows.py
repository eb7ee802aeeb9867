"""Box filters against loops over windows, with nodata left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.windows import Boxes, neighbour_contrast

SHAPE = st.tuples(st.integers(1, 12), st.integers(1, 12))
SEED = st.integers(0, 9999)
WINDOW = st.sampled_from([1, 3, 5, 9, 25])


def scene(seed: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Values with rubbish under nodata, and their weight; any share of nodata from none to all."""
    random = np.random.default_rng(seed)
    valid = random.random(shape) >= random.choice([0.0, 0.3, 0.9, 1.0])
    values = np.where(valid, random.normal(0, 3, shape), 1e4)
    return values.astype(np.float32), valid.astype(np.float32)


def window_of(array: np.ndarray, row: int, column: int, window: int) -> np.ndarray:
    half = window // 2
    return array[max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1]


@given(seed=SEED, shape=SHAPE, window=WINDOW)
def test_box_mean_is_the_nanmean_of_the_window(seed, shape, window):
    values, weight = scene(seed, shape)
    known = np.where(weight > 0, values.astype(float), np.nan)
    found = Boxes(weight).mean(values, window)
    assert found.dtype == np.float32
    for row, column in np.ndindex(*shape):
        around = window_of(known, row, column, window)
        expected = np.nanmean(around) if np.isfinite(around).any() else 0.0
        assert found[row, column] == pytest.approx(expected, abs=2e-5)


@given(seed=SEED, shape=SHAPE, window=WINDOW)
def test_box_share_counts_what_has_weight(seed, shape, window):
    """Beyond the border there is nodata."""
    _, weight = scene(seed, shape)
    found = Boxes(weight).share(window)
    for row, column in np.ndindex(*shape):
        count = window_of(weight, row, column, window).sum()
        assert found[row, column] == pytest.approx(count / window**2, abs=1e-6)
        assert (found[row, column] > 0) == (count > 0)


def test_a_single_pixel_still_counts_in_a_wide_window():
    """At valley width one pixel's share is 1e-5: no rounding, so its value is the mean of all around."""
    weight = np.zeros((300, 300), np.float32)
    weight[150, 150] = 1
    found = Boxes(weight).mean(np.full((300, 300), 7.0, np.float32), 255)
    reached = np.zeros((300, 300), bool)
    reached[23:278, 23:278] = True
    np.testing.assert_allclose(found, np.where(reached, 7.0, 0.0), atol=1e-4)


@given(seed=SEED, shape=SHAPE)
def test_neighbour_contrast_is_the_sum_over_eight(seed, shape):
    values, weight = scene(seed, shape)
    total, count = neighbour_contrast(values, weight)
    for row, column in np.ndindex(*shape):
        around = window_of(values, row, column, 3).astype(float) - float(values[row, column])
        pairs = window_of(weight, row, column, 3) * weight[row, column]
        assert count[row, column] == pairs.sum() - weight[row, column], "all but itself"
        assert total[row, column] == pytest.approx((around**2 * pairs).sum(), rel=1e-4, abs=1e-4)
