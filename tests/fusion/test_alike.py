"""What the network says of pixels alike: nothing where it is in no doubt, less noise where it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.stack import FeatureStack
from fusion.alike import FEWEST_CELLS, drawn_to_alike, pull_of
from tiles.coarse import cell_mean

SHAPE = (90, 101)


def scene(shape: tuple[int, int], certain: float, seed: int = 0) -> tuple[np.ndarray, FeatureStack, np.ndarray]:
    """A network's probability, ``certain`` times as sure of what the first of three channels shows, with noise."""
    random = np.random.default_rng(seed)
    rows, columns = ((side + 1) // 2 for side in shape)
    shown = random.normal(size=(rows, columns)).astype(np.float32)
    fine = shown.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]
    odds = certain * (fine + random.normal(size=shape))
    valid = random.random(shape) < 0.9
    cells_valid = cell_mean(valid) > 0
    channels = np.stack([shown, random.normal(size=shown.shape), np.full(shown.shape, np.nan)]).astype(np.float32)
    channels[:, ~cells_valid] = np.nan
    unet = np.where(valid, 1 / (1 + np.exp(-odds)), 0).astype(np.float32)
    return unet, FeatureStack(channels, ("ndsi", "green", "thermal"), cells_valid), valid


def test_a_network_in_no_doubt_is_left_alone():
    unet, cells, valid = scene(SHAPE, 20.0)
    assert pull_of(unet, valid) == 0
    assert drawn_to_alike(unet, cells, valid) is unet


def test_a_small_scene_teaches_nothing():
    side = int(np.sqrt(FEWEST_CELLS)) * 2 - 2
    unet, cells, valid = scene((side, side), 1.0)
    assert pull_of(unet, valid) == 1
    assert drawn_to_alike(unet, cells, valid) is unet


@pytest.mark.parametrize("seed", range(3))
def test_noise_between_pixels_alike_grows_less(seed: int):
    unet, cells, valid = scene(SHAPE, 1.0, seed)
    drawn = drawn_to_alike(unet, cells, valid)
    glacier = cells.array[0].repeat(2, axis=0).repeat(2, axis=1)[: SHAPE[0], : SHAPE[1]] > 0
    before, after = (((one > 0.5) == glacier)[valid].mean() for one in (unet, drawn))
    assert after > before + 0.04


@settings(max_examples=15, deadline=None)
@given(st.integers(34, 70), st.integers(34, 70), st.sampled_from([0.5, 2.0, 4.0]), st.integers(0, 99))
def test_any_shape_and_nothing_under_nodata(rows: int, columns: int, certain: float, seed: int):
    unet, cells, valid = scene((rows, columns), certain, seed)
    drawn = drawn_to_alike(unet, cells, valid)
    assert drawn.shape == (rows, columns)
    assert drawn.dtype == np.float32
    assert not drawn[~valid].any()
    assert ((drawn >= 0) & (drawn <= 1)).all()


def test_what_lies_under_nodata_and_the_order_of_turns_do_not_matter():
    unet, cells, valid = scene((80, 80), 1.0)
    drawn = drawn_to_alike(unet, cells, valid)
    np.testing.assert_array_equal(drawn_to_alike(np.where(valid, unet, 0.7).astype(np.float32), cells, valid), drawn)
    turned = FeatureStack(np.rot90(cells.array, 1, (1, 2)), cells.names, np.rot90(cells.valid))
    again = drawn_to_alike(np.ascontiguousarray(np.rot90(unet)), turned, np.ascontiguousarray(np.rot90(valid)))
    np.testing.assert_allclose(np.rot90(again, -1), drawn, atol=1e-4)
