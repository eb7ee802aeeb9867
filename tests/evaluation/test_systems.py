"""Scoring systems side by side: thresholds never see the fold they are used on, and pools add up."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.systems import Scored, calibration, masks_at_thresholds_of_others, ndsi_of, summary
from scores.confusion import confusion
from scores.threshold import pooled_threshold
from tests.examples import example_tile

FOLDS = [["a", "b"], ["c", "d"]]


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.random((20, 20)) > 0.6
    valid = random.random((20, 20)) > 0.2
    score = np.clip(truth * 0.3 + random.random((20, 20)) * 0.6, 0, 1)
    return np.where(valid, score, 0), truth & valid, valid


@pytest.fixture
def scenes() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, np.ndarray]]:
    made = {name: scene(number) for number, name in enumerate("abcd")}
    return tuple({name: parts[index] for name, parts in made.items()} for index in range(3))  # type: ignore[return-value]


def test_a_fold_has_no_say_in_its_own_threshold(scenes):
    scores, truths, valids = scenes
    before = masks_at_thresholds_of_others(scores, truths, valids, FOLDS)["a"].mask
    after = masks_at_thresholds_of_others(scores, {**truths, "b": ~truths["b"] & valids["b"]}, valids, FOLDS)["a"].mask
    np.testing.assert_array_equal(before, after)


def test_the_pooled_threshold_is_the_best_of_many(scenes):
    scores, truths, valids = scenes

    def mcc(threshold: float) -> float:
        counts = [confusion(truths[name], (scores[name] > threshold) & valids[name]) for name in scores]
        return sum(counts[1:], counts[0]).mcc

    assert mcc(pooled_threshold(scores, truths, valids)) >= max(mcc(step) for step in np.linspace(0, 1, 41)) - 0.005


def test_nodata_counts_in_all_pixels_only(scenes):
    scores, truths, valids = scenes
    masks = [Scored(name, (scores[name] > 0.45) & valids[name], truths[name], valids[name]) for name in scores]
    result = summary(masks, FOLDS)
    assert result["all_pixels"]["mcc"] != result["valid_pixels"]["mcc"]
    assert result["all_pixels"]["iou"] == pytest.approx(result["valid_pixels"]["iou"])
    assert len(result["fold_mcc"]) == 2
    assert result["tile_mean_mcc"] == pytest.approx(np.mean([one["mcc"] for one in result["tiles"].values()]))


def test_perfect_certainty_is_calibrated(scenes):
    _, truths, valids = scenes
    assert calibration({name: truth.astype(float) for name, truth in truths.items()}, truths, valids) == 0
    assert calibration({name: 1.0 - truth for name, truth in truths.items()}, truths, valids) == 1


def test_ndsi_under_nodata_is_lowest():
    tile, truth = example_tile()
    ndsi = ndsi_of(tile)
    assert np.all(ndsi[~tile.valid] == -1)
    assert ndsi[truth].min() > ndsi[~truth & tile.valid].max()
