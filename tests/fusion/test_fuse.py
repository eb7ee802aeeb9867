"""Fusing two scores: laws of the probability, and a fit that finds the better part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.fitting import OutOfFold, fit_fusion
from fusion.fuse import LOGIT_LIMIT, Fusion, agreement, fused_probability, log_odds
from scores.confusion import calibration_error, confusion


@given(st.floats(0, 1))
def test_log_odds_are_limited_and_odd(probability: float):
    value = float(log_odds(np.array([probability]))[0])
    assert abs(value) <= LOGIT_LIMIT + 1e-4
    assert value == pytest.approx(-float(log_odds(np.array([1 - probability]))[0]), abs=1e-4)


def test_a_member_that_says_the_same_of_all_agrees_with_nothing():
    said = np.random.default_rng(0).normal(size=400)
    assert agreement(np.stack([said, np.full(400, 5.0)], axis=1)) == 0
    assert agreement(np.zeros((0, 2))) == 0
    assert agreement(np.stack([said, 0.3 * said + 1], axis=1)) == pytest.approx(1)
    assert agreement(np.stack([said, -said], axis=1)) == pytest.approx(-1)


def test_probability_is_zero_under_nodata_and_grows_with_its_parts():
    valid = np.ones((6, 7), bool)
    valid[:, 0] = False
    low, high = np.full((6, 7), 0.2, np.float32), np.full((6, 7), 0.9, np.float32)
    fusion = Fusion((0.5, 0.5), 0.0, 0.5)
    one, other = fused_probability(fusion, low, low, valid), fused_probability(fusion, high, high, valid)
    assert np.all(one[~valid] == 0)
    assert np.all(other[valid] > one[valid])
    assert other.dtype == np.float32


def noisy_part(truth: np.ndarray, noise: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return 1 / (1 + np.exp(-(np.where(truth, 1.5, -1.5) + noise * random.normal(size=truth.shape))))


def tiles() -> dict[str, OutOfFold]:
    made = {}
    for number in range(4):
        truth = np.zeros((60, 60), bool)
        truth[10 + 5 * number : 50, 15:45] = True
        valid = np.ones_like(truth)
        valid[:3] = False
        unet, gbm = noisy_part(truth, 2.0, number), noisy_part(truth, 2.0, number + 50)
        made[str(number)] = OutOfFold(np.where(valid, unet, 0), np.where(valid, gbm, 0), truth & valid, valid)
    return made


def test_the_fit_beats_both_parts_on_tiles_it_has_not_seen():
    made = tiles()
    fusion = fit_fusion([[made["0"]], [made["1"]]])
    for tile in (made["2"], made["3"]):
        probability = fused_probability(fusion, tile.unet, tile.gbm, tile.valid)
        hybrid = confusion(tile.truth, probability > fusion.threshold).mcc
        assert hybrid > confusion(tile.truth, tile.unet > 0.5).mcc
        assert hybrid > confusion(tile.truth, tile.gbm > 0.5).mcc
        assert calibration_error(tile.truth[tile.valid], probability[tile.valid]) < 0.1


def test_the_fit_is_the_same_each_time():
    made = list(tiles().values())
    assert fit_fusion([made]) == fit_fusion([made])
