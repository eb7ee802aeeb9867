"""Truth, as a raster or as outlines, on the grid of what it is compared with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.features import rasterize
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from errors import GridError, RasterError
from scenes.grid import Grid, frame_of, grid_of
from scenes.source import open_raster
from scenes.vectors import is_vector, read_outlines

OUTLINE_PIXEL = 10.0  # metres: outlines are compared on pixels of this side
MARGIN = 1000.0  # metres around outlines where what they leave out counts as no glacier
MOST_PIXELS = 25_000_000  # of such a grid


def on_grid(path: Path, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Bring a raster or outlines onto a grid: glacier and known pixels, both bool (H, W).

    Rasters are reprojected by nearest pixels; outlines are known everywhere. Raises GridError where file and grid do
    not overlap.
    """
    shape = (grid.height, grid.width)
    if is_vector(path):
        found = outlines_within(path, grid)
        glacier = rasterize(((one, 1) for one in found), out_shape=shape, transform=grid.affine, dtype="uint8") == 1
        return glacier, np.ones(shape, bool)
    with open_raster(str(path)) as source:
        check_mask(path, source)
        # a label that names 0 as nodata means: no glacier there
        nodata = source.nodata or None
        how = {"resampling": Resampling.nearest, "src_nodata": nodata, "nodata": nodata, "add_alpha": nodata is None}
        with WarpedVRT(source, **grid.profile, **how) as warped:
            numbers = warped.read(1)
            known = (warped.read(2) if nodata is None else warped.dataset_mask()) > 0  # band 2 is the alpha
    if not known.any():
        raise elsewhere(path)
    if (numbers[known] % 1 != 0).any():
        raise RasterError(f"{path}: holds fractions, as of a probability; give a mask, in which above 0 is glacier.")
    return (numbers > 0) & known, known


def outlines_within(path: Path, grid: Grid) -> gpd.GeoSeries:
    """Read outlines of which one lies on the grid at least; raises GridError where none does."""
    found = read_outlines(path, grid.crs)
    if not len(found) or not found.intersects(frame_of(grid)).any():
        raise elsewhere(path)
    return found


def check_mask(path: Path, source: Any) -> None:
    """Raise an error unless a raster has a coordinate system and, beside an alpha, a single band."""
    if source.crs is None:
        raise GridError(f"{path}: has no coordinate system; assign one, for example with gdal_edit.py -a_srs.")
    count = sum(one is not ColorInterp.alpha for one in source.colorinterp)
    if count != 1:
        raise RasterError(f"{path}: holds {count} bands; give a mask, which has one.")


def check_truth(path: Path, grid: Grid) -> None:
    """Raise an error unless truth can be read and may lie on the grid, before anything is mapped."""
    if is_vector(path):
        outlines_within(path, grid)
        return
    with open_raster(str(path)) as source:
        check_mask(path, source)
        there = transform_bounds(source.crs, CRS.from_wkt(grid.crs), *source.bounds)
    if not frame_of(grid).intersects(shapely.box(*there)):
        raise elsewhere(path)


def elsewhere(path: Path) -> GridError:
    """The error of truth of another place."""
    return GridError(f"{path}: does not overlap with what it is compared with; give truth of the same place.")


def grid_for(path: Path, other: Path, pixel: float = OUTLINE_PIXEL) -> Grid:
    """Choose the grid to compare on: the prediction's, or the truth's where the prediction is outlines.

    Where both are outlines, it is one of ``pixel`` metres around those of the prediction.
    """
    if not is_vector(path):
        return grid_of(str(path))
    if not is_vector(other):
        return grid_of(str(other))
    return grid_around(path, pixel)


def grid_around(path: Path, pixel: float) -> Grid:
    """Lay a grid in the UTM zone of outlines around them and MARGIN; pixels are larger where MOST_PIXELS ask for it."""
    found = read_outlines(path, "EPSG:4326")
    if not len(found):
        raise GridError(f"{path}: holds no polygon; give the glaciers' outlines.")
    crs = found.estimate_utm_crs()
    west, south, east, north = found.to_crs(crs).total_bounds + np.array([-MARGIN, -MARGIN, MARGIN, MARGIN])
    side = max(pixel, math.sqrt((east - west) * (north - south) / MOST_PIXELS))
    height, width = math.ceil((north - south) / side), math.ceil((east - west) / side)
    return Grid(crs.to_wkt(), (side, 0.0, float(west), 0.0, -side, float(north)), height, width)


def write_classes(path: Path, classes: np.ndarray, grid: Grid) -> None:
    """Write classes, uint8 (H, W), as a GeoTIFF on the grid; 255 means nodata."""
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype="uint8", nodata=255, compress="deflate", **grid.profile
    ) as file:
        file.write(classes, 1)
