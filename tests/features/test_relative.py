"""Scene-relative channels: what ranks promise, whatever the scene's light."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from features.relative import LEVELS, MEDIAN, scene_levels, scene_median
from features.relative import scene_rank as rank_among

SEED = st.integers(0, 9999)
SHAPE = st.tuples(st.integers(1, 40), st.integers(1, 40))
MONOTONE = {
    "gain and offset": lambda values: 3 * values + 40,
    "power": lambda values: values**3,
    "exponential": lambda values: np.exp(values / 40),
    "logarithm": lambda values: np.log(values + 1),
}


def scene_rank(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Ranks in the scene that the values themselves are."""
    values = values.astype(np.float32)
    return rank_among(values, scene_levels(values[valid]))


def scene(seed: int, shape: tuple[int, int], distinct: bool) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from 0 (so that transforms keep ties) and a valid mask that holds one pixel at least."""
    random = np.random.default_rng(seed)
    size = shape[0] * shape[1]
    values = random.permutation(size) if distinct else random.integers(0, random.integers(1, 60), size)
    valid = random.random(shape) >= random.choice([0.0, 0.4])
    valid[0, 0] = True
    return values.reshape(shape).astype(np.float64), valid


@pytest.mark.parametrize("transform", MONOTONE)
@given(seed=SEED, shape=st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_rank_survives_monotone_transforms(transform, seed, shape):
    """Another sun, sensor or unit changes the numbers, not their order."""
    values, valid = scene(seed, shape, distinct=False)
    changed = scene_rank(MONOTONE[transform](values), valid)
    np.testing.assert_array_equal(changed[valid], scene_rank(values, valid)[valid])


@given(seed=SEED, shape=SHAPE, distinct=st.booleans())
def test_rank_is_the_average_rank(seed, shape, distinct):
    """Exact to 0.002, against scipy's ranks with ties averaged."""
    values, valid = scene(seed, shape, distinct)
    found = scene_rank(values, valid)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    count = int(valid.sum())
    exact = (rankdata(values[valid]) - 1) / (count - 1) if count > 1 else np.array([0.5])
    np.testing.assert_allclose(found[valid], exact, atol=1 / 512)


@given(seed=SEED, shape=SHAPE)
def test_rank_keeps_order_and_shares_ties(seed, shape):
    values, valid = scene(seed, shape, distinct=False)
    found = scene_rank(values, valid)[valid]
    order = np.argsort(values[valid], kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    for value in np.unique(values[valid]):
        assert len(np.unique(found[values[valid] == value])) == 1


@given(seed=SEED, shape=SHAPE)
def test_rank_of_the_negative_is_the_complement(seed, shape):
    values, valid = scene(seed, shape, distinct=False)
    np.testing.assert_allclose(scene_rank(-values, valid)[valid], 1 - scene_rank(values, valid)[valid], atol=1 / 512)


def test_rank_of_saturated_snow():
    """Half of the scene saturated: all of it takes the middle of the upper half."""
    values = np.array([[0.1, 0.2, 1.0, 1.0]], np.float32).repeat(25, axis=0)
    found = scene_rank(values, np.ones(values.shape, bool))
    assert found[0].tolist() == pytest.approx([0.125, 0.375, 0.75, 0.75], abs=0.01)


def test_rank_of_a_flat_scene_is_the_middle():
    assert (scene_rank(np.full((4, 5), 0.3, np.float32), np.ones((4, 5), bool)) == 0.5).all()


@given(seed=SEED, shape=SHAPE)
def test_levels_are_the_quantiles(seed, shape):
    values, valid = scene(seed, shape, distinct=True)
    found = scene_levels(values[valid])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.quantile(values[valid], np.linspace(0, 1, LEVELS)), rtol=1e-5, atol=1e-5)
    assert found[MEDIAN] == pytest.approx(np.median(values[valid]), rel=1e-6)


def test_nothing_valid_gives_zeros():
    assert not scene_levels(np.empty(0, np.float32)).any()
    assert rank_among(np.empty((0, 3), np.float32), np.zeros(LEVELS, np.float32)).shape == (0, 3)


def test_values_beyond_the_scene_take_its_ends():
    levels = scene_levels(np.linspace(0, 1, 100, dtype=np.float32))
    assert rank_among(np.array([-5, 5], np.float32), levels).tolist() == [0, 1]


@given(values=st.lists(st.floats(-1000, 1000, width=32), max_size=50))
def test_median_is_the_middle_level(values):
    array = np.asarray(values, np.float32)
    assert scene_median(array) == pytest.approx(scene_levels(array)[MEDIAN], rel=1e-5, abs=1e-5)
