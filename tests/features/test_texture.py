"""Texture in closed form against NumPy's standard deviation and scikit-image's co-occurrence matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.feature import graycomatrix, graycoprops

from features.stack import build_stack
from tiles.tile import OPTICAL_BANDS, Tile

SEED = st.integers(0, 9999)
LEVELS = 16
# of a standard deviation, as a share of the values: the root of float32's 1e-7, for it is a difference of squares
ROUNDING = 6e-4


def tile_of(thermal: np.ndarray, valid: np.ndarray | None = None) -> Tile:
    """A tile whose ``thermal`` channel is the given image, number by number."""
    valid = np.ones(thermal.shape, bool) if valid is None else valid
    bands = {band: np.full(thermal.shape, 0.3, np.float32) for band in OPTICAL_BANDS}
    return Tile("01_01", {**bands, "thermal": thermal.astype(np.float32)}, valid)


def patch(seed: int, side: int) -> np.ndarray:
    """Grey levels 0..15, from noise to smooth."""
    random = np.random.default_rng(seed)
    smooth = gaussian_filter(random.normal(0, 1, (side, side)), random.choice([0.0, 0.5, 1.0, 2.0]))
    return np.round((smooth - smooth.min()) / np.ptp(smooth) * (LEVELS - 1)).astype(np.uint8)


def glcm(image: np.ndarray) -> np.ndarray:
    """Symmetric co-occurrences at distance 1, summed over four angles: each pixel with its eight neighbours."""
    counts = graycomatrix(image, [1], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4], LEVELS, symmetric=True)
    pooled = counts.sum(axis=(2, 3), keepdims=True).astype(float)
    return pooled / pooled.sum()


def at_centre(image: np.ndarray, name: str) -> float:
    """The channel at the central pixel, its window covering the whole patch."""
    side = len(image)
    return float(build_stack(tile_of(image), [f"thermal.{name}{2 * side + 1}"]).array[0, side // 2, side // 2])


@given(seed=SEED, side=st.sampled_from([3, 5, 9, 15]))
def test_contrast_is_that_of_the_glcm(seed, side):
    image = patch(seed, side)
    assert at_centre(image, "contrast") ** 2 == pytest.approx(graycoprops(glcm(image), "contrast")[0, 0], rel=1e-5)


@given(seed=SEED, side=st.sampled_from([3, 5, 9, 15]))
def test_correlation_is_its_closed_form(seed, side):
    image = patch(seed, side)
    expected = 1 - graycoprops(glcm(image), "contrast")[0, 0] / (2 * image.astype(float).var())
    assert at_centre(image, "correlation") == pytest.approx(np.clip(expected, -1, 1), abs=1e-4)


@given(seed=SEED, side=st.sampled_from([21, 31]))
def test_correlation_is_near_that_of_the_glcm(seed, side):
    """The closed form weighs all pixels alike, the GLCM those at the border less: 1/side apart."""
    image = patch(seed, side)
    assert at_centre(image, "correlation") == pytest.approx(graycoprops(glcm(image), "correlation")[0, 0], abs=0.1)


@given(seed=SEED, shape=st.tuples(st.integers(1, 10), st.integers(1, 10)), window=st.sampled_from([3, 7, 21]))
def test_std_is_that_of_the_valid_pixels(seed, shape, window):
    random = np.random.default_rng(seed)
    valid = random.random(shape) >= 0.3
    valid[0, 0] = True
    image = np.where(valid, random.normal(0, 3, shape), 0)
    found = build_stack(tile_of(image, valid), [f"thermal.std{window}"]).array[0]
    half = window // 2
    for row, column in np.argwhere(valid):
        around = np.s_[max(row - half, 0) : row + half + 1, max(column - half, 0) : column + half + 1]
        # in float32 the variance is a difference of means, good to about 1e-6 of the squares (here up to 200)
        assert found[row, column] ** 2 == pytest.approx(image[around][valid[around]].var(), abs=2e-4)


@pytest.mark.parametrize(("name", "expected"), [("std", 0), ("contrast", 0), ("correlation", 1)])
@pytest.mark.parametrize("shape", [(1, 1), (5, 8)])
def test_a_flat_image_has_no_texture(name, expected, shape):
    found = build_stack(tile_of(np.full(shape, 7.0)), [f"thermal.{name}3"]).array[0]
    np.testing.assert_allclose(found, expected, atol=7.0 * ROUNDING)


def test_a_checkerboard_is_anticorrelated_with_its_edges():
    """Along rows and columns every pair differs, along diagonals none: contrast is the share of such pairs."""
    board = (np.indices((40, 40)).sum(axis=0) % 2).astype(float)
    contrast, correlation = build_stack(tile_of(board), ["thermal.contrast9", "thermal.correlation9"]).array[:, 20, 20]
    assert contrast**2 == pytest.approx(0.5, abs=1e-5)
    assert correlation == pytest.approx(0, abs=0.01)
    stripes = np.broadcast_to(np.arange(40) % 2, (40, 40)).astype(float)
    contrast = build_stack(tile_of(stripes), ["thermal.contrast9"]).array[0, 20, 20]
    assert contrast**2 == pytest.approx(0.75, abs=1e-5), "six of eight neighbours lie in the other stripe"


def test_nodata_makes_no_texture():
    """A cloud gap in a flat image leaves it flat: edges against nodata do not count."""
    valid = np.ones((12, 12), bool)
    valid[4:7, 3:9] = False
    stack = build_stack(tile_of(np.where(valid, 7.0, 0), valid), ["thermal.std3", "thermal.contrast3"])
    np.testing.assert_allclose(stack.array[:, valid], 0, atol=7.0 * ROUNDING)


@given(seed=SEED)
def test_gradient_is_numpys_inside(seed):
    image = patch(seed, 9).astype(np.float32)
    squared = sum(part**2 for part in np.gradient(image))
    channel = build_stack(tile_of(image), ["thermal.gradient3"]).array[0]
    for row, column in ((2, 2), (4, 5), (6, 6)):
        around = squared[row - 1 : row + 2, column - 1 : column + 2]
        assert channel[row, column] == pytest.approx(np.sqrt(around.mean()), rel=1e-3, abs=1e-3)


def test_gradient_does_not_cross_nodata():
    image = np.full((7, 7), 5.0)
    image[:, 3] = 1000.0
    valid = np.ones((7, 7), bool)
    valid[:, 3] = False
    channel = build_stack(tile_of(image, valid), ["thermal.gradient3"]).array[0]
    assert np.all(channel[valid] == 0)
