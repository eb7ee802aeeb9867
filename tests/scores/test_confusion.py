"""Scores against scikit-learn, and the laws that they keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    jaccard_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
)

from scores.confusion import Confusion, calibration_error, confusion

SKLEARN = {"f1": f1_score, "iou": jaccard_score, "precision": precision_score, "recall": recall_score}


def masks(seed: int, size: int, glacier: float, agreement: float) -> tuple[np.ndarray, np.ndarray]:
    """A truth with a share of glacier and a mask that agrees with it on a share of pixels."""
    random = np.random.default_rng(seed)
    truth = random.random(size) < glacier
    return truth, np.where(random.random(size) < agreement, truth, ~truth)


# the ends of [0, 1] give what breaks ratios: no glacier, all glacier, the perfect mask, the inverted one
SHARE = st.sampled_from([0.0, 0.02, 0.3, 0.5, 0.9, 1.0])
MASKS = st.builds(masks, st.integers(0, 9999), st.integers(1, 300), SHARE, SHARE)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(MASKS)
def test_scores_are_those_of_sklearn(drawn):
    truth, mask = drawn
    counts = confusion(truth, mask)
    expected = confusion_matrix(truth, mask, labels=[False, True]).ravel().tolist()
    assert [counts.tn, counts.fp, counts.fn, counts.tp] == expected
    assert counts.mcc == pytest.approx(matthews_corrcoef(truth, mask), abs=1e-12)
    for name, score in SKLEARN.items():
        assert getattr(counts, name) == pytest.approx(score(truth, mask, zero_division=0.0), abs=1e-12), name


@given(MASKS)
def test_scores_keep_their_ranges(drawn):
    scores = confusion(*drawn).scores()
    assert list(scores) == ["mcc", "iou", "f1", "precision", "recall"]
    assert -1 <= scores.pop("mcc") <= 1
    assert all(0 <= value <= 1 for value in scores.values())


@given(MASKS)
def test_laws_of_mcc(drawn):
    """MCC does not care which class is called positive, nor which mask is called truth; inverting one flips it."""
    truth, mask = drawn
    mcc = confusion(truth, mask).mcc
    assert confusion(~truth, ~mask).mcc == pytest.approx(mcc, abs=1e-12)
    assert confusion(mask, truth).mcc == pytest.approx(mcc, abs=1e-12)
    assert confusion(truth, ~mask).mcc == pytest.approx(-mcc, abs=1e-12)


@given(MASKS, MASKS)
def test_pooling_is_adding(first, second):
    """Tiles are pooled by their counts: the sum is the score of all pixels together."""
    together = confusion(np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1]]))
    assert confusion(*first) + confusion(*second) == together


def test_large_counts_do_not_overflow():
    """A thousand tiles hold 2.6e8 pixels; the product of four such sums is beyond 64-bit integers."""
    counts = Confusion(tp=80_000_000, fp=1, fn=1, tn=180_000_000)
    assert counts.mcc == pytest.approx(1.0, abs=1e-6)
    assert Confusion(tp=10**9, fp=10**9, fn=10**9, tn=10**9).mcc == 0.0


def test_masks_of_two_dimensions():
    truth, mask = masks(0, 300, 0.3, 0.9)
    assert confusion(truth.reshape(20, 15), mask.reshape(20, 15)) == confusion(truth, mask)


def brute_calibration_error(truth: np.ndarray, probability: np.ndarray, bins: int) -> float:
    """Guo et al. 2017, eq. 3, bin by bin."""
    total = 0.0
    for number in range(bins):
        last = number == bins - 1
        inside = (probability >= number / bins) & ((probability < (number + 1) / bins) | last)
        if inside.any():
            total += inside.mean() * abs(truth[inside].mean() - probability[inside].mean())
    return total


@given(seed=st.integers(0, 9999), size=st.integers(1, 400), bins=st.sampled_from([1, 4, 8, 16]))
def test_calibration_error_is_its_definition(seed, size, bins):
    """On multiples of 1/128, where edges of bins are exact in binary; 1.0 belongs to the last bin."""
    random = np.random.default_rng(seed)
    probability = random.integers(0, 129, size) / 128
    truth = random.random(size) < 0.4
    error = calibration_error(truth, probability, bins)
    assert error == pytest.approx(brute_calibration_error(truth, probability, bins), abs=1e-12)
    assert 0 <= error <= 1
    order = random.permutation(size)
    assert calibration_error(truth[order], probability[order], bins) == pytest.approx(error, abs=1e-12)


def test_certainty_belongs_to_the_last_bin():
    error = calibration_error(np.array([False, True]), np.array([1.0, 0.95]), bins=2)
    assert error == pytest.approx(0.975 - 0.5)


@given(probability=st.floats(0, 1), truth=st.lists(st.booleans(), min_size=1, max_size=60))
def test_calibration_error_of_one_probability(probability, truth):
    """One probability for all is off by its distance from the share of glacier."""
    error = calibration_error(np.array(truth), np.full(len(truth), probability))
    assert error == pytest.approx(abs(np.mean(truth) - probability), abs=1e-9)


def test_calibration_error_of_calibrated_probabilities():
    probability = np.random.default_rng(0).random(200_000)
    truth = np.random.default_rng(1).random(200_000) < probability
    assert calibration_error(truth, probability) < 0.01
    assert calibration_error(truth, probability**2) > 0.1, "over-confident towards no glacier"
    assert calibration_error(truth, truth.astype(float)) == 0
    assert calibration_error(truth[:0], probability[:0]) == 0
