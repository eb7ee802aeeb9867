"""The hybrid on whole tiles: any shape, nodata, missing temperature, determinism."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.hybrid import HybridModel, predict_tile
from tests.examples import example_model, example_tile
from tiles.tile import Tile

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model() -> HybridModel:
    return example_model()


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 50), st.integers(1, 50), st.booleans())
def test_any_shape_with_or_without_temperature(model: HybridModel, rows: int, columns: int, thermal: bool):
    tile, _ = example_tile((rows, columns), thermal=thermal)
    prediction = predict_tile(model, tile, CPU)
    for part in (prediction.unet, prediction.gbm, prediction.probability, prediction.mask):
        assert part.shape == (rows, columns)
        assert np.all(part[~tile.valid] == 0)
    assert np.isfinite(prediction.probability).all()


def test_ndsi_decides_in_the_example(model: HybridModel):
    tile, truth = example_tile()
    np.testing.assert_array_equal(predict_tile(model, tile, CPU).mask, truth)


def test_all_nodata_maps_nothing(model: HybridModel):
    tile, _ = example_tile()
    empty = Tile(
        tile.tile_id,
        {band: np.zeros_like(values) for band, values in tile.bands.items()},
        np.zeros_like(tile.valid),
    )
    assert not predict_tile(model, empty, CPU).mask.any()


def test_the_same_tile_gives_the_same_mask(model: HybridModel):
    tile, _ = example_tile()
    one, two = predict_tile(model, tile, CPU), predict_tile(model, tile, CPU)
    np.testing.assert_array_equal(one.probability, two.probability)


def test_what_lies_under_nodata_does_not_matter(model: HybridModel):
    tile, _ = example_tile()
    noisy = {band: np.where(tile.valid, values, 7.0).astype(np.float32) for band, values in tile.bands.items()}
    other = Tile(tile.tile_id, noisy, tile.valid)
    np.testing.assert_array_equal(
        predict_tile(model, tile, CPU).probability, predict_tile(model, other, CPU).probability
    )
