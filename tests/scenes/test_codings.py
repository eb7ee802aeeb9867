"""Every coding of a scene gives the same bands and valid pixels, as a GeoTIFF and as a mosaic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scenes.products import open_scene
from tests import products
from tests.codings import CODINGS, Bands, physical_tile, synthetic_numbers
from tiles.tile import BAND_NAMES, OPTICAL_BANDS, Tile


@pytest.fixture(scope="module")
def synthetic() -> tuple[Bands, np.ndarray]:
    return synthetic_numbers()


@pytest.fixture(scope="module")
def expected(synthetic: tuple[Bands, np.ndarray]) -> Tile:
    """The scene as reflectance and kelvin."""
    return physical_tile(*synthetic)


@pytest.mark.parametrize("way", ["GeoTIFF", "without thermal", "mosaic"])
@pytest.mark.parametrize("name", CODINGS)
def test_any_coding_is_the_same_scene(name: str, way: str, synthetic, expected, tmp_path: Path):
    code, tag = CODINGS[name]
    coded = code(*synthetic)
    if way == "mosaic":
        for place, band in enumerate(BAND_NAMES, 1):
            products.write_bands(tmp_path / f"Band{place}" / f"B{place}_01_01.tif", {band: coded[band]}, tag)
        tile = products.read_whole(tmp_path)
    elif way == "GeoTIFF":
        tile = products.read_whole(products.write_bands(tmp_path / "s.tif", coded, tag), products.FIVE_BANDS)
    else:
        optical = {band: coded[band] for band in OPTICAL_BANDS}
        tile = products.read_whole(
            products.write_bands(tmp_path / "s.tif", optical, tag), "blue=1,green=2,red=3,swir1=4"
        )
    np.testing.assert_array_equal(tile.valid, expected.valid)
    for band, values in tile.bands.items():
        np.testing.assert_allclose(values, expected.bands[band], rtol=1e-6, atol=6e-5)


def test_gaps_of_a_mosaic_and_what_lies_beyond_are_nodata(synthetic, tmp_path: Path):
    code, tag = CODINGS["0..1, -9999"]
    numbers, valid = synthetic
    coded = code(numbers, valid)
    for place, band in enumerate(BAND_NAMES, 1):
        for number, column in ((1, 0), (3, 2)):
            shift = products.TRANSFORM.translation(valid.shape[1] * column, 0)
            path = tmp_path / f"Band{place}" / f"B{place}_01_0{number}.tif"
            products.write_band(path, coded[band], "float32", nodata=tag, transform=products.TRANSFORM @ shift)
    scene = open_scene(tmp_path)
    found = scene.read(-5, -7, scene.grid.height + 10, scene.grid.width + 14)
    mosaic = np.hstack([valid, np.zeros_like(valid), valid])
    np.testing.assert_array_equal(found.valid, np.pad(mosaic, ((5, 5), (7, 7))))


def test_sentinel_below_zero_is_valid(tmp_path: Path):
    """The offset of today's processing baselines leaves room for reflectance below 0."""
    tile, _ = products.blocky_tile((60, 60))
    dark = tile.valid & (np.indices(tile.shape)[0] > 40)
    bands = {
        band: np.where(dark, np.float32(-0.02), values) for band, values in tile.bands.items() if band != "thermal"
    }
    found = products.read_whole(products.sentinel(tmp_path, Tile("01_01", bands, tile.valid)))
    np.testing.assert_array_equal(found.valid, tile.valid)
    np.testing.assert_allclose(found.bands["swir1"][dark], -0.02, atol=1e-6)


@pytest.mark.parametrize("level", [1, 2])
def test_landsat_below_zero_is_valid(level: int, tmp_path: Path):
    tile, _ = products.blocky_tile((60, 60))
    dark = tile.valid & (np.indices(tile.shape)[0] > 40)
    bands = {band: np.where(dark & (band != "thermal"), np.float32(-0.02), v) for band, v in tile.bands.items()}
    found = products.read_whole(products.landsat(tmp_path, Tile("01_01", bands, tile.valid), level))
    np.testing.assert_array_equal(found.valid, tile.valid)
    np.testing.assert_allclose(found.bands["swir1"][dark], -0.02, atol=3e-5)
