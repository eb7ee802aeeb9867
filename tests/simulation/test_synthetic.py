"""Synthetic scenes: the same for the same seed, of any shape, and near what real tiles measure."""

from __future__ import annotations

import subprocess
import sys
from math import radians
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import OutputError
from scores.confusion import confusion
from simulation.kinds import SEASONS
from simulation.synthetic import MEASURED, best_view, synthetic_scene, write_sample
from simulation.terrain import CELL, Drainage, fractal, landscape, slope_of, sunlight
from tiles.folder import band_folders, find_tiles, read_label, read_labelled, read_tile
from tiles.raster import read_raster
from tiles.tile import BAND_NAMES, OPTICAL_BANDS

ROOT = Path(__file__).resolve().parent.parent.parent
SMALL = (64, 48)


@pytest.fixture(scope="module")
def scenes():
    """As many as are needed for pooled statistics to settle."""
    return [synthetic_scene(seed) for seed in range(4)]


def pooled(scenes, name):
    return np.concatenate([scene.bands[name][scene.valid] for scene in scenes])


def test_same_seed_same_scene():
    first, second = synthetic_scene(5, SMALL), synthetic_scene(5, SMALL)
    assert all(np.array_equal(first.bands[name], second.bands[name]) for name in BAND_NAMES)
    assert np.array_equal(first.truth, second.truth)
    assert np.array_equal(first.valid, second.valid)


def test_other_seed_other_scene():
    assert not np.array_equal(synthetic_scene(5, SMALL).bands["green"], synthetic_scene(6, SMALL).bands["green"])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31), st.tuples(st.integers(16, 300), st.integers(16, 300)), st.sampled_from(sorted(SEASONS)))
def test_any_shape_is_a_sound_scene(seed, shape, kind):
    scene = synthetic_scene(seed, shape, kind=kind)
    assert tuple(scene.bands) == BAND_NAMES
    assert scene.truth.shape == scene.valid.shape == shape
    assert scene.truth.dtype == scene.valid.dtype == bool
    assert not (scene.truth & ~scene.valid).any(), "no glacier is known under nodata"
    for band in scene.bands.values():
        assert band.shape == shape
        assert band.dtype == np.float32
        assert np.isfinite(band).all()
        assert not band[~scene.valid].any()
    for name in OPTICAL_BANDS:
        assert -0.2001 <= scene.bands[name].min() <= scene.bands[name].max() <= 1.6001


@pytest.mark.parametrize("seed", range(6))
def test_small_view_holds_glacier_and_ground(seed):
    scene = synthetic_scene(seed, (32, 32))
    assert 0.05 < scene.truth.mean() < 0.8


def test_without_thermal_the_rest_is_the_same():
    whole, optical = synthetic_scene(3, SMALL), synthetic_scene(3, SMALL, thermal=False)
    assert tuple(optical.bands) == OPTICAL_BANDS
    assert all(np.array_equal(whole.bands[name], optical.bands[name]) for name in OPTICAL_BANDS)


@pytest.mark.parametrize(
    "what, tolerance",
    [
        ("valid", 0.08),
        ("glacier", 0.08),
        ("dark", 0.08),
        ("green > 0.9", 0.08),
        ("red, dark", 0.04),
        ("swir1, dark", 0.01),
    ],
)
def test_near_what_is_measured(scenes, what, tolerance):
    green = pooled(scenes, "green")
    found = {
        "valid": np.mean([scene.valid.mean() for scene in scenes]),
        "glacier": np.concatenate([scene.truth[scene.valid] for scene in scenes]).mean(),
        "dark": (green < 0.05).mean(),
        "green > 0.9": (green > 0.9).mean(),
        "red, dark": np.median(pooled(scenes, "red")[green < 0.05]),
        "swir1, dark": np.median(pooled(scenes, "swir1")[green < 0.05]),
    }
    assert found[what] == pytest.approx(MEASURED[what], abs=tolerance)


