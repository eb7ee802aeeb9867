"""Truth, as a raster or as outlines, on the grid of what it is compared with."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.enums import Resampling
from rasterio.features import rasterize
from rasterio.vrt import WarpedVRT

from errors import GridError
from scenes.grid import Grid, grid_of
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
        found = read_outlines(path, grid.crs)
        corners = [grid.affine * corner for corner in ((0, 0), (grid.width, grid.height))]
        frame = shapely.box(*np.min(corners, axis=0), *np.max(corners, axis=0))
        if not len(found) or not found.intersects(frame).any():
            raise GridError(f"{path}: does not overlap with what it is compared with; give truth of the same place.")
        glacier = rasterize(((one, 1) for one in found), out_shape=shape, transform=grid.affine, dtype="uint8") == 1
        return glacier, np.ones(shape, bool)
    with open_raster(str(path)) as source:
        if source.crs is None:
            raise GridError(f"{path}: has no coordinate system; assign one, for example with gdal_edit.py -a_srs.")
        # a label that names 0 as nodata means: no glacier there
        nodata = source.nodata or None
        how = {"resampling": Resampling.nearest, "src_nodata": nodata, "nodata": nodata, "add_alpha": nodata is None}
        with WarpedVRT(source, **grid.profile, **how) as warped:
            numbers = warped.read(1)
            known = (warped.read(2) if nodata is None else warped.dataset_mask()) > 0  # band 2 is the alpha
    if not known.any():
        raise GridError(f"{path}: does not overlap with what it is compared with; give truth of the same place.")
    return (numbers > 0) & known, known


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
