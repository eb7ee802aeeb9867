"""Regions as images for any network, with the lakes of a vector file as their truth; pixels are read when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.features import rasterize
from rasterio.transform import Affine
from rasterio.windows import Window

from errors import TrainingError
from lakes.imagery import RegionFile, find_regions, rgb_bands
from lakes.polygons import check_images, check_regions, read_lakes
from lakes.regions import in_pixels
from patches.image import Image, Patch
from scenes.source import open_raster, unreadable

BANDS = ("red", "green", "blue")
LABELS = "lakes"


def open_region(region: RegionFile, shapes: Sequence[shapely.Geometry] = ()) -> Image:
    """A region whose truth is 1 where a pixel's centre lies in one of the ``shapes``, given in its coordinates.

    Black pixels, which lie outside the region's polygon, are not valid. Raises ProductError, GridError or RasterError.
    """
    name = place_of(region)
    with open_raster(str(region.path)) as source:
        numbers, height, width = rgb_bands(source, region.path), source.height, source.width
        tree = shapely.STRtree([in_pixels(shape, source.transform) for shape in shapes])

    def read(row: int, column: int, rows: int, columns: int) -> Patch:
        pixels = read_pixels(region.path, numbers, Window(column, row, columns, rows))
        truth = burnt(tree, row, column, rows, columns)
        return Patch(pixels.astype(np.float32), BANDS, truth, pixels.max(axis=0) > 0, name)

    return Image(name, height, width, BANDS, read, name)


def place_of(region: RegionFile) -> str:
    """The name of a region of an image."""
    return f"{Path(region.image).stem}/region_{region.region_num}"


def read_pixels(path: Path, numbers: Sequence[int], window: Window) -> np.ndarray:
    """A window's red, green and blue, uint8 (3, H, W)."""
    with open_raster(str(path)) as source:
        try:
            return np.asarray(source.read(list(numbers), window=window))
        except RasterioError as problem:
            raise unreadable(str(path), problem) from None


def burnt(tree: shapely.STRtree, row: int, column: int, rows: int, columns: int) -> np.ndarray:
    """1 where a pixel's centre lies in a polygon (in pixels) of the tree, uint8 (H, W)."""
    found = tree.geometries[tree.query(shapely.box(column, row, column + columns, row + rows))]
    if not len(found):
        return np.zeros((rows, columns), np.uint8)
    here = Affine.translation(column, row)
    return np.asarray(rasterize(((one, 1) for one in found), (rows, columns), transform=here, dtype="uint8"))


def labelled_regions(folder: Path, lakes: Path, with_empty: bool) -> tuple[list[tuple[RegionFile, Image]], list[str]]:
    """Every region with its lakes, and the places that were left out since no lake is known there.

    ``with_empty``: regions without lakes are ice without lakes, else they are not labelled. Raises SettingError where
    a lake is of an image or a region that the folder lacks, TrainingError where there is no lake at all.
    """
    regions, table = find_regions(folder), read_lakes(lakes)
    if not len(table):
        raise TrainingError(f"{lakes}: holds no lake to learn from; give the lakes of some of the regions.")
    check_places(table, regions, lakes)
    found, left = [], []
    for region in regions:
        own = table[(table["image"] == region.image) & (table["region_num"] == region.region_num)]
        if len(own) or with_empty:
            found.append((region, open_region(region, projected(own, region.path))))
        else:
            left.append(place_of(region))
    return found, left


def check_places(table: gpd.GeoDataFrame, regions: Sequence[RegionFile], lakes: Path) -> None:
    """Refuse lakes of an image without regions, or of a region that its image lacks."""
    check_images(set(table["image"]), {region.image for region in regions}, str(lakes))
    for image, own in table.groupby("image"):
        known = {region.region_num for region in regions if region.image == image}
        check_regions(set(own["region_num"]), known, f"{lakes}: {image}")


def projected(table: gpd.GeoDataFrame, path: Path) -> list[Any]:
    """The lakes in a raster's coordinate system."""
    with open_raster(str(path)) as source:
        crs = source.crs or CRS.from_epsg(3857)  # a raster without one is refused when it is opened as a region
    return list(table.geometry.to_crs(crs.to_wkt()))
