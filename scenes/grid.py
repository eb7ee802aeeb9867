"""Where the pixels of a scene lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from rasterio.crs import CRS
from rasterio.transform import Affine, array_bounds

from errors import GridError
from scenes.source import open_raster
from tiles.raster import MAX_PIXELS

KM2 = 1e6  # square metres
STRETCHED = 0.02  # of areas, from which on a plane is not taken for the ground
ALIGNED = 0.01  # of a pixel, which rounding alone may move a grid by


@dataclass(frozen=True)
class Grid:
    """Where pixels lie: coordinate system as WKT, affine transform (six numbers, metres), rows and columns."""

    crs: str
    transform: tuple[float, float, float, float, float, float]
    height: int
    width: int

    @property
    def affine(self) -> Affine:
        """The transform as rasterio takes it."""
        return Affine(*self.transform)

    @property
    def name(self) -> str:
        """The coordinate system's own name, as ``WGS 84 / UTM zone 32N``."""
        return CRS.from_wkt(self.crs).to_dict(projjson=True)["name"]

    @property
    def origin(self) -> tuple[int, int]:
        """Row and column of the first pixel, counted in pixels from where the coordinates are 0.

        A quarter of a pixel more keeps what is rounded off away from sensors' grids, whose edges lie at whole or half
        pixels.
        """
        row, column = self.affine.f / self.affine.e, self.affine.c / self.affine.a
        return math.floor(row + 0.25), math.floor(column + 0.25)

    @property
    def pixel_area(self) -> float:
        """The area of a pixel on the ground at the middle of the grid, in square metres."""
        return abs(self.affine.determinant) / areal_scale(self.crs, *(self.affine * (self.width / 2, self.height / 2)))

    @property
    def pixel_side(self) -> float:
        """The side of a square that has a pixel's area, in metres on the ground."""
        return math.sqrt(self.pixel_area)

    @property
    def profile(self) -> dict[str, Any]:
        """The arguments with which rasterio writes a raster on this grid."""
        return {"crs": CRS.from_wkt(self.crs), "transform": self.affine, "height": self.height, "width": self.width}

    def part(self, row: int, column: int, rows: int, columns: int) -> Grid:
        """The grid of a rectangle of pixels, which may reach beyond this one."""
        moved = self.affine * Affine.translation(column, row)
        return Grid(self.crs, tuple(moved)[:6], rows, columns)


@lru_cache(maxsize=256)
def areal_scale(crs: str, x: float, y: float) -> float:
    """How many times larger areas are on a plane than on the ground at a place of it; 1 where UTM would do as well."""
    plane = pyproj.Proj(pyproj.CRS.from_wkt(crs))
    try:
        scale = plane.get_factors(*plane(x, y, inverse=True)).areal_scale
    except pyproj.exceptions.ProjError:  # at a pole, for some
        return 1.0
    return scale if math.isfinite(scale) and abs(scale - 1) > STRETCHED else 1.0


def grid_of(path: str) -> Grid:
    """Read the grid of a file; raises GridError where nothing can be mapped on it."""
    with open_raster(path) as source:
        crs, transform, height, width = source.crs, source.transform, source.height, source.width
    if crs is None:
        raise GridError(
            f"{path}: has no coordinate system; assign one, for example with gdal_edit.py -a_srs EPSG:32632."
        )
    if not crs.is_projected:
        raise GridError(
            f"{path}: its coordinates are degrees, of which lengths and areas cannot be measured; reproject it, for "
            "example with gdalwarp -t_srs EPSG:32632 -tr 30 30."
        )
    if transform.b or transform.d:
        raise GridError(f"{path}: its grid is rotated; reproject it with gdalwarp to rows that run west to east.")
    if height * width > MAX_PIXELS:
        raise GridError(f"{path}: has {height} x {width} pixels, more than {MAX_PIXELS}; cut it into parts.")
    metres = crs.linear_units_factor[1]
    if abs(metres - 1) > 1e-6:
        raise GridError(
            f"{path}: its coordinates are not metres; reproject it, for example with gdalwarp -t_srs EPSG:32632."
        )
    return Grid(crs.to_wkt(), tuple(transform)[:6], height, width)


def frame_of(grid: Grid) -> shapely.Polygon:
    """Draw the frame of a grid, in its coordinates."""
    return shapely.box(*array_bounds(grid.height, grid.width, grid.affine))


def common_grid(paths: Sequence[str], target: str) -> Grid:
    """Return the grid of ``target``; raises GridError unless all paths share it, as finely or n times as finely."""
    grid = grid_of(target)
    for path in paths:
        other = grid_of(path)
        finer = other.width / grid.width
        same = CRS.from_wkt(other.crs) == CRS.from_wkt(grid.crs)
        if not same or not one_frame(grid, other) or finer != int(finer) or other.height != finer * grid.height:
            what = "coordinate system" if not same else "grid"
            raise GridError(
                f"{path}: has another {what} than {target}; give all bands on one, for example by gdalwarp."
            )
    return grid


def one_frame(grid: Grid, other: Grid) -> bool:
    """Tell whether two grids span the same rectangle of a plane from the same corner, with pixels of any size."""
    own, found = (
        np.array([~grid.affine * (one.affine * corner) for corner in ((0, 0), (one.width, 0), (0, one.height))])
        for one in (grid, other)
    )
    return bool(np.abs(found - own).max() <= ALIGNED)


def place_in(outer: Grid, inner: Grid) -> tuple[int, int]:
    """Return the row and column in ``outer`` where the first pixel of ``inner`` lies, rounded."""
    column, row = ~outer.affine * (inner.affine.c, inner.affine.f)
    return round(row), round(column)


def aligned(grid: Grid, other: Grid) -> bool:
    """Tell whether the pixels of two grids are the same ones, where both have some or would go on to."""
    row, column = place_in(grid, other)
    same = CRS.from_wkt(grid.crs) == CRS.from_wkt(other.crs)
    return same and one_frame(grid.part(row, column, other.height, other.width), other)
