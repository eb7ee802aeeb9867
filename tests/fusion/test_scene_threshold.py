"""The threshold of a scene: laws of Otsu's level, how far it may move, and what it does for a scene that is shifted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from fusion.fuse import LOGIT_LIMIT, Fusion
from fusion.scene_threshold import (
    EDGES,
    LIMIT,
    SMALLEST_SHARE,
    doubt,
    glacier_mask,
    log_odds_counts,
    otsu_level,
    scene_level,
    scene_threshold,
)
from scores.confusion import confusion

WEIGHTS = (1.0, 0.0)
MOVING = Fusion(WEIGHTS, 0.0, 0.5, tolerance=0.5)


def sigmoid(values: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-values))).astype(np.float32)


def two_classes(seed: int, middle: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds (60, 60) of a scene whose classes lie 2.5 to either side of ``middle``, and its truth."""
    random = np.random.default_rng(seed)
    truth = np.zeros((60, 60), bool)
    truth[15:45, 10:50] = True
    return np.where(truth, 2.5, -2.5) + middle + random.normal(size=truth.shape), truth


def apart(counts: np.ndarray, level: float) -> float:
    """Otsu's between-class variance of a division at a level, but for a constant factor."""
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    below = EDGES[1:] <= level + 1e-9
    one, other = counts[below].sum(), counts[~below].sum()
    means = [(counts[part] * middles[part]).sum() / max(counts[part].sum(), 1) for part in (below, ~below)]
    return float(one * other * (means[0] - means[1]) ** 2)


@given(st.integers(0, 1000), st.floats(-2, 2))
def test_the_level_divides_as_well_as_scikit_images(seed: int, middle: float):
    scores = np.clip(two_classes(seed, middle)[0], -LOGIT_LIMIT, LOGIT_LIMIT)
    counts = np.histogram(scores, EDGES)[0]
    best = threshold_otsu(hist=(counts, (EDGES[1:] + EDGES[:-1]) / 2))
    assert apart(counts, otsu_level(counts)) >= 0.97 * apart(counts, best)


@given(st.integers(0, 1000), st.floats(-2, 2))
def test_rounding_moves_the_level_little(seed: int, middle: float):
    scores = np.clip(two_classes(seed, middle)[0], -LOGIT_LIMIT, LOGIT_LIMIT)
    rounded = np.clip(
        scores + np.random.default_rng(seed).uniform(-0.02, 0.02, scores.shape), -LOGIT_LIMIT, LOGIT_LIMIT
    )
    levels = [otsu_level(np.histogram(one, EDGES)[0]) for one in (scores, rounded)]
    assert levels[0] == pytest.approx(levels[1], abs=0.05)


@given(st.lists(st.integers(0, 1000), min_size=200, max_size=200), st.floats(-3, 3), st.floats(0, 3))
def test_no_scene_moves_its_threshold_beyond_the_limit(counts: list[int], level: float, tolerance: float):
    moved = scene_level(np.array(counts), level, tolerance)
    assert abs(moved - level) <= LIMIT + 1e-9
    assert moved == level or (moved - level) * (otsu_level(np.array(counts)) - moved) >= -1e-9, "never past its own"


@given(st.floats(-0.9, 0.9))
def test_a_scene_within_the_tolerance_keeps_the_fitted_threshold(middle: float):
    scores, _ = two_classes(0, middle)
    counts = log_odds_counts(sigmoid(scores), np.ones(scores.shape, bool))
    assert scene_threshold(Fusion(WEIGHTS, 0.0, 0.5, tolerance=1.2), counts) == pytest.approx(0.5, abs=1e-6)
    assert scene_threshold(Fusion(WEIGHTS, 0.0, 0.37), counts) == pytest.approx(0.37, abs=1e-6)


@pytest.mark.parametrize("middle", [-1.5, 1.5])
def test_a_shifted_scene_is_mapped_better(middle: float):
    scores, truth = two_classes(1, middle)
    valid, probability = np.ones(truth.shape, bool), sigmoid(scores)
    fixed = confusion(truth, probability > MOVING.threshold).mcc
    assert confusion(truth, glacier_mask(MOVING, probability, valid)).mcc > fixed + 0.03


