"""What a grid says of its pixels: lengths and areas on the ground, on planes that stretch them as well."""

from __future__ import annotations

import geopandas as gpd
import pytest
import shapely
from rasterio.crs import CRS

from scenes.grid import Grid
from scenes.vectors import areas_km2


@pytest.mark.parametrize(
    ("crs", "west", "north"),
    [
        ("EPSG:3857", 891_000, 5_920_000),
        ("EPSG:3857", -2_000_000, 11_000_000),
        ("EPSG:3413", 300_000, -2_900_000),
        ("EPSG:3031", 0, 0),
        ("EPSG:2056", 2_650_000, 1_150_000),
        ("EPSG:32632", 500_000, 5_200_000),
    ],
)
def test_pixels_are_measured_on_the_ground(crs: str, west: float, north: float):
    grid = Grid(CRS.from_user_input(crs).to_wkt(), (40.0, 0.0, west, 0.0, -30.0, north), 100, 80)
    frame = shapely.segmentize(shapely.box(west, north - 3000, west + 3200, north), 100)
    (area,) = areas_km2(gpd.GeoSeries([frame], crs=crs)) * 1e6 / (100 * 80)
    assert grid.pixel_area == pytest.approx(area, rel=0.02 if area == pytest.approx(1200, rel=0.02) else 0.01)
    assert grid.pixel_side**2 == pytest.approx(grid.pixel_area)


def test_what_utm_stretches_is_no_matter():
    grid = Grid(CRS.from_epsg(32632).to_wkt(), (30.0, 0.0, 500_000.0, 0.0, -30.0, 5_200_000.0), 10, 10)
    assert (grid.pixel_area, grid.pixel_side) == (900.0, 30.0)
