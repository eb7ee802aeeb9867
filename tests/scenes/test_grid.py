"""What a grid says of its pixels: lengths and areas on the ground, also on planes that stretch them, and its place."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from scenes.grid import Grid, aligned, one_frame, place_in
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


FAR_NORTH = Grid(CRS.from_epsg(32632).to_wkt(), (30.0, 0.0, 399_985.0, 0.0, -30.0, 8_700_015.0), 400, 300)
whole = st.integers(-2000, 2000)


@given(row=whole, column=whole, rows=st.integers(1, 900), columns=st.integers(1, 900))
def test_parts_lie_on_their_grid_wherever_they_begin(row: int, column: int, rows: int, columns: int):
    part = FAR_NORTH.part(row, column, rows, columns)
    assert aligned(FAR_NORTH, part)
    assert aligned(part, FAR_NORTH)
    assert place_in(FAR_NORTH, part) == (row, column)
    assert one_frame(FAR_NORTH, part) == ((row, column, rows, columns) == (0, 0, 400, 300))


def moved(west: float = 0.0, north: float = 0.0, pixel: float = 30.0) -> Grid:
    """The grid a little off, in metres."""
    *_, left, _, _, top = FAR_NORTH.transform
    return replace(FAR_NORTH, transform=(pixel, 0.0, left + west, 0.0, -pixel, top + north))


@pytest.mark.parametrize(
    ("other", "frame", "pixels"),
    [
        (moved(1e-4, -1e-4), True, True),  # what rounding does
        (moved(north=30), False, True),
        (moved(west=-30), False, True),
        (moved(north=15), False, False),
        (moved(west=1), False, False),
        (moved(pixel=30.003), False, False),  # a pixel's hundredth a hundred pixels on
        (replace(moved(pixel=10), height=1200, width=900), True, False),
        (replace(FAR_NORTH, crs=CRS.from_epsg(32633).to_wkt()), True, False),
    ],
)
def test_a_grid_that_is_off_by_more_than_rounding_is_another(other: Grid, frame: bool, pixels: bool):
    assert (one_frame(FAR_NORTH, other), aligned(FAR_NORTH, other)) == (frame, pixels)
