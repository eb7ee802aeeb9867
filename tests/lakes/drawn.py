"""Polygons and mosaics drawn by hand that the tests of lakes share."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import Affine

from lakes.polygons import CRS, lakes_table

PIXEL = 100.0
ORIGIN = (-5_000_000.0, 11_000_000.0)
TRANSFORM = Affine(PIXEL, 0, ORIGIN[0], 0, -PIXEL, ORIGIN[1])
IMAGE = "mosaic_2019-06-03_05.tif"


def square(left: float, top: float, width: float, height: float | None = None) -> shapely.Polygon:
    """A rectangle given in pixels from the mosaic's corner."""
    x, y = ORIGIN[0] + left * PIXEL, ORIGIN[1] - top * PIXEL
    return shapely.box(x, y - (height or width) * PIXEL, x + width * PIXEL, y)


def lakes(*shapes: shapely.Geometry, image: str = IMAGE, region_num: int = 1) -> gpd.GeoDataFrame:
    return lakes_table(image, region_num, shapes)


def write_regions(path: Path, *shapes: shapely.Geometry, crs: str = CRS) -> Path:
    table = gpd.GeoDataFrame({"region_num": range(1, len(shapes) + 1)}, geometry=list(shapes), crs=CRS)
    table.to_crs(crs).to_file(path, driver="GPKG")
    return path


def write_mosaic(path: Path, pixels: np.ndarray, **words: object) -> Path:
    """Pixels (C, H, W) as a mosaic; ``words`` replace its profile's."""
    profile = {"driver": "GTiff", "crs": CRS, "transform": TRANSFORM, "dtype": pixels.dtype, **words}
    count, height, width = pixels.shape
    with rasterio.open(path, "w", count=count, height=height, width=width, **profile) as file:
        file.write(pixels)
    return path
