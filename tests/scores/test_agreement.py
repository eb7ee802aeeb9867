"""Scores beside MCC: against scikit-learn, and the geometry of buffers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score

from scores.agreement import (
    BACKGROUND,
    CORRECT,
    FALSE_ALARM,
    MISSED,
    UNKNOWN,
    agreement,
    all_scores,
    area_error,
    boundary_f1,
    buffer_scores,
    distance_to_outline,
    kappa,
)
from scores.confusion import Confusion, confusion
from tests.examples import example_tile


@given(st.integers(0, 999))
def test_accuracy_and_kappa_are_scikit_learns(seed: int):
    random = np.random.default_rng(seed)
    truth, mask = random.random((2, 200)) > random.random()
    found = all_scores(confusion(truth, mask))
    assert found["overall_accuracy"] == pytest.approx(accuracy_score(truth, mask))
    if truth.any() and not truth.all():
        assert found["kappa"] == pytest.approx(cohen_kappa_score(truth, mask), abs=1e-9)


def test_area_error_is_signed_and_relative():
    assert area_error(Confusion(8, 4, 2, 0)) == pytest.approx(0.2)
    assert np.isnan(area_error(Confusion(0, 4, 0, 9)))
    assert kappa(Confusion(0, 0, 0, 0)) == 0


def test_distance_is_that_of_the_edge_between_pixels():
    mask = np.zeros((1, 6), bool)
    mask[0, :3] = True
    assert distance_to_outline(mask, 30)[0].tolist() == [75, 45, 15, 15, 45, 75]
    assert np.isinf(distance_to_outline(np.ones((2, 2), bool), 30)).all()


def test_errors_at_the_outline_show_within_the_buffer_only():
    truth = np.zeros((40, 40), bool)
    truth[10:30, 10:30] = True
    mask = np.zeros_like(truth)
    mask[11:29, 11:29] = True
    found = buffer_scores(truth, mask, np.ones_like(truth), 10, 10)
    assert found["iou_beyond_10m"] == 1
    assert found["iou_within_10m"] < 0.5
    assert boundary_f1(truth, truth, 10, 0) == 1
    assert boundary_f1(truth, mask, 10, 5) == 0
    assert boundary_f1(truth, mask, 10, 15) == pytest.approx(1)
    assert boundary_f1(truth & False, truth & False, 10, 5) == 1


def test_every_pixel_has_one_class():
    tile, truth = example_tile((20, 24))
    mask = np.roll(truth, 3, axis=0) & tile.valid
    classes = agreement(mask, truth, tile.valid)
    assert np.all(classes[~tile.valid] == UNKNOWN)
    assert np.count_nonzero(classes == CORRECT) == np.count_nonzero(truth & mask)
    assert np.count_nonzero(classes == FALSE_ALARM) == np.count_nonzero(~truth & mask)
    assert np.count_nonzero(classes == MISSED) == np.count_nonzero(truth & ~mask)
    assert np.all(classes[tile.valid & ~truth & ~mask] == BACKGROUND)
