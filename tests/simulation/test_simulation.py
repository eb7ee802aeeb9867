"""Simulated copies: the outline stays, nodata stays nodata, the same seed draws the same, and summer looks like it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.indices import compute_index
from simulation.draw import Simulation, simulated, simulated_tiles
from simulation.season import Seasons, cover_fractions, other_season, rank_within
from simulation.sensor import Sensors, coarser, other_sensor
from tests.examples import example_tile
from tiles.synthetic import synthetic_scene
from tiles.tile import Tile

WHOLE = Seasons(cut_out=0.0, debris=(0.0, 0.0), clouds=0.0, lakes=0.0, snow_left=(0.0, 0.0), snow_left_early=(0.0, 0.0))
STILL = Sensors(
    gain=0, band_gain=0, tone=0, band_tone=0, haze=0, kelvin=0, kelvin_contrast=0, resampled=0.0, masked=0.0
)


def winter(seed: int = 3) -> tuple[Tile, np.ndarray]:
    scene = synthetic_scene(seed, (256, 256))
    return Tile("05_05", scene.bands, scene.valid), scene.truth


@settings(max_examples=15)
@given(
    st.integers(0, 10_000), st.integers(1, 70), st.integers(1, 70), st.booleans(), st.sampled_from(["season", "sensor"])
)
def test_any_tile_gives_a_sound_copy(seed: int, rows: int, columns: int, thermal: bool, kind: str):
    tile, truth = example_tile((rows, columns), seed, thermal)
    random = np.random.default_rng(seed)
    if kind == "season":
        copy, outline = other_season(tile, truth, Seasons(smallest_side=16), random)
    else:
        copy, outline = other_sensor(tile, truth, Sensors(), random)
    assert copy.shape == outline.shape == copy.valid.shape
    assert not outline[~copy.valid].any()
    assert copy.tile_id == tile.tile_id
    assert not copy.has_thermal or thermal
    for band in copy.bands.values():
        assert band.dtype == np.float32
        assert np.isfinite(band).all()
        assert np.all(band[~copy.valid] == 0)


def test_the_snow_goes_and_the_glacier_stays():
    tile, truth = winter()
    copy, outline = other_season(tile, truth, WHOLE, np.random.default_rng(0))
    np.testing.assert_array_equal(outline, truth)
    before, after = compute_index("ndsi", tile.bands), compute_index("ndsi", copy.bands)
    ground = tile.valid & ~truth
    assert (before[ground] > 0.4).mean() > 0.4, "the ground was snowy"
    assert (after[ground] > 0.4).mean() < 0.2, "and is no more"
    assert (after[truth] > 0.4).mean() > 0.7


def test_covers_fill_each_pixel():
    tile, truth = winter()
    height = rank_within(np.random.default_rng(1).random(truth.shape), tile.valid)
    fractions = cover_fractions(truth, height, tile.valid, Seasons(clouds=1.0), np.random.default_rng(2))
    np.testing.assert_allclose(sum(fractions.values()), 1.0, atol=1e-3)
    assert min(float(share.min()) for share in fractions.values()) > -1e-4


def test_a_sensor_that_changes_nothing_gives_the_tile():
    tile, truth = winter()
    copy, outline = other_sensor(tile, truth, STILL, np.random.default_rng(0))
    np.testing.assert_array_equal(outline, truth & tile.valid)
    for name, band in tile.bands.items():
        np.testing.assert_allclose(copy.bands[name], band, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("factor", [1.0, 1.4, 2.0])
def test_coarser_pixels_keep_the_means(factor: float):
    tile, truth = winter()
    copy, outline = coarser(tile, truth, factor)
    assert copy.shape == tuple(round(side / factor) for side in tile.shape)
    for name in tile.bands:
        assert copy.bands[name][copy.valid].mean() == pytest.approx(tile.bands[name][tile.valid].mean(), rel=0.05)
    assert outline.mean() == pytest.approx(truth.mean(), abs=0.03)


def test_copies_depend_on_the_tile_and_the_seed_alone():
    tile, truth = winter()
    other = (replace(tile, tile_id="09_09"), truth)
    alone = simulated((tile, truth), Simulation(), 1)
    among = simulated_tiles([other, (tile, truth)], Simulation(), 1, jobs=2)[len(alone) :]
    different = simulated((tile, truth), Simulation(), 2)
    assert len(alone) == Seasons().copies + Sensors().copies
    for one, two in zip(alone, among):
        np.testing.assert_array_equal(one[0].bands["green"], two[0].bands["green"])
    assert any(
        one[0].shape != two[0].shape or not np.array_equal(one[0].bands["green"], two[0].bands["green"])
        for one, two in zip(alone, different)
    )


def test_a_tile_without_data_stays_as_it_is():
    tile, truth = example_tile()
    empty = replace(tile, valid=np.zeros_like(tile.valid))
    for copy, _ in simulated((empty, truth & False), Simulation(), 0):
        assert not copy.valid.any()
