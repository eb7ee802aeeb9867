"""The best threshold against trying every step, one mask after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scores.confusion import Confusion, confusion
from scores.threshold import THRESHOLD_STEPS, best_threshold


def brute_force(truth: np.ndarray, score: np.ndarray, low: float, high: float, other_negatives: int) -> np.ndarray:
    """MCC of the mask at each step."""
    steps = [low + (high - low) * step / THRESHOLD_STEPS for step in range(THRESHOLD_STEPS + 1)]
    nodata = Confusion(0, 0, 0, other_negatives)
    return np.array([(confusion(truth, score > step) + nodata).mcc for step in steps])


@given(
    seed=st.integers(0, 9999),
    size=st.integers(1, 60),
    glacier=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    span=st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.25, 0.75)]),
    other_negatives=st.sampled_from([0, 1, 500]),
)
def test_is_the_best_of_all_steps(seed, size, glacier, span, other_negatives):
    """Scores on multiples of 1/1024, exact in binary, reach beyond both ends of the span."""
    random = np.random.default_rng(seed)
    truth = random.random(size) < glacier
    score = np.clip(np.round(1024 * random.normal(0.4 + 0.3 * truth, 0.3)), -2048, 2048) / 1024
    threshold, mcc = best_threshold(truth, score, *span, other_negatives)
    assert span[0] <= threshold <= span[1]
    assert mcc == pytest.approx(brute_force(truth, score, *span, other_negatives).max(), abs=1e-12)
    at_threshold = confusion(truth, score > threshold) + Confusion(0, 0, 0, other_negatives)
    assert at_threshold.mcc == pytest.approx(mcc, abs=1e-12)


def test_scores_above_the_span_stay_mapped():
    """Even at the highest threshold of the span."""
    truth, score = np.array([False, False, True]), np.array([0.2, 0.75, 2.0])
    threshold, mcc = best_threshold(truth, score, 0.5, 0.75)
    assert (threshold, mcc) == (0.75, 1.0)


@pytest.mark.parametrize(("below", "above", "middle"), [(0.2, 0.8, 0.5), (0.0, 0.5, 0.25), (0.7, 0.9, 0.8)])
def test_ties_take_the_middle(below, above, middle):
    """Any threshold in the gap separates; the middle one is safest on other tiles."""
    truth = np.repeat([False, True], 50)
    threshold, mcc = best_threshold(truth, np.where(truth, above, below))
    assert mcc == 1.0
    assert threshold == pytest.approx(middle, abs=2e-3)


@pytest.mark.parametrize("glacier", [False, True])
def test_one_class_has_no_best(glacier):
    threshold, mcc = best_threshold(np.full(20, glacier), np.linspace(0, 1, 20))
    assert (threshold, mcc) == (0.5, 0.0)


def test_nodata_counts_as_true_negatives():
    """MCC over all pixels rises with what is rightly left out, and the threshold may move with it."""
    random = np.random.default_rng(0)
    truth = random.random(2000) < 0.4
    score = np.clip(random.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    assert best_threshold(truth, score, other_negatives=4000)[1] > best_threshold(truth, score)[1]
