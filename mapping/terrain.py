"""Elevation, slope and aspect of outlines from a DEM, as inventories have them.

Paul et al. 2009 (doi:10.3189/172756410790595778) say which of them an inventory holds and how they are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.enums import Resampling
from rasterio.features import geometry_mask
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window
from scipy import ndimage
from tqdm import tqdm

from command import hidden
from errors import GridError
from scenes.grid import Grid
from scenes.source import open_raster

TERRAIN = ("elevation_min_m", "elevation_median_m", "elevation_max_m", "slope_deg", "aspect_deg", "dem_share")
WHOLE = 0.95  # share of an outline from which on the DEM is taken to cover it
MOST_PIXELS = 2**22  # of the box around one outline; larger ones are read more coarsely


@contextmanager
def elevation_on(dem: Path, grid: Grid) -> Iterator[Any]:
    """Open a DEM, in any coordinate system, as a raster on the grid (bilinear, float32, NaN where it has nothing).

    Raises RasterError where it cannot be read, and GridError where it has no coordinate system or another place.
    """
    with open_raster(str(dem)) as source:
        if source.crs is None:
            raise GridError(f"{dem}: has no coordinate system; assign one, for example with gdal_edit.py -a_srs.")
        how = {"resampling": Resampling.bilinear, "dtype": "float32", "nodata": np.nan}
        with WarpedVRT(source, **grid.profile, **how) as warped:
            yield warped


def check_dem(dem: Path, grid: Grid) -> None:
    """Raise an error unless the DEM can be read and has an elevation somewhere on the grid."""
    step = max(1, math.ceil(max(grid.height, grid.width) / 512))
    with elevation_on(dem, grid) as warped:
        sample = warped.read(1, out_shape=(-(-grid.height // step), -(-grid.width // step)))
    if not np.isfinite(sample).any():
        raise GridError(f"{dem}: does not overlap with the scene; give an elevation model of the same place.")


def terrain_of(outlines: gpd.GeoSeries, dem: Path, grid: Grid) -> pd.DataFrame:
    """Measure lowest, median and highest elevation (metres of the DEM), mean slope and mean aspect (degrees).

    Slope and aspect follow Horn 1981 (doi:10.1109/PROC.1981.11918); aspect is where the slope faces, clockwise from
    the grid's north, averaged as unit vectors. NaN where the DEM has nothing. One row an outline, columns TERRAIN;
    ``dem_share``: of the outline, that the DEM covers and the others are of.
    """
    with elevation_on(dem, grid) as warped:
        rows = [terrain_within(one, warped, grid) for one in tqdm(outlines, desc="terrain", disable=hidden(), delay=2)]
    return pd.DataFrame(rows, columns=list(TERRAIN), index=outlines.index, dtype=float)


def terrain_within(shape: shapely.Geometry, warped: Any, grid: Grid) -> tuple[float, ...]:
    """Measure the terrain of one outline on the grid, in the order of TERRAIN."""
    window = box_around(shape, grid)
    step = max(1, math.ceil(math.sqrt(window.height * window.width / MOST_PIXELS)))
    size = (math.ceil(window.height / step), math.ceil(window.width / step))
    elevation = warped.read(1, window=window, out_shape=size)
    place = grid.affine * Affine.translation(window.col_off, window.row_off)
    place = place * Affine.scale(window.width / size[1], window.height / size[0])
    within = geometry_mask([shape], size, place, invert=True, all_touched=step > 1)
    inside = within & np.isfinite(elevation)
    if not inside.any():
        return (*(math.nan,) * (len(TERRAIN) - 1), 0.0)
    heights = elevation[inside]
    return (
        float(heights.min()),
        float(np.median(heights)),
        float(heights.max()),
        *slope_and_aspect(elevation, place, inside),
        np.count_nonzero(inside) / np.count_nonzero(within),
    )


def box_around(shape: shapely.Geometry, grid: Grid) -> Window:
    """Enclose an outline and one pixel around it, within the grid."""
    west, south, east, north = shape.bounds
    columns, rows = zip(*(~grid.affine * corner for corner in ((west, north), (east, south))))
    top, left = max(math.floor(min(rows)) - 1, 0), max(math.floor(min(columns)) - 1, 0)
    bottom, right = min(math.ceil(max(rows)) + 1, grid.height), min(math.ceil(max(columns)) + 1, grid.width)
    return Window(left, top, max(right - left, 1), max(bottom - top, 1))


def slope_and_aspect(elevation: np.ndarray, place: Affine, inside: np.ndarray) -> tuple[float, float]:
    """Average slope and aspect in degrees over ``inside`` (bool (H, W)); NaN where no slope is known."""
    east = ndimage.sobel(elevation, axis=1, mode="nearest")[inside] / (8 * place.a)
    north = ndimage.sobel(elevation, axis=0, mode="nearest")[inside] / (8 * place.e)
    known = np.isfinite(east) & np.isfinite(north)
    if not known.any():
        return math.nan, math.nan
    east, north = east[known].astype(float), north[known].astype(float)
    steepness = np.hypot(east, north)
    slope = math.degrees(np.arctan(steepness).mean())
    across, along = ((-part / np.maximum(steepness, 1e-9)).sum() for part in (east, north))
    aspect = math.degrees(math.atan2(across, along)) % 360 if math.hypot(across, along) > 1e-9 else math.nan
    return slope, aspect
