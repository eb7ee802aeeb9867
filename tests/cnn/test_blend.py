"""Windows that overlap add up to the whole image, whatever its size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnn.blend import blended_rows, class_map, weights_of
from cnn.network_model import Card, NetworkModel
from patches.image import Image, Patch
from patches.normalise import Normalisation


def image_of(array: np.ndarray, valid: np.ndarray) -> Image:
    def read(row: int, column: int, rows: int, columns: int) -> Patch:
        box = (slice(row, row + rows), slice(column, column + columns))
        return Patch(array[(slice(None), *box)], ("a",), np.zeros((rows, columns), np.uint8), valid[box])

    return Image("a", *valid.shape, ("a",), read)


def model_of(network: nn.Module, blend: str = "hann", views: int = 1, labels: str = "binary") -> NetworkModel:
    scaling = Normalisation("measured", (0.0,), (1.0,))
    return NetworkModel(network, Card("test", ("a",), labels, 1, 16, views, blend, scaling), torch.device("cpu"))


@given(st.integers(1, 50), st.integers(1, 50), st.sampled_from(["hann", "gaussian"]), st.sampled_from([1, 4]))
def test_a_network_of_single_pixels_leaves_no_seam(height, width, blend, views):
    array = np.random.default_rng(0).normal(size=(1, height, width)).astype(np.float32)
    image = image_of(array, np.ones((height, width), bool))
    rows = list(blended_rows(model_of(nn.Identity(), blend, views), image))
    assert [row for row, _ in rows] == [sum(one.shape[1] for _, one in rows[:n]) for n in range(len(rows))]
    shares = np.concatenate([one for _, one in rows], axis=1)
    np.testing.assert_allclose(shares, 1 / (1 + np.exp(-array)), atol=1e-5)


def test_what_is_not_valid_is_zero_to_the_network():
    array, valid = np.full((1, 20, 20), 7, np.float32), np.ones((20, 20), bool)
    valid[:, 10:] = False
    shares = np.concatenate([one for _, one in blended_rows(model_of(nn.Identity()), image_of(array, valid))], axis=1)
    np.testing.assert_allclose(shares[0, :, 10:16], 0.5, atol=1e-5)
    np.testing.assert_allclose(shares[0, :, :10], 1 / (1 + np.exp(-7)), atol=1e-5)


def test_hann_weights_add_up_to_one():
    line = np.sqrt(np.diag(weights_of(16, "hann")))
    np.testing.assert_allclose(line[:8] + line[8:], 1, rtol=1e-5)
    assert (weights_of(16, "gaussian") > 0).all()


@pytest.mark.parametrize(("shares", "expected"), [([0.6], 1), ([0.4], 0), ([0.3, 0.3, 0.35], 3), ([0.2, 0.2, 0.1], 0)])
def test_the_likeliest_class_is_mapped(shares, expected):
    assert class_map(np.array(shares, np.float32).reshape(-1, 1, 1)) == expected
