"""``--aoi``: within the polygons the map is that of the whole scene, outside is nodata."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import geometry_mask

from errors import GridError
from fusion.model_file import save_model
from mapping import __main__ as command
from scenes.area import area_of
from scenes.products import open_scene
from tests import products
from tests.examples import example_model

WEST, NORTH = products.TRANSFORM.c, products.TRANSFORM.f
SHAPE = shapely.Polygon([(WEST + 30 * x, NORTH - 30 * y) for x, y in ((35, 15), (80, 15), (70, 60), (35, 70))])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("area")
    products.five_bands(folder / "scene.tif", products.blocky_tile((300, 260))[0])
    save_model(example_model(), folder / "model.pth")
    areas = gpd.GeoSeries([SHAPE, shapely.affinity.translate(SHAPE, 10**5)], crs=products.CRS).to_crs("EPSG:4326")
    areas[:1].to_file(folder / "near.geojson")
    areas[1:].to_file(folder / "far.gpkg")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, place: Path, out: Path, *words: object) -> int:
    given = ["mapping", place / "scene.tif", "--bands", products.FIVE_BANDS, "--model", place / "model.pth"]
    given += ["--window", 64, "--out", out, *words]
    monkeypatch.setattr("sys.argv", [str(word) for word in given])
    return command.main()


def test_only_the_area_is_mapped_and_as_in_the_whole_scene(place: Path, tmp_path: Path, monkeypatch):
    assert run(monkeypatch, place, tmp_path / "all") == 0
    assert run(monkeypatch, place, tmp_path / "area", "--aoi", place / "near.geojson") == 0
    with rasterio.open(tmp_path / "area" / "mask.tif") as area, rasterio.open(tmp_path / "all" / "mask.tif") as whole:
        found, box = area.read(1), area.window(*area.bounds)
        full = whole.read(1, window=whole.window(*area.bounds))
        inside = geometry_mask([SHAPE], found.shape, area.transform, invert=True)
        assert box.height < whole.height / 2, "only what is needed was read"
    assert 0 < inside.sum() < inside.size
    np.testing.assert_array_equal(found[inside], full[inside])
    assert set(found[~inside].tolist()) == {255}
    outlines = gpd.read_file(tmp_path / "area" / "outlines.gpkg")
    assert outlines.area.sum() == pytest.approx((full[inside] == 1).sum() * 900, rel=1e-6)
    assert run(monkeypatch, place, tmp_path / "none", "--aoi", place / "far.gpkg") == 2
    assert not (tmp_path / "none").exists()


def test_an_area_reads_what_the_scene_reads(place: Path):
    scene = open_scene(place / "scene.tif", products.FIVE_BANDS)
    area = area_of(scene, place / "near.geojson", 10)
    row, column = area.corner
    mine, theirs = area.read(-3, 5, 20, 9), scene.read(row - 3, column + 5, 20, 9)
    np.testing.assert_array_equal(mine.valid, theirs.valid)
    np.testing.assert_array_equal(mine.bands["red"], theirs.bands["red"])
    whole = scene.read(row, column, area.grid.height, area.grid.width)
    np.testing.assert_array_equal(area.sample(3).bands["blue"], whole.bands["blue"][::3, ::3])
    with pytest.raises(GridError, match="holds no polygon that overlaps"):
        area_of(scene, place / "far.gpkg", 10)
