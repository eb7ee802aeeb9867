"""Patches turned, drawn at another size and blurred: what is known of the result."""

from __future__ import annotations

import numpy as np
import pytest

from patches.warp import blurred, warped


def sample(side: int = 33):
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    return np.stack([rows, columns]), (rows > 20).astype(np.int64), np.ones((side, side), bool)


def test_nothing_asked_for_changes_nothing():
    for one, other in zip(warped(sample(), 1.0, 0.0, (0.3, -0.7)), sample()):
        assert np.array_equal(one, other)


def test_a_quarter_turn_is_one():
    channels, truth, valid = warped(sample(), 1.0, 90.0, (0, 0))
    inside = (slice(None), slice(1, -1), slice(1, -1))
    assert np.allclose(channels[inside], np.rot90(sample()[0], -1, axes=(1, 2))[inside], atol=1e-3)
    assert np.array_equal(truth[inside[1:]], np.rot90(sample()[1], -1)[inside[1:]])
    assert valid[inside[1:]].all()


@pytest.mark.parametrize(("shift", "corner"), [((-1, -1), 0), ((1, 1), 16)])
def test_twice_as_large_shows_half_a_side(shift, corner):
    channels, truth, valid = warped(sample(), 2.0, 0.0, shift)
    assert valid.all()
    assert channels[0, 0, 0] == pytest.approx(corner)
    assert channels[0, 32, 0] == pytest.approx(corner + 16)
    assert truth.mean() == pytest.approx((channels[0] > 20).mean(), abs=0.05)


def test_half_as_large_leaves_the_rest_unknown():
    channels, truth, valid = warped(sample(), 0.5, 0.0, (0, 0))
    assert valid.mean() == pytest.approx(0.25, abs=0.03)
    assert not channels[:, ~valid].any()
    assert not truth[~valid].any()


def test_a_blur_keeps_an_even_patch_and_what_is_unknown():
    channels = np.ones((2, 20, 20), np.float32)
    channels[:, :, 12:] = 0
    smooth = blurred(channels, channels != 0, 2.0)
    assert np.allclose(smooth, channels, atol=1e-5)