@pytest.mark.parametrize(
    "name, light, tolerance", [("green", "lit ", 0.15), ("swir1", "lit ", 0.02), ("thermal", "", 3.0)]
)
def test_glacier_and_ground_near_what_is_measured(scenes, name, light, tolerance):
    truth = np.concatenate([scene.truth[scene.valid] for scene in scenes])
    considered = pooled(scenes, "green") > 0.2 if light else np.ones_like(truth)
    band = pooled(scenes, name)
    for cover, chosen in (("glacier", truth), ("ground", ~truth)):
        median = np.median(band[considered & chosen])
        assert median == pytest.approx(MEASURED[f"{name}, {light}{cover}"], abs=tolerance)


def test_snow_hides_the_glaciers_from_ndsi(scenes):
    """Seasonal snow lies nearly everywhere, so that no threshold separates much, and yet some."""
    green, swir1 = (np.maximum(pooled(scenes, name), 0.005) for name in ("green", "swir1"))
    truth = np.concatenate([scene.truth[scene.valid] for scene in scenes])
    nodata = sum(int((~scene.valid).sum()) for scene in scenes)
    ndsi = np.concatenate([(green - swir1) / (green + swir1), np.full(nodata, -1.0)])
    truth = np.concatenate([truth, np.zeros(nodata, bool)])
    best = max(confusion(truth, ndsi > threshold).mcc for threshold in np.arange(0.3, 0.98, 0.05))
    assert best == pytest.approx(MEASURED["MCC of the best NDSI threshold"], abs=0.12)


def test_faults_of_the_sensor_are_there(scenes):
    """Saturated snow, and shadow where a visible band alone is at its lowest number."""
    assert 0.005 < (pooled(scenes, "green") > 1.599).mean() < 0.1
    lowest = np.min([pooled(scenes, name) for name in ("blue", "green", "red")], axis=0) < -0.1999
    assert 0.003 < lowest.mean() < 0.05
    assert pooled(scenes, "swir1").min() > -0.19


def test_glaciers_are_coherent_and_smooth(scenes):
    """Most glacier pixels are surrounded by glacier, and the lit glacier has less texture than lit ground."""
    for scene in scenes:
        neighbours = np.roll(scene.truth, 1, 0)[scene.truth & np.roll(scene.valid, 1, 0)]
        assert neighbours.mean() > 0.9
    steps = [np.abs(np.diff(np.log(np.maximum(scene.bands["green"], 0.2)), axis=1)) for scene in scenes]
    lit = [(scene.bands["green"] > 0.2) & scene.valid for scene in scenes]
    both = [one[:, 1:] & one[:, :-1] for one in lit]
    glacier = np.concatenate([step[pair & scene.truth[:, 1:]] for step, pair, scene in zip(steps, both, scenes)])
    ground = np.concatenate([step[pair & ~scene.truth[:, 1:]] for step, pair, scene in zip(steps, both, scenes)])
    assert np.median(glacier) < 0.7 * np.median(ground)


def test_sample_is_in_the_challenges_layout(tmp_path):
    ids = write_sample(tmp_path, seed=2, tiles=6, shape=SMALL)
    assert ids == ["01_01", "01_02", "01_03", "01_04", "01_05", "02_01"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [*(f"Band{n}" for n in range(1, 6)), "label"]
    assert (tmp_path / "Band5" / "B10_B10_masked_02_01.tif").is_file()
    label, _ = read_raster(tmp_path / "label" / "Y_output_resized_02_01.tif")
    assert label.dtype == np.float32
    assert set(np.unique(label)) == {0, 255}
    tiles = find_tiles(band_folders(tmp_path))
    assert [files.tile_id for files in tiles] == ids
    assert not any(files.problem for files in tiles)


def test_sample_reads_back_as_the_scene(tmp_path):
    write_sample(tmp_path, seed=3, tiles=1, shape=SMALL)
    (tile, truth), scene = read_labelled(tmp_path)[0], synthetic_scene(3000, SMALL)
    assert tile.coding == "Collection-2 Level-2 numbers"
    assert np.array_equal(tile.valid, scene.valid)
    assert np.array_equal(truth, scene.truth)
    for name in BAND_NAMES:
        np.testing.assert_allclose(tile.bands[name], scene.bands[name], atol=1e-4)


def test_tiles_lie_side_by_side_on_the_ground(tmp_path):
    ids = write_sample(tmp_path, tiles=6, shape=SMALL)
    corners = {}
    for files in find_tiles(band_folders(tmp_path)):
        tags = {code: value for code, _, _, value in read_tile(files).georeference.tags}
        assert tuple(tags[33550]) == (30, 30, 0)
        assert 32643 in tags[34735], "UTM zone 43N"
        corners[files.tile_id] = np.array(tags[33922][3:5])
    assert tuple(corners[ids[1]] - corners[ids[0]]) == (30 * SMALL[1], 0)
    assert tuple(corners[ids[5]] - corners[ids[0]]) == (0, -30 * SMALL[0])


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="Band1"):
        write_sample(tmp_path / "file", tiles=1, shape=(16, 16))


