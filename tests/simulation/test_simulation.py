"""Simulated copies: the outline stays, nodata stays nodata, the same seed draws the same, and summer looks like it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.indices import compute_index
from simulation.atmosphere import Atmosphere, seen_from_orbit
from simulation.draw import Simulation, simulated, simulated_tiles, snowy
from simulation.season import Seasons, cover_fractions, debris_cover, other_season, rank_within
from simulation.sensor import Sensors, cropped, other_sensor, refocused, resampled
from simulation.synthetic import synthetic_scene
from tests.examples import example_tile
from tiles.folder import LabelledTile
from tiles.tile import Tile

WHOLE = Seasons(
    cut_out=0.0, debris_covered=0.0, clouds=0.0, lakes=0.0, snow_left=(0.0, 0.0), snow_left_early=(0.0, 0.0)
)
CLEAR = Atmosphere(uncorrected=0.0, saturated=0.0)
STILL = Sensors(
    gain=0,
    band_gain=0,
    tone=0,
    band_tone=0,
    haze=0,
    kelvin=0,
    kelvin_contrast=0,
    resampled=0.0,
    refocused=0.0,
    masked=0.0,
    atmosphere=CLEAR,
)


FEW = Simulation(Seasons(copies=2), Sensors(copies=2))


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


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4, 2.0])
def test_other_pixels_keep_the_means(factor: float):
    tile, truth = winter()
    copy, outline = resampled(tile, truth, factor)
    assert copy.shape == tuple(round(side / factor) for side in tile.shape)
    for name in tile.bands:
        assert copy.bands[name][copy.valid].mean() == pytest.approx(tile.bands[name][tile.valid].mean(), rel=0.05)
    assert outline.mean() == pytest.approx(truth.mean(), abs=0.03)


def test_debris_lies_on_the_tongues_as_a_cover_of_its_own():
    tile, truth = winter()
    height = rank_within(np.random.default_rng(1).random(truth.shape), tile.valid)
    slope = np.linspace(0, 1, truth.size, dtype=np.float32).reshape(truth.shape)  # high at the last rows
    seasons = Seasons(debris=(0.4, 0.4), debris_covered=1.0)
    debris = debris_cover(truth, slope, seasons, np.random.default_rng(2))
    assert not debris[~truth].any()
    assert 0.2 < debris[truth].mean() < 0.6
    low = truth & (slope < np.median(slope[truth]))
    assert debris[low].mean() > 2 * debris[truth & ~low].mean()
    shares = cover_fractions(truth, height, tile.valid, seasons, np.random.default_rng(3))
    assert shares["debris"][truth].mean() > 0.1


@pytest.mark.parametrize("name", ["blue", "green", "red", "swir1"])
def test_uncorrected_reflectance_is_never_black(name: str):
    bands = {band: np.linspace(-0.2, 1.2, 50, dtype=np.float32) for band in ("blue", "green", "red", "swir1")}
    seen = seen_from_orbit(bands, Atmosphere(1.0, (1.0, 1.0), 0.0), np.random.default_rng(0))[name]
    assert seen.min() > 0
    assert np.all(np.diff(seen) > 0), "brighter ground is brighter from orbit too"
    assert seen[-1] < bands[name][-1] + 0.05


def test_visible_bands_saturate_and_swir1_does_not():
    bands = {band: np.linspace(0, 1.2, 50, dtype=np.float32) for band in ("blue", "green", "red", "swir1")}
    seen = seen_from_orbit(bands, Atmosphere(0.0, saturated=1.0, level=(0.5, 0.5)), np.random.default_rng(0))
    for name in ("blue", "green", "red"):
        assert 0.25 < seen[name].max() < 1.0
    np.testing.assert_array_equal(seen["swir1"], bands["swir1"])


def test_blur_smooths_and_sharpening_roughens():
    tile, _ = winter()
    rough = {
        change: refocused(tile.bands, tile.valid, 1.0, change)["green"][tile.valid].std() for change in (-1.0, 0.0, 0.8)
    }
    assert rough[-1.0] < rough[0.0] < rough[0.8]


@given(st.floats(0.3, 2.0), st.integers(1, 60), st.integers(1, 60))
def test_a_crop_grows_to_no_more_than_the_tile(factor: float, rows: int, columns: int):
    tile, truth = example_tile((rows, columns))
    crop, outline = cropped(tile, truth, factor, np.random.default_rng(0))
    assert crop.shape == outline.shape
    assert all(round(side / factor) <= whole + 1 / factor for side, whole in zip(crop.shape, tile.shape))


def test_seasons_are_drawn_of_snowy_tiles_alone():
    tile, truth = winter()
    summer, outline = other_season(tile, truth, WHOLE, np.random.default_rng(0))
    assert snowy(tile, truth)
    assert not snowy(summer, outline)
    assert len(simulated((summer, outline), FEW, 1)) == FEW.sensors.copies


def test_copies_depend_on_the_tile_and_the_seed_alone():
    tile, truth = winter()
    other = LabelledTile(replace(tile, tile_id="09_09"), truth)
    alone = simulated(LabelledTile(tile, truth), FEW, 1)
    among = simulated_tiles([other, LabelledTile(tile, truth)], FEW, 1, jobs=2)[len(alone) :]
    different = simulated(LabelledTile(tile, truth), FEW, 2)
    assert len(alone) == FEW.seasons.copies + FEW.sensors.copies
    for one, two in zip(alone, among):
        np.testing.assert_array_equal(one[0].bands["green"], two[0].bands["green"])
    assert any(
        one[0].shape != two[0].shape or not np.array_equal(one[0].bands["green"], two[0].bands["green"])
        for one, two in zip(alone, different)
    )


def test_a_tile_without_data_stays_as_it_is():
    tile, truth = example_tile()
    empty = replace(tile, valid=np.zeros_like(tile.valid))
    for copy, _ in simulated((empty, truth & False), FEW, 0):
        assert not copy.valid.any()
