"""The synthetic Greenland is what its files say, the same for the same seed, and hard in the ways that are meant."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from errors import SettingError
from simulation.greenland import DATES, PIXEL, SMALLEST, write_greenland

SHAPE = (256, 320)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("greenland")
    write_greenland(folder, seed=3, shape=SHAPE, count=25)
    return folder


def test_four_mosaics_of_one_grid(scene: Path):
    pictures = []
    for date in DATES:
        with rasterio.open(scene / f"greenland_{date}.tif") as source:
            assert (source.count, source.dtypes[0], source.shape) == (3, "uint8", SHAPE)
            assert (source.crs.to_epsg(), source.res) == (3857, (PIXEL, PIXEL))
            pictures.append(source.read())
    assert all(picture.any(axis=0).all() for picture in pictures), "never black"
    assert all((one != other).any() for one, other in zip(pictures, pictures[1:]))


def test_lakes_lie_on_the_ice_of_their_region(scene: Path):
    lakes, regions, ice = (gpd.read_file(scene / f"{name}.gpkg") for name in ("lakes", "regions", "ice"))
    assert set(lakes["image"]) <= {f"greenland_{date}.tif" for date in DATES}
    assert len(set(lakes["image"])) > 1
    assert set(lakes["region_num"]) == {1, 2}
    assert lakes.area.min() >= SMALLEST
    assert lakes.is_valid.all()
    own = regions.set_index("region_num").geometry.loc[lakes["region_num"]]
    assert lakes.representative_point().within(own.reset_index(drop=True)).all()
    assert (lakes.intersection(ice.union_all()).area > 0.8 * lakes.area).all()


def test_lakes_are_blue_and_mostly_in_basins(scene: Path):
    lakes = gpd.read_file(scene / "lakes.gpkg")
    middles = [(point.x, point.y) for point in lakes.representative_point()]
    for date in DATES:
        own = [middle for middle, image in zip(middles, lakes["image"]) if date in image]
        with rasterio.open(scene / f"greenland_{date}.tif") as source:
            for red, _, blue in source.sample(own):
                assert blue > red
    with rasterio.open(scene / "dem.tif") as source:
        heights, columns = source.read(1), np.arange(source.width)
        assert heights.std() > 1
        slope = np.polyfit(columns, heights.mean(axis=0), 1)[0]
        below = [value[0] < 900 + slope * (~source.transform * middle)[0] - 0.8
                 for value, middle in zip(source.sample(middles), middles)]  # fmt: skip
    assert np.mean(below) > 0.5


def test_the_same_seed_is_the_same_scene(scene: Path, tmp_path: Path):
    write_greenland(tmp_path, seed=3, shape=SHAPE, count=25)
    for name in (f"greenland_{DATES[1]}.tif", "dem.tif"):
        with rasterio.open(tmp_path / name) as one, rasterio.open(scene / name) as other:
            np.testing.assert_array_equal(one.read(), other.read())
    assert gpd.read_file(tmp_path / "lakes.gpkg").equals(gpd.read_file(scene / "lakes.gpkg"))


def test_too_small_a_mosaic(tmp_path: Path):
    with pytest.raises(SettingError, match="too small"):
        write_greenland(tmp_path, shape=(64, 500))
