"""Outlines of a mask, their areas, and the two vector formats."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from scenes.vectors import areas_km2, is_vector, polygons, read_outlines, write_vectors
from tests import products

SHORT = {"glacier_id": "gid", "mean_probability": "mean_prob"}


@pytest.fixture
def outlines(tmp_path: Path) -> gpd.GeoDataFrame:
    mask = np.zeros((20, 30), np.uint8)
    mask[2:6, 3:9] = 1
    mask[6:8, 9:11] = 1  # touches the first at a corner alone
    mask[15:, 20:] = 255
    found = polygons(products.write_band(tmp_path / "mask.tif", mask, "uint8", nodata=255))
    table = pd.DataFrame({"glacier_id": [1, 2], "mean_probability": [0.9, np.nan]})
    return gpd.GeoDataFrame(table, geometry=found, crs=found.crs)


def test_glaciers_that_touch_at_a_corner_are_two(outlines: gpd.GeoDataFrame):
    assert sorted(outlines.area) == [2 * 2 * 900, 4 * 6 * 900]
    np.testing.assert_allclose(areas_km2(outlines.geometry), outlines.area / 1e6, rtol=0.01)


@pytest.mark.parametrize(
    ("name", "columns"), [("found.gpkg", list(SHORT)), ("found.shp", list(SHORT.values()))], ids=["GPKG", "Shapefile"]
)
def test_written_outlines_are_read_again(outlines: gpd.GeoDataFrame, name: str, columns: list[str], tmp_path: Path):
    write_vectors(outlines, tmp_path / "found", SHORT)
    table = gpd.read_file(tmp_path / name)
    assert list(table.columns) == [*columns, "geometry"]
    again = read_outlines(tmp_path / name, products.CRS)
    assert all(one.equals(other) for one, other in zip(again, outlines.geometry))
    found = {path.suffix for path in tmp_path.glob("found.*")}
    assert found == {".gpkg", ".shp", ".shx", ".dbf", ".prj", ".cpg"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_no_outline_at_all_is_written_too(outlines: gpd.GeoDataFrame, tmp_path: Path):
    write_vectors(outlines.iloc[:0], tmp_path / "none", SHORT)
    assert [len(gpd.read_file(tmp_path / f"none{ending}")) for ending in (".gpkg", ".shp")] == [0, 0]


def test_outlines_are_repaired_and_empty_ones_left_out(tmp_path: Path):
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    gpd.GeoDataFrame(geometry=[bow_tie, None], crs=products.CRS).to_file(tmp_path / "odd.gpkg")
    (found,) = read_outlines(tmp_path / "odd.gpkg", products.CRS)
    assert found.is_valid
    assert found.area == 50


def test_vector_files_are_known_by_their_ending():
    assert is_vector(Path("inventory.SHP"))
    assert not is_vector(Path("mask.tif"))