def test_command_line(tmp_path):
    command = [
        sys.executable,
        "-m",
        "simulation.synthetic",
        "--out",
        str(tmp_path / "sample"),
        "--tiles",
        "1",
        "--size",
        "32",
        "--kind",
        "debris-covered",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1 tiles (01_01)" in done.stdout
    assert read_label(tmp_path / "sample", "01_01").shape == (32, 32)
    (tmp_path / "file").write_text("in the way")
    failed = subprocess.run(
        [*command[:4], str(tmp_path / "file"), "--size", "16"], cwd=ROOT, capture_output=True, text=True
    )
    assert failed.returncode == 2
    assert failed.stderr.startswith("error: ")
    assert len(failed.stderr.splitlines()) == 1


def test_water_adds_up():
    """All that falls on a periodic landscape reaches its outlets."""
    elevation = 1000 + 200 * fractal(np.random.default_rng(0), (40, 32), 1.0).astype(np.float64)
    drainage = Drainage(elevation, elevation < np.quantile(elevation, 0.05))
    total = drainage.accumulate(np.ones(elevation.shape))
    assert total.ravel()[drainage.ends].sum() == elevation.size
    assert np.array_equal(total >= 1, np.ones(elevation.shape, bool))


def test_climbing_back_gives_the_elevation():
    """The drops on the way down, added up from the outlet, are the height above it."""
    elevation = 1000 + 200 * fractal(np.random.default_rng(1), (24, 36), 1.0).astype(np.float64)
    drainage = Drainage(elevation, np.zeros(elevation.shape, bool))
    drop = elevation - elevation.ravel()[drainage.receiver].reshape(elevation.shape)
    assert (drainage.length >= CELL).all()
    np.testing.assert_allclose(drainage.climb(elevation, drop), elevation)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_ice_covers_the_share_asked_for(share):
    land = landscape(np.random.default_rng(4), (256, 256), share)
    glacier = land.ice > 0
    assert glacier.mean() == pytest.approx(share, abs=0.06)
    slope = slope_of(land.surface)
    assert np.median(slope[glacier]) < np.median(slope[~glacier]), "ice lies in the valleys"


def test_kinds_take_turns(tmp_path):
    write_sample(tmp_path, seed=4, tiles=3, shape=SMALL, kinds=("winter", "late summer"))
    for (tile, _), kind in zip(read_labelled(tmp_path), ("winter", "late summer", "winter")):
        scene = synthetic_scene(4000 + int(tile.tile_id[-1]) - 1, SMALL, kind=kind)
        np.testing.assert_allclose(tile.bands["green"], scene.bands["green"], atol=1e-4)


def test_a_wall_shades_the_ground_behind_it():
    """The sun in the south at 45 degrees: a wall of 300 m casts a shadow of 300 m to the north."""
    ground = np.zeros((60, 40), np.float32)
    ground[40] = 300
    incidence, seen = sunlight(ground, radians(180), radians(45))
    assert (seen[31:39] < 0.5).all()
    assert (seen[5:29] > 0.5).all()
    assert (seen[41:] == 1).all()
    assert incidence[10, 10] == pytest.approx(np.sin(radians(45)), abs=1e-4)


def test_best_view_has_the_share_of_the_whole():
    glacier = np.zeros((40, 60), bool)
    glacier[:, 30:] = True
    view = best_view(glacier, (20, 20))
    assert glacier[view].shape == (20, 20)
    assert glacier[view].mean() == 0.5