def of_snow() -> tuple[np.ndarray, np.ndarray]:
    """Log-odds (60, 60) of a scene that is a third ground, most of which lies above 0 as well, and its truth."""
    random = np.random.default_rng(3)
    truth = np.zeros((60, 60), bool)
    truth[20:] = True
    return np.where(truth, 1.6, 0.3) + 0.3 * random.normal(size=truth.shape), truth


def test_the_tolerance_falls_where_little_is_certain():
    scores, truth = of_snow()
    valid, probability = np.ones(truth.shape, bool), sigmoid(scores)
    fusion = Fusion(WEIGHTS, 0.0, 0.5, tolerance=2.0)  # so wide that Otsu's level lies within it
    fixed = confusion(truth, probability > 0.5).mcc
    assert confusion(truth, glacier_mask(fusion, probability, valid)).mcc > fixed + 0.3
    assert scene_threshold(Fusion(WEIGHTS, 0.0, 0.5), log_odds_counts(probability, valid)) == pytest.approx(0.5)


def test_the_tolerance_stays_where_enough_is_certain_as_on_an_ice_field():
    scores = np.where(of_snow()[1], 4.0, -0.2)
    counts = log_odds_counts(sigmoid(scores), np.ones(scores.shape, bool))
    assert 1 < otsu_level(counts) < 3
    assert scene_threshold(Fusion(WEIGHTS, 0.0, 0.5, tolerance=3.0), counts) == pytest.approx(0.5)


def test_the_more_is_mapped_the_more_must_be_certain():
    scores = np.where(np.random.default_rng(4).random((60, 60)) < 0.5, 3.0, 0.5)
    counts = log_odds_counts(sigmoid(scores), np.ones(scores.shape, bool))
    assert doubt(counts, 1.0) == 0 < doubt(counts, 0.0), "half of it, all of it"


@given(st.lists(st.integers(0, 1000), min_size=200, max_size=200), st.floats(-3, 3), st.floats(-3, 3))
def test_doubt_in_a_scene_is_a_share_that_grows_with_what_is_mapped(counts: list[int], one: float, other: float):
    less, most = (doubt(np.array(counts), level) for level in sorted([one, other], reverse=True))
    assert 0 <= less <= most <= 1


def test_a_scene_with_few_glaciers_keeps_the_fitted_threshold():
    random = np.random.default_rng(5)
    truth = np.arange(10_000) < 400
    scores = np.where(truth, 1.5, -2.5) + random.normal(size=truth.shape)
    counts = log_odds_counts(sigmoid(scores), np.ones(scores.shape, bool))
    assert otsu_level(counts) < -1, "it divides the ground"
    assert scene_threshold(MOVING, counts) == pytest.approx(MOVING.threshold)


@pytest.mark.parametrize("everywhere", [-4.0, 4.0])
def test_a_scene_of_one_class_keeps_the_fitted_threshold(everywhere: float):
    scores = np.full((40, 40), everywhere)
    scores[0, :10] = -everywhere  # fewer than SMALLEST_SHARE
    assert 10 / scores.size < SMALLEST_SHARE
    counts = log_odds_counts(sigmoid(scores), np.ones(scores.shape, bool))
    assert scene_threshold(MOVING, counts) == pytest.approx(MOVING.threshold)


def test_counts_of_parts_add_up_and_nodata_counts_nothing():
    scores, _ = two_classes(2)
    probability, valid = sigmoid(scores), np.random.default_rng(0).random(scores.shape) > 0.3
    parts = [log_odds_counts(probability[rows], valid[rows]) for rows in (slice(0, 17), slice(17, 60))]
    np.testing.assert_array_equal(sum(parts), log_odds_counts(probability, valid))
    assert not glacier_mask(MOVING, probability, valid)[~valid].any()
    assert not glacier_mask(MOVING, probability, valid & False).any()
