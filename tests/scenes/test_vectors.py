"""Outlines of a mask, their areas, and the two vector formats."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from errors import OutputError
from scenes.vectors import (
    areas_km2,
    is_vector,
    polygons,
    read_outlines,
    repair,
    write_geopackage,
    write_shapefile,
    write_vectors,
)
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


@pytest.mark.parametrize(
    ("crs", "west", "south"),
    [("EPSG:3031", -10_000, -1_800_000), ("EPSG:3031", -10_000, -10_000), ("EPSG:3413", -700_000, 700_000)],
    ids=["across 180 degrees", "around the pole", "across 180 degrees in the north"],
)
def test_areas_at_the_poles_are_those_of_the_ground(crs: str, west: float, south: float):
    square = shapely.segmentize(shapely.box(west, south, west + 20_000, south + 20_000), 500)
    hole = shapely.box(west + 5_000, south + 5_000, west + 6_000, south + 6_000)
    beside = shapely.box(west + 40_000, south, west + 41_000, south + 1_000)
    shapes = [square, square.difference(hole), shapely.MultiPolygon([square, beside]), shapely.Polygon()]
    outlines = gpd.GeoSeries(shapes, crs=crs, index=[3, 5, 6, 9])
    middle = outlines.iloc[:1].centroid.to_crs("EPSG:4326").iloc[0]
    plane = f"+proj=laea +lat_0={middle.y} +lon_0={middle.x} +datum=WGS84"
    np.testing.assert_allclose(areas_km2(outlines), outlines.to_crs(plane).area / 1e6, rtol=1e-4)


def test_lines_and_points_are_no_outlines():
    square = shapely.box(0, 0, 10, 10)
    line = shapely.LineString([(0, 0), (50, 50)])
    flat = shapely.Polygon([(0, 0), (10, 0), (0, 0)])
    mixed = shapely.GeometryCollection([line, shapely.Point(3, 3)])
    table = gpd.GeoDataFrame(geometry=[square, line, flat, shapely.Point(1, 1), mixed], crs=products.CRS)
    found, _ = repair(table)
    assert found.geometry.area.tolist() == [100, 0, 0, 0, 0]
    assert found.geometry.is_empty.tolist() == [False, True, True, True, True]


@pytest.mark.parametrize("write", [write_geopackage, write_shapefile])
def test_a_full_disk_is_one_error_and_leaves_nothing(write, outlines: gpd.GeoDataFrame, tmp_path: Path, monkeypatch):
    def fills(self: gpd.GeoDataFrame, path: Path, **words: object) -> None:
        for suffix in (path.suffix, ".dbf", f"{path.suffix}-journal"):
            path.with_suffix(suffix).write_bytes(b"half")
        raise pyogrio.errors.FeatureError("disk is full")

    monkeypatch.setattr(gpd.GeoDataFrame, "to_file", fills)
    path = tmp_path / ("found.gpkg" if write is write_geopackage else "found.shp")
    path.write_bytes(b"of before")
    with pytest.raises(OutputError, match=f"{path.name}: cannot be written .disk is full"):
        write(outlines, path)
    assert [one.name for one in tmp_path.iterdir() if one.suffix != ".tif"] == [path.name]
    assert path.read_bytes() == b"of before"
