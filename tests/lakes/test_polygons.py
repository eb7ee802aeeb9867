"""Reading, repairing and writing lakes."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from errors import GridError, SettingError, VectorError
from lakes.polygons import (
    CRS,
    LAYER,
    check_images,
    check_regions,
    date_of,
    outer_rings,
    read_lakes,
    read_polygons,
    read_regions,
    write_lakes,
)
from tests.lakes.drawn import IMAGE, lakes, square

BOW_TIE = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
SPIKED = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10), (0, 0), (-5, 0), (0, 0)])


def test_what_is_written_is_read_again(tmp_path: Path):
    table = lakes(square(0, 0, 5), square(9, 9, 3))
    write_lakes(table.assign(rule="(i)"), tmp_path / "sub.gpkg")
    assert gpd.list_layers(tmp_path / "sub.gpkg")["name"].tolist() == [LAYER]
    raw = gpd.read_file(tmp_path / "sub.gpkg", layer=LAYER)
    assert list(raw.columns) == ["image", "region_num", "geometry"]
    assert (raw.crs.to_string(), set(raw.geom_type)) == (CRS, {"Polygon"})
    assert read_lakes(tmp_path / "sub.gpkg").geom_equals(table).all()


def test_no_lake_at_all_is_written_too(tmp_path: Path):
    write_lakes(lakes(), tmp_path / "none.gpkg")
    assert len(read_lakes(tmp_path / "none.gpkg")) == 0


def test_invalid_ones_are_repaired_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lakes(BOW_TIE, SPIKED, shapely.Polygon(), square(0, 0, 1)).to_file(tmp_path / "odd.gpkg", layer="any")
    found = read_polygons(tmp_path / "odd.gpkg", ("image", "region_num"))
    assert (found.repaired, found.empty) == (2, 1)
    assert found.table.is_valid.all()
    assert found.table.area.tolist() == [50, 100, 10_000]
    read_lakes(tmp_path / "odd.gpkg")
    assert "2 invalid polygons were repaired" in capsys.readouterr().err


def test_other_coordinates_are_reprojected(tmp_path: Path):
    table = lakes(square(0, 0, 50))
    table.to_crs("EPSG:4326").to_file(tmp_path / "degrees.geojson")
    assert read_lakes(tmp_path / "degrees.geojson").area[0] == pytest.approx(table.area[0], rel=1e-6)


def test_parts_of_a_region_are_joined(tmp_path: Path):
    lakes(square(0, 0, 5), square(5, 0, 5)).to_file(tmp_path / "regions.gpkg")
    (shape,) = read_regions(tmp_path / "regions.gpkg").geometry
    assert shape.area == pytest.approx(50e4)


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (lambda path: None, VectorError, "no such file"),
        (lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(99)), VectorError, "cannot be read as polygons"),
        (
            lambda path: lakes(square(0, 0, 1)).drop(columns="image").to_file(path),
            VectorError,
            "lacks the column image",
        ),
        (
            lambda path: lakes(square(0, 0, 1)).set_crs(None, allow_override=True).to_file(path),
            GridError,
            "no coordinate",
        ),
        (lambda path: lakes(square(0, 0, 1)).assign(region_num="north").to_file(path), VectorError, "a region 'north'"),
        (lambda path: lakes(square(0, 0, 1)).assign(region_num=1.5).to_file(path), VectorError, "a region '1.5'"),
    ],
    ids=["missing", "damaged", "no column", "no coordinates", "text", "half"],
)
def test_bad_files_are_named(make, error, told, tmp_path: Path):
    path = tmp_path / "bad.gpkg"
    make(path)
    with pytest.raises(error, match=told) as caught:
        read_lakes(path)
    assert str(path) in str(caught.value)


def test_numbers_and_images_that_there_are_not():
    check_regions([1, 2], [1, 2, 3], "--region")
    with pytest.raises(SettingError, match="names the region 4"):
        check_regions([1, 4], [1, 2, 3], "--region")
    with pytest.raises(SettingError, match="names the image b.tif"):
        check_images(["a.tif", "b.tif"], ["a.tif"], "truth.gpkg")


@pytest.mark.parametrize(
    ("image", "date"), [(IMAGE, "2019-06-03"), ("S2_20190620T10.tif", "20190620"), ("summer.tif", "summer.tif")]
)
def test_dates_are_read_off_names(image: str, date: str):
    assert date_of(image) == date


def test_only_outer_rings_are_left():
    ring = square(0, 0, 10).difference(square(3, 3, 2))
    pair = shapely.MultiPolygon([ring, square(20, 0, 1)])
    assert outer_rings(lakes(pair)).area.tolist() == [100e4, 1e4]
