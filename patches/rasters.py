"""Rasters of any number of bands, with a mask raster or outlines: GeoTIFF, PNG, JPEG."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import rasterize
from rasterio.windows import Window

from errors import CodingError, GridError, RasterError, ShapeError
from patches.image import Image, Patch
from patches.labels import classes_of
from scenes.source import open_raster as open_source
from scenes.vectors import is_vector, read_outlines
from tiles.raster import MAX_PIXELS

TIFFS = (".tif", ".tiff")
PICTURES = (".png", ".jpg", ".jpeg")
COLOURS = ("red", "green", "blue")


def open_raster(path: Path, name: str, truth: Path | None, labels: str, place: str = "", subset: str = "") -> Image:
    """One raster with its truth, which is a mask of its size or outlines; without ``truth`` all of it is ground.

    Bands bear their descriptions, where all have one, else ``red``, ``green`` and ``blue``, or ``band1`` and so on.
    Raises RasterError, ShapeError, GridError, or CodingError when a label means nothing.
    """
    with opened(path) as source:
        height, width = source.height, source.width
        numbers, names = bands_of(source)
    if truth is not None and not is_vector(truth):
        with opened(truth) as mask:
            if (mask.height, mask.width) != (height, width):
                size = f"{mask.height} x {mask.width}"
                raise ShapeError(f"{truth}: is of {size} pixels, but {path.name} of {height} x {width}; cut one anew.")
            if mask.count != 1:
                raise ShapeError(f"{truth}: has {mask.count} bands; give a mask of one band.")

    def read(row: int, column: int, rows: int, columns: int) -> Patch:
        window = Window(column, row, columns, rows)
        with opened(path) as source:
            array = source.read(numbers, window=window, out_dtype="float32")
            known = source.dataset_mask(window=window) > 0
        array[:, ~known] = np.nan
        array[~np.isfinite(array)] = np.nan
        classes, labelled = truth_of(path, truth, labels, window)
        return Patch(array, names, classes, np.isfinite(array).any(axis=0) & labelled, place)

    return Image(name, height, width, names, read, place, subset)


def bands_of(source: Any) -> tuple[list[int], tuple[str, ...]]:
    """Numbers, from 1, and names of a file's bands; a band that says where the picture is see-through is none."""
    numbers = [n for n, kind in enumerate(source.colorinterp, 1) if kind != ColorInterp.alpha]
    described = [source.descriptions[number - 1] for number in numbers]
    if all(described) and len(set(described)) == len(described):
        return numbers, tuple(described)
    if len(numbers) == len(COLOURS) and source.dtypes[0] == "uint8":
        return numbers, COLOURS
    return numbers, tuple(f"band{number}" for number in numbers)


def truth_of(path: Path, truth: Path | None, labels: str, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Classes, uint8, and where they are known, bool, of a window."""
    rows, columns = window.toslices()
    if truth is None:
        shape = (window.height, window.width)
        return np.zeros(shape, np.uint8), np.ones(shape, bool)
    if is_vector(truth):
        inside = burnt(path, truth)[rows, columns]
        return inside, np.ones(inside.shape, bool)
    with opened(truth) as mask:
        numbers, nodata = mask.read(1, window=window), mask.nodata
    if np.issubdtype(numbers.dtype, np.floating) and not np.isfinite(numbers).all():
        raise CodingError(f"{truth}: holds NaN or infinite labels; replace them by a number that means their class.")
    # a mask that names 0 as nodata means: no glacier there
    unknown = (numbers == nodata) if nodata else np.zeros(numbers.shape, bool)
    return classes_of(np.where(unknown, 0, numbers), labels, truth), ~unknown


@lru_cache(maxsize=8)
def burnt(path: Path, outlines: Path) -> np.ndarray:
    """1 where the centre of a raster's pixel lies in an outline, uint8 (H, W)."""
    with opened(path) as source:
        crs, transform, shape = source.crs, source.transform, (source.height, source.width)
    if shape[0] * shape[1] > MAX_PIXELS:
        raise RasterError(f"{path}: has more than {MAX_PIXELS} pixels; cut it into parts to lay outlines on it.")
    if crs is None:
        raise GridError(f"{path}: has no coordinate system to lay {outlines.name} on; assign one or give a mask.")
    found = read_outlines(outlines, crs.to_wkt())
    inside = np.zeros(shape, np.uint8)
    if len(found):
        inside = rasterize(((one, 1) for one in found), out_shape=shape, transform=transform, dtype="uint8")
    if not inside.any():
        raise GridError(f"{outlines}: does not overlap with {path.name}; give outlines of the same place.")
    return np.asarray(inside)


def opened(path: Path) -> Any:
    """The raster, opened; raises RasterError where it cannot be, or where a picture is too large to decode."""
    if not path.is_file():
        raise RasterError(f"{path}: no such file; check the name.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # most pictures are not
        source = open_source(str(path))
    if path.suffix.lower() in PICTURES and source.height * source.width > MAX_PIXELS:
        source.close()
        raise RasterError(f"{path}: claims more than the {MAX_PIXELS} pixels that are read; cut it into smaller ones.")
    return source
