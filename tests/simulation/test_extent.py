"""Larger scenes around a tile: its own pixels, and lower, warmer ground without ice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.levels import tile_levels
from simulation.extent import LAPSE_RATE, Extents, larger_extent
from tests.examples import example_tile
from tiles.folder import LabelledTile


@given(st.integers(0, 1000), st.booleans())
def test_own_pixels_are_kept_and_only_ground_is_added(seed: int, thermal: bool):
    tile, truth = example_tile((30, 30), seed, thermal)
    larger = larger_extent(LabelledTile(tile, truth), Extents(), np.random.default_rng(seed))
    count = int(tile.valid.sum())
    assert set(larger.bands) == set(tile.bands)
    assert larger.valid.all()
    assert larger.shape[0] == 1
    for name, band in tile.bands.items():
        np.testing.assert_array_equal(larger.bands[name][0, :count], band[tile.valid])
    ground = tile.bands["green"][tile.valid & ~truth]
    assert np.isin(larger.bands["green"][0, count:], ground).all()


def test_lower_ground_is_warmer_by_the_lapse_rate():
    tile, truth = example_tile((60, 60))
    larger = larger_extent(LabelledTile(tile, truth), Extents(1, (0.5, 0.5), (2.0, 2.0)), np.random.default_rng(0))
    count = int(tile.valid.sum())
    added = larger.bands["thermal"][0, count:]
    assert len(added) == count
    ground = tile.bands["thermal"][tile.valid & ~truth]
    assert added.mean() == pytest.approx(ground.mean() + 2 * LAPSE_RATE, abs=1)
    assert tile_levels(larger, ["ndsi"])["ndsi"].mean() < tile_levels(tile, ["ndsi"])["ndsi"].mean()


def test_a_tile_of_ice_alone_stays_what_it_is():
    tile, truth = example_tile((20, 20))
    larger = larger_extent((tile, truth | True), Extents(), np.random.default_rng(0))
    assert larger.shape == (1, int(tile.valid.sum()))
